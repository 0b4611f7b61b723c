// A table read in the order of its hashes, and written into another: the trap that made copies
// quadratic in many languages' maps. The first entries read all have small hashes, so in a table
// that is still small they crowd the same few homes.
#include <cstdint>
#include <string>
#include <vector>

#include "adhash/engines.hpp"
#include "map_cases.hpp"

namespace {

using adhash::IntKey;
using adhash::WordValue;
using Map = adhash::AnyMapPtr<IntKey, WordValue>;

constexpr std::uint64_t kSeed = 21;
constexpr std::uint64_t kSize = 30'000;

Map empty_map(const std::string& engine, std::uint64_t seed) {
  return adhash::make_map<IntKey, WordValue>(engine, seed, 0, {});
}

Map source_map(const std::string& engine) {
  Map map = empty_map(engine, kSeed);
  std::uint64_t state = 1;
  for (std::uint64_t i = 0; i < kSize; ++i) map->put(adhash::splitmix64(state), i);
  return map;
}

// Copies in the order of iteration and returns the worst mean probe length seen on the way.
double copy_watched(Map& from, Map& to) {
  double worst = 0;
  std::uint64_t copied = 0;
  from->pin();
  for (std::size_t at = from->next(0); at < from->end(); at = from->next(at + 1)) {
    to->put(from->key_at(at), from->value_at(at));
    if (++copied % 500 == 0) {
      worst = std::max(worst, to->stats(map_testing::kEverySample).probes.average());
    }
  }
  from->unpin();
  CHECK_EQ(to->size(), from->size());
  return worst;
}

}  // namespace

TEST("a copy into a map of another seed meets random homes all the way") {
  for (const std::string_view engine : adhash::engine_names()) {
    Map from = source_map(std::string(engine));
    Map to = empty_map(std::string(engine), kSeed + 1);
    CHECK(copy_watched(from, to) < 3.5);
    map_testing::require_consistent(*to);
  }
}

TEST("a copy into a map of the same seed with room for all meets random homes all the way") {
  for (const std::string_view engine : adhash::engine_names()) {
    Map from = source_map(std::string(engine));
    Map to = empty_map(std::string(engine), kSeed);
    to->reserve(kSize);
    CHECK(copy_watched(from, to) < 3.5);
    map_testing::require_consistent(*to);
  }
}

// Without a probe alarm the mean grows with the size: thousands for Robin Hood at this one.
TEST("an adaptive copy of the same seed without room takes a new seed and stays fast") {
  for (const char* layout : {"chaining", "robinhood", "swiss"}) {
    adhash::AdaptiveOptions options;
    options.initial_layout = layout;
    options.layout_switching = false;
    Map from = adhash::make_map<IntKey, WordValue>(layout, kSeed, 0, {});
    std::uint64_t state = 1;
    for (std::uint64_t i = 0; i < kSize; ++i) from->put(adhash::splitmix64(state), i);
    Map to = adhash::make_map<IntKey, WordValue>("adaptive", kSeed, 0, options);
    CHECK(copy_watched(from, to) < 30);
    CHECK(to->stats(0).reseeds >= 1);
    CHECK(to->stats(map_testing::kEverySample).probes.average() < 3.5);
    map_testing::require_consistent(*to);
  }
}
