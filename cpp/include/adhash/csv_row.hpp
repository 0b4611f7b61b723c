// One row of a trace, read exactly: where it ends, its fields, and what is wrong with it. Speed is
// the business of csv_parser.hpp, which hands every row here that it does not recognise at sight.
//
// Where a row ends depends on quotes alone, whatever else is wrong with it:
//
//   put,"a ""b""\nc",1\n     a quote that opens a field hides commas and line feeds up to the quote
//                     ^     that closes it; "" inside stands for one quote
//   put,a"b,1\n             a quote elsewhere is a fault, and hides nothing
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adhash/errors.hpp"
#include "adhash/utf8.hpp"

namespace adhash {

// Finds the end of a row, over as many pieces as the row arrives in.
class RowDelimiter {
 public:
  // Returns the byte behind the line feed that ends the row, or null where it does not end before
  // `end`; the search then goes on with the next piece.
  const char* find_end(const char* at, const char* end) noexcept {
    while (at != nullptr && at != end) {
      switch (state_) {
        case State::field_start:
          at = start_field(at);
          break;
        case State::unquoted:
          at = leave_unquoted(at, end);
          break;
        case State::quoted:
          at = find_quote(at, end);
          break;
        case State::behind_quote:
          at = leave_quoted(at);
          break;
        case State::row_end:
          return at;
      }
    }
    return state_ == State::row_end ? at : nullptr;
  }

  void start_row() noexcept { state_ = State::field_start; }

 private:
  enum class State : std::uint8_t { field_start, unquoted, quoted, behind_quote, row_end };

  const char* start_field(const char* at) noexcept {
    state_ = *at == '"' ? State::quoted : State::unquoted;
    return *at == '"' ? at + 1 : at;
  }

  const char* leave_unquoted(const char* at, const char* end) noexcept {
    while (at != end && *at != ',' && *at != '\n') ++at;
    if (at == end) return nullptr;
    state_ = *at == ',' ? State::field_start : State::row_end;
    return at + 1;
  }

  const char* find_quote(const char* at, const char* end) noexcept {
    const void* quote = std::memchr(at, '"', static_cast<std::size_t>(end - at));
    if (quote == nullptr) return nullptr;
    state_ = State::behind_quote;
    return static_cast<const char*>(quote) + 1;
  }

  const char* leave_quoted(const char* at) noexcept {
    state_ = *at == '"' ? State::quoted : State::unquoted;
    return *at == '"' ? at + 1 : at;
  }

  State state_ = State::field_start;
};

// What is wrong with a row, and where: `offset` counts bytes within the row, `shown` is a part of
// it.
struct RowProblem {
  std::size_t offset = 0;
  std::string_view shown;
  std::string what;
  std::string remedy;
  bool key_type = false;
  bool value_type = false;
  bool is_open_quote = false;
};

// A field as it stands in the row: `text` without the quotes around it.
struct RawField {
  std::string_view text;
  std::size_t offset = 0;  // of the field, its opening quote included
  bool has_escapes = false;
};

struct RawRow {
  std::array<RawField, 3> field;
  std::size_t count = 0;
  std::size_t fourth_offset = 0;
};

// Memory for unescaped fields, cut from large pieces; what it handed out stays until reset().
class TextArena {
 public:
  char* allocate(std::size_t size) {
    if (size > room_) add_piece(std::max(size, kPieceBytes));
    char* const text = next_;
    next_ += size;
    room_ -= size;
    return text;
  }

  void reset() noexcept {
    pieces_.clear();
    room_ = 0;
  }

 private:
  static constexpr std::size_t kPieceBytes = std::size_t{64} << 10;

  void add_piece(std::size_t size) {
    pieces_.push_back(std::make_unique_for_overwrite<char[]>(size));
    next_ = pieces_.back().get();
    room_ = size;
  }

  std::vector<std::unique_ptr<char[]>> pieces_;
  char* next_ = nullptr;
  std::size_t room_ = 0;
};

namespace detail {

// Bytes shown of a place that no field can be cut from.
inline constexpr std::size_t kShownAround = 16;

inline std::optional<RowProblem> find_bad_byte(std::string_view row) {
  const std::size_t nul = row.find('\0');
  if (nul != std::string_view::npos) {
    return RowProblem{.offset = nul,
                      .shown = row.substr(nul, kShownAround),
                      .what = "a NUL byte",
                      .remedy = "save the trace as UTF-8 text without NUL bytes"};
  }
  const std::size_t invalid = find_invalid_utf8(row);
  if (invalid == row.size()) return std::nullopt;
  return RowProblem{.offset = invalid,
                    .shown = row.substr(invalid, kShownAround),
                    .what = "invalid UTF-8",
                    .remedy = "save the trace as UTF-8"};
}

// Reads the quoted field that starts at `at`; moves `at` behind its closing quote.
inline std::optional<RowProblem> read_quoted(std::string_view row, std::size_t& at,
                                             RawField& field) {
  const std::size_t opened = at++;
  for (;;) {
    const std::size_t quote = row.find('"', at);
    if (quote == std::string_view::npos) {
      return RowProblem{.offset = opened,
                        .shown = row.substr(opened),
                        .what = "a quote that is never closed",
                        .remedy = "close the quote; write a quote inside a quoted field twice",
                        .is_open_quote = true};
    }
    at = quote + 1;
    if (at == row.size() || row[at] != '"') break;
    field.has_escapes = true;
    ++at;
  }
  field.text = row.substr(opened + 1, at - opened - 2);
  if (at == row.size() || row[at] == ',') return std::nullopt;
  return RowProblem{.offset = at,
                    .shown = row.substr(at),
                    .what = "text behind a closing quote",
                    .remedy = "write a quote inside a quoted field twice"};
}

inline std::optional<RowProblem> read_unquoted(std::string_view row, std::size_t& at,
                                               RawField& field) {
  const std::size_t begin = at;
  at = std::min(row.find(',', at), row.size());
  field.text = row.substr(begin, at - begin);
  const std::size_t wrong = field.text.find_first_of("\"\r");
  if (wrong == std::string_view::npos) return std::nullopt;
  const bool is_quote = field.text[wrong] == '"';
  return RowProblem{.offset = begin + wrong,
                    .shown = field.text.substr(wrong),
                    .what = is_quote ? "a quote inside an unquoted field"
                                     : "a carriage return without a line feed",
                    .remedy = is_quote
                                  ? "put the whole field in quotes and write the inner quote twice"
                                  : "end rows with LF or CRLF, or put the field in quotes"};
}

inline std::optional<RowProblem> wrong_count(std::string_view row, const RawRow& fields) {
  if (fields.count == 3) return std::nullopt;
  const bool is_single = fields.count == 1;
  return RowProblem{
      .offset = fields.count > 3 ? fields.fourth_offset : row.size(),
      .shown = row,
      .what = std::to_string(fields.count) + (is_single ? " column" : " columns") + " instead of 3",
      .remedy = "write op,key,value in every row; a get and a del end with an empty value"};
}

}  // namespace detail

// Cuts a row, without its line end, into fields. Stops at the first fault of quoting.
inline std::optional<RowProblem> split_row(std::string_view row, RawRow& fields) {
  for (std::size_t at = 0;; ++at) {
    RawField field{.text = {}, .offset = at, .has_escapes = false};
    const bool is_quoted = at < row.size() && row[at] == '"';
    auto problem =
        is_quoted ? detail::read_quoted(row, at, field) : detail::read_unquoted(row, at, field);
    if (problem) return problem;
    if (fields.count < 3) fields.field[fields.count] = field;
    if (fields.count == 3) fields.fourth_offset = field.offset;
    ++fields.count;
    if (at == row.size()) return std::nullopt;
  }
}

// The text of a field with "" read as ": a view into the row, or into `arena` where it differs.
inline std::string_view unescaped(const RawField& field, TextArena& arena) {
  if (!field.has_escapes) return field.text;
  char* const begin = arena.allocate(field.text.size());
  char* out = begin;
  for (std::size_t i = 0; i < field.text.size(); ++i) {
    *out++ = field.text[i];
    if (field.text[i] == '"') ++i;
  }
  return {begin, static_cast<std::size_t>(out - begin)};
}

// Whether `text` is `lower` in any mixture of cases. PRECONDITION: `lower` is a-z and commas.
inline bool equals_ignoring_case(std::string_view text, std::string_view lower) noexcept {
  const auto folds_to = [](char c, char letter) {
    return c == letter || (c >= 'A' && c <= 'Z' && c + ('a' - 'A') == letter);
  };
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(), folds_to);
}

// Turns a problem of `row`, which starts at column one of `line`, into a fault with its place.
inline TraceFault fault_in_row(RowProblem problem, std::string_view row, std::uint64_t line) {
  const std::string_view before = row.substr(0, problem.offset);
  const std::size_t last_feed = before.rfind('\n');
  const std::size_t line_start = last_feed == std::string_view::npos ? 0 : last_feed + 1;
  return {.line = line + static_cast<std::uint64_t>(std::count(before.begin(), before.end(), '\n')),
          .column = problem.offset - line_start + 1,
          .what = std::move(problem.what),
          .value = excerpt(problem.shown),
          .remedy = std::move(problem.remedy),
          .key_type = problem.key_type,
          .value_type = problem.value_type};
}

}  // namespace adhash
