// Latencies in a log-linear histogram: exact below 64 ns, then 32 buckets to a doubling, so that a
// percentile is within about 3 % of the truth at any size. Adding costs an index and an increment.
//
// Reference: G. Tene, HdrHistogram, http://hdrhistogram.org.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace adhash {

class LatencyHistogram {
 public:
  // `weight` operations took `ns` each.
  void add(std::uint64_t ns, std::uint64_t weight = 1) {
    counts_[bucket_of(ns)] += weight;
    total_ += weight;
    ++samples_;
    if (ns > max_) max_ = ns;
  }

  void add(const LatencyHistogram& other) {
    for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    samples_ += other.samples_;
    max_ = other.max_ > max_ ? other.max_ : max_;
  }

  std::uint64_t total() const { return total_; }      // operations, weighted
  std::uint64_t samples() const { return samples_; }  // operations timed
  std::uint64_t max() const { return max_; }

  // The latency, in nanoseconds, that a fraction `quantile` of operations did not exceed.
  std::uint64_t percentile(double quantile) const {
    const double wanted = quantile * static_cast<double>(total_);
    double seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      seen += static_cast<double>(counts_[i]);
      if (counts_[i] > 0 && seen >= wanted) return std::min(highest_of(i), max_);
    }
    return max_;
  }

  // Operations per bucket of ascending upper bounds (inclusive, ns); the last element counts those
  // above all bounds.
  std::vector<std::uint64_t> counts_below(std::span<const std::uint64_t> bounds_ns) const {
    std::vector<std::uint64_t> counts(bounds_ns.size() + 1);
    std::size_t bound = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      if (counts_[i] == 0) continue;
      while (bound < bounds_ns.size() && lowest_of(i) > bounds_ns[bound]) ++bound;
      counts[bound] += counts_[i];
    }
    return counts;
  }

 private:
  static constexpr unsigned kSubBits = 5;
  static constexpr unsigned kExactBits = kSubBits + 1;
  static constexpr std::size_t kBuckets = (64 - kExactBits) * (1u << kSubBits) + (1u << kExactBits);

  static constexpr std::size_t bucket_of(std::uint64_t ns) {
    if (ns < (1u << kExactBits)) return static_cast<std::size_t>(ns);
    const auto octave = static_cast<unsigned>(std::bit_width(ns)) - 1 - kSubBits;  // >= 1
    return (static_cast<std::size_t>(octave) << kSubBits) + static_cast<std::size_t>(ns >> octave);
  }
  static constexpr std::uint64_t lowest_of(std::size_t bucket) {
    if (bucket < (1u << kExactBits)) return bucket;
    const std::size_t octave = (bucket >> kSubBits) - 1;
    return static_cast<std::uint64_t>((bucket & ((1u << kSubBits) - 1)) | (1u << kSubBits))
           << octave;
  }
  static constexpr std::uint64_t highest_of(std::size_t bucket) {
    return bucket + 1 < kBuckets ? lowest_of(bucket + 1) - 1 : ~std::uint64_t{0};
  }

  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t samples_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace adhash
