// Probe traces tell what the real operations do: the same answers, the same number of steps, the
// same place of a new entry; and they change nothing.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "adhash/engines.hpp"
#include "adhash/probe_trace.hpp"
#include "colliding_keys.hpp"
#include "map_cases.hpp"

namespace {

using adhash::Compared;
using adhash::IntKey;
using adhash::Landing;
using adhash::Place;
using adhash::ProbeOperation;
using adhash::ProbePhase;
using adhash::ProbeStep;
using adhash::ProbeTrace;
using adhash::SlotState;
using adhash::StepOutcome;
using adhash::WordValue;
using Ints = adhash::AnyMapPtr<IntKey, WordValue>;

constexpr std::uint64_t kSeed = 99;

template <class Map, class Key>
ProbeTrace trace_get(Map& map, const Key& key) {
  return map.trace_probe(key, ProbeOperation::get);
}
template <class Map, class Key>
ProbeTrace trace_put(Map& map, const Key& key) {
  return map.trace_probe(key, ProbeOperation::put);
}

// Steps in the table that a look-up asked last: the one that holds the key, if any does.
std::size_t steps_in_last_table(const ProbeTrace& trace) {
  const std::size_t last = trace.tables().size() - 1;
  return static_cast<std::size_t>(
      std::count_if(trace.steps().begin(), trace.steps().end(), [&](const ProbeStep& step) {
        return step.table == last && step.phase == ProbePhase::lookup;
      }));
}

void require_sound(const ProbeTrace& trace) {
  CHECK(!trace.steps().empty());
  CHECK_EQ(trace.lookup_steps() + trace.insertion_steps(), trace.steps().size());
  std::size_t found_steps = 0;
  std::size_t number = 0;
  for (const ProbeStep& step : trace.steps()) {
    CHECK_EQ(step.number, ++number);
    CHECK(step.table < trace.tables().size());
    CHECK(!step.slots.empty());
    found_steps += step.outcome == StepOutcome::found;
    for (const adhash::SlotSeen& slot : step.slots) {
      const bool is_equal_key = slot.compared == Compared::key && slot.equal;
      CHECK(!is_equal_key || step.outcome == StepOutcome::found);
    }
  }
  CHECK_EQ(found_steps, trace.found() ? 1u : 0u);
  // The first place of each table is the home of the key there.
  const adhash::ProbedTable& first = trace.tables().front();
  if (first.layout != "std") CHECK_EQ(trace.steps().front().index, first.home);
}

Ints ints(std::string_view engine, std::uint64_t seed = kSeed, std::size_t room = 0) {
  return adhash::make_map<IntKey, WordValue>(engine, seed, room, {});
}

}  // namespace

TEST_EACH_MAP("a probe trace finds what a look-up finds, and changes nothing") {
  map.put_range(0, 1500);
  for (std::uint64_t number = 0; number < 1500; number += 3) map.erase(number);
  std::uint64_t state = testing::random_seed();
  std::size_t hits = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto key = map.key(adhash::splitmix64(state) % 3000);
    const adhash::MapStats before = map.map().stats(0);
    const ProbeTrace trace = trace_get(map.map(), key);
    require_sound(trace);
    CHECK(trace.landing().kind == Landing::Kind::none);
    require_sound(trace_put(map.map(), key));
    const adhash::MapStats after = map.map().stats(0);
    CHECK_EQ(before.size, after.size);
    CHECK_EQ(before.memory_bytes, after.memory_bytes);
    CHECK_EQ(before.migrations, after.migrations);
    CHECK_EQ(before.tombstones, after.tombstones);
    CHECK_EQ(trace.found(), map.has_key(key));
    hits += trace.found();
  }
  CHECK(hits > 100 && hits < 900);
}

TEST_EACH_MAP("a probe trace has as many steps as the probe is long") {
  std::size_t in_old_table = 0;
  for (std::uint64_t number = 0; number < 600; ++number) {
    map.put(number, number);
    if (number % 97 != 0) continue;
    std::vector<std::uint64_t> hist;
    for (const auto& [key, value] : map.expected()) {
      const ProbeTrace trace = trace_get(map.map(), key);
      const std::size_t length = steps_in_last_table(trace);
      if (hist.size() < length) hist.resize(length);
      ++hist[length - 1];
      in_old_table += trace.tables().size() > 1;
    }
    CHECK(hist == map.map().stats(map_testing::kEverySample).probes.hist);
  }
  if (map.map_case().label == "restless from chaining, step 1") CHECK(in_old_table > 0);
}

TEST_EACH_MAP("a put leaves its entry where its trace says") {
  std::set<Landing::Kind> kinds;
  std::size_t foretold = 0;
  for (std::uint64_t number = 0; number < 2000; ++number) {
    if (number % 5 == 4) map.erase(number - 3);
    const auto key = map.key(number % 7 == 0 ? number / 2 : number);
    const ProbeTrace before = trace_put(map.map(), key);
    const std::uint64_t migrations = map.map().stats(0).migrations;
    const std::uint64_t compactions = map.map().stats(0).compactions;
    const bool is_new = map.put_pair(key, map.value(number));
    CHECK_EQ(is_new, !before.found());
    const adhash::MapStats after = map.map().stats(0);
    const Landing landing = before.landing();
    if (before.moves_first() > 0) continue;  // another operation on the tables comes first
    kinds.insert(landing.kind);
    if (landing.kind == Landing::Kind::after_growth) {
      CHECK(after.migrations > migrations || after.compactions > compactions);
    } else if (after.migrations == migrations) {
      const ProbeTrace found = trace_put(map.map(), key);
      CHECK(found.landing().kind == Landing::Kind::existing);
      CHECK_EQ(found.landing().index,
               landing.kind == Landing::Kind::new_node ? found.landing().index : landing.index);
      CHECK_EQ(found.landing().slot, landing.slot);
      ++foretold;
    }
  }
  CHECK(foretold > 100);
  CHECK(kinds.contains(Landing::Kind::existing));
  CHECK(kinds.contains(Landing::Kind::after_growth));
}

TEST("an empty map of every engine has a probe of one step that ends at once") {
  for (const std::string_view engine : adhash::engine_names()) {
    const Ints map = ints(engine);
    const ProbeTrace trace = trace_put(*map, 7);
    require_sound(trace);
    CHECK(!trace.found());
    CHECK_EQ(trace.lookup_steps(), 1u);
    CHECK(trace.steps().front().outcome == StepOutcome::absent);
    CHECK(trace.landing().kind != Landing::Kind::none);
  }
}

TEST("a trace of swiss tells tags, tombstones and the groups that follow") {
  const auto keys = map_testing::colliding_integers(adhash::Hasher(kSeed), 40, 8);
  const Ints map = ints("swiss", kSeed, 900);
  for (std::size_t i = 0; i < 36; ++i) map->put(keys[i], 0);
  const ProbeTrace miss = trace_get(*map, keys[39]);
  CHECK_EQ(miss.lookup_steps(), 3u);
  CHECK(miss.tables().front().place == Place::group);
  for (const adhash::SlotSeen& slot : miss.steps().front().slots) {
    CHECK(slot.state == SlotState::full);
    CHECK(slot.tag >= 0x80);
    CHECK(slot.compared != Compared::nothing);
    CHECK_EQ(slot.compared == Compared::key, slot.tag == miss.tables().front().tag);
  }
  CHECK(miss.steps()[0].outcome == StepOutcome::next);
  CHECK(miss.steps()[2].outcome == StepOutcome::absent);
  CHECK(trace_put(*map, keys[39]).landing().kind == Landing::Kind::empty_slot);

  // The group of keys[3] is full, so its slot becomes a tombstone, and the next put takes it.
  const std::size_t home = miss.tables().front().home;
  CHECK(map->erase(keys[3]));
  const ProbeTrace put = trace_put(*map, keys[39]);
  CHECK(put.steps().front().slots[3].state == SlotState::deleted);
  CHECK(put.landing().kind == Landing::Kind::deleted_slot);
  CHECK_EQ(put.landing().index, home);
  CHECK_EQ(put.landing().slot, 3u);
  CHECK_EQ(put.insertion_steps(), 1u);
}

TEST("a trace of chaining follows the overflow buckets and asks for a new one") {
  const auto keys = map_testing::colliding_integers(adhash::Hasher(kSeed), 30, 9);
  const Ints map = ints("chaining", kSeed, 900);
  for (std::size_t i = 0; i < 14; ++i) map->put(keys[i], 0);
  const ProbeTrace put = trace_put(*map, keys[20]);
  CHECK_EQ(put.lookup_steps(), 2u);
  CHECK(put.steps()[0].place == Place::bucket);
  CHECK(put.steps()[1].place == Place::overflow);
  CHECK_EQ(put.steps()[1].slots.size(), put.tables().front().slots_per_place);
  CHECK(put.landing().kind == Landing::Kind::new_bucket);
  map->put(keys[20], 0);
  const ProbeTrace found = trace_put(*map, keys[20]);
  CHECK_EQ(found.lookup_steps(), 3u);
  CHECK_EQ(found.landing().index, put.landing().index);
}

TEST("a trace of robinhood names every entry that would move, and where it then lies") {
  const Ints map = ints("robinhood", kSeed, 400);
  std::uint64_t state = 1;
  std::vector<std::uint64_t> keys;
  const auto place_of = [&](std::uint64_t key) { return trace_put(*map, key).landing().index; };
  std::size_t displacing = 0;
  while (!trace_put(*map, 0).found()) {
    const std::uint64_t key = adhash::splitmix64(state);
    const ProbeTrace put = trace_put(*map, key);
    if (put.landing().kind == Landing::Kind::after_growth) break;
    std::map<std::uint64_t, std::size_t> before;
    for (const std::uint64_t other : keys) before[other] = place_of(other);
    map->put(key, 0);
    CHECK_EQ(place_of(key), put.landing().index);
    std::size_t moved = 0;
    for (const auto& [other, place] : before) {
      if (place_of(other) == place) continue;
      CHECK_EQ(place_of(other), (place + 1) % put.tables().front().places);
      ++moved;
    }
    CHECK_EQ(moved, put.landing().shifted);
    CHECK_EQ(moved > 0, put.landing().kind == Landing::Kind::displacing);
    displacing += moved > 0;
    keys.push_back(key);
  }
  CHECK(displacing > 20);
  CHECK(keys.size() > 100);
}

TEST("a trace of robinhood compares distances and reads a key only where the mark is equal") {
  const auto keys = map_testing::colliding_integers(adhash::Hasher(kSeed), 6, 12);
  const Ints map = ints("robinhood", kSeed, 400);
  for (std::size_t i = 0; i < 5; ++i) map->put(keys[i], 0);
  const ProbeTrace trace = trace_get(*map, keys[4]);
  CHECK_EQ(trace.lookup_steps(), 5u);
  for (std::uint32_t i = 0; i < 5; ++i) {
    const ProbeStep& step = trace.steps()[i];
    CHECK_EQ(step.distance, i + 1);
    CHECK_EQ(step.slots.front().distance, i + 1);
    CHECK_EQ(step.slots.front().compared == Compared::key,
             step.slots.front().tag == trace.tables().front().tag);
  }
  const ProbeTrace miss = trace_get(*map, keys[5]);
  CHECK(miss.steps().back().slots.front().state == SlotState::empty);
  CHECK(miss.steps().back().slots.front().compared == Compared::distance);
}

TEST("a trace of a map that migrates asks the current table, then the old one") {
  for (const char* layout : {"chaining", "robinhood", "swiss"}) {
    adhash::AdaptiveOptions options;
    options.initial_layout = layout;
    options.layout_switching = false;
    options.migration_step = 1;
    const Ints map = adhash::make_map<IntKey, WordValue>("adaptive", kSeed, 0, options);
    std::uint64_t size = 0;
    while (size < 500 || !map->stats(0).migrating) map->put(size++, 0);
    std::size_t in_old = 0;
    std::size_t in_current = 0;
    for (std::uint64_t key = 0; key < size; ++key) {
      const ProbeTrace trace = trace_get(*map, key);
      require_sound(trace);
      CHECK(trace.found());
      CHECK_EQ(trace.moves_first(), 1u);
      CHECK(trace.tables().front().role == "current");
      ++(trace.tables().size() == 2 ? in_old : in_current);
      if (trace.tables().size() == 2) CHECK(trace.tables().back().role == "old");
    }
    CHECK(in_old > 0 && in_current > 0);
    const ProbeTrace miss = trace_put(*map, ~std::uint64_t{5});
    CHECK_EQ(miss.tables().size(), 2u);
    CHECK_EQ(miss.landing().table, 0u);
    CHECK_EQ(miss.steps().back().table, 0u);
  }
}

TEST("a trace of the old table uses its own hash after a reseed") {
  const auto keys = map_testing::colliding_integers(adhash::Hasher(kSeed), 3000, 12);
  const Ints map = ints("adaptive");
  std::size_t put = 0;
  while (put < keys.size() && !(map->stats(0).reseeds > 0 && map->stats(0).migrating)) {
    map->put(keys[put++], 0);
  }
  CHECK(map->stats(0).reseeds > 0);
  std::size_t in_old = 0;
  for (std::size_t i = 0; i < put; ++i) {
    const ProbeTrace trace = trace_get(*map, keys[i]);
    CHECK(trace.found());
    if (trace.tables().size() < 2) continue;
    CHECK(trace.tables()[0].hash != trace.tables()[1].hash);
    ++in_old;
  }
  CHECK(in_old > 0);
}

TEST("a probe of any length is counted whole and kept up to a bound") {
  const auto keys = map_testing::colliding_integers(adhash::Hasher(kSeed), 5000, 13);
  const Ints map = ints("robinhood");
  for (const std::uint64_t key : keys) map->put(key, 0);
  const ProbeTrace trace = trace_get(*map, keys.back());
  CHECK(trace.found());
  CHECK(trace.lookup_steps() > ProbeTrace::kMostSteps);
  CHECK_EQ(trace.steps().size(), ProbeTrace::kMostSteps + 1);
  CHECK_EQ(trace.steps().back().number, trace.lookup_steps());
  CHECK(trace.steps().back().outcome == StepOutcome::found);
  CHECK_EQ(
      trace_put(*map, keys.back()).landing().index,
      (trace.tables().front().home + trace.lookup_steps() - 1) % trace.tables().front().places);
}
