// Replay: operations of a trace on a map, in order, counted and timed.
//
// Counters, not clocks, in the hot loop: a time stamp around every look-up would end the overlap of
// cache misses and turn 4 ns into 57. So
//   - one operation in `sample_every`, on average, is timed, and stands for that many in the
//     histogram; each of the first kTimedAtStart is timed, for itself, or a short trace would have
//     the latencies of its slow paths only;
//   - every slow path times itself (pauses.hpp) and enters the histogram as one operation, so the
//     tail is exact: a growth step can hide between two samples, but not from this;
//   - in an open loop (`rate`) every operation has an intended start, and its latency counts from
//     there. A pause is then seen by every operation that it delays, not only by the one it hit.
//
// Reference: G. Tene, "How NOT to measure latency", 2013 (coordinated omission).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <unordered_map>

#include "adhash/batch.hpp"
#include "adhash/interrupt.hpp"
#include "adhash/latency.hpp"
#include "adhash/operation.hpp"
#include "adhash/pauses.hpp"

namespace adhash {

struct ReplayOptions {
  std::uint64_t sample_every = 1024;  // 0: none is timed
  double rate = 0;                    // operations a second; 0: closed loop
  bool verify = false;                // check every answer against a reference model
};

struct ReplayCounters {
  std::array<std::uint64_t, 3> by_kind{};   // operations, indexed by OpKind
  std::array<std::uint64_t, 3> positive{};  // hits, new keys, keys found to delete
  std::uint64_t checked = 0;
  std::uint64_t mismatches = 0;
  std::uint64_t parse_ns = 0;
  std::uint64_t execute_ns = 0;

  std::uint64_t of(OpKind kind) const { return by_kind[static_cast<std::size_t>(kind)]; }
  std::uint64_t rows() const { return by_kind[0] + by_kind[1] + by_kind[2]; }
  std::uint64_t hits() const { return positive[0]; }
  std::uint64_t misses() const { return by_kind[0] - positive[0]; }
  std::uint64_t inserts() const { return positive[1]; }
  std::uint64_t updates() const { return by_kind[1] - positive[1]; }
  std::uint64_t deletes_found() const { return positive[2]; }
};

// What clock readings themselves cost: the smallest of many differences.
inline std::uint64_t clock_overhead_ns() {
  static const std::uint64_t overhead = [] {
    std::uint64_t least = ~std::uint64_t{0};
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t start = steady_now_ns();
      const std::uint64_t elapsed = steady_now_ns() - start;
      if (elapsed < least) least = elapsed;
    }
    return least;
  }();
  return overhead;
}

// The reference model of --verify: standard maps with the standard hash, sharing no code with the
// engines. There are many small ones, because a large one takes seconds for a rehash or its end,
// and nothing can interrupt either.
template <class Key, class Value>
class ReferenceModel {
 public:
  using KeyView = typename Key::View;
  using ValueView = typename Value::View;

  bool put(KeyView key, ValueView value) {
    return part_of(key).insert_or_assign(OwnedKey(key), OwnedValue(value)).second;
  }
  bool erase(KeyView key) { return part_of(key).erase(OwnedKey(key)) == 1; }
  // Whether a look-up's answer is right. `value` is nullptr for a miss.
  bool agrees(KeyView key, const ValueView* value) const {
    const Map& part = part_of(key);
    const auto found = part.find(OwnedKey(key));
    if (found == part.end() || value == nullptr) return (found == part.end()) == (value == nullptr);
    return ValueView(found->second) == *value;
  }
  // The part of a key. The standard hash of an integer is the integer, so its bits are mixed, and
  // well: a single multiplication deals keys in sequence out so evenly that all parts would grow at
  // the same operation.
  static std::size_t part_number(KeyView key) {
    std::uint64_t bits = std::hash<KeyView>()(key);
    for (const std::uint64_t factor : {0xD6E8FEB86659FD93u, 0xA0761D6478BD642Fu}) {
      bits = (bits ^ bits >> 32) * factor;
    }
    return (bits ^ bits >> 32) % kParts;
  }
  static constexpr std::size_t kParts = 256;

  // Gives the entries back, a part at a time; then asks `check`. Throws Interrupted.
  void drain(StopCheck& check) {
    for (Map& part : parts_) {
      part = Map();
      if (check.should_stop()) throw Interrupted();
    }
  }

 private:
  template <class View>
  using Held = std::conditional_t<std::is_same_v<View, std::string_view>, std::string, View>;
  using OwnedKey = Held<KeyView>;
  using OwnedValue = Held<ValueView>;
  using Map = std::unordered_map<OwnedKey, OwnedValue>;

  Map& part_of(KeyView key) { return parts_[part_number(key)]; }
  const Map& part_of(KeyView key) const { return parts_[part_number(key)]; }
  std::array<Map, kParts> parts_;
};

// What a replay knows so far. One recorder serves one map, across all its batches.
template <class Key, class Value>
class ReplayRecorder {
 public:
  using KeyView = typename Key::View;
  using ValueView = typename Value::View;

  explicit ReplayRecorder(const ReplayOptions& options)
      : options_(options),
        timed_at_start_(options.sample_every == 0 ? 0 : kTimedAtStart),
        until_sample_(timed_at_start_ > 0 ? 1 : next_sample_distance()),
        model_(options.verify ? std::make_unique<ReferenceModel<Key, Value>>() : nullptr) {}

  const ReplayOptions& options() const { return options_; }
  ReplayCounters& counters() { return counters_; }
  const ReplayCounters& counters() const { return counters_; }
  ReferenceModel<Key, Value>* model() { return model_.get(); }
  // Leaves the model's memory to the end of the process, because giving it back takes long.
  void abandon_model() { static_cast<void>(model_.release()); }
  const LatencyHistogram& latency(OpKind kind) const { return latency_[static_cast<int>(kind)]; }

  // How many operations pass until one is timed. Distances are random around their mean, so that
  // no period of the trace or of the map can hide from the samples or fill them.
  std::uint64_t next_sample_distance() {
    constexpr std::uint64_t kNever = ~std::uint64_t{0} >> 1;
    if (options_.sample_every == 0) return kNever;
    return 1 + splitmix64(sample_state_) % (2 * options_.sample_every - 1);
  }
  std::uint64_t& until_sample() { return until_sample_; }
  // Sets when the next operation is timed; returns how many the one being timed stands for.
  std::uint64_t take_sample_weight() {
    const bool at_start = timed_at_start_ > 0;
    if (at_start) --timed_at_start_;
    until_sample_ = timed_at_start_ > 0 ? 1 : next_sample_distance();
    return at_start ? 1 : options_.sample_every;
  }
  void add_latency(OpKind kind, std::uint64_t ns, std::uint64_t weight) {
    latency_[static_cast<int>(kind)].add(ns, weight);
  }

  // The open loop's schedule: when operation number `rows` was meant to start.
  std::uint64_t intended_start_ns() {
    const std::uint64_t rows = counters_.rows();
    if (rows == 0) first_start_ns_ = steady_now_ns();
    return first_start_ns_ +
           static_cast<std::uint64_t>(static_cast<double>(rows) * 1e9 / options_.rate);
  }

 private:
  ReplayOptions options_;
  static constexpr std::uint64_t kTimedAtStart = 1024;

  std::uint64_t sample_state_ = 0;
  std::uint64_t timed_at_start_;
  std::uint64_t until_sample_;
  ReplayCounters counters_;
  std::array<LatencyHistogram, 3> latency_;
  std::uint64_t first_start_ns_ = 0;
  std::unique_ptr<ReferenceModel<Key, Value>> model_;
};

// Runs one operation and counts its outcome; the operation itself is the caller's to count.
template <bool kVerify, class Map, class Recorder>
ADHASH_ALWAYS_INLINE void run_operation(Map& map, Recorder& recorder, OpKind kind,
                                        typename Map::KeyView key,
                                        const typename Map::ValueView& value, Hash hash) {
  ReplayCounters& counters = recorder.counters();
  bool positive = false;
  switch (kind) {
    case OpKind::get: {
      const auto* slot = map.find(key, hash);
      positive = slot != nullptr;
      if constexpr (kVerify) {
        typename Map::ValueView answer{};
        if (slot != nullptr) answer = map.value_of(*slot);
        counters.mismatches += !recorder.model()->agrees(key, slot != nullptr ? &answer : nullptr);
      }
      break;
    }
    case OpKind::put:
      positive = map.put(key, hash, value);
      if constexpr (kVerify) counters.mismatches += recorder.model()->put(key, value) != positive;
      break;
    case OpKind::del:
      positive = map.erase(key, hash);
      if constexpr (kVerify) counters.mismatches += recorder.model()->erase(key) != positive;
      break;
  }
  counters.positive[static_cast<std::size_t>(kind)] += positive;
  if constexpr (kVerify) ++counters.checked;
}

// The same, timed, and standing for the operations around it. A slow path inside times itself.
template <bool kVerify, class Map, class Recorder>
ADHASH_COLD void run_sampled(Map& map, Recorder& recorder, OpKind kind, typename Map::KeyView key,
                             const typename Map::ValueView& value, Hash hash) {
  const std::uint64_t pauses = map.pauses().count();
  const std::uint64_t start_ns = steady_now_ns();
  run_operation<kVerify>(map, recorder, kind, key, value, hash);
  const std::uint64_t elapsed_ns = steady_now_ns() - start_ns;
  const std::uint64_t weight = recorder.take_sample_weight();
  if (map.pauses().count() != pauses) return;
  const std::uint64_t overhead_ns = clock_overhead_ns();
  recorder.add_latency(kind, elapsed_ns > overhead_ns ? elapsed_ns - overhead_ns : 0, weight);
}

// Counts the operations [from, next) by their kinds when a scope ends, also if an exception ends
// it.
template <class Batch>
class CountOperations {
 public:
  CountOperations(ReplayCounters& counters, const Batch& batch, const std::size_t& next)
      : counters_(counters), batch_(batch), from_(next), next_(next) {}
  ~CountOperations() {
    for (std::size_t i = from_; i < next_; ++i) {
      ++counters_.by_kind[static_cast<std::size_t>(batch_.op[i])];
    }
  }
  CountOperations(const CountOperations&) = delete;
  CountOperations& operator=(const CountOperations&) = delete;

 private:
  ReplayCounters& counters_;
  const Batch& batch_;
  const std::size_t from_;
  const std::size_t& next_;
};

// Runs operations [next, batch.size) as fast as possible. An operation that throws did nothing and
// is not counted: `next` is then its index, and it may be tried again.
template <bool kVerify, class Map, class Recorder, class Batch>
void run_closed_loop(Map& map, Recorder& recorder, const Batch& batch, std::size_t& next) {
  const CountOperations<Batch> counted(recorder.counters(), batch, next);
  const std::size_t from = next;
  std::uint64_t pauses_seen = map.pauses().count();
  for_each_hashed(
      map, batch.size - from, [&](std::size_t i) { return batch.key[from + i]; },
      [&](auto& session, std::size_t i, Hash hash) {
        const OpKind kind = batch.op[from + i];
        try {
          if (--recorder.until_sample() == 0) [[unlikely]] {
            run_sampled<kVerify>(session, recorder, kind, batch.key[from + i],
                                 batch.value[from + i], hash);
          } else {
            run_operation<kVerify>(session, recorder, kind, batch.key[from + i],
                                   batch.value[from + i], hash);
          }
        } catch (...) {
          ++recorder.until_sample();
          next = from + i;
          throw;
        }
        if (map.pauses().count() != pauses_seen) [[unlikely]] {
          pauses_seen = map.pauses().count();
          recorder.add_latency(kind, map.pauses().last_ns(), 1);
        }
      });
  next = batch.size;
}

// Sleeps for most of a long wait and spins for the rest: a sleep alone wakes too late.
inline void wait_until(std::uint64_t moment_ns) {
  constexpr std::uint64_t kSpinNs = 100'000;
  for (std::uint64_t now_ns = steady_now_ns(); now_ns < moment_ns; now_ns = steady_now_ns()) {
    if (moment_ns - now_ns <= kSpinNs) continue;
    std::this_thread::sleep_for(std::chrono::nanoseconds(moment_ns - now_ns - kSpinNs));
  }
}

// Runs operations from `next` on, each not before its intended start, until `deadline_ns`.
template <bool kVerify, class Map, class Recorder, class Batch>
void run_open_loop(Map& map, Recorder& recorder, const Batch& batch, std::size_t& next,
                   std::uint64_t deadline_ns) {
  while (next < batch.size) {
    const std::uint64_t intended_ns = recorder.intended_start_ns();
    if (intended_ns >= deadline_ns) return;
    wait_until(intended_ns);
    const OpKind kind = batch.op[next];
    const auto key = batch.key[next];
    run_operation<kVerify>(map, recorder, kind, key, batch.value[next], map.hash(key));
    ++next;
    ++recorder.counters().by_kind[static_cast<std::size_t>(kind)];
    recorder.add_latency(kind, steady_now_ns() - intended_ns, 1);
    if (steady_now_ns() >= deadline_ns) return;
  }
}

// Runs a batch from operation `next` on and moves `next` past what was done: to the end, except
// where an exception or, in an open loop, the deadline came first.
template <class Map, class Recorder, class Batch>
void run_batch(Map& map, Recorder& recorder, const Batch& batch, std::size_t& next,
               std::uint64_t deadline_ns) {
  const bool verify = recorder.options().verify;
  if (recorder.options().rate > 0) {
    verify ? run_open_loop<true>(map, recorder, batch, next, deadline_ns)
           : run_open_loop<false>(map, recorder, batch, next, deadline_ns);
  } else {
    verify ? run_closed_loop<true>(map, recorder, batch, next)
           : run_closed_loop<false>(map, recorder, batch, next);
  }
}

}  // namespace adhash
