// What naive hash tables get wrong. Each test says what the naive version does.
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "adhash/engines.hpp"
#include "map_cases.hpp"

namespace {

using adhash::IntKey;
using adhash::WordValue;
using IntMap = adhash::AnyMapPtr<IntKey, WordValue>;

const std::vector<std::string> kEngines = {"adaptive", "chaining", "robinhood", "swiss", "std"};

IntMap int_map(const std::string& engine, std::uint64_t seed) {
  return adhash::make_map<IntKey, WordValue>(engine, seed, 0, {});
}

adhash::ProbeStats probes_of(IntMap& map) {
  return map->stats(map_testing::kEverySample).probes;
}

// How far uniformly hashed entries are reached at the loads the engines allow: a mean and a
// longest that random keys stay below in every run.
struct Uniform {
  double mean;
  std::uint64_t longest;
};
Uniform uniform_for(const std::string& engine) {
  if (engine == "robinhood") return {3.3, 40};
  if (engine == "std") return {1.8, 16};
  return {1.5, 8};
}

void require_near_uniform(IntMap& map, const std::string& engine) {
  const adhash::ProbeStats probes = probes_of(map);
  CHECK(probes.average() <= uniform_for(engine).mean);
  CHECK(probes.longest <= uniform_for(engine).longest);
}

// Puts count keys, first + i * stride.
void put_strided(IntMap& map, std::uint64_t first, std::uint64_t stride, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) map->put(first + i * stride, i);
}

}  // namespace

// Naive: the test for growth ignores tombstones; after as many pairs as the table has slots no
// slot is empty, and the next look-up for an absent key never ends.
TEST_EACH_MAP("put-and-delete pairs many times the capacity end, and probes stay short") {
  map.put_range(0, 100);
  for (std::uint64_t number = 100; number < 6000; ++number) {
    CHECK(map.put(number, number));
    CHECK(map.erase(number));
    CHECK(!map.has(number + 1));
  }
  const adhash::MapStats stats = map.map().stats(map_testing::kEverySample);
  CHECK(stats.capacity <= 1024);
  CHECK(stats.probes.longest <= 40);
}

TEST_EACH_MAP("churn that replaces every key many times keeps size, memory and probes level") {
  constexpr std::uint64_t kLive = 200;
  map.put_range(0, kLive);
  for (std::uint64_t number = kLive; number < 30 * kLive; ++number) {
    CHECK(map.erase(number - kLive));
    CHECK(map.put(number, number));
  }
  const adhash::MapStats stats = map.map().stats(map_testing::kEverySample);
  CHECK(stats.capacity <= 2048);
  CHECK(stats.probes.longest <= 40);
}

// Naive: deletion marks the slot, insertion reuses marked slots without minding distances, and
// look-ups that end early no longer reach some keys.
TEST_EACH_MAP("deletions between insertions lose no key of a full table") {
  std::uint64_t state = testing::random_seed();
  for (int round = 0; round < 2500; ++round) {
    const std::uint64_t number = adhash::splitmix64(state) % 230;
    (round / 100) % 3 == 2 ? map.erase(number) : map.put(number, number);
    if (round % 50 == 0) map.check();
  }
}

// Naive: the identity hash. Dense keys form one run that churn makes longer and longer.
TEST("dense sequential keys are reached as fast as random ones, also after churn") {
  for (const std::string& engine : kEngines) {
    for (const std::uint64_t seed : {0, 1, 12345}) {
      IntMap map = int_map(engine, seed);
      put_strided(map, 0, 1, 50'000);
      require_near_uniform(map, engine);
      for (std::uint64_t key = 0; key < 100'000; ++key) {
        map->erase(key);
        map->put(key + 50'000, key);
      }
      require_near_uniform(map, engine);
      CHECK_EQ(map->size(), 50'000u);
    }
  }
}

// Naive: the identity hash, masked: keys that agree in their low bits all share a few homes.
TEST("strided keys are reached as fast as random ones") {
  for (const std::string& engine : kEngines) {
    for (unsigned log2 = 1; log2 <= 48; ++log2) {
      IntMap map = int_map(engine, log2);
      put_strided(map, 7, std::uint64_t{1} << log2, 1000);
      require_near_uniform(map, engine);
    }
    IntMap map = int_map(engine, 3);
    put_strided(map, 0, std::uint64_t{1} << 16, 40'000);
    require_near_uniform(map, engine);
  }
}

TEST("the bit patterns of round doubles are reached as fast as random keys") {
  for (const std::string& engine : kEngines) {
    IntMap map = int_map(engine, 4);
    for (int i = 1; i <= 20'000; ++i) map->put(std::bit_cast<std::uint64_t>(i * 0.5), 0);
    require_near_uniform(map, engine);
  }
}
