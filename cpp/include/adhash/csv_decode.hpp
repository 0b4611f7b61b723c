// What the fields of a row mean. Two readers of the same format: RowDecoder is exact, takes any row
// and names what is wrong; decode_plain() takes the rows that almost every trace is made of,
// without quotes and without faults, and refuses the rest.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "adhash/csv_integers.hpp"
#include "adhash/csv_row.hpp"
#include "adhash/decimal.hpp"
#include "adhash/operation.hpp"
#include "adhash/scan.hpp"

namespace adhash {

// Which integers a key may be. `any` takes both halves until the trace has used one: negative keys
// and keys above 2^63-1 fit no common type of 64 bits.
enum class IntRange : std::uint8_t { int64, uint64, any };

struct CsvOptions {
  std::uint64_t max_rows = 0;  // 0: no limit
  std::size_t max_line_bytes = std::size_t{16}
                               << 20;  // of a row, without its line end; 0: no limit
  IntRange key_range = IntRange::any;
};

// The halves of the integers that keys have taken so far.
class KeyRange {
 public:
  explicit KeyRange(IntRange range) noexcept
      : forbidden_(range == IntRange::int64    ? Decimal::kAboveInt64
                   : range == IntRange::uint64 ? Decimal::kNegative
                                               : 0) {}

  // Not zero where `key`, if it is canonical, may not follow the keys before it.
  std::uint64_t refusal(const Decimal& key) const noexcept {
    static_assert(Decimal::kAboveInt64 == Decimal::kNegative << 1);
    const std::uint64_t halves = seen_ | key.flags;
    return (key.flags & forbidden_) | (halves & (halves >> 1) & Decimal::kNegative);
  }
  bool admits(const Decimal& key) const noexcept { return refusal(key) == 0; }
  // PRECONDITION: `key` is canonical and admitted.
  void note(const Decimal& key) noexcept { seen_ |= key.flags; }

  bool has_negative() const noexcept { return (seen_ & Decimal::kNegative) != 0; }
  bool has_above_int64() const noexcept { return (seen_ & Decimal::kAboveInt64) != 0; }
  bool forbids_negative() const noexcept { return (forbidden_ & Decimal::kNegative) != 0; }
  bool forbids_above_int64() const noexcept { return (forbidden_ & Decimal::kAboveInt64) != 0; }

 private:
  std::uint64_t forbidden_;
  std::uint64_t seen_ = 0;
};

template <class Key, class Value>
struct Operation {
  OpKind op = OpKind::get;
  typename Key::View key{};
  typename Value::View value{};
};

namespace detail {

inline std::optional<OpKind> op_named(std::string_view text) noexcept {
  if (equals_ignoring_case(text, "get")) return OpKind::get;
  if (equals_ignoring_case(text, "put")) return OpKind::put;
  if (equals_ignoring_case(text, "del")) return OpKind::del;
  return std::nullopt;
}

inline RowProblem problem_at(const RawField& field, std::string what, std::string remedy) {
  return {.offset = field.offset,
          .shown = field.text,
          .what = std::move(what),
          .remedy = std::move(remedy),
          .key_type = false,
          .value_type = false,
          .is_open_quote = false};
}

inline RowProblem key_type_problem(const RawField& field, const Decimal& key,
                                   std::string_view complaint) {
  RowProblem problem =
      problem_at(field, std::string(complaint),
                 key.is_canonical() ? "keep keys within int64 or uint64, or use the key type str"
                                    : "use canonical decimal integers, or the key type str");
  problem.key_type = true;
  return problem;
}

inline std::string_view key_complaint(const Decimal& key, const KeyRange& range) noexcept {
  if (!key.is_canonical()) return "the key is not a canonical integer of 64 bits";
  if (key.is_negative() && range.forbids_negative()) return "a negative key where keys are uint64";
  if (key.is_negative()) return "a negative key after keys above the range of int64";
  if (range.forbids_above_int64()) return "the key is above the range of int64";
  return "a key above the range of int64 after negative keys";
}

// Overloads by kind of key and value: each stores what the field says, or says what is wrong.
inline std::optional<RowProblem> decode_key(std::type_identity<IntKey>, const RawField& field,
                                            std::string_view text, KeyRange& range,
                                            std::uint64_t& key) {
  const Decimal decimal = decimal_of(text);
  if (!decimal.is_canonical() || !range.admits(decimal)) {
    return key_type_problem(field, decimal, key_complaint(decimal, range));
  }
  range.note(decimal);
  key = decimal.bits;
  return std::nullopt;
}

inline std::optional<RowProblem> decode_key(std::type_identity<BytesKey>, const RawField&,
                                            std::string_view text, KeyRange&,
                                            std::string_view& key) {
  key = text;
  return std::nullopt;
}

inline std::optional<RowProblem> decode_value(std::type_identity<WordValue>, const RawField& field,
                                              std::string_view text, std::uint64_t& value) {
  const Decimal decimal = decimal_of(text);
  value = decimal.bits;
  if (decimal.fits_int64()) return std::nullopt;
  RowProblem problem =
      problem_at(field, "the value is not a canonical integer of the range of int64",
                 "use canonical decimal integers, or the value type bytes");
  problem.value_type = true;
  return problem;
}

inline std::optional<RowProblem> decode_value(std::type_identity<BytesValue>, const RawField&,
                                              std::string_view text, std::string_view& value) {
  value = text;
  return std::nullopt;
}

}  // namespace detail

template <class Key, class Value>
class RowDecoder {
 public:
  explicit RowDecoder(IntRange key_range) noexcept : range_(key_range) {}

  // Reads a row, its line end cut off, into `operation`, or says what is wrong with it. Unescaped
  // text goes to `arena`.
  std::optional<RowProblem> decode(std::string_view row, TextArena& arena,
                                   Operation<Key, Value>& operation) {
    if (auto problem = detail::find_bad_byte(row)) return problem;
    RawRow fields;
    if (auto problem = split_row(row, fields)) return problem;
    if (auto problem = detail::wrong_count(row, fields)) return problem;
    return decode_fields(fields, arena, operation);
  }

  // The same for three fields that are known to be well-formed.
  std::optional<RowProblem> decode_fields(const RawRow& fields, TextArena& arena,
                                          Operation<Key, Value>& operation) {
    const auto& [op_field, key_field, value_field] = fields.field;
    const std::optional<OpKind> op = detail::op_named(op_field.text);
    if (!op) return detail::problem_at(op_field, "an unknown operation", "write put, get or del");
    if (key_field.text.empty()) {
      return detail::problem_at(key_field, "an empty key", "give every operation a key");
    }
    operation.op = *op;
    const KeyRange range_before = range_;
    auto problem = detail::decode_key(std::type_identity<Key>{}, key_field,
                                      unescaped(key_field, arena), range_, operation.key);
    if (!problem) problem = decode_value_of(*op, value_field, arena, operation.value);
    if (problem) range_ = range_before;
    return problem;
  }

  KeyRange& range() noexcept { return range_; }
  const KeyRange& range() const noexcept { return range_; }

 private:
  static std::optional<RowProblem> decode_value_of(OpKind op, const RawField& field,
                                                   TextArena& arena, typename Value::View& value) {
    if (op == OpKind::put) {
      return detail::decode_value(std::type_identity<Value>{}, field, unescaped(field, arena),
                                  value);
    }
    value = {};
    if (field.text.empty()) return std::nullopt;
    return detail::problem_at(field, op == OpKind::get ? "a value on a get" : "a value on a del",
                              "leave the value empty; only a put carries one");
  }

  KeyRange range_;
};

namespace detail {

// A row as the scan found it: where its key ends, at what should be a comma, and where the row
// ends, at what should be a line feed.
struct PlainRow {
  const char* begin;
  const char* key_end;
  const char* end;
};

// The readers of plain fields return zero where they took the field. The integer ones judge it
// while they read it and branch on nothing but its size.
[[gnu::always_inline]] inline std::uint64_t read_plain_key(std::type_identity<IntKey>,
                                                           const char* begin, std::size_t size,
                                                           const ScanResult&, const KeyRange& range,
                                                           KeyRange& noted, std::uint64_t& key) {
  const Decimal decimal = decimal_near(begin, size);
  key = decimal.bits;
  noted.note(decimal);
  return (decimal.flags & Decimal::kNotCanonical) | range.refusal(decimal);
}

[[gnu::always_inline]] inline std::uint64_t read_plain_value(std::type_identity<WordValue>,
                                                             const char* begin, std::size_t size,
                                                             const ScanResult&,
                                                             std::uint64_t& value) {
  const Decimal decimal = decimal_near(begin, size);
  value = decimal.bits;
  return decimal.flags & (Decimal::kNotCanonical | Decimal::kAboveInt64);
}

// Text has to be looked at only for what the scan saw in its window.
inline bool is_clean_text(std::string_view text, const ScanResult& seen) noexcept {
  if (seen.nul && text.find('\0') != std::string_view::npos) return false;
  if (seen.carriage_return && text.find('\r') != std::string_view::npos) return false;
  return !seen.non_ascii || find_invalid_utf8(text) == text.size();
}

[[gnu::always_inline]] inline std::uint64_t read_plain_text(const char* begin, std::size_t size,
                                                            const ScanResult& seen,
                                                            std::string_view& text) {
  text = {begin, size};
  return word_of(!seen.is_plain() && !is_clean_text(text, seen));
}

[[gnu::always_inline]] inline std::uint64_t read_plain_key(std::type_identity<BytesKey>,
                                                           const char* begin, std::size_t size,
                                                           const ScanResult& seen, const KeyRange&,
                                                           KeyRange&, std::string_view& key) {
  return read_plain_text(begin, size, seen, key);
}

[[gnu::always_inline]] inline std::uint64_t read_plain_value(std::type_identity<BytesValue>,
                                                             const char* begin, std::size_t size,
                                                             const ScanResult& seen,
                                                             std::string_view& value) {
  return read_plain_text(begin, size, seen, value);
}

}  // namespace detail

// Reads a row without quotes; false where the row is anything but that. Which operation it is
// decides no branch, because no predictor guesses it. PRECONDITION: kDecimalSlack bytes before
// row.begin are readable.
template <class Key, class Value>
[[gnu::always_inline]] inline bool decode_plain(const detail::PlainRow& row, const ScanResult& seen,
                                                KeyRange& range, Operation<Key, Value>& operation) {
  using detail::word_of;
  const char* key = row.begin + detail::kOpBytes;
  if (row.key_end <= key) [[unlikely]]
    return false;
  const char* value = row.key_end + 1;
  const std::uint64_t value_size =
      static_cast<std::size_t>(row.end - value) - word_of(row.end[-1] == '\r');
  const detail::OpField op = detail::read_op(row.begin);
  operation.op = op.kind();
  KeyRange noted = range;
  const std::uint64_t bad_value = detail::read_plain_value(std::type_identity<Value>{}, value,
                                                           value_size, seen, operation.value);
  const std::uint64_t bad_key = detail::read_plain_key(std::type_identity<Key>{}, key,
                                                       static_cast<std::size_t>(row.key_end - key),
                                                       seen, range, noted, operation.key);
  const std::uint64_t bad_shape = op.is_wrong | static_cast<unsigned char>(*row.key_end ^ ',') |
                                  static_cast<unsigned char>(*row.end ^ '\n');
  const std::uint64_t refused = (bad_value & (0 - op.is_put)) | (value_size & (op.is_put - 1));
  if ((bad_shape | refused | bad_key) != 0) [[unlikely]]
    return false;
  range = noted;
  return true;
}

}  // namespace adhash
