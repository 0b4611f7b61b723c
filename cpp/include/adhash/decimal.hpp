// Canonical decimal integers: digits without leading zeros, at most one `-` in front, never `-0`,
// within -2^63 .. 2^64-1. Only canonical text counts as an integer, so that a key written back
// reads as it was read, and "007" and "7" stay different keys.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace adhash {

// What there is to know about a text read as an integer. Flags are bits of one word, so that the
// fast path can gather those of several fields and branch once.
struct Decimal {
  static constexpr std::uint64_t kNotCanonical = 1;  // nothing else holds where this is set
  static constexpr std::uint64_t kNegative = 2;
  static constexpr std::uint64_t kAboveInt64 = 4;

  std::uint64_t bits = 0;  // two's complement where negative
  std::uint64_t flags = kNotCanonical;

  bool is_canonical() const noexcept { return (flags & kNotCanonical) == 0; }
  bool is_negative() const noexcept { return (flags & kNegative) != 0; }
  bool is_above_int64() const noexcept { return (flags & kAboveInt64) != 0; }
  bool fits_int64() const noexcept { return (flags & (kNotCanonical | kAboveInt64)) == 0; }
};

// Bytes in front of a number that decimal_near() may read and ignore.
inline constexpr std::size_t kDecimalSlack = 8;
inline constexpr std::size_t kDecimalMaxSize = 20;

namespace detail {

static_assert(std::endian::native == std::endian::little, "digits are read as little-endian words");

inline constexpr std::uint64_t kAsciiZeros = 0x3030303030303030ULL;

// kLastBytes[n] keeps the n bytes of a word that come last in memory.
inline constexpr std::array<std::uint64_t, 9> kLastBytes = [] {
  std::array<std::uint64_t, 9> masks{};
  for (unsigned n = 1; n <= 8; ++n) masks[n] = ~0ULL << (64 - 8 * n);
  return masks;
}();

// The `count` characters before `end`, each less '0', in the last bytes of a word.
[[gnu::always_inline]] inline std::uint64_t digits_before(const char* end, std::size_t count) {
  std::uint64_t word;
  std::memcpy(&word, end - 8, 8);
  return (word ^ kAsciiZeros) & kLastBytes[count];
}

// Not zero where a byte is above nine.
[[gnu::always_inline]] inline std::uint64_t beyond_nine(std::uint64_t digits) {
  return ((digits + 0x7676767676767676ULL) | digits) & 0x8080808080808080ULL;
}

// Adds neighbours in pairs: eight digits, four numbers below 100, two below 10^4, one below 10^8.
[[gnu::always_inline]] inline std::uint64_t eight_digits(std::uint64_t digits) {
  constexpr std::uint64_t kOdd = 0x000000FF000000FFULL;
  const std::uint64_t pairs = digits * 10 + (digits >> 8);
  return ((pairs & kOdd) * (100 + (1000000ULL << 32)) +
          ((pairs >> 16) & kOdd) * (1 + (10000ULL << 32))) >>
         32;
}

// 1 where `condition` holds, as a word: comparisons that stay arithmetic instead of branches.
[[gnu::always_inline]] inline std::uint64_t word_of(bool condition) {
  return condition;
}

[[gnu::always_inline]] inline Decimal signed_decimal(std::uint64_t magnitude,
                                                     std::uint64_t negative,
                                                     std::uint64_t not_canonical,
                                                     std::uint64_t above) {
  return {.bits = (magnitude ^ (0 - negative)) + negative,
          .flags = not_canonical * Decimal::kNotCanonical | negative * Decimal::kNegative |
                   above * Decimal::kAboveInt64};
}

}  // namespace detail

// Reads at most eight characters without a branch on what they are. An empty range is not
// canonical. PRECONDITION: kDecimalSlack bytes before `begin` and one at `end` are readable; size
// <= 8.
[[gnu::always_inline]] inline Decimal decimal_of_8(const char* begin, std::size_t size) {
  const std::uint64_t negative = detail::word_of(*begin == '-') & detail::word_of(size != 0);
  const std::size_t count = size - negative;
  const std::uint64_t digits = detail::digits_before(begin + size, count);
  const std::uint64_t zero_first =
      detail::word_of(begin[negative] == '0') & detail::word_of(size > 1);
  const std::uint64_t wrong =
      detail::word_of(detail::beyond_nine(digits) != 0) | detail::word_of(count == 0);
  return detail::signed_decimal(detail::eight_digits(digits), negative, wrong | zero_first, 0);
}

// The same for nine to sixteen characters.
[[gnu::always_inline]] inline Decimal decimal_of_16(const char* begin, std::size_t size) {
  const std::uint64_t negative = detail::word_of(*begin == '-');
  const char* end = begin + size;
  const std::uint64_t low = detail::digits_before(end, 8);
  const std::uint64_t high = detail::digits_before(end - 8, size - 8 - negative);
  const std::uint64_t magnitude =
      detail::eight_digits(high) * 100000000 + detail::eight_digits(low);
  const std::uint64_t wrong = detail::beyond_nine(low) | detail::beyond_nine(high);
  const std::uint64_t zero_first = detail::word_of(begin[negative] == '0');
  return detail::signed_decimal(magnitude, negative, detail::word_of(wrong != 0) | zero_first, 0);
}

// The same for seventeen to twenty characters, where a number may be too large.
inline Decimal decimal_of_20(const char* begin, std::size_t size) {
  const std::uint64_t negative = detail::word_of(*begin == '-');
  const char* end = begin + size;
  const std::uint64_t low = detail::digits_before(end, 8);
  const std::uint64_t middle = detail::digits_before(end - 8, 8);
  const std::uint64_t high = detail::digits_before(end - 16, size - 16 - negative);
  const std::uint64_t wrong =
      detail::beyond_nine(low) | detail::beyond_nine(middle) | detail::beyond_nine(high);
  const std::uint64_t lower = detail::eight_digits(middle) * 100000000 + detail::eight_digits(low);
  std::uint64_t upper = 0;
  std::uint64_t magnitude = 0;
  const bool overflows =
      __builtin_mul_overflow(detail::eight_digits(high), 10000000000000000ULL, &upper) ||
      __builtin_add_overflow(upper, lower, &magnitude);
  const bool too_low = negative != 0 && magnitude > 1ULL << 63;
  const bool not_canonical = wrong != 0 || begin[negative] == '0' || overflows || too_low;
  return detail::signed_decimal(magnitude, negative, not_canonical,
                                (magnitude >> 63) & (negative ^ 1));
}

// PRECONDITION: kDecimalSlack bytes before `begin` and one at begin + size are readable.
[[gnu::always_inline]] inline Decimal decimal_near(const char* begin, std::size_t size) {
  if (size <= 8) [[likely]]
    return decimal_of_8(begin, size);
  if (size <= 16) return decimal_of_16(begin, size);
  if (size <= kDecimalMaxSize) return decimal_of_20(begin, size);
  return {};
}

// Reads text that may lie anywhere.
inline Decimal decimal_of(std::string_view text) {
  std::array<char, kDecimalSlack + kDecimalMaxSize + 1> copy{};
  if (text.empty() || text.size() > kDecimalMaxSize) return {};
  std::memcpy(copy.data() + kDecimalSlack, text.data(), text.size());
  return decimal_near(copy.data() + kDecimalSlack, text.size());
}

}  // namespace adhash
