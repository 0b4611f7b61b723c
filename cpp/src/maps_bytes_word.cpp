// Every engine, for BytesKey and WordValue.
#include "adhash/engines.hpp"

namespace adhash {

template AnyMapPtr<BytesKey, WordValue> make_map(std::string_view, std::uint64_t, std::size_t,
                                                 const AdaptiveOptions&);

}  // namespace adhash
