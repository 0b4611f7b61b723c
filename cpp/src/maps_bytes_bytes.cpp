// Every engine, for BytesKey and BytesValue.
#include "adhash/engines.hpp"

namespace adhash {

template AnyMapPtr<BytesKey, BytesValue> make_map(std::string_view, std::uint64_t, std::size_t,
                                                  const AdaptiveOptions&);

}  // namespace adhash
