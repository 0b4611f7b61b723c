// Drives the parser over a text cut into blocks, each in memory of its own size, so that a
// sanitizer sees a read of one byte too many, and gives what came out in the form of the naive
// reader.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adhash/trace.hpp"
#include "naive_trace.hpp"

namespace trace_reading {

inline std::vector<std::string_view> cut(std::string_view text,
                                         const std::vector<std::size_t>& at) {
  std::vector<std::string_view> blocks;
  std::size_t from = 0;
  for (const std::size_t to : at) {
    blocks.push_back(text.substr(from, to - from));
    from = to;
  }
  blocks.push_back(text.substr(from));
  return blocks;
}

inline std::string text_of(std::string_view view) {
  return std::string(view);
}

// Integers come as bits; whether they are signed shows in what the parser has seen.
inline std::string integer_text(std::uint64_t bits, bool is_signed) {
  return is_signed ? std::to_string(static_cast<std::int64_t>(bits)) : std::to_string(bits);
}

inline naive::Fault plain_fault(const adhash::TraceFault& fault) {
  return {fault.line, fault.column, fault.what, fault.key_type, fault.value_type};
}

template <class Key, class Value>
class Drive {
 public:
  Drive(adhash::CsvOptions options, adhash::FaultLog* log) : parser_(options, log) {}

  // Rows as the naive reader gives them. A TraceError ends the reading and is kept in `thrown`.
  std::vector<naive::Row> read(const std::vector<std::string_view>& blocks) {
    try {
      for (std::size_t i = 0; i < blocks.size(); ++i) feed(blocks[i], i + 1 == blocks.size());
    } catch (const adhash::TraceError& error) {
      thrown.push_back(error.fault());
    }
    return std::move(rows_);
  }

  const adhash::CsvParser<Key, Value>& parser() const { return parser_; }
  std::vector<adhash::TraceFault> thrown;

 private:
  void feed(std::string_view block, bool last) {
    const auto exact = std::make_unique_for_overwrite<char[]>(block.size());
    std::memcpy(exact.get(), block.data(), block.size());
    parser_.feed(exact.get(), block.size(), last);
    while (parser_.next(*batch_)) keep();
  }

  void keep() {
    for (std::size_t i = 0; i < batch_->size; ++i) {
      const bool is_put = batch_->op[i] == adhash::OpKind::put;
      rows_.push_back({batch_->op[i], key(i), is_put ? value(i) : std::string()});
    }
  }

  std::string key(std::size_t i) const {
    if constexpr (std::is_same_v<Key, adhash::BytesKey>) {
      return text_of(batch_->key[i]);
    } else {
      return integer_text(batch_->key[i], !parser_.seen_key_above_int64());
    }
  }
  std::string value(std::size_t i) const {
    if constexpr (std::is_same_v<Value, adhash::BytesValue>) {
      return text_of(batch_->value[i]);
    } else {
      return integer_text(batch_->value[i], true);
    }
  }

  adhash::CsvParser<Key, Value> parser_;
  std::unique_ptr<adhash::OperationBatch<Key, Value>> batch_ =
      std::make_unique_for_overwrite<adhash::OperationBatch<Key, Value>>();
  std::vector<naive::Row> rows_;
};

template <class Key, class Value>
naive::Options naive_options(const adhash::CsvOptions& options, std::size_t max_faults) {
  return {
      .max_rows = options.max_rows,
      .max_line_bytes = options.max_line_bytes == 0 ? std::size_t{1} << 60 : options.max_line_bytes,
      .integer_keys = std::is_same_v<Key, adhash::IntKey>,
      .integer_values = std::is_same_v<Value, adhash::WordValue>,
      .negative_keys = options.key_range != adhash::IntRange::uint64,
      .keys_above_int64 = options.key_range != adhash::IntRange::int64,
      .max_faults = max_faults};
}

// Collects up to `max_faults` faults, as a dry run does.
template <class Key, class Value>
naive::Reading check_reading(const std::vector<std::string_view>& blocks,
                             adhash::CsvOptions options, std::size_t max_faults = 20) {
  adhash::FaultLog log{.max_faults = max_faults, .faults = {}};
  Drive<Key, Value> drive(options, &log);
  naive::Reading reading{drive.read(blocks), {}};
  for (const auto& fault : log.faults) reading.faults.push_back(plain_fault(fault));
  return reading;
}

// Ends at the first fault, as a replay does.
template <class Key, class Value>
naive::Reading replay_reading(const std::vector<std::string_view>& blocks,
                              adhash::CsvOptions options) {
  Drive<Key, Value> drive(options, nullptr);
  naive::Reading reading{drive.read(blocks), {}};
  for (const auto& fault : drive.thrown) reading.faults.push_back(plain_fault(fault));
  return reading;
}

inline std::string described(const naive::Reading& reading) {
  std::string text = std::to_string(reading.rows.size()) + " rows";
  for (const auto& row : reading.rows) {
    text += "\n   " + std::to_string(static_cast<int>(row.op)) + " [" + adhash::excerpt(row.key) +
            "] [" + adhash::excerpt(row.value) + "]";
    if (text.size() > 4000) break;
  }
  for (const auto& fault : reading.faults) {
    text += "\n   fault " + std::to_string(fault.line) + ":" + std::to_string(fault.column) + " " +
            fault.what;
  }
  return text;
}

inline bool agree(const naive::Reading& left, const naive::Reading& right) {
  return left.rows == right.rows && left.faults == right.faults;
}

// Reads `blocks` both ways and returns a description of the first difference from the naive reader,
// or an empty string.
template <class Key, class Value>
std::string difference(std::string_view text, const std::vector<std::string_view>& blocks,
                       const adhash::CsvOptions& options) {
  for (const std::size_t max_faults : {std::size_t{1}, std::size_t{20}}) {
    const auto expected = naive::read(text, naive_options<Key, Value>(options, max_faults));
    const auto found = max_faults == 1 ? replay_reading<Key, Value>(blocks, options)
                                       : check_reading<Key, Value>(blocks, options, max_faults);
    if (!agree(expected, found)) {
      return "of " + adhash::excerpt(text) + "\n  expected " + described(expected) + "\n  found " +
             described(found);
    }
  }
  return {};
}

}  // namespace trace_reading
