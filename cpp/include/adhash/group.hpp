// Sixteen tags compared at once; eight inside one word where a bucket is smaller.
#pragma once

#include <bit>
#include <cstdint>

#include "adhash/bitmask.hpp"
#include "adhash/platform.hpp"
#include "adhash/tag.hpp"

namespace adhash {

// Matches in a 64-bit word of tags: the top bit of every byte equal to `byte`. Exact, unlike the
// shorter form that lets a borrow run into the next byte: a false match would only cost a compare,
// but a false empty slot would lose a key.
ADHASH_ALWAYS_INLINE constexpr std::uint64_t matching_bytes(std::uint64_t word, std::uint8_t byte) {
  constexpr std::uint64_t kLow7 = 0x7F7F7F7F7F7F7F7Fu;
  const std::uint64_t difference = word ^ (0x0101010101010101u * byte);
  return ~(((difference & kLow7) + kLow7) | difference | kLow7);
}

class Group {
 public:
  static constexpr unsigned kWidth = 16;

#if defined(ADHASH_SSE2)
  using Mask = BitMask<1>;

  // PRECONDITION: 16 readable bytes, aligned to 16.
  explicit Group(const Tag* tags) : tags_(_mm_load_si128(reinterpret_cast<const __m128i*>(tags))) {}
  Mask match(Tag tag) const { return equal_to(static_cast<char>(tag.byte())); }
  Mask match_empty() const { return equal_to(0); }
  Mask match_full() const { return Mask(static_cast<std::uint16_t>(_mm_movemask_epi8(tags_))); }
  Mask match_not_full() const {
    return Mask(static_cast<std::uint16_t>(~_mm_movemask_epi8(tags_)));
  }

 private:
  Mask equal_to(char byte) const {
    const __m128i equal = _mm_cmpeq_epi8(tags_, _mm_set1_epi8(byte));
    return Mask(static_cast<std::uint16_t>(_mm_movemask_epi8(equal)));
  }
  __m128i tags_;

#elif defined(ADHASH_NEON)
  using Mask = BitMask<4>;

  // PRECONDITION: 16 readable bytes, aligned to 16.
  explicit Group(const Tag* tags) : tags_(vld1q_u8(reinterpret_cast<const std::uint8_t*>(tags))) {}
  Mask match(Tag tag) const { return pack(vceqq_u8(tags_, vdupq_n_u8(tag.byte()))); }
  Mask match_empty() const { return pack(vceqzq_u8(tags_)); }
  Mask match_full() const { return pack(vcltzq_s8(vreinterpretq_s8_u8(tags_))); }
  Mask match_not_full() const { return pack(vcgezq_s8(vreinterpretq_s8_u8(tags_))); }

 private:
  // Narrowing by four bits leaves a nibble per tag, of which one bit is kept.
  static Mask pack(uint8x16_t matches) {
    const uint8x8_t nibbles = vshrn_n_u16(vreinterpretq_u16_u8(matches), 4);
    return Mask(vget_lane_u64(vreinterpret_u64_u8(nibbles), 0) & 0x1111111111111111u);
  }
  uint8x16_t tags_;

#else
  using Mask = BitMask<1>;

  // PRECONDITION: 16 readable bytes.
  explicit Group(const Tag* tags)
      : low_(load64(tags)), high_(load64(reinterpret_cast<const char*>(tags) + 8)) {
    static_assert(std::endian::native == std::endian::little);
  }
  Mask match(Tag tag) const { return equal_to(tag.byte()); }
  Mask match_empty() const { return equal_to(0); }
  Mask match_full() const { return pack(low_ & kTops, high_ & kTops); }
  Mask match_not_full() const { return pack(~low_ & kTops, ~high_ & kTops); }

 private:
  static constexpr std::uint64_t kTops = 0x8080808080808080u;
  Mask equal_to(std::uint8_t byte) const {
    return pack(matching_bytes(low_, byte), matching_bytes(high_, byte));
  }
  // Gathers the top bit of each byte: the multiplication adds them up without carries.
  static Mask pack(std::uint64_t low, std::uint64_t high) {
    constexpr std::uint64_t kGather = 0x0102040810204080u;
    return Mask(((low >> 7) * kGather >> 56) | ((high >> 7) * kGather >> 56) << 8);
  }
  std::uint64_t low_;
  std::uint64_t high_;
#endif
};

}  // namespace adhash
