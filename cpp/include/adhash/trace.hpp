// Reading traces: the parser, the dry run that only checks, and what types a trace needs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "adhash/csv_parser.hpp"

namespace adhash {

// The dry run: reads every row, executes none and collects the faults.
template <class Key, class Value>
class CsvCheck {
 public:
  explicit CsvCheck(CsvOptions options = {}, std::size_t max_faults = 20)
      : log_{.max_faults = max_faults, .faults = {}}, parser_(options, &log_) {}
  CsvCheck(const CsvCheck&) = delete;
  CsvCheck& operator=(const CsvCheck&) = delete;

  // Reads the block to its end; it is not needed afterwards.
  void feed(const char* data, std::size_t size, bool last) {
    parser_.feed(data, size, last);
    while (parser_.next(*batch_)) count_batch();
  }

  // No block can add anything: the trace has ended, or the log is full.
  bool is_finished() const noexcept { return parser_.is_finished(); }
  std::uint64_t rows() const noexcept { return parser_.rows(); }
  // Valid rows of one operation.
  std::uint64_t count(OpKind op) const noexcept { return counts_[static_cast<std::size_t>(op)]; }
  const std::vector<TraceFault>& faults() const noexcept { return log_.faults; }

 private:
  void count_batch() noexcept {
    for (std::size_t i = 0; i < batch_->size; ++i) {
      ++counts_[static_cast<std::size_t>(batch_->op[i])];
    }
  }

  FaultLog log_;
  CsvParser<Key, Value> parser_;
  std::unique_ptr<OperationBatch<Key, Value>> batch_ =
      std::make_unique<OperationBatch<Key, Value>>();
  std::array<std::uint64_t, 3> counts_{};
};

enum class KeyKind : std::uint8_t { int64, uint64, text };
enum class ValueKind : std::uint8_t { int64, bytes };

struct InferredTypes {
  KeyKind key = KeyKind::int64;
  ValueKind value = ValueKind::int64;
};

namespace detail {

// The narrowest types that hold every operation seen.
class TypeInference {
 public:
  void add(const OperationBatch<BytesKey, BytesValue>& batch) {
    for (std::size_t i = 0; i < batch.size; ++i) {
      add_key(decimal_of(batch.key[i]));
      if (batch.op[i] == OpKind::put) integer_values_ &= decimal_of(batch.value[i]).fits_int64();
    }
  }

  InferredTypes types() const noexcept {
    const KeyKind integer = range_.has_above_int64() ? KeyKind::uint64 : KeyKind::int64;
    return {.key = integer_keys_ ? integer : KeyKind::text,
            .value = integer_values_ ? ValueKind::int64 : ValueKind::bytes};
  }

 private:
  void add_key(const Decimal& key) noexcept {
    integer_keys_ = integer_keys_ && key.is_canonical() && range_.admits(key);
    range_.note(key);
  }

  KeyRange range_{IntRange::any};
  bool integer_keys_ = true;
  bool integer_values_ = true;
};

}  // namespace detail

// The types that the whole rows of a first block need. Faulty rows are passed over: the reading
// that follows reports them.
inline InferredTypes infer_types(const char* data, std::size_t size, bool last) {
  FaultLog log;
  CsvParser<BytesKey, BytesValue> parser(CsvOptions{}, &log);
  const auto batch = std::make_unique<OperationBatch<BytesKey, BytesValue>>();
  detail::TypeInference inference;
  parser.feed(data, size, last);
  while (parser.next(*batch)) inference.add(*batch);
  return inference.types();
}

}  // namespace adhash
