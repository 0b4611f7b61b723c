// Cuts a row with quoted fields from the positions of a scan. It knows the well-formed row only:
// what it refuses goes to split_row(), which says what is wrong.
//
//   put,"a,""b""",1\n       positions of the row, * those that separate fields
//      ** *" "" ""* *       (commas and feeds between quotes separate nothing)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "adhash/csv_row.hpp"
#include "adhash/scan.hpp"
#include "adhash/utf8.hpp"

namespace adhash {

// The part of a scan that no row has used yet.
struct ScannedWindow {
  const char* begin = nullptr;
  const std::uint32_t* next = nullptr;
  const std::uint32_t* end = nullptr;
  ScanResult seen;

  bool is_used_up() const noexcept { return next == end; }
  const char* place() const noexcept { return begin + *next; }
};

class QuotedRowCutter {
 public:
  explicit QuotedRowCutter(const ScannedWindow& window) noexcept : window_(window) {}

  // Cuts the row that starts at `row`; false where it is not well-formed or not whole.
  bool cut(const char* row) noexcept {
    const char* at = row;
    for (std::size_t i = 0; i < fields_.field.size(); ++i) {
      const char separator = i + 1 == fields_.field.size() ? '\n' : ',';
      if (window_.is_used_up()) return false;
      const bool is_cut = *at == '"' ? cut_quoted(at, separator, fields_.field[i])
                                     : cut_unquoted(at, separator, fields_.field[i]);
      if (!is_cut) return false;
      at = window_.place() + 1;
      ++window_.next;
    }
    fields_.count = fields_.field.size();
    end_ = at;
    return has_clean_bytes({row, static_cast<std::size_t>(end_ - row)});
  }

  // Offsets of fields are not filled in: only problems need them.
  const RawRow& fields() const noexcept { return fields_; }
  const char* end() const noexcept { return end_; }  // behind the line feed
  const std::uint32_t* next_position() const noexcept { return window_.next; }
  std::uint64_t lines() const noexcept { return lines_; }

 private:
  static std::string_view between(const char* begin, const char* end) noexcept {
    return {begin, static_cast<std::size_t>(end - begin)};
  }

  // Both leave window_.next at the separator.
  bool cut_unquoted(const char* at, char separator, RawField& field) noexcept {
    const char* stop = window_.place();
    if (*stop != separator) return false;
    field.text = between(at, stop);
    if (!window_.seen.carriage_return) return true;
    if (separator == '\n' && field.text.ends_with('\r')) field.text.remove_suffix(1);
    return field.text.find('\r') == std::string_view::npos;
  }

  bool cut_quoted(const char* at, char separator, RawField& field) noexcept {
    ++window_.next;
    const char* closing = find_closing(field.has_escapes);
    if (closing == nullptr) return false;
    field.text = between(at + 1, closing);
    const char* stop = window_.place();
    const bool has_return = separator == '\n' && stop == closing + 2 && closing[1] == '\r';
    return *stop == separator && stop == closing + 1 + has_return;
  }

  // Leaves window_.next behind the closing quote, at a position that exists.
  const char* find_closing(bool& has_escapes) noexcept {
    for (; !window_.is_used_up(); ++window_.next) {
      const char* place = window_.place();
      if (*place == '\n') ++lines_;
      if (*place != '"') continue;
      if (++window_.next == window_.end) return nullptr;
      if (window_.place() != place + 1 || place[1] != '"') return place;
      has_escapes = true;
    }
    return nullptr;
  }

  bool has_clean_bytes(std::string_view row) const noexcept {
    if (window_.seen.nul) return false;
    return !window_.seen.non_ascii || find_invalid_utf8(row) == row.size();
  }

  ScannedWindow window_;
  RawRow fields_;
  const char* end_ = nullptr;
  std::uint64_t lines_ = 1;
};

}  // namespace adhash
