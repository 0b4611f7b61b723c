// Every engine, for IntKey and BytesValue.
#include "adhash/engines.hpp"

namespace adhash {

template AnyMapPtr<IntKey, BytesValue> make_map(std::string_view, std::uint64_t, std::size_t,
                                                const AdaptiveOptions&);

}  // namespace adhash
