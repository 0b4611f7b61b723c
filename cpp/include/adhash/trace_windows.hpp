// What changes over a trace: figures by window.
//
// The length of a trace is not known before its end. So windows double: when there would be more
// than kMost of them, each two neighbours become one, and whatever is counted by window is such
// that it can be joined. Widths are powers of two, which makes the window of a row a shift.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "adhash/key_sample.hpp"
#include "adhash/operation.hpp"
#include "adhash/platform.hpp"

namespace adhash {

inline constexpr std::size_t kOperations = 3;

// Joins each two neighbours of `rows` rows of `size` numbers; rows that are left over become zero.
template <class T, class Join>
void join_rows(T* numbers, std::size_t rows, std::size_t size, Join join) {
  for (std::size_t row = 0; row < rows; ++row) {
    T* to = numbers + row * size;
    if (2 * row >= rows) {
      std::fill_n(to, size, T{0});
      continue;
    }
    const T* from = numbers + 2 * row * size;
    for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<T>(join(from[i], from[size + i]));
  }
}

// Distinct keys by window, and where their traffic goes later.
//
// Distinct keys of two windows cannot be added up, because keys in both would count twice. Hence
// for each window it is counted in which earlier window its keys were touched last:
//
//     last in     before  w0  w1  w2        w2 saw 5 distinct keys: 1 never seen before, 1 last
//     window w2     1      1   3   -        seen in w0, 3 in w1. Joined, w1 and w2 saw w1's keys
//                                           and two more: those 3 are in both.
//
// Each key is counted in a window once, at its first access there. Cohorts say how many rows of
// each window go to keys that came up first in each earlier one.
class KeyWindows {
 public:
  static constexpr std::size_t kMost = 40;
  static constexpr std::size_t kBefore = 1 + kMost;

  unsigned shift() const { return shift_; }
  std::uint64_t width() const { return std::uint64_t{1} << shift_; }
  // The rows from `row` on that lie in the same window.
  std::uint64_t rows_left(std::uint64_t row) const { return width() - (row & (width() - 1)); }

  // Makes windows wide enough for so many rows, of which `counted` were counted; `lines` are those
  // of key_sample.hpp that were used.
  void make_room(std::uint64_t rows, std::uint64_t counted, std::size_t lines) {
    for (; rows > kMost << shift_; ++shift_) {
      if (counted != 0) join(lines);
    }
  }
  void count_ops(std::size_t window, const std::array<std::int64_t, kOperations>& ops) {
    for (std::size_t op = 0; op < kOperations; ++op) ops_[window * kOperations + op] += ops[op];
  }
  // The first access of a key in a window. `before` is the window of its last access plus 1, or 0.
  ADHASH_ALWAYS_INLINE void count_key(std::size_t line, std::size_t window, std::size_t before,
                                      std::int64_t keys) {
    keys_.add(line, window * kBefore + before, keys);
  }
  ADHASH_ALWAYS_INLINE void count_row(std::size_t line, std::size_t first_window,
                                      std::size_t window, std::int64_t rows) {
    cohorts_.add(line, first_window * kMost + window, rows);
  }

  const std::array<std::int64_t, kMost * kOperations>& ops() const { return ops_; }
  const SampledCounts<kMost * kBefore>& keys() const { return keys_; }
  const SampledCounts<kMost * kMost>& cohorts() const { return cohorts_; }

 private:
  ADHASH_COLD void join(std::size_t lines) {
    join_rows(ops_.data(), kMost, kOperations, std::plus<>());
    for (std::size_t line = 0; line < lines; ++line) {
      std::int64_t* keys = keys_.line(line);
      // These keys are in both halves of a new window, and were counted in the first one already.
      for (std::size_t early = 0; early < kMost; early += 2) {
        keys[(early + 1) * kBefore + 1 + early] = 0;
      }
      join_square(keys, kBefore, 1);
      join_square(cohorts_.line(line), kMost, 0);
    }
  }

  // Joins windows along both sides of a table with rows of `size`; the first `kept` of each row
  // are no windows.
  static void join_square(std::int64_t* cells, std::size_t size, std::size_t kept) {
    join_rows(cells, kMost, size, std::plus<>());
    for (std::size_t row = 0; row < kMost / 2; ++row) {
      join_rows(cells + row * size + kept, kMost, 1, std::plus<>());
    }
  }

  unsigned shift_ = 0;
  std::array<std::int64_t, kMost * kOperations> ops_{};
  SampledCounts<kMost * kBefore> keys_;
  SampledCounts<kMost * kMost> cohorts_;
};

// The character of narrower windows, of all rows whether their keys are followed or not: what the
// operations are, how many keys there are, and which.
//
// Keys fall into cells by their hash; the rows of each cell are a picture of the popularity of keys
// that is small and can be joined. Distinct keys are estimated by HyperLogLog: each register holds
// the longest run of zeros among the hashes that fell to it (its error is 1.04 / sqrt(registers)).
//
// Reference: P. Flajolet, E. Fusy, O. Gandouet, F. Meunier, "HyperLogLog: the analysis of a
// near-optimal cardinality estimation algorithm", AofA 2007.
class PhaseWindows {
 public:
  static constexpr std::size_t kMost = 128;
  static constexpr std::size_t kCells = 1024;
  static constexpr std::size_t kRegisters = 1024;

  unsigned shift() const { return shift_; }
  std::uint64_t width() const { return std::uint64_t{1} << shift_; }
  std::uint64_t rows_left(std::uint64_t row) const { return width() - (row & (width() - 1)); }

  void make_room(std::uint64_t rows, std::uint64_t counted) {
    for (; rows > kMost << shift_; ++shift_) {
      if (counted != 0) join();
    }
  }
  void count_ops(std::size_t window, const std::array<std::int64_t, kOperations>& ops) {
    for (std::size_t op = 0; op < kOperations; ++op) ops_[window * kOperations + op] += ops[op];
  }
  void count_misses(std::size_t window, std::int64_t rows) { misses_[window] += rows; }
  // Counts rows by the sampling hashes of their keys.
  void count_keys(std::size_t window, const std::uint64_t* hashes, std::size_t n) {
    std::uint32_t* cells = cells_.data() + window * kCells;
    std::uint8_t* registers = registers_.data() + window * kRegisters;
    for (std::size_t i = 0; i < n; ++i) {
      // The four lowest bits say the group of a key, and the highest whether it is followed.
      const std::uint64_t bits = hashes[i] >> 4;
      ++cells[bits % kCells];
      std::uint8_t& longest = registers[(bits >> 10) % kRegisters];
      const auto run = static_cast<std::uint8_t>(std::countr_zero(bits >> 20 | kGuard) + 1);
      if (run > longest) [[unlikely]]
        longest = run;
    }
  }

  const std::vector<std::int64_t>& ops() const { return ops_; }
  const std::vector<std::int64_t>& misses() const { return misses_; }
  const std::vector<std::uint32_t>& cells() const { return cells_; }
  const std::vector<std::uint8_t>& registers() const { return registers_; }

 private:
  static constexpr std::uint64_t kGuard = std::uint64_t{1} << 40;

  ADHASH_COLD void join() {
    join_rows(ops_.data(), kMost, kOperations, std::plus<>());
    join_rows(misses_.data(), kMost, 1, std::plus<>());
    join_rows(cells_.data(), kMost, kCells, std::plus<>());
    join_rows(registers_.data(), kMost, kRegisters,
              [](std::uint8_t a, std::uint8_t b) { return std::max(a, b); });
  }

  unsigned shift_ = 0;
  std::vector<std::int64_t> ops_ = std::vector<std::int64_t>(kMost * kOperations);
  std::vector<std::int64_t> misses_ = std::vector<std::int64_t>(kMost);
  std::vector<std::uint32_t> cells_ = std::vector<std::uint32_t>(kMost * kCells);
  std::vector<std::uint8_t> registers_ = std::vector<std::uint8_t>(kMost * kRegisters);
};

}  // namespace adhash
