// When the adaptive engine changes its layout, and when it does not.
#include <cstdint>
#include <memory>
#include <string>

#include "counted_table.hpp"
#include "map_cases.hpp"

namespace {

using adhash::AdaptiveOptions;
using adhash::IntKey;
using adhash::WordValue;
using IntSubject = map_testing::Subject<IntKey, WordValue>;

constexpr std::uint64_t kSize = 3000;

AdaptiveOptions eager(std::string_view layout) {
  AdaptiveOptions options;
  options.initial_layout = layout;
  options.decision_window = 1024;
  options.hysteresis = 0;
  return options;
}

IntSubject filled(const AdaptiveOptions& options) {
  IntSubject map({"priced", "adaptive"},
                 std::make_unique<map_testing::CountedMap>(5, kSize, options));
  map.put_range(0, kSize);
  return map;
}

void read(IntSubject& map, std::uint64_t first, int times) {
  for (int i = 0; i < times; ++i) map.has(first + static_cast<std::uint64_t>(i) % kSize);
}

}  // namespace

TEST("the first layout is the one asked for") {
  for (const char* layout : {"chaining", "robinhood", "swiss"}) {
    AdaptiveOptions options;
    options.initial_layout = layout;
    options.layout_switching = false;
    CHECK_EQ(filled(options).map().stats(0).layout, std::string_view(layout));
  }
}

TEST("a map told not to switch keeps its layout") {
  for (const char* layout : {"chaining", "robinhood", "swiss"}) {
    AdaptiveOptions options = eager(layout);
    options.layout_switching = false;
    IntSubject map = filled(options);
    read(map, 0, 10'000);
    read(map, kSize, 10'000);
    CHECK_EQ(map.map().stats(0).layout, std::string_view(layout));
    CHECK(map.map().stats(0).decisions.empty());
  }
}

TEST("hits and misses lead every start to the layout that is best for them") {
  for (const char* layout : {"chaining", "robinhood", "swiss"}) {
    IntSubject map = filled(eager(layout));
    read(map, 0, 20'000);
    CHECK_EQ(map.map().stats(0).layout, std::string_view("chaining"));
    read(map, kSize, 20'000);
    CHECK_EQ(map.map().stats(0).layout, std::string_view("swiss"));
    map.check();
  }
}

TEST("under a steady mix a map stays where it is") {
  for (const char* layout : {"chaining", "robinhood", "swiss"}) {
    IntSubject map = filled(eager(layout));
    for (int i = 0; i < 20; ++i) read(map, kSize / 2, 1000);
    const std::uint64_t migrations = map.map().stats(0).migrations;
    for (int i = 0; i < 20; ++i) read(map, kSize / 2, 1000);
    CHECK_EQ(map.map().stats(0).migrations, migrations);
  }
}

// Under the real prices as well: which layout wins is their business, that one wins is ours.
TEST("with real prices every start comes to the same layout and stays") {
  std::string_view settled;
  for (const char* layout : {"chaining", "robinhood", "swiss"}) {
    IntSubject map({"adaptive", "adaptive", eager(layout)}, 5);
    map.put_range(0, kSize);
    read(map, kSize, 20'000);
    const adhash::MapStats before = map.map().stats(0);
    read(map, kSize, 20'000);
    const adhash::MapStats after = map.map().stats(0);
    CHECK_EQ(after.migrations, before.migrations);
    if (settled.empty()) settled = after.layout;
    CHECK_EQ(after.layout, settled);
  }
}

TEST("a gain below the hysteresis moves nothing") {
  for (const char* layout : {"chaining", "robinhood", "swiss"}) {
    AdaptiveOptions options = eager(layout);
    options.hysteresis = 10;
    IntSubject map = filled(options);
    for (int phase = 0; phase < 6; ++phase) read(map, phase % 2 == 0 ? 0 : kSize, 4000);
    CHECK_EQ(map.map().stats(0).layout, std::string_view(layout));
  }
}

TEST("a decision waits for its window") {
  AdaptiveOptions options = eager("chaining");
  options.decision_window = 1'000'000;
  IntSubject map = filled(options);
  read(map, kSize, 30'000);
  CHECK(map.map().stats(0).decisions.empty());
}

TEST("each change of layout is logged with its signal and the gain expected") {
  std::uint64_t logged = 0;
  for (const char* layout : {"chaining", "robinhood", "swiss"}) {
    IntSubject map = filled(eager(layout));
    read(map, kSize, 20'000);
    for (const adhash::Decision& decision : map.map().stats(0).decisions) {
      ++logged;
      CHECK(!decision.signal.empty());
      CHECK(decision.from != decision.to);
      CHECK(decision.expected_gain > 0 && decision.expected_gain < 1);
    }
  }
  CHECK(logged > 0);
}

TEST("the log of decisions is bounded") {
  AdaptiveOptions options = eager("swiss");
  options.migration_step = 4096;
  options.decision_window = 1;
  IntSubject map = filled(options);
  for (int phase = 0; phase < 700; ++phase) {
    read(map, phase % 2 == 0 ? 0 : kSize, 1100);
  }
  const adhash::MapStats stats = map.map().stats(0);
  CHECK(stats.migrations > 300);
  CHECK_EQ(stats.decisions.size(), 256u);
}
