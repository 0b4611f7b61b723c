// What a check of invariants found, as dicts of plain values; adhash.maps gives them types.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <utility>

#include "adhash/invariants.hpp"
#include "bindings.hpp"
#include "stop_check.hpp"

namespace adhash::python {
namespace {

nb::dict describe(const Invariant& invariant) {
  nb::dict row;
  row["name"] = std::string(invariant.name());
  row["layout"] = std::string(invariant.layout());
  row["table"] = std::string(invariant.role());
  row["checked"] = invariant.checked();
  row["broken"] = invariant.broken();
  row["examples"] = invariant.examples();
  return row;
}

// Every invariant, or None where `should_stop` said so before the end.
nb::object check_invariants(MapObject& map, nb::object should_stop) {
  PythonStopCheck stop_check(std::move(should_stop));
  stop_check.begin();
  InvariantReport report(&stop_check);
  try {
    map.map().check_invariants(report);
  } catch (const Interrupted&) {
    return nb::none();
  }
  nb::list rows;
  for (const Invariant& invariant : report.invariants()) rows.append(describe(invariant));
  return std::move(rows);
}

}  // namespace

void bind_invariants(nb::module_& module) {
  module.def("check_invariants", &check_invariants, nb::arg("map"),
             nb::arg("should_stop") = nb::none());
}

}  // namespace adhash::python
