// The areas of the module, and the object that several of them share.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <utility>

#include "typed_map.hpp"

namespace adhash::python {

namespace nb = nanobind;

// What a Python Map object holds.
class MapObject {
 public:
  explicit MapObject(std::unique_ptr<TypedMap> map) : map_(std::move(map)) {}

  // The map, once no batch of another thread holds it. Throws nb::type_error before __init__.
  TypedMap& map();
  // Leaves the map's memory to the end of the process, because giving it back takes long. What is
  // left is an object without a map.
  void abandon() { static_cast<void>(map_.release()); }

 private:
  std::unique_ptr<TypedMap> map_;
};

void bind_map(nb::module_& module);
void bind_collisions(nb::module_& module);
void bind_dna(nb::module_& module);
void bind_invariants(nb::module_& module);
void bind_probe(nb::module_& module);
void bind_trace(nb::module_& module);
void bind_replay(nb::module_& module);

}  // namespace adhash::python
