// Iteration by position, and what reads and updates may do to it.
#include <unordered_set>
#include <vector>

#include "map_cases.hpp"

namespace {

template <class Map>
auto keys_in_order(Map& map) {
  std::vector<map_testing::OwnedFrom<typename Map::KeyView>> keys;
  for (std::size_t at = map.next(0); at < map.end(); at = map.next(at + 1)) {
    keys.emplace_back(map.key_at(at));
  }
  return keys;
}

}  // namespace

TEST_EACH_MAP("iteration visits each entry once, at every size") {
  for (std::uint64_t number = 0; number < 200; ++number) {
    map.put(number, number);
    const auto keys = keys_in_order(map.map());
    CHECK_EQ(keys.size(), number + 1);
    CHECK_EQ(std::unordered_set(keys.begin(), keys.end()).size(), number + 1);
  }
}

TEST_EACH_MAP("next of a full position is that position") {
  map.put_range(0, 100);
  for (std::size_t at = map.map().next(0); at < map.map().end(); at = map.map().next(at + 1)) {
    CHECK_EQ(map.map().next(at), at);
  }
}

// The naive version moves entries on every operation, and an iterator sees some twice or never.
TEST_EACH_MAP("reads and updates of a pinned map move nothing") {
  for (std::uint64_t size = 10; size < 300; size += 13) {
    map.put_range(map.expected().size(), size);
    map.map().pin();
    const auto before = keys_in_order(map.map());
    for (std::uint64_t number = 0; number < size + 40; ++number) {
      if (map.has(number)) map.put(number, number + size);
    }
    CHECK(keys_in_order(map.map()) == before);
    map.map().unpin();
  }
}

TEST_EACH_MAP("a pin outlives the operations that decide about layouts") {
  map.put_range(0, 700);
  map.map().pin();
  const auto before = keys_in_order(map.map());
  for (std::uint64_t i = 0; i < 5000; ++i) map.has(i % 1400);
  CHECK(keys_in_order(map.map()) == before);
  map.map().unpin();
}

TEST_EACH_MAP("a pinned map takes insertions and deletions") {
  map.map().pin();
  map.put_range(0, 800);
  for (std::uint64_t number = 0; number < 800; number += 2) map.erase(number);
  map.put_range(0, 800);
  map.map().unpin();
}

TEST_EACH_MAP("a copy made by iteration holds the same, with the same seed and with another") {
  map.put_range(0, 1000);
  for (const std::uint64_t seed : {1, 2}) {
    map_testing::Subject<Key, Value> copy(map.map_case(), seed);
    map.map().pin();
    for (std::size_t at = map.map().next(0); at < map.map().end(); at = map.map().next(at + 1)) {
      copy.map().put(map.map().key_at(at), map.map().value_at(at));
    }
    map.map().unpin();
    copy.expected() = map.expected();
    copy.check();
  }
}
