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
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <unordered_map>

#include "adhash/batch.hpp"
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

// The reference model of --verify: the standard map with the standard hash, sharing no code with
// the engines.
template <class Key, class Value>
class ReferenceModel {
 public:
  using KeyView = typename Key::View;
  using ValueView = typename Value::View;

  bool put(KeyView key, ValueView value) {
    return map_.insert_or_assign(OwnedKey(key), OwnedValue(value)).second;
  }
  bool erase(KeyView key) { return map_.erase(OwnedKey(key)) == 1; }
  // Whether a look-up's answer is right. `value` is nullptr for a miss.
  bool agrees(KeyView key, const ValueView* value) const {
    const auto found = map_.find(OwnedKey(key));
    if (found == map_.end() || value == nullptr) return (found == map_.end()) == (value == nullptr);
    return ValueView(found->second) == *value;
  }
  std::size_t size() const { return map_.size(); }

 private:
  template <class View>
  using Held = std::conditional_t<std::is_same_v<View, std::string_view>, std::string, View>;
  using OwnedKey = Held<KeyView>;
  using OwnedValue = Held<ValueView>;
  std::unordered_map<OwnedKey, OwnedValue> map_;
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

// Runs operations [from, batch.size) as fast as possible.
template <bool kVerify, class Map, class Recorder, class Batch>
void run_closed_loop(Map& map, Recorder& recorder, const Batch& batch, std::size_t from) {
  std::uint64_t pauses_seen = map.pauses().count();
  for_each_hashed(
      map, batch.size - from, [&](std::size_t i) { return batch.key[from + i]; },
      [&](auto& session, std::size_t i, Hash hash) {
        const OpKind kind = batch.op[from + i];
        if (--recorder.until_sample() == 0) [[unlikely]] {
          run_sampled<kVerify>(session, recorder, kind, batch.key[from + i], batch.value[from + i],
                               hash);
        } else {
          run_operation<kVerify>(session, recorder, kind, batch.key[from + i],
                                 batch.value[from + i], hash);
        }
        if (map.pauses().count() != pauses_seen) [[unlikely]] {
          pauses_seen = map.pauses().count();
          recorder.add_latency(kind, map.pauses().last_ns(), 1);
        }
      });
  for (std::size_t i = from; i < batch.size; ++i) {
    ++recorder.counters().by_kind[static_cast<std::size_t>(batch.op[i])];
  }
}

// Sleeps for most of a long wait and spins for the rest: a sleep alone wakes too late.
inline void wait_until(std::uint64_t moment_ns) {
  constexpr std::uint64_t kSpinNs = 100'000;
  for (std::uint64_t now_ns = steady_now_ns(); now_ns < moment_ns; now_ns = steady_now_ns()) {
    if (moment_ns - now_ns <= kSpinNs) continue;
    std::this_thread::sleep_for(std::chrono::nanoseconds(moment_ns - now_ns - kSpinNs));
  }
}

// Runs operations from `from` on, each not before its intended start, until `deadline_ns`. Returns
// the next operation's index.
template <bool kVerify, class Map, class Recorder, class Batch>
std::size_t run_open_loop(Map& map, Recorder& recorder, const Batch& batch, std::size_t from,
                          std::uint64_t deadline_ns) {
  for (std::size_t i = from; i < batch.size; ++i) {
    const std::uint64_t intended_ns = recorder.intended_start_ns();
    if (intended_ns >= deadline_ns) return i;
    wait_until(intended_ns);
    const auto key = batch.key[i];
    run_operation<kVerify>(map, recorder, batch.op[i], key, batch.value[i], map.hash(key));
    ++recorder.counters().by_kind[static_cast<std::size_t>(batch.op[i])];
    recorder.add_latency(batch.op[i], steady_now_ns() - intended_ns, 1);
    if (steady_now_ns() >= deadline_ns) return i + 1;
  }
  return batch.size;
}

// Runs a batch from operation `from` on and returns where it stopped: the end, except in an open
// loop whose deadline came first.
template <class Map, class Recorder, class Batch>
std::size_t run_batch(Map& map, Recorder& recorder, const Batch& batch, std::size_t from,
                      std::uint64_t deadline_ns) {
  const bool verify = recorder.options().verify;
  if (recorder.options().rate > 0) {
    return verify ? run_open_loop<true>(map, recorder, batch, from, deadline_ns)
                  : run_open_loop<false>(map, recorder, batch, from, deadline_ns);
  }
  verify ? run_closed_loop<true>(map, recorder, batch, from)
         : run_closed_loop<false>(map, recorder, batch, from);
  return batch.size;
}

}  // namespace adhash
