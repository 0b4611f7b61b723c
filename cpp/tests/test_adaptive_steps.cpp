// The adaptive engine's promise: no operation pays for a whole table. Every operation is held to
// the work of one step, counted and not timed, while tables grow, change layout, lose tombstones
// and take new seeds.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "adhash/engines.hpp"
#include "colliding_keys.hpp"
#include "counted_table.hpp"
#include "map_cases.hpp"

namespace {

using adhash::AdaptiveOptions;
using adhash::IntKey;
using adhash::WordValue;
using map_testing::CountedLayouts;
using map_testing::CountedMap;
using map_testing::Subject;
using map_testing::TableWork;
using map_testing::work;

constexpr std::uint64_t kSeed = 11;
// An unmapped table goes whole, and slices are rounded up to pages.
constexpr std::uint64_t kUnslicedBytes = std::uint64_t{1} << 20;

// A subject whose every operation is held to its budget.
class Budgeted {
 public:
  explicit Budgeted(const AdaptiveOptions& options)
      : options_(options),
        subject_({"counted", "adaptive"}, std::make_unique<CountedMap>(kSeed, 0, options)) {}

  Subject<IntKey, WordValue>& subject() { return subject_; }
  bool is_moving() { return subject_.map().stats(0).migrating; }
  std::uint64_t migrations() { return subject_.map().stats(0).migrations; }
  std::size_t size() { return subject_.map().size(); }

  void put(std::uint64_t number) {
    within_budget([&] { subject_.put(number, number); });
  }
  void erase(std::uint64_t number) {
    within_budget([&] { subject_.erase(number); });
  }
  void get(std::uint64_t number) {
    within_budget([&] { subject_.has(number); });
  }
  // Puts keys from `size` on until a migration is under way.
  void put_until_moving(std::size_t least) {
    for (std::uint64_t number = size(); number < least || !is_moving(); ++number) put(number);
  }

 private:
  template <class Operation>
  void within_budget(Operation operation) {
    const TableWork before = work();
    operation();
    const std::uint64_t step = options_.migration_step;
    const std::uint64_t inserted = work().inserted - before.inserted;
    CHECK(inserted <= step + 1);
    CHECK(work().killed - before.killed <= step + 1);
    CHECK(work().scanned - before.scanned <= 4 * step);
    CHECK(work().made - before.made <= 1);
    CHECK(work().released_bytes - before.released_bytes <=
          2 * options_.free_slice_bytes + kUnslicedBytes);
  }

  AdaptiveOptions options_;
  Subject<IntKey, WordValue> subject_;
};

AdaptiveOptions options_of(std::string_view layout, std::size_t step) {
  AdaptiveOptions options;
  options.initial_layout = layout;
  options.migration_step = step;
  options.free_slice_bytes = std::size_t{64} << 10;
  options.layout_switching = false;
  return options;
}

// Runs a body for every layout and several sizes of a step.
template <class Body>
void on_each_layout(Body body) {
  for (const std::string_view layout : CountedLayouts::kNames) {
    for (const std::size_t step : {1, 2, 16, 100}) {
      Budgeted map(options_of(layout, step));
      body(map);
      map.subject().check();
    }
  }
}

}  // namespace

// The naive version rebuilds at growth: one insertion moves every entry.
TEST("no insertion of a growing map moves more than a step") {
  on_each_layout([](Budgeted& map) {
    for (std::uint64_t number = 0; number < 20'000; ++number) map.put(number);
    CHECK(map.migrations() >= 5);
  });
}

TEST("no operation of a mixed stream works more than a step") {
  on_each_layout([](Budgeted& map) {
    std::uint64_t state = testing::random_seed();
    for (int i = 0; i < 20'000; ++i) {
      const std::uint64_t random = adhash::splitmix64(state);
      const std::uint64_t number = random % 3000;
      const std::uint64_t kind = random >> 32 & 3;
      kind <= 1 ? map.put(number) : kind == 2 ? map.erase(number) : map.get(number);
    }
    CHECK(map.migrations() >= 3);
  });
}

TEST("a large table is given back in slices") {
  AdaptiveOptions options = options_of("swiss", 4096);
  Budgeted map(options);
  map.put_until_moving(400'000);
  const std::uint64_t released = work().released_bytes;
  std::uint64_t operations = 0;
  for (; map.is_moving(); ++operations) map.get(operations);
  // 524,288 slots of 17 bytes, 64 KiB an operation.
  CHECK(operations >= 128);
  CHECK(work().released_bytes - released >= (std::uint64_t{8} << 20));
}

TEST("reads alone end a migration") {
  on_each_layout([](Budgeted& map) {
    map.put_until_moving(1000);
    std::uint64_t reads = 0;
    for (; map.is_moving(); ++reads) map.get(reads % 2000);
    CHECK(reads > 0 && reads <= 3000);
  });
}

TEST("deletions alone end a migration") {
  on_each_layout([](Budgeted& map) {
    map.put_until_moving(1000);
    const std::uint64_t size = map.size();
    for (std::uint64_t number = 0; number < size; ++number) map.erase(number);
    CHECK_EQ(map.size(), 0u);
    for (std::uint64_t i = 0; map.is_moving() && i < 3000; ++i) map.erase(i);
    CHECK(!map.is_moving());
  });
}

TEST("a migration in which every entry is deleted from the end on leaves an empty map") {
  on_each_layout([](Budgeted& map) {
    map.put_until_moving(500);
    for (std::uint64_t number = map.size(); number-- > 0;) map.erase(number);
    CHECK_EQ(map.subject().map().next(0), map.subject().map().end());
    for (std::uint64_t number = 0; number < 500; ++number) map.put(number);
  });
}

// Otherwise the entries still in the old table would have to be moved at once; work would show it.
TEST("insertions of a map that is always pinned never outrun a migration") {
  on_each_layout([](Budgeted& map) {
    map.subject().map().pin();
    for (std::uint64_t number = 0; number < 10'000; ++number) map.put(number);
    CHECK(map.migrations() >= 5);
    map.subject().map().unpin();
  });
}

// The naive version copies old entries over whatever the new table holds by then.
TEST("a migration never lets an older entry overwrite a newer put") {
  on_each_layout([](Budgeted& map) {
    map.put_until_moving(1000);
    const std::uint64_t size = map.size();
    for (std::uint64_t number = size; number-- > 0;) map.subject().put(number, number + 1);
    while (map.is_moving()) map.get(0);
    for (std::uint64_t number = 0; number < size; ++number) map.get(number);
  });
}

TEST("a key deleted during a migration and put again has its newest value") {
  on_each_layout([](Budgeted& map) {
    map.put_until_moving(600);
    const std::uint64_t size = map.size();
    for (std::uint64_t number = size; number-- > 0;) {
      map.erase(number);
      map.subject().put(number, number + 7);
      map.erase(number / 2);
    }
    while (map.is_moving()) map.get(0);
  });
}

// Tombstones count as load, so churn at a constant size purges; that too goes step by step.
TEST("churn at a constant size stays within a step an operation and does not grow") {
  on_each_layout([](Budgeted& map) {
    for (std::uint64_t number = 0; number < 1000; ++number) map.put(number);
    for (std::uint64_t number = 0; number < 15'000; ++number) {
      map.erase(number);
      map.put(number + 1000);
    }
    while (map.is_moving()) map.get(0);
    CHECK(map.subject().map().stats(0).capacity <= 16'384);
  });
}

TEST("changes of layout stay within a step an operation") {
  AdaptiveOptions options = options_of("swiss", 3);
  options.layout_switching = true;
  options.decision_window = 1;
  options.hysteresis = 0;
  Budgeted map(options);
  std::uint64_t next = 0;
  for (int phase = 0; phase < 12; ++phase) {
    for (int i = 0; i < 400; ++i) map.put(next++);
    for (int i = 0; i < 5000; ++i) {
      map.get(phase % 2 == 0 ? static_cast<std::uint64_t>(i) % next : next + 1);
    }
  }
  CHECK(map.subject().map().stats(0).decisions.size() >= 10);
  map.subject().check();
}

TEST("taking a new seed stays within a step an operation") {
  const auto keys = map_testing::colliding_integers(adhash::Hasher(kSeed), 1500, 12);
  for (const std::string_view layout : CountedLayouts::kNames) {
    CountedMap map(kSeed, 0, options_of(layout, 2));
    for (const std::uint64_t key : keys) {
      const TableWork before = work();
      map.put(key, ~key);
      CHECK(work().inserted - before.inserted <= 3);
      CHECK(work().scanned - before.scanned <= 8);
    }
    CHECK(map.stats(0).reseeds >= 1);
    map_testing::require_consistent<IntKey, WordValue>(map);
    for (const std::uint64_t key : keys) {
      std::uint64_t value = 0;
      CHECK(map.get(key, value) && value == ~key);
    }
  }
}

// The naive version walks the table after each put to see how it fares: n puts cost n squared.
TEST("puts of a map of one table look at few positions each, growth included") {
  const auto scanned_a_put = []<class Table>(std::type_identity<Table>) {
    constexpr std::uint64_t kPuts = 50'000;
    adhash::EngineMap<IntKey, WordValue, adhash::SingleTableMap<Table>> map(kSeed, 0);
    const TableWork before = work();
    for (std::uint64_t key = 0; key < kPuts; ++key) map.put(key, key);
    CHECK(work().inserted - before.inserted <= 3 * kPuts);
    return static_cast<double>(work().scanned - before.scanned) / kPuts;
  };
  CHECK(scanned_a_put(std::type_identity<map_testing::CountedSwiss>{}) < 4);
  CHECK(scanned_a_put(std::type_identity<map_testing::CountedRobinHood>{}) < 4);
  CHECK(scanned_a_put(std::type_identity<map_testing::CountedChaining>{}) < 5);
}
