// The native module: a table of contents.
#include <nanobind/nanobind.h>

#include "bindings.hpp"
#include "errors.hpp"

namespace adhash::python {

ErrorTypes errors;

void import_errors() {
  const nb::module_ module = nb::module_::import_("adhash.errors");
  errors.key_type = module.attr("KeyTypeError").inc_ref().ptr();
  errors.value_type = module.attr("ValueTypeError").inc_ref().ptr();
  errors.bad_input = module.attr("BadInputError").inc_ref().ptr();
}

}  // namespace adhash::python

NB_MODULE(_native, module) {
  using namespace adhash::python;
  import_errors();
  bind_map(module);
  bind_collisions(module);
  bind_dna(module);
  bind_invariants(module);
  bind_probe(module);
  bind_trace(module);
  bind_replay(module);
}
