// Reads a trace in blocks of any size and hands out its operations in batches.
//
//   block   ...get,17,\nput,4,99\nge|    `window`: up to 16 KiB that start at a row; one sweep
//              [ window          ]       finds its commas, line feeds and quotes
//                                 ^^
//   carry   ge + t,8,\n of the next      a row that spans blocks is completed here; never more
//                                        than the longest line allowed
//
// Four ways through a row, each taking what the one before refuses: usual rows of integers
// (csv_integers.hpp), rows without quotes (decode_plain), well-formed rows with quotes
// (csv_quoted.hpp), and the exact reading of whatever it may be, which alone finds faults.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "adhash/csv_decode.hpp"
#include "adhash/csv_integers.hpp"
#include "adhash/csv_quoted.hpp"
#include "adhash/csv_row.hpp"
#include "adhash/errors.hpp"
#include "adhash/operation.hpp"
#include "adhash/scan.hpp"

namespace adhash {

// feed() a block, call next() until it returns false, feed the next; `last` marks the end of the
// trace. A block must stay where it is until next() has returned false; what a batch holds lives
// until the following call of next().
//
// Without a FaultLog, next() throws TraceError at the first faulty row, once it has handed out the
// rows before it. With one, faulty rows are logged and left out; reading ends when the log is full
// or the trace cannot be read on (no header, too many rows).
template <class Key, class Value>
class CsvParser {
 public:
  using Batch = OperationBatch<Key, Value>;

  explicit CsvParser(CsvOptions options = {}, FaultLog* log = nullptr)
      : options_(options), log_(log), decoder_(options.key_range) {
    if (options_.max_line_bytes == 0) options_.max_line_bytes = kUnlimitedBytes;
  }
  CsvParser(const CsvParser&) = delete;
  CsvParser& operator=(const CsvParser&) = delete;

  // PRECONDITION: next() has returned false since the block before.
  void feed(const char* data, std::size_t size, bool last) noexcept {
    assert(cursor_ == block_end_ || is_stopped_);
    block_begin_ = cursor_ = data;
    block_end_ = data + size;
    window_ = {};
    is_last_ = last;
  }

  // Fills `batch`; false when it needs the next block or the trace has ended.
  bool next(Batch& batch) {
    batch.size = 0;
    arena_.reset();
    while (batch.size < Batch::kCapacity && !is_stopped_ && advance(batch)) {
    }
    if (batch.size == 0 && failure_) throw TraceError(*failure_);
    return batch.size != 0;
  }

  // Nothing more will come, whatever is fed.
  bool is_finished() const noexcept { return is_stopped_; }
  // Rows seen so far, faulty ones included, header and blank lines not.
  std::uint64_t rows() const noexcept { return rows_; }
  // The line that the next row starts on.
  std::uint64_t line() const noexcept { return line_; }
  bool seen_negative_key() const noexcept { return decoder_.range().has_negative(); }
  bool seen_key_above_int64() const noexcept { return decoder_.range().has_above_int64(); }

 private:
  static constexpr std::size_t kWindowBytes = std::size_t{16} << 10;
  static constexpr std::size_t kFewRows = 4;
  static constexpr std::size_t kLongestRun = 64;
  static constexpr std::size_t kUnlimitedBytes = std::numeric_limits<std::size_t>::max() / 2;

  bool advance(Batch& batch) {
    if (is_row_open_) return complete_open_row(batch);
    if (cursor_ == block_end_) return finish_block(batch);
    if (can_use_window() && (take_plain_rows(batch) || take_quoted_rows(batch))) return true;
    return take_exact_row(batch);
  }

  bool finish_block(const Batch& batch) {
    if (!is_last_ || batch.size != 0) return false;
    if (!is_header_read_) {
      stop_with({.line = 1,
                 .column = 1,
                 .what = "the trace is empty",
                 .value = {},
                 .remedy = "start the trace with the header op,key,value"});
    }
    is_stopped_ = true;
    return false;
  }

  // The fast paths need that nothing but data can come, and that bytes in front may be read.
  bool can_use_window() {
    if (!is_header_read_ || first_blank_line_ != 0) return false;
    if (static_cast<std::size_t>(cursor_ - block_begin_) < kUsualSlack) return false;
    if (window_.end - window_.next < 3 && window_.begin != cursor_) scan_window();
    return true;
  }

  std::size_t room_for_rows(const Batch& batch) const noexcept {
    const std::size_t room = Batch::kCapacity - batch.size;
    if (options_.max_rows == 0) return room;
    return static_cast<std::size_t>(std::min<std::uint64_t>(room, options_.max_rows - rows_));
  }

  // No window is longer than the longest line, so that no row in it can be too long.
  void scan_window() {
    const std::size_t size = std::min(
        {static_cast<std::size_t>(block_end_ - cursor_), kWindowBytes, options_.max_line_bytes});
    const ScanResult seen = scanner_.scan(cursor_, size, positions_.data());
    window_ = {cursor_, positions_.data(), positions_.data() + seen.count, seen};
  }

  // Rows without quotes: integers by the fastest way while they are usual, else one way for all.
  // Where unusual rows are frequent, longer and longer runs pass before the fastest way is tried.
  bool take_plain_rows(Batch& batch) {
    const auto cut = static_cast<std::size_t>(window_.end - window_.next) / 3;
    const std::size_t rows = std::min(room_for_rows(batch), cut);
    std::size_t taken = 0;
    std::size_t run = 1;
    for (std::size_t unusual = 1; taken < rows && unusual != 0; taken += unusual) {
      const std::size_t usual = take_usual(batch, rows - taken);
      taken += usual;
      run = usual < kFewRows ? std::min(2 * run, kLongestRun) : 1;
      unusual = take_any_plain(batch, std::min(rows - taken, run));
    }
    rows_ += taken;
    line_ += taken;
    return taken != 0;
  }

  std::size_t take_usual(Batch& batch, std::size_t max_rows) {
    if constexpr (std::is_same_v<Key, IntKey> && std::is_same_v<Value, WordValue>) {
      const RowCuts cuts{window_.begin, window_.next, max_rows};
      const IntegerColumns columns{batch.op.data() + batch.size, batch.key.data() + batch.size,
                                   batch.value.data() + batch.size};
      const std::size_t taken = take_usual_rows_(cuts, cursor_, columns);
      batch.size += taken;
      window_.next += 3 * taken;
      return taken;
    } else {
      return 0;
    }
  }

  std::size_t take_any_plain(Batch& batch, std::size_t max_rows) {
    const ScannedWindow window = window_;
    const char* begin = cursor_;
    KeyRange range = decoder_.range();
    std::size_t taken = 0;
    for (; taken < max_rows; ++taken) {
      const std::uint32_t* position = window.next + 3 * taken;
      const detail::PlainRow row{begin, window.begin + position[1], window.begin + position[2]};
      Operation<Key, Value> operation;
      if (!decode_plain(row, window.seen, range, operation)) break;
      put_into(batch, batch.size + taken, operation);
      begin = row.end + 1;
    }
    decoder_.range() = range;
    batch.size += taken;
    window_.next += 3 * taken;
    cursor_ = begin;
    return taken;
  }

  // Well-formed rows with quotes; a row in which anything is wrong is left to the exact path.
  bool take_quoted_rows(Batch& batch) {
    const std::size_t room = room_for_rows(batch);
    std::size_t taken = 0;
    for (; taken < room; ++taken) {
      QuotedRowCutter row(window_);
      Operation<Key, Value> operation;
      if (!row.cut(cursor_)) break;
      if (decoder_.decode_fields(row.fields(), arena_, operation)) break;
      put_into(batch, batch.size++, operation);
      line_ += row.lines();
      cursor_ = row.end();
      window_.next = row.next_position();
    }
    rows_ += taken;
    return taken != 0;
  }

  [[gnu::always_inline]] static void put_into(Batch& batch, std::size_t at,
                                              const Operation<Key, Value>& operation) {
    batch.op[at] = operation.op;
    batch.key[at] = operation.key;
    batch.value[at] = operation.value;
  }

  bool take_exact_row(Batch& batch) {
    delimiter_.start_row();
    const char* end = delimiter_.find_end(cursor_, block_end_);
    if (end == nullptr && !is_last_) return open_row(batch);
    if (end == nullptr) end = block_end_;
    read_row({cursor_, static_cast<std::size_t>(end - cursor_)}, batch);
    cursor_ = end;
    while (!window_.is_used_up() && window_.place() < cursor_) ++window_.next;
    return true;
  }

  // Starts to carry the row that the block ends in. The carry may still be viewed by the batch in
  // hand, so that one goes out first.
  bool open_row(const Batch& batch) {
    if (batch.size != 0) return false;
    carry_.clear();
    is_row_open_ = true;
    is_row_dropped_ = false;
    carried_feeds_ = 0;
    carry_over(block_end_);
    return false;
  }

  bool complete_open_row(Batch& batch) {
    const char* end = delimiter_.find_end(cursor_, block_end_);
    const bool is_whole = end != nullptr || is_last_;
    carry_over(end != nullptr ? end : block_end_);
    if (!is_whole || is_stopped_) return false;
    is_row_open_ = false;
    if (is_row_dropped_) {
      line_ += carried_feeds_;
    } else {
      read_row(carry_, batch);
    }
    return true;
  }

  // Adds [cursor, end) to the open row; what can no longer be a row of allowed length is reported
  // at once and then only counted.
  void carry_over(const char* end) {
    const std::string_view piece(cursor_, static_cast<std::size_t>(end - cursor_));
    cursor_ = end;
    carried_feeds_ += static_cast<std::uint64_t>(std::count(piece.begin(), piece.end(), '\n'));
    if (is_row_dropped_) return;
    const std::size_t longest = options_.max_line_bytes + kLineEndBytes;
    carry_.append(piece.substr(0, longest + 1 - carry_.size()));
    if (carry_.size() <= longest) return;
    is_row_dropped_ = true;
    if (begin_row()) report_long_row(carry_);
  }

  static constexpr std::size_t kLineEndBytes = 2;

  // Reads one row with its line end, of whatever kind.
  void read_row(std::string_view bytes, Batch& batch) {
    const std::string_view row = without_line_end(bytes);
    if (row.empty()) {
      if (first_blank_line_ == 0) first_blank_line_ = line_;
    } else if (begin_row()) {
      is_header_read_ ? read_operation(row, batch) : read_header(row);
    }
    line_ += static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  }

  static std::string_view without_line_end(std::string_view bytes) noexcept {
    if (!bytes.empty() && bytes.back() == '\n') bytes.remove_suffix(1);
    if (!bytes.empty() && bytes.back() == '\r') bytes.remove_suffix(1);
    return bytes;
  }

  // What has no header of ours is most often a trace of another tool, or a text.
  static constexpr const char* kHeaderRemedy =
      "make the first row exactly op,key,value, or name the --format of the trace, one of those "
      "that adhash formats lists";

  // What comes before any look into a row: blank lines are faults now that something follows them,
  // and the limit on rows. False where reading must not go on.
  bool begin_row() {
    if (first_blank_line_ != 0) {
      report({.line = std::exchange(first_blank_line_, 0),
              .column = 1,
              .what = "a blank line",
              .value = {},
              .remedy =
                  is_header_read_ ? "remove it; blank lines may only end a trace" : kHeaderRemedy});
    }
    if (is_stopped_) return false;
    if (is_header_read_ && options_.max_rows != 0 && rows_ == options_.max_rows) {
      stop_with({.line = line_,
                 .column = 1,
                 .what = "more rows than the limit of " + std::to_string(options_.max_rows),
                 .value = {},
                 .remedy = "raise the limit on rows, or shorten the trace"});
    }
    return !is_stopped_;
  }

  void read_header(std::string_view row) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (row.size() > options_.max_line_bytes) return report_long_row(row);
    if (row.starts_with(kByteOrderMark)) row.remove_prefix(kByteOrderMark.size());
    RawRow fields;
    const bool is_split = !split_row(row, fields) && fields.count == 3;
    const auto& [op, key, value] = fields.field;
    is_header_read_ = is_split && equals_ignoring_case(op.text, "op") &&
                      equals_ignoring_case(key.text, "key") &&
                      equals_ignoring_case(value.text, "value");
    if (is_header_read_) return;
    const bool is_operation = is_split && detail::op_named(op.text).has_value();
    stop_with({.line = line_,
               .column = 1,
               .what = is_operation ? "the header is missing" : "the header is not op,key,value",
               .value = excerpt(row),
               .remedy = kHeaderRemedy});
  }

  void read_operation(std::string_view row, Batch& batch) {
    if (row.size() > options_.max_line_bytes) return report_long_row(row);
    Operation<Key, Value> operation;
    ++rows_;
    if (auto problem = decoder_.decode(row, arena_, operation)) {
      return report(fault_in_row(std::move(*problem), row, line_));
    }
    put_into(batch, batch.size++, operation);
  }

  // `row` is at least the first byte too many; only those up to it are looked at, so that the fault
  // does not depend on how much had arrived.
  void report_long_row(std::string_view row) {
    if (is_header_read_) ++rows_;
    row = row.substr(0, options_.max_line_bytes + 1);
    RawRow fields;
    auto problem = split_row(row, fields);
    if (!problem || !problem->is_open_quote) {
      problem =
          RowProblem{.offset = options_.max_line_bytes, .shown = row, .what = {}, .remedy = {}};
    }
    const std::string limit = std::to_string(options_.max_line_bytes) + " bytes";
    problem->what = problem->is_open_quote ? "a quote that is not closed within " + limit
                                           : "a line longer than " + limit;
    problem->remedy = problem->is_open_quote ? "close the quote, or raise replay.max_line_bytes"
                                             : "shorten the line, or raise replay.max_line_bytes";
    TraceFault fault = fault_in_row(std::move(*problem), row, line_);
    is_header_read_ ? report(std::move(fault)) : stop_with(std::move(fault));
  }

  void report(TraceFault fault) {
    if (log_ == nullptr) return stop_with(std::move(fault));
    log_->faults.push_back(std::move(fault));
    is_stopped_ = log_->is_full();
  }

  void stop_with(TraceFault fault) {
    is_stopped_ = true;
    if (log_ == nullptr) {
      failure_ = std::move(fault);
    } else {
      log_->faults.push_back(std::move(fault));
    }
  }

  CsvOptions options_;
  FaultLog* log_;
  Scanner scanner_;
  TakeUsualRows take_usual_rows_ = take_usual_rows_for(current_isa());
  RowDecoder<Key, Value> decoder_;
  TextArena arena_;

  const char* block_begin_ = nullptr;
  const char* cursor_ = nullptr;  // where the next row starts, or the rest of an open one
  const char* block_end_ = nullptr;
  bool is_last_ = false;

  ScannedWindow window_;
  std::vector<std::uint32_t> positions_ = std::vector<std::uint32_t>(kWindowBytes + kScanSlack);

  RowDelimiter delimiter_;
  std::string carry_;
  bool is_row_open_ = false;
  bool is_row_dropped_ = false;
  std::uint64_t carried_feeds_ = 0;

  bool is_header_read_ = false;
  std::uint64_t first_blank_line_ = 0;  // 0: none since the last row
  std::uint64_t rows_ = 0;
  std::uint64_t line_ = 1;
  bool is_stopped_ = false;
  std::optional<TraceFault> failure_;
};

}  // namespace adhash
