#include <memory>
#include <random>
#include <string>
#include <vector>

#include "adhash/trace.hpp"
#include "testing.hpp"
#include "trace_reading.hpp"

using adhash::BytesKey;
using adhash::BytesValue;
using adhash::CsvOptions;
using adhash::IntKey;
using adhash::IntRange;
using adhash::OpKind;
using adhash::WordValue;
using namespace std::string_literals;

namespace {

const std::string kHeader = "op,key,value\n";

template <class Key, class Value>
void check_like_naive(const std::string& text, const std::vector<std::size_t>& cuts,
                      const CsvOptions& options) {
  const auto blocks = trace_reading::cut(text, cuts);
  const std::string difference = trace_reading::difference<Key, Value>(text, blocks, options);
  if (!difference.empty()) testing::fail(__FILE__, __LINE__, difference);
}

void check_all_types(const std::string& text, const std::vector<std::size_t>& cuts,
                     const CsvOptions& options = {}) {
  check_like_naive<IntKey, WordValue>(text, cuts, options);
  check_like_naive<IntKey, BytesValue>(text, cuts, options);
  check_like_naive<BytesKey, WordValue>(text, cuts, options);
  check_like_naive<BytesKey, BytesValue>(text, cuts, options);
}

template <class Key = BytesKey, class Value = BytesValue>
adhash::TraceFault fault_of(const std::string& text, const CsvOptions& options = {}) {
  trace_reading::Drive<Key, Value> drive(options, nullptr);
  drive.read({text});
  CHECK_EQ(drive.thrown.size(), 1u);
  check_all_types(text, {}, options);
  return drive.thrown.at(0);
}

void check_fault(const adhash::TraceFault& fault, std::uint64_t line, std::uint64_t column,
                 const std::string& what, const std::string& value) {
  CHECK_EQ(fault.what, what);
  CHECK_EQ(fault.line, line);
  CHECK_EQ(fault.column, column);
  CHECK_EQ(fault.value, value);
  CHECK(!fault.remedy.empty());
}

// The fast path starts a few bytes into a block: with rows in front a fault meets it, without them
// the exact path.
const std::string kRows = "put,11,22\nget,33,\n";

void check_row_fault(const std::string& row, std::uint64_t column, const std::string& what,
                     const std::string& value) {
  check_fault(fault_of(kHeader + row), 2, column, what, value);
  check_fault(fault_of(kHeader + kRows + row + kRows), 4, column, what, value);
}

template <class Key = BytesKey, class Value = BytesValue>
std::vector<naive::Row> rows_of(const std::string& text) {
  check_all_types(text, {});
  const auto reading = trace_reading::replay_reading<Key, Value>({text}, {});
  CHECK_EQ(reading.faults.size(), 0u);
  return reading.rows;
}

}  // namespace

TEST_EACH_ISA("rows come out in order with their operations, keys and values") {
  const auto rows =
      rows_of<IntKey, WordValue>("op,key,value\nput,5,-7\nget,5,\nDEL,-12345678901,\nPut,0,0");
  const std::vector<naive::Row> expected{{OpKind::put, "5", "-7"},
                                         {OpKind::get, "5", ""},
                                         {OpKind::del, "-12345678901", ""},
                                         {OpKind::put, "0", "0"}};
  CHECK(rows == expected);
}

TEST_EACH_ISA("CRLF, LF and a last row without either read the same") {
  const std::string feeds = kHeader + "put,a,1\nget,b,\ndel,c,\n";
  std::string returns;
  for (const char c : feeds) returns += c == '\n' ? "\r\n"s : std::string(1, c);
  CHECK(rows_of(feeds) == rows_of(returns));
  CHECK(rows_of(feeds) == rows_of(feeds.substr(0, feeds.size() - 1)));
  CHECK(rows_of(feeds) == rows_of(returns.substr(0, returns.size() - 1)));
}

TEST_EACH_ISA("quotes hide commas, line feeds and themselves") {
  const auto rows =
      rows_of(kHeader + "put,\"a,\"\"b\"\"\n\r\nc\",\"\"\nget,\"x\",\"\"\r\nput,k,\"\"\"\"\n");
  CHECK_EQ(rows.size(), 3u);
  CHECK_EQ(rows[0].key, "a,\"b\"\n\r\nc");
  CHECK_EQ(rows[1].key, "x");
  CHECK_EQ(rows[2].value, "\"");
}

TEST_EACH_ISA("quoted integers are integers") {
  const auto rows = rows_of<IntKey, WordValue>(kHeader + "\"put\",\"12\",\"-5\"\n");
  CHECK((rows == std::vector<naive::Row>{{OpKind::put, "12", "-5"}}));
}

TEST_EACH_ISA("the header may have a byte order mark, capitals, quotes and CRLF") {
  for (const char* header : {"\xEF\xBB\xBFop,key,value\n", "OP,Key,VALUE\n", "op,key,value\r\n",
                             "\"op\",\"key\",\"value\"\n", "\xEF\xBB\xBF\"op\",key,value\r\n"}) {
    CHECK_EQ(rows_of(header + "get,1,\n"s).size(), 1u);
  }
  CHECK_EQ(rows_of("op,key,value").size(), 0u);
}

TEST_EACH_ISA("a wrong or missing header is named with what was found") {
  const std::string wrong = "the header is not op,key,value";
  check_fault(fault_of("put,1,2\n"), 1, 1, "the header is missing", "put,1,2");
  check_fault(fault_of("op;key;value\nput;1;2\n"), 1, 1, wrong, "op;key;value");
  check_fault(fault_of("op,key\n"), 1, 1, wrong, "op,key");
  check_fault(fault_of("op,key,value,x\n"), 1, 1, wrong, "op,key,value,x");
  check_fault(fault_of(" op,key,value\n"), 1, 1, wrong, " op,key,value");
  check_fault(fault_of("\x1F\x8B\x08"), 1, 1, wrong, "\\x1f\\x8b\\x08");
  check_fault(fault_of("\"op,key,value\n"), 1, 1, wrong, "\"op,key,value");
}

TEST_EACH_ISA("an empty trace is a fault") {
  check_fault(fault_of(""), 1, 1, "the trace is empty", "");
  check_fault(fault_of("\n\r\n"), 1, 1, "the trace is empty", "");
}

TEST_EACH_ISA("a wrong number of columns is named with the count") {
  check_row_fault("get,1\n", 6, "2 columns instead of 3", "get,1");
  check_row_fault("get\n", 4, "1 column instead of 3", "get");
  check_row_fault("put,1,2,3\n", 9, "4 columns instead of 3", "put,1,2,3");
  check_row_fault("get,1,,,\n", 8, "5 columns instead of 3", "get,1,,,");
  check_row_fault(" \n", 2, "1 column instead of 3", " ");
  check_row_fault(",,\n", 1, "an unknown operation", "");
}

TEST_EACH_ISA("an unknown operation is a fault") {
  check_row_fault("frob,1,2\n", 1, "an unknown operation", "frob");
  check_row_fault(" put,1,2\n", 1, "an unknown operation", " put");
  check_row_fault("pu,1,2\n", 1, "an unknown operation", "pu");
  check_row_fault(std::string("puT\x0C") + "1,2,3\n", 1, "an unknown operation", "puT\\x0c1");
}

TEST_EACH_ISA("an empty key is a fault") {
  check_row_fault("put,,1\n", 5, "an empty key", "");
  check_row_fault("get,\"\",\n", 5, "an empty key", "");
}

TEST_EACH_ISA("a value on a get or a del is a fault") {
  check_row_fault("get,1,9\n", 7, "a value on a get", "9");
  check_row_fault("del,1,\"9\"\n", 7, "a value on a del", "9");
}

TEST_EACH_ISA("bad bytes are faults where they stand") {
  check_row_fault("put,1,a\0b\n"s, 8, "a NUL byte", "\\x00b");
  check_row_fault("put,\xC3\xA9\xFF,1\n", 7, "invalid UTF-8", "\\xff,1");
  check_row_fault("put,\xED\xA0\x80,1\n", 5, "invalid UTF-8", "\\xed\\xa0\\x80,1");
  check_row_fault("put,1,\xC3\n", 7, "invalid UTF-8", "\\xc3");
  check_row_fault("put,a\rb,1\n", 6, "a carriage return without a line feed", "\\rb");
}

TEST_EACH_ISA("misplaced quotes are faults where they stand") {
  check_row_fault("put,a\"b,1\n", 6, "a quote inside an unquoted field", "\"b");
  check_row_fault("put,\"a\"b,1\n", 8, "text behind a closing quote", "b,1");
  check_row_fault("put,\"a\" ,1\n", 8, "text behind a closing quote", " ,1");
}

TEST_EACH_ISA("a quote that is never closed is named where it opened") {
  const std::string rest = "put,1,\"abc\nget,2,\n";
  check_fault(fault_of(kHeader + rest), 2, 7, "a quote that is never closed", "\"abc\\nget,2,");
  check_fault(fault_of(kHeader + "put,\"a\nb\",\"c"), 3, 4, "a quote that is never closed", "\"c");
}

TEST_EACH_ISA("a blank line is a fault unless only blank lines follow") {
  CHECK_EQ(rows_of(kHeader + kRows + "\n\r\n\n").size(), 2u);
  check_fault(fault_of(kHeader + "\n" + kRows), 2, 1, "a blank line", "");
  check_fault(fault_of(kHeader + kRows + "\r\n\n" + kRows), 4, 1, "a blank line", "");
  check_fault(fault_of("\n" + kHeader), 1, 1, "a blank line", "");
}

TEST_EACH_ISA("a fault behind quoted line feeds has the line of the file") {
  const std::string rows = kHeader + "put,\"a\n\nb\",1\nput,\"c\nd\",\xFF\n";
  check_fault(fault_of(rows), 6, 4, "invalid UTF-8", "\\xff");
}

TEST_EACH_ISA("a key that is no integer asks for another key type") {
  for (const std::string key : {"x", "01", "+1", "-0", " 1", "1.5", "18446744073709551616"}) {
    const auto fault = fault_of<IntKey, WordValue>(kHeader + kRows + "get," + key + ",\n");
    check_fault(fault, 4, 5, "the key is not a canonical integer of 64 bits", key);
    CHECK(fault.key_type && !fault.value_type);
  }
}

TEST_EACH_ISA("a value that is no integer asks for another value type") {
  for (const std::string value : {"", "x", "007", "9223372036854775808", "1\xC3\xA9"}) {
    const auto fault = fault_of<IntKey, WordValue>(kHeader + kRows + "put,1," + value + "\n");
    check_fault(fault, 4, 7, "the value is not a canonical integer of the range of int64", value);
    CHECK(fault.value_type && !fault.key_type);
  }
}

TEST_EACH_ISA("a NUL or bad UTF-8 in an integer field is not a matter of types") {
  const auto fault = fault_of<IntKey, WordValue>(kHeader + "put,\xFF,1\n");
  CHECK(!fault.key_type && !fault.value_type);
}

TEST_EACH_ISA("negative keys and keys above int64 exclude each other") {
  const std::string large = "get,9223372036854775808,\n";
  const std::string negative = "get,-1,\n";
  const auto late = fault_of<IntKey, WordValue>(kHeader + kRows + negative + large);
  check_fault(late, 5, 5, "a key above the range of int64 after negative keys",
              "9223372036854775808");
  CHECK(late.key_type);
  const auto other = fault_of<IntKey, WordValue>(kHeader + kRows + large + negative);
  check_fault(other, 5, 5, "a negative key after keys above the range of int64", "-1");
  CHECK(other.key_type);
}

TEST_EACH_ISA("a faulty row does not count towards the range of keys") {
  const std::string text = kHeader + kRows + "put,-1,x\nget,18446744073709551615,\n";
  check_all_types(text, {});
  const auto reading = trace_reading::check_reading<IntKey, WordValue>({text}, {});
  CHECK_EQ(reading.rows.size(), 3u);
  CHECK_EQ(reading.faults.size(), 1u);
}

TEST_EACH_ISA("a fixed range refuses the keys outside it") {
  const CsvOptions is_signed{.key_range = IntRange::int64};
  const CsvOptions is_unsigned{.key_range = IntRange::uint64};
  const std::string large = kHeader + kRows + "get,18446744073709551615,\n";
  const std::string negative = kHeader + kRows + "get,-1,\n";
  check_fault(fault_of<IntKey, WordValue>(large, is_signed), 4, 5,
              "the key is above the range of int64", "18446744073709551615");
  check_fault(fault_of<IntKey, WordValue>(negative, is_unsigned), 4, 5,
              "a negative key where keys are uint64", "-1");
  check_all_types(large, {}, is_unsigned);
  check_all_types(negative, {}, is_signed);
}

TEST_EACH_ISA("the parser tells which integers it saw") {
  trace_reading::Drive<IntKey, WordValue> negative({}, nullptr);
  negative.read({kHeader + kRows + "get,-1,\n"});
  CHECK(negative.parser().seen_negative_key() && !negative.parser().seen_key_above_int64());
  trace_reading::Drive<IntKey, WordValue> large({}, nullptr);
  large.read({kHeader + kRows + "get,18446744073709551615,\n"});
  CHECK(!large.parser().seen_negative_key() && large.parser().seen_key_above_int64());
}

TEST_EACH_ISA("a limit on rows lets exactly that many through") {
  const std::string text = kHeader + kRows + kRows;
  CHECK_EQ((trace_reading::replay_reading<IntKey, WordValue>({text}, {.max_rows = 4}).rows.size()),
           4u);
  const auto fault = fault_of(text, {.max_rows = 3});
  check_fault(fault, 5, 1, "more rows than the limit of 3", "");
  CHECK_EQ((trace_reading::replay_reading<IntKey, WordValue>({text}, {.max_rows = 3}).rows.size()),
           3u);
}

TEST_EACH_ISA("a line of the longest length passes, and one more byte does not") {
  const CsvOptions options{.max_line_bytes = 30};
  const std::string fits = "put,a," + std::string(24, 'x');
  for (const char* end : {"\n", "\r\n", ""}) {
    check_all_types(kHeader + kRows + fits + end, {}, options);
    CHECK_EQ((trace_reading::replay_reading<BytesKey, BytesValue>({kHeader + fits + end}, options)
                  .rows.size()),
             1u);
    check_fault(fault_of(kHeader + fits + "y" + end, options), 2, 31, "a line longer than 30 bytes",
                fits + "y");
  }
  check_fault(fault_of(kHeader + "put,\"a\n" + std::string(90, 'x'), options), 2, 5,
              "a quote that is not closed within 30 bytes", "\"a\\n" + std::string(24, 'x'));
}

TEST_EACH_ISA("an endless line is refused long before it ends") {
  adhash::CsvParser<BytesKey, BytesValue> parser({.max_line_bytes = 1000});
  const auto batch = std::make_unique<adhash::OperationBatch<BytesKey, BytesValue>>();
  const std::string start = kHeader + "put,a,";
  const std::string more(100, 'x');
  parser.feed(start.data(), start.size(), false);
  CHECK(!parser.next(*batch));
  int blocks = 0;
  CHECK_THROWS(
      adhash::TraceError, for (; blocks < 1000; ++blocks) {
        parser.feed(more.data(), more.size(), false);
        CHECK(!parser.next(*batch));
      });
  CHECK_EQ(blocks, 9);
  CHECK_THROWS(adhash::TraceError, parser.next(*batch));
}

TEST_EACH_ISA("the rows before a fault come out before it") {
  const std::string text = kHeader + kRows + "put,\"7\",8\nfrob,1,2\n" + kRows;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    const auto reading =
        trace_reading::replay_reading<IntKey, WordValue>(trace_reading::cut(text, {at}), {});
    CHECK_EQ(reading.rows.size(), 3u);
    CHECK_EQ(reading.faults.size(), 1u);
  }
}

TEST_EACH_ISA("a check counts valid rows and collects faults up to its limit") {
  std::string text = kHeader;
  for (int i = 0; i < 5; ++i) text += kRows + "frob,1,2\ndel,9,\n";
  adhash::CsvCheck<IntKey, WordValue> check;
  check.feed(text.data(), text.size(), true);
  CHECK_EQ(check.faults().size(), 5u);
  CHECK_EQ(check.count(OpKind::get), 5u);
  CHECK_EQ(check.count(OpKind::put), 5u);
  CHECK_EQ(check.count(OpKind::del), 5u);
  CHECK_EQ(check.rows(), 20u);
  CHECK(check.is_finished());
  adhash::CsvCheck<IntKey, WordValue> short_check({}, 3);
  short_check.feed(text.data(), text.size(), true);
  CHECK_EQ(short_check.faults().size(), 3u);
  CHECK(short_check.is_finished());
}

TEST_EACH_ISA("types are inferred from the whole rows of a first block") {
  const auto types = [](const std::string& rows, bool last = false) {
    const std::string text = kHeader + rows;
    const auto found = adhash::infer_types(text.data(), text.size(), last);
    return std::pair(found.key, found.value);
  };
  using adhash::KeyKind;
  using adhash::ValueKind;
  CHECK(types("") == std::pair(KeyKind::int64, ValueKind::int64));
  CHECK(types("put,-1,5\nget,x") == std::pair(KeyKind::int64, ValueKind::int64));
  CHECK(types("put,-1,5\nget,x,", true) == std::pair(KeyKind::text, ValueKind::int64));
  CHECK(types("put,9223372036854775808,\"5\"\n") == std::pair(KeyKind::uint64, ValueKind::int64));
  CHECK(types("get,9223372036854775808,\nget,-1,\n") == std::pair(KeyKind::text, ValueKind::int64));
  CHECK(types("put,01,\n") == std::pair(KeyKind::text, ValueKind::bytes));
  CHECK(types("put,1,9223372036854775808\n") == std::pair(KeyKind::int64, ValueKind::bytes));
  CHECK(types("frob,x,y\nput,1,2\n") == std::pair(KeyKind::int64, ValueKind::int64));
  CHECK(adhash::infer_types("nonsense", 8, true).key == KeyKind::int64);
}
