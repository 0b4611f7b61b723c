// Slow paths, timed always: growth, migration steps, compaction. A sampled latency would miss the
// few operations that pay for them, and they are the tail.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <exception>
#include <string_view>
#include <vector>

namespace adhash {

inline std::uint64_t steady_now_ns() {
  const auto since_epoch = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count());
}

struct Pause {
  std::uint64_t at_ns;  // on the steady clock
  std::uint64_t ns;
  std::string_view cause;  // a literal
};

// Counts every pause and keeps the longest, without allocating: recording must not fail.
class PauseLog {
 public:
  static constexpr std::size_t kKept = 48;

  void record(const Pause& pause) noexcept {
    ++count_;
    last_ns_ = pause.ns;
    if (kept_ == static_cast<std::ptrdiff_t>(kKept)) {
      if (pause.ns <= longest_.front().ns) return;
      std::pop_heap(longest_.begin(), longest_.end(), longer);
      --kept_;
    }
    longest_[static_cast<std::size_t>(kept_++)] = pause;
    std::push_heap(longest_.begin(), longest_.begin() + kept_, longer);
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t last_ns() const { return last_ns_; }

  // In order of time.
  std::vector<Pause> longest() const {
    std::vector<Pause> pauses(longest_.begin(), longest_.begin() + kept_);
    std::sort(pauses.begin(), pauses.end(),
              [](const Pause& a, const Pause& b) { return a.at_ns < b.at_ns; });
    return pauses;
  }

 private:
  static bool longer(const Pause& a, const Pause& b) { return a.ns > b.ns; }

  std::array<Pause, kKept> longest_;  // a heap of kept_ pauses, the shortest first
  std::ptrdiff_t kept_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t last_ns_ = 0;
};

// Times a scope as one pause. What was given up by an exception did not happen: its operation is
// not counted, and so is not its pause.
class PauseTimer {
 public:
  PauseTimer(PauseLog& log, std::string_view cause)
      : log_(log), cause_(cause), start_ns_(steady_now_ns()) {}
  ~PauseTimer() {
    if (std::uncaught_exceptions() > 0) return;
    log_.record({start_ns_, steady_now_ns() - start_ns_, cause_});
  }
  PauseTimer(const PauseTimer&) = delete;
  PauseTimer& operator=(const PauseTimer&) = delete;

 private:
  PauseLog& log_;
  std::string_view cause_;
  std::uint64_t start_ns_;
};

}  // namespace adhash
