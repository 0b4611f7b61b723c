#include "typed_map_impl.hpp"

namespace adhash::python {

std::unique_ptr<TypedMap> make_uint64_keyed(MapSpec spec) {
  return make_keyed<UInt64Codec>(std::move(spec));
}

}  // namespace adhash::python
