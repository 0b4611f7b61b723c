// Validity of UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF) and the
// printable excerpts of bytes that messages show.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace adhash {

namespace detail {

inline bool is_continuation(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// The range that the second byte of a sequence must lie in rules out overlong forms, surrogates and
// code points above the last (Unicode Standard, table 3-7).
inline bool second_byte_fits(unsigned char first, unsigned char second) noexcept {
  if (first == 0xE0) return second >= 0xA0 && second <= 0xBF;
  if (first == 0xED) return second >= 0x80 && second <= 0x9F;
  if (first == 0xF0) return second >= 0x90 && second <= 0xBF;
  if (first == 0xF4) return second >= 0x80 && second <= 0x8F;
  return second >= 0x80 && second <= 0xBF;
}

inline std::size_t sequence_size(unsigned char first) noexcept {
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return 2;
  if (first < 0xF0) return 3;
  return first < 0xF5 ? 4 : 0;
}

inline std::size_t ascii_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    if ((word & 0x8080808080808080ULL) != 0) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

}  // namespace detail

// Bytes of the character at the front of `text`; 0 where no valid character starts.
inline std::size_t utf8_character_size(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t size = detail::sequence_size(first);
  if (size <= 1) return size;
  if (text.size() < size) return 0;
  if (!detail::second_byte_fits(first, static_cast<unsigned char>(text[1]))) return 0;
  for (std::size_t i = 2; i < size; ++i) {
    if (!detail::is_continuation(text[i])) return 0;
  }
  return size;
}

// Offset of the first byte that starts no valid character; text.size() where all is valid.
inline std::size_t find_invalid_utf8(std::string_view text) noexcept {
  std::size_t at = detail::ascii_prefix(text);
  while (at < text.size()) {
    const std::size_t size = utf8_character_size(text.substr(at));
    if (size == 0) return at;
    at += size;
    if (size == 1) at += detail::ascii_prefix(text.substr(at));
  }
  return at;
}

inline constexpr std::size_t kExcerptMaxBytes = 80;

namespace detail {

inline std::string escaped_byte(char byte) {
  constexpr const char* kHex = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(byte);
  if (byte == '\n') return "\\n";
  if (byte == '\r') return "\\r";
  if (byte == '\t') return "\\t";
  return {'\\', 'x', kHex[value >> 4], kHex[value & 15]};
}

inline bool is_control(char byte) noexcept {
  return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F;
}

// The next character of `text` as a message may show it, and its size there.
inline std::string shown_character(std::string_view text, std::size_t& size) {
  size = utf8_character_size(text);
  const bool as_it_is = size != 0 && !is_control(text[0]);
  if (size == 0) size = 1;
  return as_it_is ? std::string(text.substr(0, size)) : escaped_byte(text[0]);
}

}  // namespace detail

// The start of `text` as valid UTF-8 of at most 80 bytes, control and invalid bytes escaped, with
// "..." where more follows.
inline std::string excerpt(std::string_view text) {
  constexpr std::string_view kMore = "...";
  std::string shown;
  std::size_t room_for_more = 0;  // size of the longest prefix that leaves room for "..."
  for (std::size_t at = 0, size = 0; at < text.size(); at += size) {
    shown += detail::shown_character(text.substr(at), size);
    if (shown.size() + kMore.size() <= kExcerptMaxBytes) room_for_more = shown.size();
    if (shown.size() > kExcerptMaxBytes) {
      shown.resize(room_for_more);
      return shown += kMore;
    }
  }
  return shown;
}

}  // namespace adhash
