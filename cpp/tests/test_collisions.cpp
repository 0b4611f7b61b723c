// Keys crafted to collide: what they do to a fixed engine, and what the adaptive one does about it.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adhash/engines.hpp"
#include "colliding_keys.hpp"
#include "map_cases.hpp"

namespace {

using adhash::Hasher;
using adhash::IntKey;
using adhash::WordValue;
using Map = adhash::AnyMapPtr<IntKey, WordValue>;

constexpr std::uint64_t kSeed = 99;
constexpr std::size_t kCrafted = 20'000;

const std::vector<std::uint64_t>& crafted_keys() {
  static const auto keys = map_testing::colliding_integers(Hasher(kSeed), kCrafted, 12);
  return keys;
}

adhash::AdaptiveOptions staying_in(std::string_view layout) {
  adhash::AdaptiveOptions options;
  options.initial_layout = layout;
  options.layout_switching = false;
  return options;
}

void put_all(Map& map, const std::vector<std::uint64_t>& keys) {
  for (const std::uint64_t key : keys) CHECK(map->put(key, ~key));
}

void require_all(Map& map, const std::vector<std::uint64_t>& keys) {
  for (const std::uint64_t key : keys) {
    std::uint64_t value = 0;
    CHECK(map->get(key, value) && value == ~key);
  }
}

adhash::ProbeStats probes_of(Map& map) {
  return map->stats(map_testing::kEverySample).probes;
}

using AdaptiveInts = adhash::AdaptiveMap<adhash::Layouts<adhash::Entry<IntKey, WordValue>>>;

// Finds the seed of a map from its answers to hash(), as a test can; then floods it.
void flood(AdaptiveInts& map, std::size_t count) {
  std::vector<std::uint64_t> keys;
  const adhash::Hash home = map.hash(0) >> 52;
  for (std::uint64_t key = 1; keys.size() < count; ++key) {
    if (map.hash(key) >> 52 == home) keys.push_back(key);
  }
  for (const std::uint64_t key : keys) map.put(key, map.hash(key), ~key);
}

}  // namespace

// This is the attack working: where it does not, the next tests prove nothing.
TEST("crafted keys make long probes in a fixed engine") {
  const std::vector<std::uint64_t> keys(crafted_keys().begin(), crafted_keys().begin() + 4000);
  for (const char* engine : {"chaining", "robinhood", "swiss"}) {
    Map map = adhash::make_map<IntKey, WordValue>(engine, kSeed, 0, {});
    put_all(map, keys);
    CHECK(probes_of(map).average() > 20);
    map_testing::require_consistent(*map);
  }
}

TEST("crafted keys leave an adaptive map with short probes") {
  for (const char* layout : {"chaining", "robinhood", "swiss"}) {
    Map map = adhash::make_map<IntKey, WordValue>("adaptive", kSeed, 0, staying_in(layout));
    put_all(map, crafted_keys());
    const adhash::MapStats stats = map->stats(0);
    CHECK(stats.reseeds >= 1);
    CHECK_EQ(stats.decisions.size(), stats.reseeds);
    CHECK_EQ(stats.decisions[0].signal, std::string("probe alarm: new seed"));
    CHECK(probes_of(map).average() < 3.5);
    CHECK(probes_of(map).longest < 48);
    require_all(map, crafted_keys());
    map_testing::require_consistent(*map);
  }
}

TEST("random keys raise no alarm") {
  for (const char* layout : {"chaining", "robinhood", "swiss"}) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      Map map = adhash::make_map<IntKey, WordValue>("adaptive", seed, 0, staying_in(layout));
      std::uint64_t state = seed;
      for (int i = 0; i < 60'000; ++i) map->put(adhash::splitmix64(state), 0);
      CHECK_EQ(map->stats(0).reseeds, 0u);
    }
  }
}

// One reseed may do for two floods or, as it is drawn at random, two may be needed for one.
TEST("floods end in the keyed hash, and after that nothing more changes") {
  for (const char* layout : {"chaining", "robinhood", "swiss"}) {
    AdaptiveInts map(kSeed, 0, staying_in(layout));
    for (std::uint64_t flooded = 1; flooded <= 3; ++flooded) {
      flood(map, 3000);
      const adhash::MapStats stats = map.stats(0);
      CHECK(stats.reseeds >= std::min<std::uint64_t>(flooded, 2) && stats.reseeds <= 2);
      CHECK_EQ(map.hash_generation(), stats.reseeds);
    }
    CHECK_EQ(map.stats(0).decisions[0].signal, std::string("probe alarm: new seed"));
    CHECK_EQ(map.stats(0).decisions[1].signal, std::string("probe alarm: keyed hash"));
    const std::size_t size = map.size();
    std::size_t found = 0;
    for (std::size_t at = map.next(0); at < map.end(); at = map.next(at + 1)) ++found;
    CHECK_EQ(found, size);
  }
}

TEST("crafted texts leave an adaptive map with short probes") {
  const Hasher hasher(kSeed);
  std::vector<std::string> keys;
  const auto home = [&](const std::string& key) {
    return Hasher::spread(hasher.of_bytes(key)) >> 54;
  };
  for (std::uint64_t number = 0; keys.size() < 3000; ++number) {
    std::string key = map_testing::Sample<adhash::BytesKey>::make(number);
    if (home(key) == 5) keys.push_back(std::move(key));
  }
  auto map = adhash::make_map<adhash::BytesKey, WordValue>("adaptive", kSeed, 0, {});
  for (const std::string& key : keys) CHECK(map->put(key, key.size()));
  CHECK(map->stats(0).reseeds >= 1);
  CHECK(map->stats(map_testing::kEverySample).probes.average() < 3.5);
  map_testing::require_consistent(*map);
}

// Naive: a batch hashes its keys ahead, the map takes a new seed in its midst, and the rest of
// the batch is looked up, or worse inserted, with hashes that mean nothing any more.
TEST("a batch that meets a new seed in its midst is the same as its operations one by one") {
  for (const char* layout : {"chaining", "robinhood", "swiss"}) {
    Map map = adhash::make_map<IntKey, WordValue>("adaptive", kSeed, 0, staying_in(layout));
    // Past the size from which batches prefetch.
    for (std::uint64_t i = 0; i < 60'000; ++i) map->put(~i, i);
    CHECK(map->memory_bytes() > adhash::kPrefetchFromBytes);
    const auto& keys = crafted_keys();
    std::vector<std::uint64_t> values;
    for (const std::uint64_t key : keys) values.push_back(~key);
    CHECK_EQ(map->put_many(keys, values.data()), kCrafted);
    CHECK(map->stats(0).reseeds >= 1);
    CHECK_EQ(map->size(), kCrafted + 60'000);
    CHECK_EQ(map->put_many(keys, values.data()), 0u);
    require_all(map, keys);
    CHECK_EQ(map->erase_many(keys), kCrafted);
    map_testing::require_consistent(*map);
  }
}
