#include "typed_map_impl.hpp"

namespace adhash::python {

std::unique_ptr<TypedMap> make_bytes_keyed(MapSpec spec) {
  return make_keyed<BytesCodec>(std::move(spec));
}

}  // namespace adhash::python
