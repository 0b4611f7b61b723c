// How long keys and values are, in bytes of the text that a trace in CSV has for them.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "adhash/log_scale.hpp"
#include "adhash/platform.hpp"

namespace adhash {

// Digits of a number in decimal: its logarithm to base 10 from that to base 2, corrected by a look
// at the power of ten.
ADHASH_ALWAYS_INLINE unsigned decimal_digits(std::uint64_t number) {
  constexpr std::array<std::uint64_t, 20> kPowers = [] {
    std::array<std::uint64_t, 20> powers{};
    std::uint64_t power = 1;
    for (std::uint64_t& each : powers) each = power, power *= 10;
    powers[0] = 0;
    return powers;
  }();
  const auto guess = static_cast<unsigned>(std::bit_width(number | 1)) * 1233 >> 12;
  return guess + 1 - (number < kPowers[guess]);
}

// The length of a canonical integer, which may be signed: then the sign takes a byte.
ADHASH_ALWAYS_INLINE std::size_t text_length(std::uint64_t bits, bool is_signed) {
  const std::uint64_t is_negative = static_cast<std::uint64_t>(is_signed) & (bits >> 63);
  return decimal_digits((bits ^ (0 - is_negative)) + is_negative) + is_negative;
}
ADHASH_ALWAYS_INLINE std::size_t text_length(std::string_view text, bool) {
  return text.size();
}

// Counts lengths: exact in sum, least and greatest, and in distribution below kExactBelow bytes.
class LengthCounts {
 public:
  static constexpr std::size_t kExactBelow = 1024;
  static constexpr std::size_t kBins = kExactBelow + kScaleBuckets;

  ADHASH_ALWAYS_INLINE void add(std::size_t length) {
    ++bins_[length < kExactBelow ? length : kExactBelow + scale_bucket(length)];
    total_bytes_ += static_cast<std::int64_t>(length);
    least_ = std::min(least_, length);
    greatest_ = std::max(greatest_, length);
  }

  const std::array<std::int64_t, kBins>& bins() const { return bins_; }
  std::int64_t total_bytes() const { return total_bytes_; }
  // Of no length at all, the least is the greatest that there is.
  std::size_t least() const { return least_; }
  std::size_t greatest() const { return greatest_; }

 private:
  std::array<std::int64_t, kBins> bins_{};
  std::int64_t total_bytes_ = 0;
  std::size_t least_ = std::numeric_limits<std::size_t>::max();
  std::size_t greatest_ = 0;
};

}  // namespace adhash
