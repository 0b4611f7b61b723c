// Which keys stand for all of them, and for what their rows count.
//
// Keys are drawn by their hash: a key is in the sample or it is not, with everything that ever
// happens to it (spatially hashed sampling, "SHARDS"). Every halving asks for one more zero among
// the top bits of the hash, so that a smaller sample is a part of the larger one and what is
// known of the keys that stay is complete. A row of a drawn key then stands for `weight` rows.
//
// How far such sums can be from the truth is told by the sample itself. Other bits of the hash
// divide its keys into groups, each a small sample of its own; leaving out one after another (the
// jackknife) shows how much a figure depends on which keys were drawn. So sums are kept by group,
// and apart from what was counted while every key was followed:
//
//     line 0          exact rows                  one each
//     line 1 .. 16    rows of group 0 .. 15       `weight` each
//
// References: C. A. Waldspurger, N. Park, A. Garthwaite, I. Ahmad, "Efficient MRC Construction
// with SHARDS", FAST 2015. K. M. Wolter, "Introduction to Variance Estimation", Springer 2007.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "adhash/hash.hpp"
#include "adhash/platform.hpp"

namespace adhash {

// A hash that says nothing of where a table puts a key, and is the same in every run: two readings
// of one trace draw the same keys. Bits are used from both ends; see the functions below.
ADHASH_ALWAYS_INLINE std::uint64_t sampling_hash(std::uint64_t key) {
  std::uint64_t state = key;
  return splitmix64(state);
}
ADHASH_ALWAYS_INLINE std::uint64_t sampling_hash(std::string_view key) {
  static const Hasher hasher(0);
  std::uint64_t state = hasher.all_of_bytes(key);
  return splitmix64(state);
}

class KeySample {
 public:
  static constexpr unsigned kGroups = 16;
  static constexpr std::size_t kLines = 1 + kGroups;

  bool is_all() const { return halvings_ == 0; }
  std::int64_t weight() const { return std::int64_t{1} << halvings_; }
  bool has(std::uint64_t hash) const { return (hash & excluding_) == 0; }
  // The group of a key by bits that did not draw it.
  static std::uint8_t group_of(std::uint64_t hash) {
    return static_cast<std::uint8_t>(hash % kGroups);
  }

  bool can_halve() const { return halvings_ < kMostHalvings; }
  void halve() {
    ++halvings_;
    excluding_ = ~std::uint64_t{0} << (64 - halvings_);
  }

 private:
  // Beyond that the weights of rows, and bits for groups, would run out.
  static constexpr unsigned kMostHalvings = 32;
  unsigned halvings_ = 0;
  std::uint64_t excluding_ = 0;
};

// How many rows fell into each of some bins, line by line as above.
template <std::size_t Bins>
class SampledCounts {
 public:
  static constexpr std::size_t kBins = Bins;

  ADHASH_ALWAYS_INLINE void add(std::size_t line, std::size_t bin, std::int64_t rows) {
    counts_[line * Bins + bin] += rows;
  }
  const std::int64_t* line(std::size_t index) const { return counts_.data() + index * Bins; }
  std::int64_t* line(std::size_t index) { return counts_.data() + index * Bins; }

 private:
  std::array<std::int64_t, KeySample::kLines * Bins> counts_{};
};

}  // namespace adhash
