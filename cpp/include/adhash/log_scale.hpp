// Numbers from 0 to 2^62 in buckets of a quarter of an octave: 0, 1, 2, 3, 4, 5, 6, 7, 8-9, ...
//
// Up to 8 each bucket is one number; above, four buckets double the number, so that bounds are
// exact and no bucket is wider than a quarter of its lower bound. The bucket is read from the
// exponent and the two highest bits of the fraction of the number's floating-point form:
//
//     exponent (11 bits) | q q | the rest of the fraction
//     [      bucket, counted from 1     ]
//
// Small numbers leave gaps, because 1.25 and 1.5 are none; a gap is a bucket that stays empty.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "adhash/platform.hpp"

namespace adhash {

// Buckets, the one of zero included.
inline constexpr std::size_t kScaleBuckets = 2 + (std::size_t{62} << 2);

// PRECONDITION: number < 2^62; above 2^53 it is rounded as doubles are.
ADHASH_ALWAYS_INLINE std::size_t scale_bucket(std::uint64_t number) {
  constexpr unsigned kShift = 52 - 2;
  constexpr std::int64_t kBelowOne = (std::int64_t{1023} << 2) - 1;
  const auto real = static_cast<double>(static_cast<std::int64_t>(number));
  const std::int64_t bucket = (std::bit_cast<std::int64_t>(real) >> kShift) - kBelowOne;
  return static_cast<std::size_t>(bucket < 0 ? 0 : bucket);
}

}  // namespace adhash
