#include "typed_map_impl.hpp"

namespace adhash::python {

std::unique_ptr<TypedMap> make_int64_keyed(MapSpec spec) {
  return make_keyed<Int64Codec>(std::move(spec));
}

}  // namespace adhash::python
