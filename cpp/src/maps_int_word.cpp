// Every engine, for IntKey and WordValue.
#include "adhash/engines.hpp"

namespace adhash {

template AnyMapPtr<IntKey, WordValue> make_map(std::string_view, std::uint64_t, std::size_t,
                                               const AdaptiveOptions&);

}  // namespace adhash
