// Long work that is told to stop: the operation it belongs to did not happen, all before it did,
// and it can be tried again.
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adhash/interrupt.hpp"
#include "map_cases.hpp"

namespace {

using adhash::Interrupted;
using adhash::OpKind;
using map_testing::Subject;

// Says "stop" when it was asked for the n-th time, and ever after. With `leaves_work`, work that
// cannot be stopped may be left.
class StopAt : public adhash::StopCheck {
 public:
  explicit StopAt(std::uint64_t n, bool leaves_work = false)
      : until_stop_(n), leaves_work_(leaves_work) {}
  bool may_leave_work(std::size_t) const override { return leaves_work_; }
  bool should_stop() override {
    ++asked_;
    return asked_ >= until_stop_;
  }
  std::uint64_t asked() const { return asked_; }

 private:
  std::uint64_t until_stop_;
  bool leaves_work_;
  std::uint64_t asked_ = 0;
};

// Large enough for growth to ask twice and more.
constexpr std::uint64_t kEntries = 70'000;

bool moves_all_at_growth(std::string_view engine) {
  return engine != "adaptive" && engine != "std";
}

template <class Map>
std::uint64_t pauses_of(Map& map) {
  return map.pauses().count();
}

// Runs a batch to its end, again after each interruption, which a new check makes at its `n`-th
// question. Returns how often it was interrupted.
template <class Map, class Recorder, class Batch>
std::uint64_t replay_through_interrupts(Map& map, Recorder& recorder, const Batch& batch,
                                        std::uint64_t rows_before) {
  std::uint64_t interrupts = 0;
  std::size_t next = 0;
  while (next < batch.size) {
    StopAt check(1);
    map.set_stop_check(interrupts == 0 ? &check : nullptr);
    try {
      map.replay(recorder, batch, next, ~std::uint64_t{0});
    } catch (const Interrupted&) {
      ++interrupts;
    }
    map.set_stop_check(nullptr);
    CHECK_EQ(recorder.counters().rows(), rows_before + next);
    CHECK_EQ(recorder.counters().inserts() - recorder.counters().deletes_found(), map.size());
  }
  return interrupts;
}

// New keys, each looked up, and every eighth deleted.
template <class Key, class Value, class Batch>
void fill(Batch& batch, std::uint64_t first,
          std::vector<typename Subject<Key, Value>::OwnedKey>& keys,
          std::vector<typename Subject<Key, Value>::OwnedValue>& values) {
  keys.clear();
  values.clear();
  for (std::uint64_t i = 0; i < batch.size / 2; ++i) {
    keys.push_back(Subject<Key, Value>::key(first + i));
    values.push_back(Subject<Key, Value>::value(first + i));
  }
  for (std::size_t i = 0; i < batch.size; ++i) {
    batch.op[i] = i % 2 == 0 ? OpKind::put : (i % 16 == 1 ? OpKind::del : OpKind::get);
    batch.key[i] = keys[i / 2];
    batch.value[i] = values[i / 2];
  }
}

struct Replayed {
  adhash::ReplayCounters counters;
  std::uint64_t timed = 0;
  std::uint64_t interrupts = 0;
};

template <class Key, class Value>
Replayed replay_all(const map_testing::MapCase& map_case, const adhash::ReplayOptions& options,
                    std::uint64_t rows) {
  using Batch = adhash::OperationBatch<Key, Value>;
  auto map = adhash::make_map<Key, Value>(map_case.engine, 1, 0, map_case.options);
  adhash::ReplayRecorder<Key, Value> recorder(options);
  const auto batch = std::make_unique<Batch>();
  std::vector<typename Subject<Key, Value>::OwnedKey> keys;
  std::vector<typename Subject<Key, Value>::OwnedValue> values;
  Replayed replayed;
  for (std::uint64_t row = 0; row < rows; row += batch->size) {
    batch->size = Batch::kCapacity;
    fill<Key, Value>(*batch, row, keys, values);
    replayed.interrupts += replay_through_interrupts(*map, recorder, *batch, row);
  }
  map_testing::require_consistent(*map);
  replayed.counters = recorder.counters();
  for (const OpKind kind : {OpKind::get, OpKind::put, OpKind::del}) {
    replayed.timed += recorder.latency(kind).samples();
  }
  return replayed;
}

}  // namespace

TEST_EACH_MAP("a growth that is told to stop leaves the map as it was, and can be tried again") {
  const std::string& engine = map.map_case().engine;
  std::uint64_t interrupts = 0;
  for (std::uint64_t number = 0; number < kEntries; ++number) {
    StopAt check(1 + interrupts % 2);
    map.map().set_stop_check(&check);
    const std::uint64_t pauses = pauses_of(map.map());
    const std::uint64_t migrations =
        moves_all_at_growth(engine) ? map.map().stats(0).migrations : 0;
    try {
      map.put(number, number);
    } catch (const Interrupted&) {
      ++interrupts;
      CHECK_EQ(pauses_of(map.map()), pauses);
      CHECK_EQ(map.map().stats(0).migrations, migrations);
      map.check();
      map.map().set_stop_check(nullptr);
      CHECK(map.put(number, number));
    }
    map.map().set_stop_check(nullptr);
  }
  CHECK_EQ(interrupts > 0, moves_all_at_growth(engine));
}

TEST_EACH_MAP("a compaction that is told to stop changes nothing") {
  map.put_range(0, kEntries);
  for (std::uint64_t number = 0; number < kEntries; number += 3) map.erase(number);
  const adhash::MapStats before = map.map().stats(0);
  const std::uint64_t pauses = pauses_of(map.map());
  StopAt check(2);
  map.map().set_stop_check(&check);
  const bool asks = map.map_case().engine != "std";
  if (asks) {
    CHECK_THROWS(Interrupted, map.map().compact());
    CHECK_EQ(check.asked(), 2u);
    CHECK_EQ(map.map().stats(0).compactions, before.compactions);
    CHECK_EQ(pauses_of(map.map()), pauses);
    map.check();
  }
  map.map().set_stop_check(nullptr);
  map.map().compact();
  CHECK_EQ(map.map().stats(0).compactions, before.compactions + 1);
}

TEST_EACH_MAP("a rehash of std that is left loses nothing, and whoever comes next waits for it") {
  if (map.map_case().engine != "std") return;
  std::uint64_t left = 0;
  for (std::uint64_t number = 0; number < kEntries; ++number) {
    StopAt check(1, true);
    map.map().set_stop_check(&check);
    const adhash::MapStats before = map.map().stats(0);
    const std::uint64_t pauses = pauses_of(map.map());
    try {
      map.put(number, number);
    } catch (const Interrupted&) {
      ++left;
      // Whether the thread still works or not: what is told is what was there before.
      const adhash::MapStats after = map.map().stats(100);
      CHECK_EQ(after.size, before.size);
      CHECK_EQ(after.capacity, before.capacity);
      CHECK_EQ(after.memory_bytes, before.memory_bytes);
      CHECK_EQ(after.migrations, before.migrations);
      CHECK_EQ(map.map().memory_bytes(), before.memory_bytes);
      CHECK_EQ(pauses_of(map.map()), pauses);
      map.map().set_stop_check(nullptr);
      if (left % 2 == 0) map.check();
      CHECK(map.put(number, number));
      CHECK(map.map().stats(0).capacity > before.capacity);
    }
    map.map().set_stop_check(nullptr);
  }
  CHECK(left > 8);
  StopAt check(1, true);
  map.map().set_stop_check(&check);
  CHECK_THROWS(Interrupted, map.map().compact());
  CHECK_EQ(map.map().stats(0).compactions, 0u);
  map.map().set_stop_check(nullptr);
}

TEST_EACH_MAP("a rehash that may be left grows std as the library does by itself") {
  if (map.map_case().engine != "std") return;
  Subject<Key, Value> plain(map.map_case());
  StopAt never(~std::uint64_t{0}, true);
  map.map().set_stop_check(&never);
  for (std::uint64_t number = 0; number < kEntries; ++number) {
    map.put(number, number);
    plain.put(number, number);
    CHECK_EQ(map.map().stats(0).capacity, plain.map().stats(0).capacity);
  }
  CHECK(never.asked() > 8);
  CHECK_EQ(map.map().stats(0).migrations, plain.map().stats(0).migrations);
  CHECK(map.map().side_cpu_ns() > 0);
  CHECK_EQ(plain.map().side_cpu_ns(), 0u);
  map.map().set_stop_check(nullptr);
}

TEST_EACH_MAP("a replay counts what it did before an interruption and goes on behind it") {
  for (const bool verify : {false, true}) {
    const adhash::ReplayOptions options{3, 0, verify};
    const Replayed found = replay_all<Key, Value>(map.map_case(), options, 2 * kEntries);
    CHECK_EQ(found.interrupts > 0, moves_all_at_growth(map.map_case().engine));
    CHECK_EQ(found.counters.misses(), 0u);
    CHECK_EQ(found.counters.mismatches, 0u);
    CHECK_EQ(found.counters.checked, verify ? found.counters.rows() : 0u);
    CHECK_EQ(found.counters.deletes_found(), found.counters.rows() / 16);
    // One in three is timed, before and after interruptions.
    CHECK(found.timed > found.counters.rows() / 4);
  }
}

TEST_EACH_MAP("an interruption ends an open loop as it does a closed one") {
  const adhash::ReplayOptions options{3, 1e12, false};
  const Replayed found = replay_all<Key, Value>(map.map_case(), options, kEntries);
  CHECK_EQ(found.interrupts > 0, moves_all_at_growth(map.map_case().engine));
  CHECK_EQ(found.counters.misses(), 0u);
}

TEST_EACH_MAP("a drain gives nodes back, and some are left where it is told to stop") {
  Subject<Key, Value> drained(map.map_case());
  drained.put_range(0, kEntries);
  StopAt check(2);
  drained.map().set_stop_check(&check);
  const std::size_t before = drained.map().memory_bytes();
  if (map.map_case().engine != "std") {
    drained.map().drain();
    return drained.check();
  }
  CHECK_THROWS(Interrupted, drained.map().drain());
  CHECK(drained.map().size() > 0);
  CHECK(drained.map().size() < kEntries);
  CHECK(drained.map().memory_bytes() < before);
  map_testing::require_consistent(drained.map());
  drained.map().set_stop_check(nullptr);
  drained.map().drain();
  CHECK_EQ(drained.map().size(), 0u);
}

TEST("a drain of the reference model can be told to stop and be tried again") {
  adhash::ReferenceModel<adhash::IntKey, adhash::WordValue> model;
  for (std::uint64_t key = 0; key < 1000; ++key) CHECK(model.put(key, key));
  StopAt at_third(3);
  CHECK_THROWS(Interrupted, model.drain(at_third));
  StopAt never(~std::uint64_t{0});
  model.drain(never);
  for (std::uint64_t key = 0; key < 1000; ++key) CHECK(model.put(key, key));
}

TEST("parts of the reference model do not grow at the same operation") {
  using Model = adhash::ReferenceModel<adhash::IntKey, adhash::WordValue>;
  for (const std::uint64_t stride : {std::uint64_t{1}, std::uint64_t{0x9E3779B97F4A7C15}}) {
    std::array<std::uint64_t, Model::kParts> sizes{};
    for (std::uint64_t i = 0; i < 1000 * sizes.size(); ++i) ++sizes[Model::part_number(i * stride)];
    const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
    // Random keys spread over six standard deviations, which are 190.
    CHECK(*most - *least > 100);
    CHECK(*most - *least < 400);
  }
}

TEST("an exception of who is asked ends the work and leaves the map as it was") {
  struct Throwing : adhash::StopCheck {
    bool should_stop() override { throw std::string("no"); }
  } check;
  Subject<adhash::IntKey, adhash::WordValue> subject({"swiss", "swiss"});
  subject.put_range(0, kEntries);
  subject.map().set_stop_check(&check);
  CHECK_THROWS(std::string, subject.map().compact());
  subject.map().set_stop_check(nullptr);
  subject.check();
}
