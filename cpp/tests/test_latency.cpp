// The latency histogram's promises, against sorted samples.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "adhash/hash.hpp"
#include "adhash/latency.hpp"
#include "testing.hpp"

namespace {

using adhash::LatencyHistogram;

// From a nanosecond to minutes, all magnitudes alike.
std::vector<std::uint64_t> spread_samples(std::size_t count) {
  std::uint64_t state = testing::random_seed();
  std::vector<std::uint64_t> samples(count);
  for (std::uint64_t& sample : samples) {
    const std::uint64_t random = adhash::splitmix64(state);
    sample = random >> (27 + random % 37);
  }
  return samples;
}

std::uint64_t exact_percentile(std::vector<std::uint64_t> samples, double quantile) {
  std::sort(samples.begin(), samples.end());
  const double rank = std::ceil(quantile * static_cast<double>(samples.size()));
  return samples[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

}  // namespace

TEST("percentiles are never below the truth and at most a thirtieth above") {
  const auto samples = spread_samples(5000);
  LatencyHistogram histogram;
  for (const std::uint64_t sample : samples) histogram.add(sample);
  for (const double quantile : {0.0, 0.01, 0.25, 0.5, 0.75, 0.875, 0.999, 1.0}) {
    const std::uint64_t exact = exact_percentile(samples, quantile);
    const std::uint64_t found = histogram.percentile(quantile);
    CHECK(found >= exact);
    CHECK(found - exact <= exact / 30);
  }
}

TEST("percentiles below 64 ns are exact") {
  for (std::uint64_t ns = 0; ns < 64; ++ns) {
    LatencyHistogram histogram;
    histogram.add(ns);
    histogram.add(1000);
    CHECK_EQ(histogram.percentile(0.5), ns);
  }
}

TEST("the highest percentile is the largest sample") {
  for (const std::uint64_t ns : {std::uint64_t{1}, std::uint64_t{65}, std::uint64_t{1'000'003},
                                 std::numeric_limits<std::uint64_t>::max()}) {
    LatencyHistogram histogram;
    histogram.add(ns);
    CHECK_EQ(histogram.percentile(1.0), ns);
    CHECK_EQ(histogram.max(), ns);
  }
}

TEST("an empty histogram has only zeros") {
  const LatencyHistogram histogram;
  CHECK_EQ(histogram.percentile(0.99), 0u);
  CHECK_EQ(histogram.total(), 0u);
  CHECK_EQ(histogram.max(), 0u);
}

TEST("a weight counts as so many operations and one sample") {
  LatencyHistogram histogram;
  histogram.add(10, 99);
  histogram.add(5000);
  CHECK_EQ(histogram.total(), 100u);
  CHECK_EQ(histogram.samples(), 2u);
  CHECK_EQ(histogram.percentile(0.98), 10u);
  CHECK_EQ(histogram.percentile(1.0), 5000u);
}

TEST("a sum of histograms is the histogram of all samples") {
  const auto samples = spread_samples(2000);
  LatencyHistogram all;
  LatencyHistogram even;
  LatencyHistogram odd;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    all.add(samples[i]);
    (i % 2 == 0 ? even : odd).add(samples[i]);
  }
  even.add(odd);
  CHECK_EQ(even.total(), all.total());
  CHECK_EQ(even.max(), all.max());
  for (const double quantile : {0.1, 0.5, 0.9, 0.99}) {
    CHECK_EQ(even.percentile(quantile), all.percentile(quantile));
  }
}

TEST("counts by bounds add up, and are off by no more than a bucket's width") {
  const auto samples = spread_samples(5000);
  LatencyHistogram histogram;
  for (const std::uint64_t sample : samples) histogram.add(sample);
  const std::vector<std::uint64_t> bounds = {50, 1000, 20'000, 1'000'000, 1'000'000'000};
  const auto counts = histogram.counts_below(bounds);
  CHECK_EQ(counts.size(), bounds.size() + 1);
  CHECK_EQ(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}), samples.size());
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    below += counts[i];
    const auto at_most = [&](double bound) {
      return static_cast<std::uint64_t>(std::count_if(
          samples.begin(), samples.end(),
          [=](std::uint64_t sample) { return static_cast<double>(sample) <= bound; }));
    };
    CHECK(below >= at_most(static_cast<double>(bounds[i])));
    CHECK(below <= at_most(static_cast<double>(bounds[i]) * 1.033));
  }
}
