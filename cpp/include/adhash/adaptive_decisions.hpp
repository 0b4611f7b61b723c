// Which layout the adaptive engine wants, and why: judgement without a table. The engine counts
// here what is done to it and asks; what follows from an answer is its own business (adaptive.hpp).
//
// The mix of hits, misses, insertions and deletions of late is priced in every layout
// (layout_costs.hpp), and another layout is wanted if it is cheaper by more than `hysteresis`. Each
// decision is logged with its signal, the gain expected, and, from times before and after (of
// sampled look-ups and of batches), the gain measured.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "adhash/adaptive_options.hpp"
#include "adhash/layout_costs.hpp"
#include "adhash/stats.hpp"

namespace adhash {

// What was done to a map since its last decision; older operations fade.
struct RecentOperations {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t inserts = 0;
  std::uint64_t erases = 0;

  OperationMix mix() const {
    return {static_cast<double>(hits), static_cast<double>(misses), static_cast<double>(inserts),
            static_cast<double>(erases)};
  }
  void forget() { *this = {}; }

  // While no other layout is better, what is older than a window counts half as much with each that
  // follows: however long the layout at hand was the best, a new phase is not outvoted by the past.
  void fade() {
    for (std::uint64_t* count : {&hits, &misses, &inserts, &erases}) *count /= 2;
  }

  // "growth: 95 % hits, 3 % misses, 2 % inserts, 0 % deletes"
  // Without allocating: a look-up that decided to move must not fail for want of a text.
  std::array<char, 96> describe(const char* when) const noexcept {
    const OperationMix now = mix();
    const double hundredth = std::max(now.total(), 1.0) / 100;
    std::array<char, 96> text;
    std::snprintf(text.data(), text.size(),
                  "%s: %.0f %% hits, %.0f %% misses, %.0f %% inserts, %.0f %% deletes", when,
                  now.hits / hundredth, now.misses / hundredth, now.inserts / hundredth,
                  now.erases / hundredth);
    return text;
  }
};

// The latest decisions, and what came of them.
class DecisionLog {
 public:
  const std::vector<Decision>& decisions() const { return decisions_; }
  std::size_t memory_bytes() const { return decisions_.capacity() * sizeof(Decision); }

  // A decision that cannot be written down for want of memory was made all the same.
  void add(std::uint64_t at_operation, std::string_view signal, std::string_view from,
           std::string_view to, double expected_gain) noexcept {
    try {
      if (decisions_.size() == kKept) decisions_.erase(decisions_.begin());
      decisions_.push_back({at_operation, std::string(signal), from, to, expected_gain,
                            std::numeric_limits<double>::quiet_NaN()});
    } catch (const std::bad_alloc&) {
      return;
    }
    lookup_ns_before_ = lookup_ns_;
    lookup_ns_ = 0;
    lookup_samples_ = 0;
  }

  void note_lookup_ns(double ns) {
    constexpr double kWeight = 1.0 / 32;
    lookup_ns_ = lookup_samples_ == 0 ? ns : lookup_ns_ + kWeight * (ns - lookup_ns_);
    ++lookup_samples_;
  }
  void measure_last_gain() {
    constexpr std::uint64_t kEnoughSamples = 32;
    if (decisions_.empty() || lookup_samples_ < kEnoughSamples || lookup_ns_before_ <= 0) return;
    Decision& last = decisions_.back();
    if (std::isnan(last.measured_gain)) last.measured_gain = 1 - lookup_ns_ / lookup_ns_before_;
  }

 private:
  static constexpr std::size_t kKept = 256;

  std::vector<Decision> decisions_;
  double lookup_ns_ = 0;
  double lookup_ns_before_ = 0;
  std::uint64_t lookup_samples_ = 0;
};

// Compares layouts, by their indices in a list, at the mix of recent operations.
template <class Layouts>
class LayoutChoice {
 public:
  using Slot = typename Layouts::Entry::Slot;

  LayoutChoice(const AdaptiveOptions& options, const RecentOperations& recent)
      : options_(options), mix_(recent.mix()) {}

  // The part of an operation's time that another layout would save, in a table of so much room.
  double expected_gain(std::size_t from, std::size_t to, std::size_t room) const {
    const double now = cost_in(from, room);
    return now == 0 ? 0 : 1 - cost_in(to, room) / now;
  }

  // The best layout, which is the one at hand unless another is clearly better.
  std::size_t best(std::size_t at_hand, std::size_t room) const {
    std::size_t best = at_hand;
    if (!options_.layout_switching) return best;
    double best_gain = options_.hysteresis;
    for (std::size_t layout = 0; layout < Layouts::kCount; ++layout) {
      const double gain = expected_gain(at_hand, layout, room);
      if (gain > best_gain) {
        best = layout;
        best_gain = gain;
      }
    }
    return best;
  }

  // Whether the operations since the last decision would have saved, in another layout, what moving
  // `entries` there costs. Waiting for that bounds the loss from any change of mind to twice the
  // optimum (the rent-or-buy rule).
  bool has_earned_move(std::size_t from, std::size_t to, std::size_t room,
                       std::size_t entries) const {
    constexpr double kMoveNs = 50;  // one entry, warm; see docs/architecture.md
    const double saved_ns = mix_.total() * (cost_in(from, room) - cost_in(to, room));
    return saved_ns > kMoveNs * static_cast<double>(entries);
  }

 private:
  double cost_in(std::size_t layout, std::size_t room) const {
    return mix_.mean_cost(Layouts::kCosts[layout]->at(room * sizeof(Slot) * 3 / 2));
  }

  const AdaptiveOptions& options_;
  const OperationMix mix_;
};

// The length from which on a probe, however full the table, means that keys collide on purpose.
template <class TableType>
std::size_t alarming_probe(const TableType& table, const AdaptiveOptions& options) {
  const double full = static_cast<double>(table.room()) / static_cast<double>(table.capacity());
  return static_cast<std::size_t>(2 * options.probe_alarm * table.expected_probe(full));
}

}  // namespace adhash
