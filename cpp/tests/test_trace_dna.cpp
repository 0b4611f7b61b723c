// What a trace is like: its parts against plain models, on traces drawn at random.
#include <algorithm>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "adhash/heavy_hitters.hpp"
#include "adhash/log_scale.hpp"
#include "adhash/reuse_stack.hpp"
#include "adhash/text_lengths.hpp"
#include "adhash/trace_dna.hpp"
#include "testing.hpp"

namespace {

using namespace adhash;

std::mt19937_64 chance() {
  return std::mt19937_64(testing::random_seed());
}

// Some numbers of every size.
std::vector<std::uint64_t> numbers_below(unsigned bits) {
  std::vector<std::uint64_t> numbers{0};
  for (unsigned bit = 0; bit < bits; ++bit) {
    const std::uint64_t power = std::uint64_t{1} << bit;
    for (const std::uint64_t number : {power - 1, power, power + 1}) numbers.push_back(number);
  }
  auto random = chance();
  for (unsigned i = 0; i < 2000; ++i) numbers.push_back(random() >> (64 - bits + i % bits));
  return numbers;
}

TEST("buckets of the scale hold their number and are a quarter of an octave wide") {
  for (const std::uint64_t number : numbers_below(53)) {
    const std::size_t bucket = scale_bucket(number);
    CHECK(bucket < kScaleBuckets);
    if (number < 4) {
      CHECK_EQ(scale_bucket(number) == 0, number == 0);
      continue;
    }
    const auto octave = static_cast<unsigned>(std::bit_width(number)) - 1;
    const std::uint64_t quarter = number >> (octave - 2) & 3;
    CHECK_EQ(bucket, 1 + 4 * std::size_t{octave} + quarter);
  }
}

TEST("digits are counted as they are written") {
  for (const std::uint64_t number : numbers_below(64)) {
    CHECK_EQ(decimal_digits(number), std::to_string(number).size());
    const auto is_signed = static_cast<std::int64_t>(number);
    CHECK_EQ(text_length(number, true), std::to_string(is_signed).size());
  }
  std::uint64_t power = 1;
  for (unsigned digits = 1; digits <= 20; ++digits, power *= 10) {
    CHECK_EQ(decimal_digits(power), digits);
    if (power > 1) CHECK_EQ(decimal_digits(power - 1), digits - 1);
  }
}

// A stack as one would write it, and the places of its keys.
class NaiveStack {
 public:
  // The distance of the key, or -1 where it is new; the key is on top then.
  std::int64_t touch(std::uint64_t key) {
    std::int64_t distance = 0;
    for (auto at = keys_.begin(); at != keys_.end(); ++at, ++distance) {
      if (*at != key) continue;
      keys_.erase(at);
      keys_.push_front(key);
      return distance;
    }
    keys_.push_front(key);
    return -1;
  }
  void remove(std::uint64_t key) { keys_.remove(key); }

 private:
  std::list<std::uint64_t> keys_;
};

TEST("distances are those of a stack, over many gatherings") {
  auto random = chance();
  ReuseStack stack;
  NaiveStack naive;
  std::map<std::uint64_t, ReuseStack::Place> places;
  std::size_t gatherings = 0;
  for (unsigned i = 0; i < 60'000; ++i) {
    if (stack.room() == 0) {
      ++gatherings;
      stack.gather([&](auto move) {
        for (auto& [key, place] : places) move(place);
      });
    }
    // Most keys come again soon, some after a long time.
    const std::uint64_t key = random() % (random() % 8 == 0 ? 1500 : 40);
    const std::int64_t expected = naive.touch(key);
    const auto held = places.find(key);
    CHECK_EQ(held == places.end(), expected < 0);
    if (held == places.end()) {
      places.emplace(key, stack.push());
    } else {
      CHECK_EQ(static_cast<std::int64_t>(stack.touch(held->second)), expected);
    }
    if (random() % 64 == 0) {
      naive.remove(key);
      stack.remove(places.at(key));
      places.erase(key);
    }
    CHECK_EQ(stack.size(), places.size());
  }
  CHECK(gatherings > 5);
}

TEST("distances over several hyper parts of the line are right") {
  ReuseStack stack;
  std::vector<ReuseStack::Place> places;
  constexpr std::size_t kKeys = std::size_t{3} << 20;
  const auto gather = [&] {
    stack.gather([&](auto move) {
      for (ReuseStack::Place& place : places) move(place);
    });
  };
  for (std::size_t key = 0; key < kKeys; ++key) {
    if (stack.room() == 0) gather();
    places.push_back(stack.push());
  }
  // Touching the keys in their order finds all others behind each of them.
  for (std::size_t key = 0; key < kKeys; key += 4097) {
    if (stack.room() == 0) gather();
    const std::size_t touched = (key + 4096) / 4097;
    CHECK_EQ(stack.touch(places[key]), kKeys - 1 - key + touched);
  }
}

TEST("a sketch keeps the bounds of Misra and Gries") {
  auto random = chance();
  for (const std::size_t capacity : {1, 3, 20}) {
    HeavyHitters<IntKey> sketch(7, capacity, 1 << 20);
    std::map<std::uint64_t, std::uint64_t> exact;
    std::uint64_t rows = 0;
    for (unsigned batch = 0; batch < 50; ++batch) {
      std::vector<std::uint64_t> keys(random() % 40);
      for (auto& key : keys) key = random() % 4 == 0 ? random() % 100 : random() % 4;
      for (const auto key : keys) ++exact[key];
      rows += keys.size();
      sketch.add_rows(keys.size(), [&](std::size_t i) { return keys[i]; });
      CHECK(sketch.error() <= rows / (capacity + 1));
    }
    sketch.cut();
    CHECK(sketch.size() <= capacity);
    std::map<std::uint64_t, std::uint64_t> held;
    sketch.for_each([&](std::uint64_t key, std::uint64_t count) { held[key] = count; });
    for (const auto& [key, count] : exact) {
      CHECK(held[key] <= count);
      CHECK(count <= held[key] + sketch.error());
    }
  }
}

TEST("a sketch holds no more bytes than it may") {
  HeavyHitters<BytesKey> sketch(7, 1000, 10'000);
  std::vector<std::string> keys;
  for (unsigned i = 0; i < 1000; ++i) keys.push_back(std::string(100, 'x') + std::to_string(i));
  for (unsigned i = 0; i < 1000; ++i) sketch.add(keys[i], i + 1);
  sketch.cut();
  CHECK(sketch.size() > 40);
  CHECK(sketch.size() < 100);
  CHECK(sketch.error() >= 900);
}

// The same trace, counted again.
struct Row {
  OpKind op;
  std::uint64_t key;
};

std::vector<Row> random_rows(std::size_t count, std::uint64_t keys) {
  auto random = chance();
  std::vector<Row> rows;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t key = random() % (1 + random() % keys);
    rows.push_back({static_cast<OpKind>(random() % 3), key});
  }
  return rows;
}

std::unique_ptr<TraceDna<IntKey>> counted(const std::vector<Row>& rows, std::size_t batch_rows,
                                          const TraceDnaOptions& options) {
  auto dna = std::make_unique<TraceDna<IntKey>>(options);
  const auto batch = std::make_unique<OperationBatch<IntKey, WordValue>>();
  for (std::size_t first = 0; first < rows.size(); first += batch_rows) {
    batch->size = std::min(batch_rows, rows.size() - first);
    for (std::size_t i = 0; i < batch->size; ++i) {
      batch->op[i] = rows[first + i].op;
      batch->key[i] = rows[first + i].key;
      batch->value[i] = i;
    }
    dna->add(*batch);
  }
  dna->finish();
  return dna;
}

std::int64_t sum_of(const std::int64_t* line, std::size_t bins) {
  std::int64_t sum = 0;
  for (std::size_t bin = 0; bin < bins; ++bin) sum += line[bin];
  return sum;
}

TEST_EACH_ISA("counts do not depend on how the trace is cut") {
  const auto rows = random_rows(30'000, 3000);
  const auto whole = counted(rows, 2048, {});
  const auto cut = counted(rows, 37, {.seed = 5});
  const auto same = [&](auto member) {
    const auto& a = whole->followed().*member;
    const auto& b = cut->followed().*member;
    return std::equal(a.line(0), a.line(1), b.line(0));
  };
  CHECK(same(&FollowedCounts::outcomes));
  CHECK(same(&FollowedCounts::get_distances));
  CHECK(same(&FollowedCounts::gaps));
  CHECK(same(&FollowedCounts::lifetimes));
  CHECK(whole->phase_windows().cells() == cut->phase_windows().cells());
  CHECK(whole->phase_windows().registers() == cut->phase_windows().registers());
  const auto& keys = whole->key_windows().keys();
  CHECK(std::equal(keys.line(0), keys.line(1), cut->key_windows().keys().line(0)));
}

TEST("windows that were joined hold what was in both") {
  const auto rows = random_rows(10'000, 500);
  const auto dna = counted(rows, 100, {});
  const KeyWindows& windows = dna->key_windows();
  for (std::size_t window = 0; window << windows.shift() < rows.size(); ++window) {
    std::set<std::uint64_t> distinct;
    std::map<std::size_t, std::int64_t> by_cohort;
    const std::size_t end = std::min(rows.size(), (window + 1) << windows.shift());
    std::map<std::uint64_t, std::size_t> first;
    for (std::size_t row = 0; row < end; ++row) {
      const std::size_t cohort = first.try_emplace(rows[row].key, row).first->second;
      if (row >> windows.shift() != window) continue;
      distinct.insert(rows[row].key);
      ++by_cohort[cohort >> windows.shift()];
    }
    const std::int64_t* keys = windows.keys().line(0) + window * KeyWindows::kBefore;
    CHECK_EQ(sum_of(keys, KeyWindows::kBefore), static_cast<std::int64_t>(distinct.size()));
    for (std::size_t cohort = 0; cohort <= window; ++cohort) {
      CHECK_EQ(windows.cohorts().line(0)[cohort * KeyWindows::kMost + window], by_cohort[cohort]);
    }
  }
}

TEST("a sample keeps what it knows of the keys that stay") {
  const auto rows = random_rows(50'000, 20'000);
  const auto all = counted(rows, 500, {});
  const auto some = counted(rows, 500, {.max_keys = 1000, .sketch_keys = 100});
  CHECK(!some->sample().is_all());
  CHECK(some->histories().size() <= 1000);
  CHECK(some->histories().size() > 100);
  some->histories().for_each([&](std::uint64_t key, std::uint32_t number) {
    CHECK(some->sample().has(sampling_hash(key)));
    const KeyHistory& in_sample = some->histories().at(number);
    const std::int64_t in_all = all->histories().find(key);
    CHECK(in_all >= 0);
    const KeyHistory& exact = all->histories().at(static_cast<std::uint32_t>(in_all));
    CHECK_EQ(in_sample.rows + 0, exact.rows + 0);
    CHECK_EQ(in_sample.first_row + 0, exact.first_row + 0);
    CHECK_EQ(in_sample.last_row + 0, exact.last_row + 0);
    CHECK_EQ(in_sample.state + 0, exact.state + 0);
  });
  CHECK(some->sketch() != nullptr);
  CHECK(all->sketch() == nullptr);
}

TEST("bytes of keys are limited as well") {
  std::vector<std::string> keys;
  for (unsigned i = 0; i < 1000; ++i) keys.push_back(std::to_string(i) + std::string(100, 'y'));
  TraceDna<BytesKey> dna({.max_key_bytes = 10'000});
  const auto batch = std::make_unique<OperationBatch<BytesKey, BytesValue>>();
  batch->size = keys.size();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    batch->op[i] = OpKind::put;
    batch->key[i] = keys[i];
    batch->value[i] = "v";
  }
  dna.add(*batch);
  CHECK(dna.histories().size() <= 100);
  CHECK(dna.histories().size() > 10);
  CHECK_EQ(dna.rows(), 1000u);
}

class StopsAtOnce final : public StopCheck {
 public:
  bool should_stop() override { return true; }
};

TEST("counting that is told to stop stops") {
  StopsAtOnce check;
  TraceDna<IntKey> dna({});
  dna.set_stop_check(&check);
  const auto batch = std::make_unique<OperationBatch<IntKey, WordValue>>();
  batch->size = OperationBatch<IntKey, WordValue>::kCapacity;
  std::uint64_t next = 0;
  const auto count_all = [&] {
    for (unsigned i = 0; i < 200; ++i) {
      for (std::size_t row = 0; row < batch->size; ++row) {
        batch->op[row] = OpKind::get;
        batch->key[row] = next++;
      }
      dna.add(*batch);
    }
  };
  CHECK_THROWS(Interrupted, count_all());
}

TEST("integer keys are followed in their own order") {
  IntegerOrder order(true);
  const auto word = [](std::int64_t key) { return static_cast<std::uint64_t>(key); };
  const std::vector<std::uint64_t> keys{word(-2),        word(-1),       0, 1, 1, 0,
                                        word(INT64_MAX), word(INT64_MIN)};
  order.add(keys.data(), 3);
  order.add(keys.data() + 3, keys.size() - 3);
  order.finish();
  CHECK_EQ(order.next_up(), 3u);
  CHECK_EQ(order.longest_run(), 3u);
  CHECK_EQ(order.same(), 1u);
  CHECK_EQ(order.next_down(), 1u);
  CHECK_EQ(order.up(), 4u);
  CHECK_EQ(static_cast<std::int64_t>(order.least()), INT64_MIN);
  CHECK_EQ(static_cast<std::int64_t>(order.greatest()), INT64_MAX);
  CHECK_EQ(order.common_step(), 1u);
  IntegerOrder pointers(false);
  const std::vector<std::uint64_t> aligned{4096, 4096 + 48, 16, 4096 + 160};
  pointers.add(aligned.data(), aligned.size());
  CHECK_EQ(pointers.common_step(), 16u);
}

}  // namespace
