// The slots of a group that matched, as a set to be walked from the lowest.
#pragma once

#include <bit>
#include <cstdint>

namespace adhash {

// One match is `Stride` bits wide in the word: 1 where the machine can gather single bits (SSE2),
// 4 on NEON, 8 for tags compared inside one 64-bit word.
template <int Stride>
class BitMask {
 public:
  explicit constexpr BitMask(std::uint64_t bits) : bits_(bits) {}

  explicit constexpr operator bool() const { return bits_ != 0; }

  // The lowest slot in the set. PRECONDITION: not empty; else some number of at least the width.
  constexpr unsigned lowest() const {
    return static_cast<unsigned>(std::countr_zero(bits_)) / Stride;
  }
  constexpr void remove_lowest() { bits_ &= bits_ - 1; }
  constexpr unsigned count() const { return static_cast<unsigned>(std::popcount(bits_)); }

  // The set without the slots below `index`.
  constexpr BitMask from(unsigned index) const {
    const unsigned shift = index * Stride;
    return BitMask(shift >= 64 ? 0 : bits_ >> shift << shift);
  }

 private:
  std::uint64_t bits_;
};

}  // namespace adhash
