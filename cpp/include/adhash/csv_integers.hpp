// The innermost loop over a trace of integers. It takes the rows that such a trace is made of -- no
// quotes, numbers of 1 to 16 digits that start with 1 to 9 -- and stops at any other, which the
// caller reads more slowly. Numbers that are zero, signed or longer are rare enough to leave here,
// and leaving them makes every row that stays valid for any range of integers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "adhash/decimal.hpp"
#include "adhash/isa.hpp"
#include "adhash/operation.hpp"

#if ADHASH_HAS_AVX2
#include <immintrin.h>
#endif

namespace adhash {

// Rows cut by a scan: three positions each, counted from `window`.
struct RowCuts {
  const char* window;
  const std::uint32_t* positions;
  std::size_t rows;
};

// Where the operations go; each has room for as many as there are rows.
struct IntegerColumns {
  OpKind* op;
  std::uint64_t* key;
  std::uint64_t* value;
};

// Reads rows from `row` on, until one is not usual, and returns how many; moves `row` behind them.
// PRECONDITION: kUsualSlack bytes before `row` are readable.
using TakeUsualRows = std::size_t (*)(const RowCuts& cuts, const char*& row,
                                      const IntegerColumns& out);

inline constexpr std::size_t kUsualSlack = 16;

namespace detail {

inline constexpr std::size_t kUsualDigits = 16;
inline constexpr std::size_t kOpBytes = 4;

// "op," as a little-endian word. Setting bit 5 of the letters folds their case.
inline constexpr std::uint32_t op_word(const char (&text)[5]) noexcept {
  std::uint32_t word = 0;
  for (unsigned i = 0; i < kOpBytes; ++i) {
    word |= std::uint32_t{static_cast<unsigned char>(text[i])} << (8 * i);
  }
  return word;
}

// The operation at the start of a row, judged without a branch, because no predictor guesses it.
struct OpField {
  std::uint64_t is_put;
  std::uint64_t is_del;
  std::uint64_t is_wrong;

  OpKind kind() const noexcept { return static_cast<OpKind>(is_put + 2 * is_del); }
};

// PRECONDITION: kOpBytes from `row` are readable.
[[gnu::always_inline]] inline OpField read_op(const char* row) {
  std::uint32_t word;
  std::memcpy(&word, row, sizeof word);
  word |= 0x00202020;
  const std::uint64_t is_put = word_of(word == op_word("put,"));
  const std::uint64_t is_del = word_of(word == op_word("del,"));
  return {is_put, is_del, (is_put | is_del | word_of(word == op_word("get,"))) ^ 1};
}

// Where the fields of a row are. PRECONDITION of what follows: has_usual_sizes().
struct UsualRow {
  const char* begin;
  const char* key_end;
  const char* end;
  const char* value_end;
  std::size_t key_size;
  std::size_t value_size;

  [[gnu::always_inline]] UsualRow(const char* row, const char* comma, const char* feed)
      : begin(row),
        key_end(comma),
        end(feed),
        value_end(feed - word_of(feed[-1] == '\r')),
        key_size(static_cast<std::size_t>(comma - row) - kOpBytes),
        value_size(static_cast<std::size_t>(value_end - comma) - 1) {}

  // A row too short for an operation wraps to a huge size.
  bool has_usual_sizes() const { return key_size - 1 < kUsualDigits && value_size <= kUsualDigits; }

  // Zero where all but the digits is as it should be.
  [[gnu::always_inline]] std::uint64_t fault(const OpField& op) const {
    const std::uint64_t separators =
        static_cast<unsigned char>(*key_end ^ ',') | static_cast<unsigned char>(*end ^ '\n');
    const std::uint64_t key_start = word_of(is_one_to_nine(begin[kOpBytes])) ^ 1;
    const std::uint64_t value_start = word_of(is_one_to_nine(key_end[1])) ^ op.is_put;
    return separators | key_start | value_start | (word_of(value_size != 0) ^ op.is_put) |
           op.is_wrong;
  }

  static bool is_one_to_nine(char c) { return static_cast<unsigned char>(c - '1') < 9; }
};

[[gnu::always_inline]] inline void store(const IntegerColumns& out, std::size_t at,
                                         const OpField& op, std::uint64_t key,
                                         std::uint64_t value) {
  out.op[at] = op.kind();
  out.key[at] = key;
  out.value[at] = value;
}

// Up to sixteen digits before `end`; `wrong` collects what is no digit.
[[gnu::always_inline]] inline std::uint64_t usual_digits(const char* end, std::size_t size,
                                                         std::uint64_t& wrong) {
  const std::uint64_t low = digits_before(end, size < 8 ? size : 8);
  wrong |= beyond_nine(low);
  if (size <= 8) return eight_digits(low);
  const std::uint64_t high = digits_before(end - 8, size - 8);
  wrong |= beyond_nine(high);
  return eight_digits(high) * 100000000 + eight_digits(low);
}

inline std::size_t take_usual_rows_portable(const RowCuts& cuts, const char*& row,
                                            const IntegerColumns& out) {
  const char* begin = row;
  std::size_t taken = 0;
  for (; taken < cuts.rows; ++taken) {
    const std::uint32_t* position = cuts.positions + 3 * taken;
    const UsualRow fields(begin, cuts.window + position[1], cuts.window + position[2]);
    if (!fields.has_usual_sizes()) break;
    const OpField op = read_op(begin);
    std::uint64_t wrong = fields.fault(op);
    const std::uint64_t key = usual_digits(fields.key_end, fields.key_size, wrong);
    const std::uint64_t value = usual_digits(fields.value_end, fields.value_size, wrong);
    if (wrong != 0) break;
    store(out, taken, op, key, value);
    begin = fields.end + 1;
  }
  row = begin;
  return taken;
}

#if ADHASH_HAS_AVX2
// Sixteen bytes from &kLastBytesOf16[n] keep the n bytes of a vector that come last in memory.
inline constexpr std::array<std::uint8_t, 32> kLastBytesOf16 = [] {
  std::array<std::uint8_t, 32> masks{};
  for (std::size_t i = 16; i < masks.size(); ++i) masks[i] = 0xFF;
  return masks;
}();

__attribute__((target("avx2,bmi,bmi2,popcnt"))) inline __m256i load_halves(const void* low,
                                                                           const void* high) {
  return _mm256_inserti128_si256(
      _mm256_castsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(low))),
      _mm_loadu_si128(static_cast<const __m128i*>(high)), 1);
}

// Key and value are read at once, sixteen digits each in one half of a vector:
//
//   '0'..'9' less '0'   16 digits   d d d d d d d d d d d d d d d d
//   maddubs (10, 1)      8 numbers below 100
//   madd (100, 1)        4 numbers below 10^4, packed to 16 bits
//   madd (10^4, 1)       2 numbers below 10^8
__attribute__((target("avx2,bmi,bmi2,popcnt"))) inline std::size_t take_usual_rows_avx2(
    const RowCuts& cuts, const char*& row, const IntegerColumns& out) {
  const __m256i zeros = _mm256_set1_epi8('0');
  const __m256i nines = _mm256_set1_epi8(9);
  const __m256i tens = _mm256_set1_epi16(0x010A);
  const __m256i hundreds = _mm256_set1_epi32(0x00010064);
  const __m256i myriads = _mm256_set1_epi32(0x00012710);
  const char* begin = row;
  std::size_t taken = 0;
  for (; taken < cuts.rows; ++taken) {
    const std::uint32_t* position = cuts.positions + 3 * taken;
    const UsualRow fields(begin, cuts.window + position[1], cuts.window + position[2]);
    if (!fields.has_usual_sizes()) break;
    const OpField op = read_op(begin);
    const __m256i text = load_halves(fields.key_end - 16, fields.value_end - 16);
    const __m256i kept = load_halves(kLastBytesOf16.data() + fields.key_size,
                                     kLastBytesOf16.data() + fields.value_size);
    const __m256i digits = _mm256_and_si256(_mm256_sub_epi8(text, zeros), kept);
    const __m256i beyond = _mm256_subs_epu8(digits, nines);
    if ((fields.fault(op) | word_of(!_mm256_testz_si256(beyond, beyond))) != 0) break;
    const __m256i pairs = _mm256_maddubs_epi16(digits, tens);
    const __m256i fours = _mm256_madd_epi16(pairs, hundreds);
    const __m256i eights = _mm256_madd_epi16(_mm256_packus_epi32(fours, fours), myriads);
    const auto key = static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm256_castsi256_si128(eights)));
    const auto value =
        static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm256_extracti128_si256(eights, 1)));
    store(out, taken, op, (key & 0xFFFFFFFF) * 100000000 + (key >> 32),
          (value & 0xFFFFFFFF) * 100000000 + (value >> 32));
    begin = fields.end + 1;
  }
  row = begin;
  return taken;
}
#endif

}  // namespace detail

inline TakeUsualRows take_usual_rows_for([[maybe_unused]] Isa isa) {
#if ADHASH_HAS_AVX2
  if (isa == Isa::avx2) return &detail::take_usual_rows_avx2;
#endif
  return &detail::take_usual_rows_portable;
}

}  // namespace adhash
