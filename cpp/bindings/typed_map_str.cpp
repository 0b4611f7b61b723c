#include "typed_map_impl.hpp"

namespace adhash::python {

std::unique_ptr<TypedMap> make_str_keyed(MapSpec spec) {
  return make_keyed<StrCodec>(std::move(spec));
}

}  // namespace adhash::python
