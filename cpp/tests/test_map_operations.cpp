// What every engine does with single operations, whatever its keys and values.
#include <string>
#include <vector>

#include "map_cases.hpp"

namespace {

constexpr std::uint64_t kMany = 1500;

}  // namespace

TEST_EACH_MAP("an empty map finds, erases and iterates nothing") {
  CHECK(!map.has(0));
  CHECK(!map.erase(0));
  CHECK_EQ(map.map().next(0), map.map().end());
}

TEST_EACH_MAP("put says whether the key is new") {
  CHECK(map.put(1, 1));
  CHECK(!map.put(1, 2));
  CHECK(map.put(2, 1));
}

TEST_EACH_MAP("growth keeps every entry") {
  for (std::uint64_t number = 0; number < kMany; ++number) {
    map.put(number, number);
    CHECK(map.has(number / 2));
    CHECK(!map.has(number + kMany));
  }
}

TEST_EACH_MAP("update replaces the value and adds no entry") {
  map.put_range(0, 300);
  for (std::uint64_t number = 0; number < 300; ++number) CHECK(!map.put(number, number + 1));
  CHECK_EQ(map.map().size(), 300u);
}

TEST_EACH_MAP("erase keeps other keys findable") {
  map.put_range(0, kMany);
  for (std::uint64_t number = 0; number < kMany; number += 3) {
    CHECK(map.erase(number));
    CHECK(!map.has(number));
    CHECK(map.has(number + 1));
  }
}

TEST_EACH_MAP("erase of an absent key changes nothing") {
  map.put_range(0, 100);
  for (std::uint64_t number = 100; number < 200; ++number) CHECK(!map.erase(number));
}

TEST_EACH_MAP("an erased key can be put again, with its new value") {
  map.put_range(0, 500);
  for (std::uint64_t number = 0; number < 500; ++number) CHECK(map.erase(number));
  for (std::uint64_t number = 0; number < 500; ++number) CHECK(map.put(number, number + 1));
}

TEST_EACH_MAP("a map can be emptied key by key, in any order, and used on") {
  map.put_range(0, kMany);
  for (std::uint64_t i = 0; i < kMany; ++i) CHECK(map.erase(i * 7 % kMany));
  CHECK_EQ(map.map().size(), 0u);
  map.check();
  map.put_range(0, 50);
}

TEST_EACH_MAP("the extreme keys are keys like any other") {
  if constexpr (std::is_same_v<Key, adhash::IntKey>) {
    for (const std::uint64_t key : {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{1} << 63}) {
      CHECK(map.put_pair(key, map.value(key)));
    }
  } else {
    for (const std::string& key : {std::string(), std::string(1, '\0'), std::string(2, '\0')}) {
      CHECK(map.put_pair(key, map.value(key.size())));
    }
  }
}

TEST_EACH_MAP("clear leaves an empty map that works") {
  map.put_range(0, kMany);
  map.clear();
  map.check();
  CHECK(!map.has(1));
  map.put_range(0, 100);
}

TEST_EACH_MAP("clear gives the memory back") {
  const std::size_t fresh = map.map().memory_bytes();
  map.put_range(0, kMany);
  CHECK(map.map().memory_bytes() > fresh + kMany);
  map.clear();
  CHECK(map.map().memory_bytes() <= fresh + 4096);
}

TEST_EACH_MAP("clear during growth leaves nothing of the old table") {
  for (std::uint64_t size = 10; size < 130; size += 3) {
    map.put_range(0, size);
    map.clear();
    CHECK_EQ(map.map().next(0), map.map().end());
  }
}

TEST_EACH_MAP("reserve keeps every entry, whenever it comes") {
  for (std::uint64_t size = 0; size < 400; size += 21) {
    map.put_range(size, size + 21);
    map.map().reserve(size * 2);
    map.check();
  }
}

TEST_EACH_MAP("reserve of less than there is changes nothing") {
  map.put_range(0, 500);
  const std::size_t capacity = map.map().stats(0).capacity;
  map.map().reserve(10);
  CHECK_EQ(map.map().stats(0).capacity, capacity);
}

// Without a check of the room, table sizes wrap around 2^64 and a tiny block passes for a huge one.
TEST_EACH_MAP("reserve of more than memory can hold fails and changes nothing") {
  map.put_range(0, 50);
  for (unsigned log2 = 40; log2 < 64; ++log2) {
    bool refused = false;
    try {
      map.map().reserve(std::size_t{1} << log2);
    } catch (const std::bad_alloc&) {
      refused = true;
    } catch (const std::length_error&) {
      refused = true;
    }
    CHECK(refused || log2 < 48);
    if (!refused) map.clear();
  }
}

TEST_EACH_MAP("compact keeps every entry and leaves no tombstone") {
  map.put_range(0, kMany);
  for (std::uint64_t number = 0; number < kMany; number += 2) map.erase(number);
  const std::size_t before = map.map().memory_bytes();
  map.map().compact();
  const adhash::MapStats stats = map.map().stats(0);
  CHECK_EQ(stats.tombstones, 0u);
  CHECK_EQ(stats.compactions > 0, true);
  CHECK(!stats.migrating);
  CHECK(stats.memory_bytes <= before);
}

TEST_EACH_MAP("compact works whenever it comes") {
  for (std::uint64_t size = 0; size < 200; size += 7) {
    map.put_range(size, size + 7);
    map.map().compact();
    map.check();
  }
  map.clear();
  map.map().compact();
}

TEST_EACH_MAP("the invariants hold after every single operation") {
  for (std::uint64_t number = 0; number < 120; ++number) {
    map.put(number, number);
    map_testing::require_consistent(map.map());
  }
  for (std::uint64_t number = 0; number < 120; ++number) {
    map.erase(number * 77 % 120);
    map_testing::require_consistent(map.map());
  }
}

TEST_EACH_MAP("stats may be asked for without any probe length, and for a sample of them") {
  map.put_range(0, kMany);
  CHECK_EQ(map.map().stats(0).probes.sampled, 0u);
  const std::uint64_t sampled = map.map().stats(100).probes.sampled;
  CHECK(sampled > 20 && sampled < kMany);
}
