// What is true of every map between two operations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "adhash/any_map.hpp"
#include "adhash/invariants.hpp"
#include "testing.hpp"

namespace map_testing {

// Where a view's bytes are kept once the map may move them.
template <class View>
using OwnedFrom = std::conditional_t<std::is_same_v<View, std::string_view>, std::string, View>;

inline std::size_t bytes_of(std::string_view view) {
  return view.size();
}
inline std::size_t bytes_of(std::uint64_t) {
  return sizeof(std::uint64_t);
}

constexpr std::size_t kEverySample = std::numeric_limits<std::size_t>::max();

// Iteration visits `size` entries, no key twice, and each key is found with the value seen.
template <class Key, class Value>
void require_entries_reachable(adhash::AnyMap<Key, Value>& map) {
  std::unordered_set<OwnedFrom<typename Key::View>> seen;
  std::size_t content_bytes = 0;
  const std::size_t size = map.size();
  map.pin();
  for (std::size_t at = map.next(0); at < map.end(); at = map.next(at + 1)) {
    const typename Key::View key = map.key_at(at);
    const typename Value::View value = map.value_at(at);
    content_bytes += bytes_of(key) + bytes_of(value);
    CHECK(seen.insert(OwnedFrom<typename Key::View>(key)).second);
    typename Value::View found{};
    CHECK(map.get(key, found));
    CHECK(found == value);
  }
  map.unpin();
  CHECK_EQ(seen.size(), size);
  CHECK_EQ(map.size(), size);
  CHECK(map.memory_bytes() >= content_bytes);
}

template <class Key, class Value>
void require_stats_exact(adhash::AnyMap<Key, Value>& map) {
  const adhash::MapStats stats = map.stats(kEverySample);
  CHECK_EQ(stats.size, map.size());
  CHECK_EQ(stats.memory_bytes, map.memory_bytes());
  CHECK(stats.tombstones + stats.size <= stats.capacity);
  std::uint64_t counted = 0;
  for (const std::uint64_t entries : stats.probes.hist) counted += entries;
  CHECK_EQ(counted, stats.size);
  CHECK_EQ(stats.probes.sampled, stats.size);
  CHECK_EQ(stats.probes.longest > 0, stats.size > 0);
}

// What the engine says of its own memory, which wrong answers would show much later.
template <class Key, class Value>
void require_invariants(adhash::AnyMap<Key, Value>& map) {
  adhash::InvariantReport report(nullptr);
  map.check_invariants(report);
  for (const adhash::Invariant& each : report.invariants()) {
    const std::string example = each.examples().empty() ? std::string() : each.examples().front();
    CHECK_EQ(std::string(each.name()) + ": " + example, std::string(each.name()) + ": ");
  }
}

template <class Key, class Value>
void require_consistent(adhash::AnyMap<Key, Value>& map) {
  require_invariants(map);
  require_entries_reachable(map);
  require_stats_exact(map);
}

}  // namespace map_testing
