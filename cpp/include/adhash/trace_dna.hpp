// What a trace is like: everything that is counted of it, in one pass and in bounded memory.
//
//   batch of operations
//     |  of all rows      operations, lengths, order of integers, cells and registers of windows;
//     |                   the most frequent keys, once not all keys are followed
//     v
//   numbers of keys      each key that is followed has a number and a history; the table's cache
//     |                  misses overlap (batch.hpp)
//     v
//   walk                 row by row, histories prefetched: what a map would answer, distances,
//                        gaps, lifetimes, windows
//
// Figures that need the past of a key (the walk) are exact while every key is followed. Once there
// are too many, half of them are forgotten after a batch, and rows of the others count double from
// then on (key_sample.hpp); what needs no past stays exact to the end.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "adhash/heavy_hitters.hpp"
#include "adhash/integer_order.hpp"
#include "adhash/isa.hpp"
#include "adhash/key_histories.hpp"
#include "adhash/key_sample.hpp"
#include "adhash/log_scale.hpp"
#include "adhash/operation.hpp"
#include "adhash/reuse_stack.hpp"
#include "adhash/text_lengths.hpp"
#include "adhash/trace_windows.hpp"

namespace adhash {

// What a map answers to an operation.
enum class Outcome : std::uint8_t {
  hit,
  miss_never_put,
  miss_deleted,
  insert_first,
  insert_again,
  update,
  delete_found,
  delete_missed,
};
inline constexpr std::size_t kOutcomes = 8;

struct TraceDnaOptions {
  bool is_signed = true;  // integer keys
  std::uint64_t seed = 0;
  std::size_t max_keys = std::numeric_limits<std::size_t>::max();
  std::size_t max_key_bytes = std::numeric_limits<std::size_t>::max();
  std::size_t sketch_keys = std::size_t{1} << 16;
};

// What is counted of the rows whose keys are followed; see key_sample.hpp for the lines.
struct FollowedCounts {
  // Distances and gaps have a bin of their own for first accesses, behind the buckets.
  static constexpr std::size_t kFirstAccess = kScaleBuckets;
  static constexpr std::size_t kDistanceBins = kScaleBuckets + 1;

  SampledCounts<kOutcomes> outcomes;
  SampledCounts<kDistanceBins> get_distances;
  SampledCounts<kDistanceBins> other_distances;
  SampledCounts<kDistanceBins> gaps;       // rows since the last access
  SampledCounts<kScaleBuckets> lifetimes;  // rows from insertion to deletion
  SampledCounts<1> unread_deletions;       // of entries that no get found
  std::int64_t entries = 0;
  std::int64_t peak_entries = 0;
};

namespace detail {

struct Transition {
  Outcome outcome;
  KeyState state;
  std::int8_t growth;
};

// By operation and by the state of the key.
inline constexpr Transition kTransitions[3][3] = {{{Outcome::miss_never_put, KeyState::absent, 0},
                                                   {Outcome::hit, KeyState::live, 0},
                                                   {Outcome::miss_deleted, KeyState::deleted, 0}},
                                                  {{Outcome::insert_first, KeyState::live, 1},
                                                   {Outcome::update, KeyState::live, 0},
                                                   {Outcome::insert_again, KeyState::live, 1}},
                                                  {{Outcome::delete_missed, KeyState::absent, 0},
                                                   {Outcome::delete_found, KeyState::deleted, -1},
                                                   {Outcome::delete_missed, KeyState::deleted, 0}}};

}  // namespace detail

template <class Key>
class TraceDna {
 public:
  using KeyView = typename Key::View;
  using Number = typename KeyHistories<Key>::Number;

  static constexpr bool kIntegerKeys = std::is_same_v<Key, IntKey>;

  explicit TraceDna(const TraceDnaOptions& options)
      : options_(options),
        order_(options.is_signed),
        histories_(options.seed, options.max_keys, options.max_key_bytes) {}

  // Counts the operations of a batch. Throws std::bad_alloc, CapacityError and Interrupted; then
  // nothing more can be done with it.
  template <class Value>
  void add(const OperationBatch<Key, Value>& batch) {
    if (batch.size == 0) return;
    count_lengths(batch);
    if constexpr (kIntegerKeys) order_.add(batch.key.data(), batch.size);
    add_rows(batch.op.data(), batch.key.data(), batch.size);
  }
  // Ends what the last row leaves open.
  void finish() {
    if constexpr (kIntegerKeys) order_.finish();
    if (sketch_) sketch_->cut();
  }

  std::uint64_t rows() const { return rows_; }
  // Rows from the beginning in which every key was followed.
  std::uint64_t exact_rows() const { return exact_rows_; }
  const std::array<std::int64_t, kOperations>& operations() const { return operations_; }
  const KeySample& sample() const { return sample_; }
  const FollowedCounts& followed() const { return *followed_; }
  const LengthCounts& key_lengths() const { return key_lengths_; }
  const LengthCounts& value_lengths() const { return value_lengths_; }
  const IntegerOrder& order() const { return order_; }
  const KeyWindows& key_windows() const { return *key_windows_; }
  const PhaseWindows& phase_windows() const { return *phase_windows_; }
  KeyHistories<Key>& histories() { return histories_; }
  // The most frequent keys; nullptr where every key is followed.
  HeavyHitters<Key>* sketch() { return sketch_ ? &*sketch_ : nullptr; }
  std::size_t memory_bytes() const {
    return sizeof(*this) + histories_.memory_bytes() + stack_.memory_bytes() +
           (sketch_ ? sketch_->memory_bytes() : 0);
  }
  void set_stop_check(StopCheck* check) {
    stop_check_ = check;
    histories_.set_stop_check(check);
    if (sketch_) sketch_->set_stop_check(check);
  }

 private:
  static constexpr std::size_t kMostRows = OperationBatch<Key, WordValue>::kCapacity;
  // Rows that histories, and what they lead to, are asked for in advance.
  static constexpr std::size_t kHistoryAhead = 32;
  static constexpr std::size_t kPlaceAhead = 12;

  template <class Value>
  void count_lengths(const OperationBatch<Key, Value>& batch) {
    for (std::size_t i = 0; i < batch.size; ++i) {
      key_lengths_.add(text_length(batch.key[i], options_.is_signed));
      if (batch.op[i] == OpKind::put) value_lengths_.add(text_length(batch.value[i], true));
    }
  }

  void add_rows(const OpKind* ops, const KeyView* keys, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) hashes_[i] = sampling_hash(keys[i]);
    key_windows_->make_room(rows_ + n, rows_, sample_.is_all() ? 1 : KeySample::kLines);
    phase_windows_->make_room(rows_ + n, rows_);
    count_by_window(ops, n);
    if (sketch_) sketch_->add_rows(n, [keys](std::size_t i) { return keys[i]; });
    sample_.is_all() ? follow_all(ops, keys, n) : follow_some(ops, keys, n);
    rows_ += n;
    if (sample_.is_all()) exact_rows_ = rows_;
    if (histories_.is_too_large()) follow_fewer_keys();
  }

  void count_by_window(const OpKind* ops, std::size_t n) {
    for (std::size_t first = 0; first < n;) {
      const std::uint64_t row = rows_ + first;
      const std::uint64_t left =
          std::min(key_windows_->rows_left(row), phase_windows_->rows_left(row));
      const auto end = static_cast<std::size_t>(std::min<std::uint64_t>(n, first + left));
      const auto counts = count_ops(ops + first, end - first);
      key_windows_->count_ops(row >> key_windows_->shift(), counts);
      const std::size_t window = row >> phase_windows_->shift();
      phase_windows_->count_ops(window, counts);
      phase_windows_->count_keys(window, hashes_.data() + first, end - first);
      first = end;
    }
  }

  std::array<std::int64_t, kOperations> count_ops(const OpKind* ops, std::size_t n) {
    std::int64_t puts = 0;
    std::int64_t dels = 0;
    for (std::size_t i = 0; i < n; ++i) {
      puts += ops[i] == OpKind::put;
      dels += ops[i] == OpKind::del;
    }
    const std::array counts{static_cast<std::int64_t>(n) - puts - dels, puts, dels};
    for (std::size_t op = 0; op < kOperations; ++op) operations_[op] += counts[op];
    return counts;
  }

  void follow_all(const OpKind* ops, const KeyView* keys, std::size_t n) {
    histories_.number(
        n, [keys](std::size_t i) { return keys[i]; }, [this](std::size_t i) { return hashes_[i]; },
        numbers_.data());
    walk<false>(ops, n);
  }

  void follow_some(const OpKind* ops, const KeyView* keys, std::size_t n) {
    std::size_t followed = 0;
    for (std::size_t i = 0; i < n; ++i) {
      drawn_[followed] = static_cast<std::uint16_t>(i);
      drawn_ops_[followed] = ops[i];
      followed += sample_.has(hashes_[i]);
    }
    histories_.number(
        followed, [&](std::size_t i) { return keys[drawn_[i]]; },
        [this](std::size_t i) { return hashes_[drawn_[i]]; }, numbers_.data());
    walk<true>(drawn_ops_.data(), followed);
  }

  template <bool kSampled>
  void walk(const OpKind* ops, std::size_t n) {
    if (stack_.room() < n) gather_stack();
#if ADHASH_HAS_AVX2
    if (isa_ == Isa::avx2) return walk_avx2<kSampled>(ops, n);
#endif
    walk_rows<kSampled>(ops, n);
  }
#if ADHASH_HAS_AVX2
  template <bool kSampled>
  __attribute__((target("avx2,bmi,bmi2,popcnt"))) void walk_avx2(const OpKind* ops, std::size_t n) {
    walk_rows<kSampled>(ops, n);
  }
#endif

  template <bool kSampled>
  ADHASH_ALWAYS_INLINE void walk_rows(const OpKind* ops, std::size_t n) {
    const std::size_t warm = std::min(n, kHistoryAhead);
    for (std::size_t i = 0; i < warm; ++i) histories_.prefetch(numbers_[i]);
    for (std::size_t i = 0; i < n; ++i) {
      if (i + kHistoryAhead < n) [[likely]] {
        histories_.prefetch(numbers_[i + kHistoryAhead]);
        stack_.prefetch(histories_.at(numbers_[i + kPlaceAhead]).place);
      }
      const std::uint64_t row = rows_ + (kSampled ? drawn_[i] : i);
      KeyHistory& key = histories_.at(numbers_[i]);
      const std::size_t line = kSampled ? 1 + key.group : 0;
      count_access<kSampled>(key, line, row, ops[i]);
      count_outcome<kSampled>(key, line, row, ops[i]);
    }
  }

  template <bool kSampled>
  ADHASH_ALWAYS_INLINE void count_access(KeyHistory& key, std::size_t line, std::uint64_t row,
                                         OpKind op) {
    const std::int64_t weight = kSampled ? sample_.weight() : 1;
    FollowedCounts& counts = *followed_;
    auto& distances = op == OpKind::get ? counts.get_distances : counts.other_distances;
    const unsigned shift = key_windows_->shift();
    const std::size_t window = row >> shift;
    std::size_t before = 0;
    if (key.rows == 0) [[unlikely]] {
      key.first_row = row & kRowMask;
      key.place = stack_.push();
      distances.add(line, FollowedCounts::kFirstAccess, weight);
      counts.gaps.add(line, FollowedCounts::kFirstAccess, weight);
    } else {
      const std::uint64_t others = stack_.touch(key.place);
      distances.add(line, scale_bucket(others * static_cast<std::uint64_t>(weight)), weight);
      counts.gaps.add(line, scale_bucket(row - key.last_row), weight);
      before = (key.last_row >> shift) + 1;
    }
    if (before <= window) [[unlikely]]
      key_windows_->count_key(line, window, before, weight);
    key_windows_->count_row(line, key.first_row >> shift, window, weight);
    key.last_row = row & kRowMask;
    ++key.rows;
  }

  template <bool kSampled>
  ADHASH_ALWAYS_INLINE void count_outcome(KeyHistory& key, std::size_t line, std::uint64_t row,
                                          OpKind op) {
    const std::int64_t weight = kSampled ? sample_.weight() : 1;
    FollowedCounts& counts = *followed_;
    const auto [outcome, state, growth] =
        detail::kTransitions[static_cast<std::size_t>(op)][key.state];
    counts.outcomes.add(line, static_cast<std::size_t>(outcome), weight);
    if (outcome == Outcome::miss_never_put || outcome == Outcome::miss_deleted) {
      phase_windows_->count_misses(row >> phase_windows_->shift(), weight);
    }
    if (outcome == Outcome::hit) {
      key.is_read = 1;
    } else if (outcome == Outcome::miss_never_put) {
      key.early_gets += key.early_gets != std::numeric_limits<std::uint32_t>::max();
    } else if (outcome == Outcome::delete_found) {
      counts.lifetimes.add(line, scale_bucket(row - key.inserted_row), weight);
      if (!key.is_read) counts.unread_deletions.add(line, 0, weight);
    } else if (growth > 0) {
      key.inserted_row = row & kRowMask;
      key.is_read = 0;
    }
    key.state = static_cast<std::uint64_t>(state) & 3;
    if (growth == 0) return;
    counts.entries += growth * weight;
    counts.peak_entries = std::max(counts.peak_entries, counts.entries);
  }

  ADHASH_COLD void gather_stack() {
    LongWork work(stop_check_);
    stack_.gather([&](auto move) {
      for (std::size_t number = 0; number < histories_.size(); ++number) {
        KeyHistory& key = histories_.at(static_cast<Number>(number));
        if (key.rows != 0) move(key.place);
        work.note_entry();
      }
    });
  }

  ADHASH_COLD void follow_fewer_keys() {
    if (!sketch_) start_sketch();
    while (histories_.is_too_large() && sample_.can_halve()) {
      sample_.halve();
      histories_.keep(sample_, [this](const KeyHistory& key) { stack_.remove(key.place); });
    }
  }

  // The sketch of all that was counted so far. What a cut would forget is not put into it first.
  void start_sketch() {
    sketch_.emplace(options_.seed, options_.sketch_keys, options_.max_key_bytes);
    sketch_->set_stop_check(stop_check_);
    const std::uint64_t cut = rows_beyond(options_.sketch_keys);
    histories_.for_each([&](KeyView key, Number number) {
      const std::uint64_t rows = histories_.at(number).rows;
      if (rows > cut) sketch_->add(key, rows - cut);
    });
    sketch_->note_cut(cut);
    sketch_->cut();
  }

  // How often the most frequent key occurred that is not among so many of the most frequent.
  std::uint64_t rows_beyond(std::size_t keys) {
    if (histories_.size() <= keys) return 0;
    std::vector<std::uint64_t> rows(histories_.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
      rows[i] = histories_.at(static_cast<Number>(i)).rows;
    const auto beyond = rows.begin() + static_cast<std::ptrdiff_t>(keys);
    std::ranges::nth_element(rows, beyond, std::greater<>());
    return *beyond;
  }

  TraceDnaOptions options_;
  Isa isa_ = current_isa();
  std::uint64_t rows_ = 0;
  std::uint64_t exact_rows_ = 0;
  std::array<std::int64_t, kOperations> operations_{};
  LengthCounts key_lengths_;
  LengthCounts value_lengths_;
  IntegerOrder order_;
  KeySample sample_;
  KeyHistories<Key> histories_;
  ReuseStack stack_;
  std::optional<HeavyHitters<Key>> sketch_;
  StopCheck* stop_check_ = nullptr;
  // Large, and not all of it used in every run.
  std::unique_ptr<FollowedCounts> followed_ = std::make_unique<FollowedCounts>();
  std::unique_ptr<KeyWindows> key_windows_ = std::make_unique<KeyWindows>();
  std::unique_ptr<PhaseWindows> phase_windows_ = std::make_unique<PhaseWindows>();
  std::array<std::uint64_t, kMostRows> hashes_;
  std::array<Number, kMostRows> numbers_;
  std::array<std::uint16_t, kMostRows> drawn_;
  std::array<OpKind, kMostRows> drawn_ops_;
};

}  // namespace adhash
