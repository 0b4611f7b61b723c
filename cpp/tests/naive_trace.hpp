// The trace format read in the plainest way, one character at a time over the whole text, as the
// reference that the parser is held against. It shares no code with it.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adhash/operation.hpp"

namespace naive {

struct Options {
  std::uint64_t max_rows = 0;
  std::size_t max_line_bytes = std::size_t{16} << 20;
  bool integer_keys = false;
  bool integer_values = false;
  bool negative_keys = true;
  bool keys_above_int64 = true;
  std::size_t max_faults = 20;
};

struct Row {
  adhash::OpKind op;
  std::string key;
  std::string value;
  bool operator==(const Row&) const = default;
};

struct Fault {
  std::uint64_t line;
  std::uint64_t column;
  std::string what;
  bool key_type = false;
  bool value_type = false;
  bool operator==(const Fault&) const = default;
};

struct Reading {
  std::vector<Row> rows;
  std::vector<Fault> faults;
};

struct Field {
  std::size_t offset = 0;
  std::string text;
};

struct Complaint {
  std::size_t offset = 0;
  std::string what;
  bool key_type = false;
  bool value_type = false;
};

inline std::size_t row_size(std::string_view text) {
  enum { start, plain, quoted, closed } state = start;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (state == quoted) {
      if (c == '"') state = closed;
    } else if (c == '\n') {
      return i + 1;
    } else if (c == ',') {
      state = start;
    } else if (c == '"' && (state == start || state == closed)) {
      state = quoted;
    } else {
      state = plain;
    }
  }
  return text.size();
}

inline std::optional<Complaint> split(std::string_view row, std::vector<Field>& fields) {
  std::size_t i = 0;
  for (;;) {
    Field field{i, {}};
    if (i < row.size() && row[i] == '"') {
      bool closed = false;
      for (++i; i < row.size() && !closed; ++i) {
        if (row[i] != '"') {
          field.text += row[i];
        } else if (i + 1 < row.size() && row[i + 1] == '"') {
          field.text += '"';
          ++i;
        } else {
          closed = true;
        }
      }
      if (!closed) return Complaint{field.offset, "a quote that is never closed"};
      if (i < row.size() && row[i] != ',') return Complaint{i, "text behind a closing quote"};
    } else {
      for (; i < row.size() && row[i] != ','; ++i) {
        if (row[i] == '"') return Complaint{i, "a quote inside an unquoted field"};
        if (row[i] == '\r') return Complaint{i, "a carriage return without a line feed"};
        field.text += row[i];
      }
    }
    fields.push_back(field);
    if (i == row.size()) return std::nullopt;
    ++i;
  }
}

// Decodes each code point and compares it with the smallest its length may encode.
inline std::optional<std::size_t> invalid_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto first = static_cast<unsigned char>(text[i]);
    unsigned extra = 0;
    std::uint32_t point = first;
    std::uint32_t smallest = 0;
    if (first >= 0xF8) return i;
    if (first >= 0xF0) {
      extra = 3;
      point = first & 7u;
      smallest = 0x10000;
    } else if (first >= 0xE0) {
      extra = 2;
      point = first & 15u;
      smallest = 0x800;
    } else if (first >= 0xC0) {
      extra = 1;
      point = first & 31u;
      smallest = 0x80;
    } else if (first >= 0x80) {
      return i;
    }
    if (i + extra >= text.size()) return i;
    for (unsigned k = 1; k <= extra; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if (next < 0x80 || next > 0xBF) return i;
      point = point << 6 | (next & 63u);
    }
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (point < smallest || surrogate || point > 0x10FFFF) return i;
    i += extra + 1;
  }
  return std::nullopt;
}

inline std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// An integer of -2^63 .. 2^64-1 that prints as the same text.
inline std::optional<__int128> integer(const std::string& text) {
  const bool negative = !text.empty() && text[0] == '-';
  __int128 magnitude = 0;
  for (std::size_t i = negative ? 1 : 0; i < text.size(); ++i) {
    if (text[i] < '0' || text[i] > '9' || text.size() > 20) return std::nullopt;
    magnitude = magnitude * 10 + (text[i] - '0');
  }
  if (magnitude > std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
  const __int128 value = negative ? -magnitude : magnitude;
  if (value < std::numeric_limits<std::int64_t>::min()) return std::nullopt;
  std::string printed = std::to_string(static_cast<std::uint64_t>(magnitude));
  if (negative) printed.insert(printed.begin(), '-');
  const bool minus_zero = negative && magnitude == 0;
  return printed == text && !minus_zero ? std::optional<__int128>(value) : std::nullopt;
}

class Reader {
 public:
  explicit Reader(Options options) : options_(options) {}

  Reading read(std::string_view text) {
    while (!text.empty() && !stopped_) {
      const std::string_view bytes = text.substr(0, row_size(text));
      text.remove_prefix(bytes.size());
      std::string_view row = bytes;
      if (row.ends_with('\n')) row.remove_suffix(1);
      if (row.ends_with('\r')) row.remove_suffix(1);
      read_row(row);
      for (const char c : bytes) line_ += c == '\n';
    }
    if (!header_ && !stopped_) reading_.faults.push_back({1, 1, "the trace is empty"});
    return reading_;
  }

 private:
  void read_row(std::string_view row) {
    if (row.empty()) {
      if (blank_ == 0) blank_ = line_;
      return;
    }
    if (blank_ != 0) {
      report({blank_, 1, "a blank line"});
      blank_ = 0;
      if (stopped_) return;
    }
    if (header_ && options_.max_rows != 0 && count_ == options_.max_rows) {
      return stop({line_, 1, "more rows than the limit of " + std::to_string(count_)});
    }
    if (row.size() > options_.max_line_bytes) return too_long(row);
    if (!header_) return read_header(row);
    ++count_;
    Row operation;
    if (const auto complaint = read_operation(row, operation))
      return report(placed(*complaint, row));
    reading_.rows.push_back(operation);
  }

  void too_long(std::string_view row) {
    const std::string limit = std::to_string(options_.max_line_bytes) + " bytes";
    row = row.substr(0, options_.max_line_bytes + 1);
    std::vector<Field> fields;
    const auto complaint = split(row, fields);
    ++count_;
    const Fault fault =
        complaint && complaint->what == "a quote that is never closed"
            ? placed({complaint->offset, "a quote that is not closed within " + limit}, row)
            : placed({options_.max_line_bytes, "a line longer than " + limit}, row);
    header_ ? report(fault) : stop(fault);
  }

  void read_header(std::string_view row) {
    if (row.starts_with("\xEF\xBB\xBF")) row.remove_prefix(3);
    std::vector<Field> fields;
    const bool split_well = !split(row, fields) && fields.size() == 3;
    header_ = split_well && lower(fields[0].text) == "op" && lower(fields[1].text) == "key" &&
              lower(fields[2].text) == "value";
    if (header_) return;
    const bool operation =
        split_well && (lower(fields[0].text) == "get" || lower(fields[0].text) == "put" ||
                       lower(fields[0].text) == "del");
    stop({line_, 1, operation ? "the header is missing" : "the header is not op,key,value"});
  }

  std::optional<Complaint> read_operation(std::string_view row, Row& operation) {
    if (row.find('\0') != row.npos) return Complaint{row.find('\0'), "a NUL byte"};
    if (const auto at = invalid_utf8(row)) return Complaint{*at, "invalid UTF-8"};
    std::vector<Field> fields;
    if (const auto complaint = split(row, fields)) return complaint;
    if (fields.size() != 3) {
      return Complaint{fields.size() > 3 ? fields[3].offset : row.size(),
                       std::to_string(fields.size()) +
                           (fields.size() == 1 ? " column instead of 3" : " columns instead of 3")};
    }
    operation.key = fields[1].text;
    operation.value = fields[2].text;
    const std::string op = lower(fields[0].text);
    if (op == "get")
      operation.op = adhash::OpKind::get;
    else if (op == "put")
      operation.op = adhash::OpKind::put;
    else if (op == "del")
      operation.op = adhash::OpKind::del;
    else
      return Complaint{fields[0].offset, "an unknown operation"};
    if (operation.key.empty()) return Complaint{fields[1].offset, "an empty key"};
    const bool negative = negative_, above = above_;
    auto complaint = check_key(fields[1]);
    if (!complaint) complaint = check_value(op, fields[2]);
    if (complaint) {
      negative_ = negative;
      above_ = above;
    }
    return complaint;
  }

  std::optional<Complaint> check_key(const Field& field) {
    if (!options_.integer_keys) return std::nullopt;
    const auto key = integer(field.text);
    const auto complain = [&](const char* what) {
      return Complaint{field.offset, what, true, false};
    };
    if (!key) return complain("the key is not a canonical integer of 64 bits");
    if (*key < 0) {
      if (!options_.negative_keys) return complain("a negative key where keys are uint64");
      if (above_) return complain("a negative key after keys above the range of int64");
      negative_ = true;
    } else if (*key > std::numeric_limits<std::int64_t>::max()) {
      if (!options_.keys_above_int64) return complain("the key is above the range of int64");
      if (negative_) return complain("a key above the range of int64 after negative keys");
      above_ = true;
    }
    return std::nullopt;
  }

  std::optional<Complaint> check_value(const std::string& op, const Field& field) const {
    if (op != "put") {
      if (field.text.empty()) return std::nullopt;
      return Complaint{field.offset, "a value on a " + op};
    }
    if (!options_.integer_values) return std::nullopt;
    const auto value = integer(field.text);
    if (value && *value <= std::numeric_limits<std::int64_t>::max()) return std::nullopt;
    return Complaint{field.offset, "the value is not a canonical integer of the range of int64",
                     false, true};
  }

  Fault placed(const Complaint& complaint, std::string_view row) const {
    std::uint64_t line = line_, column = 1;
    for (const char c : row.substr(0, complaint.offset)) {
      column = c == '\n' ? 1 : column + 1;
      line += c == '\n';
    }
    return {line, column, complaint.what, complaint.key_type, complaint.value_type};
  }

  void report(const Fault& fault) {
    reading_.faults.push_back(fault);
    stopped_ = reading_.faults.size() >= options_.max_faults;
  }
  void stop(const Fault& fault) {
    reading_.faults.push_back(fault);
    stopped_ = true;
  }

  Options options_;
  Reading reading_;
  std::uint64_t line_ = 1, count_ = 0, blank_ = 0;
  bool header_ = false, stopped_ = false, negative_ = false, above_ = false;
};

inline Reading read(std::string_view text, Options options = {}) {
  return Reader(options).read(text);
}

}  // namespace naive
