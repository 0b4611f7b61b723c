// Probe traces as dicts of plain values; adhash.maps gives them types.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <array>
#include <string>
#include <string_view>

#include "adhash/probe_trace.hpp"
#include "bindings.hpp"
#include "errors.hpp"

namespace adhash::python {
namespace {

// In the order of the enumerations.
constexpr std::array kPhases = {"lookup", "insertion"};
constexpr std::array kPlaces = {"group", "slot", "bucket", "overflow", "node"};
constexpr std::array kStates = {"empty", "deleted", "full"};
constexpr std::array kCompared = {"nothing", "tag", "distance", "key"};
constexpr std::array kOutcomes = {"next", "found", "absent", "lands", "shifts", "ends_shift"};
constexpr std::array kLandings = {"none",       "existing",   "empty_slot", "deleted_slot",
                                  "displacing", "new_bucket", "new_node",   "after_growth"};
static_assert(kPhases[static_cast<int>(ProbePhase::insertion)] == std::string_view("insertion"));
static_assert(kPlaces[static_cast<int>(Place::node)] == std::string_view("node"));
static_assert(kStates[static_cast<int>(SlotState::full)] == std::string_view("full"));
static_assert(kCompared[static_cast<int>(Compared::key)] == std::string_view("key"));
static_assert(kOutcomes[static_cast<int>(StepOutcome::ends_shift)] ==
              std::string_view("ends_shift"));
static_assert(kLandings[static_cast<int>(Landing::Kind::after_growth)] ==
              std::string_view("after_growth"));

template <class Names, class Enumeration>
const char* name_in(const Names& names, Enumeration value) {
  return names[static_cast<std::size_t>(value)];
}

// Zero stands for a tag or distance that a layout does not keep.
template <class Number>
nb::object number_or_none(Number number) {
  return number == 0 ? nb::none() : nb::cast(static_cast<unsigned long>(number));
}

nb::object text_of(std::string_view text) {
  return nb::cast(std::string(text));
}

nb::dict describe(const ProbedTable& table) {
  nb::dict row;
  row["layout"] = text_of(table.layout);
  row["role"] = text_of(table.role);
  row["place"] = name_in(kPlaces, table.place);
  row["places"] = table.places;
  row["slots_per_place"] = table.slots_per_place;
  row["home"] = table.home;
  row["size"] = table.size;
  row["capacity"] = table.capacity;
  row["tombstones"] = table.tombstones;
  row["hash"] = table.hash;
  row["tag"] = number_or_none(table.tag);
  return row;
}

nb::dict describe(const SlotSeen& slot) {
  nb::dict row;
  row["state"] = name_in(kStates, slot.state);
  row["tag"] = number_or_none(slot.tag);
  row["distance"] = number_or_none(slot.distance);
  row["compared"] = name_in(kCompared, slot.compared);
  row["equal"] = slot.equal;
  return row;
}

nb::dict describe(const ProbeStep& step) {
  nb::dict row;
  row["number"] = step.number;
  row["table"] = step.table;
  row["phase"] = name_in(kPhases, step.phase);
  row["place"] = name_in(kPlaces, step.place);
  row["index"] = step.index;
  row["distance"] = number_or_none(step.distance);
  row["outcome"] = name_in(kOutcomes, step.outcome);
  nb::list slots;
  for (const SlotSeen& slot : step.slots) slots.append(describe(slot));
  row["slots"] = slots;
  return row;
}

nb::object describe(const Landing& landing) {
  if (landing.kind == Landing::Kind::none) return nb::none();
  const bool is_known = landing.kind != Landing::Kind::after_growth;
  nb::dict row;
  row["kind"] = name_in(kLandings, landing.kind);
  row["table"] = is_known ? nb::cast(landing.table) : nb::none();
  row["place"] = is_known ? nb::cast(name_in(kPlaces, landing.place)) : nb::none();
  row["index"] = is_known ? nb::cast(landing.index) : nb::none();
  row["slot"] = is_known ? nb::cast(landing.slot) : nb::none();
  row["shifted"] = landing.shifted;
  row["cause"] = text_of(landing.cause);
  return std::move(row);
}

nb::dict describe(const ProbeTrace& trace) {
  nb::dict row;
  row["found"] = trace.found();
  nb::list tables;
  for (const ProbedTable& table : trace.tables()) tables.append(describe(table));
  row["tables"] = tables;
  nb::list steps;
  for (const ProbeStep& step : trace.steps()) steps.append(describe(step));
  row["steps"] = steps;
  row["landing"] = describe(trace.landing());
  row["lookup_steps"] = trace.lookup_steps();
  row["insertion_steps"] = trace.insertion_steps();
  row["moves_first"] = trace.moves_first();
  return row;
}

nb::dict probe_trace(MapObject& map, nb::handle key, bool is_put) {
  const auto operation = is_put ? ProbeOperation::put : ProbeOperation::get;
  return describe(map.map().trace_probe(key, operation));
}

}  // namespace

void bind_probe(nb::module_& module) {
  module.def("probe_trace", &probe_trace, nb::arg("map"), nb::arg("key"), nb::arg("is_put"));
}

}  // namespace adhash::python
