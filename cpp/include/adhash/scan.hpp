// First stage of reading a trace: where a block has a comma, a line feed or a quote, and whether it
// has bytes that need a closer look. Rows are cut from these positions (csv_parser.hpp), so that no
// later stage looks at every byte. Bitmasks first and positions second is the idea of Langdale and
// Lemire, "Parsing Gigabytes of JSON per Second" (2019).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "adhash/isa.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif
#if ADHASH_HAS_NEON
#include <arm_neon.h>
#endif

namespace adhash {

struct ScanResult {
  std::size_t count = 0;   // positions written
  bool non_ascii = false;  // a byte of 0x80 or above was seen
  bool nul = false;
  bool carriage_return = false;

  // The text needs no look for invalid UTF-8, NUL or stray carriage returns.
  bool is_plain() const noexcept { return !non_ascii && !nul && !carriage_return; }
};

inline constexpr std::size_t kScanBlock = 64;
// Room that a scan needs behind the last position, because writing runs ahead of counting.
inline constexpr std::size_t kScanSlack = 8;

// Scans `blocks` times 64 bytes, adds to `result` and returns where the next position goes.
// `base` is the offset of data[0].
using ScanBlocks = std::uint32_t* (*)(const char* data, std::size_t blocks, std::uint32_t base,
                                      std::uint32_t* out, ScanResult& result);

namespace detail {

// Writes eight at a time without asking how many bits are left: a branch for each position would be
// mispredicted, a few wasted stores cost nothing.
[[gnu::always_inline]] inline std::uint32_t* write_positions(std::uint64_t mask, std::uint32_t base,
                                                             std::uint32_t* out) {
  const auto count = static_cast<unsigned>(std::popcount(mask));
  for (unsigned written = 0; written < count; written += 8) {
    for (unsigned i = 0; i < 8; ++i) {
      out[written + i] = base + static_cast<std::uint32_t>(std::countr_zero(mask));
      mask &= mask - 1;
    }
  }
  return out + count;
}

inline constexpr std::uint64_t repeated(std::uint8_t byte) noexcept {
  return 0x0101010101010101ULL * byte;
}

// Sets the high bit of every byte of `word` that equals `byte`, and no other.
inline constexpr std::uint64_t bytes_equal_to(std::uint64_t word, std::uint8_t byte) noexcept {
  const std::uint64_t difference = word ^ repeated(byte);
  const std::uint64_t low_bits = (difference & repeated(0x7F)) + repeated(0x7F);
  return ~(low_bits | difference | repeated(0x7F));
}

// Gathers the high bits of eight bytes into the low eight bits, first byte lowest.
inline constexpr std::uint64_t high_bits(std::uint64_t word) noexcept {
  return ((word >> 7) * 0x0102040810204080ULL) >> 56;
}

// Eight bytes at a time in a general register, for processors that none of the others serves.
inline std::uint32_t* scan_blocks_portable(const char* data, std::size_t blocks, std::uint32_t base,
                                           std::uint32_t* out, ScanResult& result) {
  std::uint64_t any_bit = 0;
  std::uint64_t nuls = 0;
  std::uint64_t returns = 0;
  for (std::size_t block = 0; block < blocks; ++block) {
    std::uint64_t mask = 0;
    for (unsigned i = 0; i < 8; ++i) {
      std::uint64_t word;
      std::memcpy(&word, data + block * kScanBlock + i * 8, 8);
      mask |= high_bits(bytes_equal_to(word, ',') | bytes_equal_to(word, '\n') |
                        bytes_equal_to(word, '"'))
              << (i * 8);
      any_bit |= word;
      nuls |= bytes_equal_to(word, 0);
      returns |= bytes_equal_to(word, '\r');
    }
    out = write_positions(mask, base + static_cast<std::uint32_t>(block * kScanBlock), out);
  }
  result.non_ascii |= (any_bit & repeated(0x80)) != 0;
  result.nul |= nuls != 0;
  result.carriage_return |= returns != 0;
  return out;
}

#if defined(__SSE2__)
inline std::uint32_t* scan_blocks_sse2(const char* data, std::size_t blocks, std::uint32_t base,
                                       std::uint32_t* out, ScanResult& result) {
  __m128i any_bit = _mm_setzero_si128();
  __m128i smallest = _mm_set1_epi8(' ');
  __m128i returns = _mm_setzero_si128();
  for (std::size_t block = 0; block < blocks; ++block) {
    std::uint64_t mask = 0;
    for (unsigned i = 0; i < 4; ++i) {
      const char* at = data + block * kScanBlock + i * 16;
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
      const __m128i separators = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(',')),
                                              _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')));
      const __m128i hits = _mm_or_si128(separators, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
      mask |= std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(hits))} << (i * 16);
      any_bit = _mm_or_si128(any_bit, bytes);
      smallest = _mm_min_epu8(smallest, bytes);
      returns = _mm_or_si128(returns, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r')));
    }
    out = write_positions(mask, base + static_cast<std::uint32_t>(block * kScanBlock), out);
  }
  result.non_ascii |= _mm_movemask_epi8(any_bit) != 0;
  result.nul |= _mm_movemask_epi8(_mm_cmpeq_epi8(smallest, _mm_setzero_si128())) != 0;
  result.carriage_return |= _mm_movemask_epi8(returns) != 0;
  return out;
}
#endif

#if ADHASH_HAS_AVX2
// One shuffle looks up, for each byte, the only structural byte with the same low four bits; the
// byte is structural when it equals what was found. Entry 0 must not be 0, or a NUL would match.
__attribute__((target("avx2,bmi,bmi2,popcnt"))) inline std::uint32_t* scan_blocks_avx2(
    const char* data, std::size_t blocks, std::uint32_t base, std::uint32_t* out,
    ScanResult& result) {
  const __m256i structural =
      _mm256_setr_epi8(1, 0, '"', 0, 0, 0, 0, 0, 0, 0, '\n', 0, ',', 0, 0, 0,  //
                       1, 0, '"', 0, 0, 0, 0, 0, 0, 0, '\n', 0, ',', 0, 0, 0);
  __m256i any_bit = _mm256_setzero_si256();
  __m256i smallest = _mm256_set1_epi8(' ');
  __m256i returns = _mm256_setzero_si256();
  for (std::size_t block = 0; block < blocks; ++block) {
    const char* at = data + block * kScanBlock;
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 32));
    const __m256i low_hits = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(structural, low), low);
    const __m256i high_hits = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(structural, high), high);
    const std::uint64_t mask =
        std::uint64_t{static_cast<std::uint32_t>(_mm256_movemask_epi8(low_hits))} |
        std::uint64_t{static_cast<std::uint32_t>(_mm256_movemask_epi8(high_hits))} << 32;
    any_bit = _mm256_or_si256(any_bit, _mm256_or_si256(low, high));
    smallest = _mm256_min_epu8(smallest, _mm256_min_epu8(low, high));
    returns =
        _mm256_or_si256(returns, _mm256_or_si256(_mm256_cmpeq_epi8(low, _mm256_set1_epi8('\r')),
                                                 _mm256_cmpeq_epi8(high, _mm256_set1_epi8('\r'))));
    out = write_positions(mask, base + static_cast<std::uint32_t>(block * kScanBlock), out);
  }
  result.non_ascii |= _mm256_movemask_epi8(any_bit) != 0;
  result.nul |= _mm256_movemask_epi8(_mm256_cmpeq_epi8(smallest, _mm256_setzero_si256())) != 0;
  result.carriage_return |= _mm256_movemask_epi8(returns) != 0;
  return out;
}
#endif

#if ADHASH_HAS_NEON
// NEON has no movemask: each byte keeps the bit of its place in its group of eight, and pairwise
// additions gather sixty-four bytes into eight.
inline std::uint64_t neon_mask(const std::array<uint8x16_t, 4>& hits) {
  const uint8x16_t place = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201ULL));
  const uint8x16_t low = vpaddq_u8(vandq_u8(hits[0], place), vandq_u8(hits[1], place));
  const uint8x16_t high = vpaddq_u8(vandq_u8(hits[2], place), vandq_u8(hits[3], place));
  const uint8x16_t quarters = vpaddq_u8(low, high);
  return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(quarters, quarters)), 0);
}

inline std::uint32_t* scan_blocks_neon(const char* data, std::size_t blocks, std::uint32_t base,
                                       std::uint32_t* out, ScanResult& result) {
  uint8x16_t any_bit = vdupq_n_u8(0);
  uint8x16_t smallest = vdupq_n_u8(' ');
  uint8x16_t returns = vdupq_n_u8(0);
  for (std::size_t block = 0; block < blocks; ++block) {
    std::array<uint8x16_t, 4> hits;
    for (unsigned i = 0; i < 4; ++i) {
      const char* at = data + block * kScanBlock + i * 16;
      const uint8x16_t bytes = vld1q_u8(reinterpret_cast<const std::uint8_t*>(at));
      hits[i] =
          vorrq_u8(vorrq_u8(vceqq_u8(bytes, vdupq_n_u8(',')), vceqq_u8(bytes, vdupq_n_u8('\n'))),
                   vceqq_u8(bytes, vdupq_n_u8('"')));
      any_bit = vorrq_u8(any_bit, bytes);
      smallest = vminq_u8(smallest, bytes);
      returns = vorrq_u8(returns, vceqq_u8(bytes, vdupq_n_u8('\r')));
    }
    out = write_positions(neon_mask(hits), base + static_cast<std::uint32_t>(block * kScanBlock),
                          out);
  }
  result.non_ascii |= vmaxvq_u8(any_bit) >= 0x80;
  result.nul |= vminvq_u8(smallest) == 0;
  result.carriage_return |= vmaxvq_u8(returns) != 0;
  return out;
}
#endif

inline ScanBlocks scan_blocks_for([[maybe_unused]] Isa isa) {
#if ADHASH_HAS_AVX2
  if (isa == Isa::avx2) return &scan_blocks_avx2;
#elif ADHASH_HAS_NEON
  if (isa == Isa::neon) return &scan_blocks_neon;
#endif
#if defined(__SSE2__)
  return &scan_blocks_sse2;
#else
  return &scan_blocks_portable;
#endif
}

}  // namespace detail

// Finds structure with the instruction set that was current when it was built.
class Scanner {
 public:
  Scanner() : Scanner(detail::scan_blocks_for(current_isa())) {}
  explicit Scanner(ScanBlocks scan_blocks) : scan_blocks_(scan_blocks) {}

  // Writes the offsets, rising, of `,` `\n` and `"` in data[0, size) and reads no byte outside.
  // PRECONDITION: size < 2^32, and `positions` has room for size + kScanSlack.
  ScanResult scan(const char* data, std::size_t size, std::uint32_t* positions) const {
    ScanResult result;
    const std::size_t blocks = size / kScanBlock;
    const std::size_t whole = blocks * kScanBlock;
    std::uint32_t* out = scan_blocks_(data, blocks, 0, positions, result);
    if (whole < size) {
      std::array<char, kScanBlock> padded;
      padded.fill(' ');
      std::memcpy(padded.data(), data + whole, size - whole);
      out = scan_blocks_(padded.data(), 1, static_cast<std::uint32_t>(whole), out, result);
    }
    result.count = static_cast<std::size_t>(out - positions);
    return result;
  }

 private:
  ScanBlocks scan_blocks_;
};

}  // namespace adhash
