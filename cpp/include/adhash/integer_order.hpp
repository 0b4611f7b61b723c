// Whether integer keys come in order, how densely they fill their range, and in which steps.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>

#include "adhash/log_scale.hpp"
#include "adhash/platform.hpp"

namespace adhash {

// Counts steps from each row's key to the next row's, and follows the range of keys.
class IntegerOrder {
 public:
  explicit IntegerOrder(bool is_signed) : flip_(std::uint64_t{is_signed} << 63) {}

  // The keys of some rows, one after the other. PRECONDITION: n > 0.
  void add(const std::uint64_t* keys, std::size_t n) {
    std::uint64_t last = keys_ == 0 ? keys[0] : last_;
    std::size_t first = 0;
    if (keys_ == 0) {
      base_ = keys[0];
      follow_range(keys[0] ^ flip_);
      first = 1;
    }
    for (std::size_t i = first; i < n; ++i) {
      add_step(last, keys[i]);
      last = keys[i];
    }
    last_ = last;
    keys_ += n;
  }

  // Ends the run of consecutive keys that may be open.
  void finish() { end_run(); }

  std::uint64_t same() const { return same_; }
  std::uint64_t next_up() const { return next_up_; }
  std::uint64_t next_down() const { return next_down_; }
  std::uint64_t up() const { return up_; }
  std::uint64_t least() const { return least_ ^ flip_; }
  std::uint64_t greatest() const { return greatest_ ^ flip_; }
  // The greatest number that divides all differences of keys; 0 where there is one key only.
  std::uint64_t common_step() const { return step_; }
  // Steps in runs of keys that each are the last plus 1, by the length of the run in steps.
  const std::array<std::int64_t, kScaleBuckets>& run_steps() const { return run_steps_; }
  std::uint64_t longest_run() const { return longest_run_; }

 private:
  ADHASH_ALWAYS_INLINE void add_step(std::uint64_t before, std::uint64_t key) {
    // From the greatest key of the type to the least the difference wraps to 1: that is no step.
    const std::uint64_t step = key - before;
    const bool is_up = (key ^ flip_) > (before ^ flip_);
    up_ += is_up;
    same_ += step == 0;
    next_down_ += !is_up && step == ~std::uint64_t{0};
    if (is_up && step == 1) {
      ++run_;
    } else if (run_ != 0) {
      end_run();
    }
    follow_range(key ^ flip_);
    if (step_ != 1) [[unlikely]]
      follow_step(key);
  }

  ADHASH_ALWAYS_INLINE void follow_range(std::uint64_t ordered) {
    least_ = std::min(least_, ordered);
    greatest_ = std::max(greatest_, ordered);
  }

  void follow_step(std::uint64_t key) {
    const std::uint64_t ordered = key ^ flip_;
    const std::uint64_t base = base_ ^ flip_;
    const std::uint64_t difference = ordered > base ? ordered - base : base - ordered;
    if (step_ == 0 || difference % step_ != 0) step_ = std::gcd(step_, difference);
  }

  void end_run() {
    next_up_ += run_;
    run_steps_[scale_bucket(run_)] += static_cast<std::int64_t>(run_);
    longest_run_ = std::max(longest_run_, run_);
    run_ = 0;
  }

  std::uint64_t flip_;
  std::uint64_t keys_ = 0;
  std::uint64_t last_ = 0;
  std::uint64_t base_ = 0;
  std::uint64_t same_ = 0;
  std::uint64_t next_up_ = 0;
  std::uint64_t next_down_ = 0;
  std::uint64_t up_ = 0;
  std::uint64_t least_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t greatest_ = 0;
  std::uint64_t step_ = 0;
  std::uint64_t run_ = 0;
  std::uint64_t longest_run_ = 0;
  std::array<std::int64_t, kScaleBuckets> run_steps_{};
};

}  // namespace adhash
