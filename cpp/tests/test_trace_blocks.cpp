// The same trace in other blocks must read the same, whatever it holds.
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
using adhash::WordValue;
using namespace std::string_literals;

namespace {

template <class Key, class Value>
void check_cut(const std::string& text, const std::vector<std::size_t>& cuts,
               const CsvOptions& options) {
  const auto blocks = trace_reading::cut(text, cuts);
  const std::string difference = trace_reading::difference<Key, Value>(text, blocks, options);
  if (!difference.empty()) testing::fail(__FILE__, __LINE__, difference);
}

void check_cut_all_types(const std::string& text, const std::vector<std::size_t>& cuts,
                         const CsvOptions& options) {
  check_cut<IntKey, WordValue>(text, cuts, options);
  check_cut<BytesKey, BytesValue>(text, cuts, options);
}

const std::string kEverything =
    "\xEF\xBB\xBFop,key,value\r\n"
    "put,12,34\nget,12,\r\ndel,123456789012,\nput,-5,-99999999\nPUT,\"7\",\"\"\"\n\"\"\"\n"
    "put,\"a,\r\nb\",\"\"\nget,\xC3\xA9\xE2\x82\xAC,\nput,18446744073709551615,1\n"
    "frob,1,2\nget,1\nput,a\"b,1\n\"put\"x,1,2\nget,,\nput,\xC3,1\nget,1\0,\n\r\nput,1,2\n"
    "get,9,9\nput,0123456789,1\nput,1,abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\n"
    "put,a\rb,1\nget,4,\n\n\nput,\"open\nget,1,\n"s;

std::vector<std::size_t> random_cuts(std::mt19937_64& random, std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t count = random() % 6; count > 0; --count) cuts.push_back(random() % (size + 1));
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

std::string random_key(std::mt19937_64& random, bool integers) {
  if (integers || random() % 2)
    return std::to_string(static_cast<std::int64_t>(random()) >> random() % 64);
  static const std::vector<std::string> parts{"k",         "\xC3\xA9", "\"a,b\"", "\"\"\"x\n\"",
                                              "user:1234", "0",        "-"};
  return parts[random() % parts.size()];
}

std::string random_row(std::mt19937_64& random, bool integers) {
  const std::string key = random_key(random, integers);
  const std::string end = random() % 4 == 0 ? "\r\n" : "\n";
  switch (random() % 4) {
    case 0:
      return "put," + key + "," + random_key(random, integers) + end;
    case 1:
      return "del," + key + "," + end;
    default:
      return "get," + key + "," + end;
  }
}

std::string random_trace(std::mt19937_64& random, std::size_t rows, bool integers) {
  std::string text = "op,key,value\n";
  for (std::size_t i = 0; i < rows; ++i) text += random_row(random, integers);
  return text;
}

void mutate(std::mt19937_64& random, std::string& text) {
  static const std::string bytes = "\"\",,\n\n\r\0\xFF\xC3\xA9-0 1gpd"s;
  for (std::size_t count = random() % 4; count > 0; --count) {
    const std::size_t at = random() % text.size();
    switch (random() % 3) {
      case 0:
        text[at] = bytes[random() % bytes.size()];
        break;
      case 1:
        text.insert(at, 1, bytes[random() % bytes.size()]);
        break;
      default:
        text.erase(at, 1 + random() % 3);
    }
  }
}

}  // namespace

TEST_EACH_ISA("a trace of every oddity reads the same cut at any byte") {
  for (const std::size_t longest : {std::size_t{40}, std::size_t{1} << 20}) {
    for (std::size_t at = 0; at <= kEverything.size(); ++at) {
      check_cut_all_types(kEverything, {at}, {.max_line_bytes = longest});
    }
  }
}

TEST_EACH_ISA("a trace of every oddity reads the same one byte at a time") {
  std::vector<std::size_t> cuts;
  for (std::size_t at = 0; at <= kEverything.size(); ++at) cuts.push_back(at);
  check_cut_all_types(kEverything, cuts, {});
  check_cut_all_types(kEverything, cuts, {.max_line_bytes = 20});
}

TEST_EACH_ISA("every prefix of a trace reads as the naive reader reads it") {
  for (std::size_t size = 0; size <= kEverything.size(); ++size) {
    check_cut_all_types(kEverything.substr(0, size), {}, {});
    check_cut_all_types(kEverything.substr(0, size), {size / 2}, {.max_rows = 7});
  }
}

TEST_EACH_ISA("random traces round-trip in random blocks") {
  std::mt19937_64 random(testing::random_seed());
  for (int round = 0; round < 300; ++round) {
    const std::string text = random_trace(random, random() % 60, round % 2 == 0);
    check_cut_all_types(text, random_cuts(random, text.size()), {});
  }
}

TEST_EACH_ISA("damaged random traces read as the naive reader reads them") {
  std::mt19937_64 random(testing::random_seed());
  for (int round = 0; round < 2000; ++round) {
    std::string text = random_trace(random, random() % 30, round % 2 == 0);
    mutate(random, text);
    check_cut_all_types(text, random_cuts(random, text.size()),
                        {.max_rows = random() % 40, .max_line_bytes = 10 + random() % 60});
  }
}

TEST_EACH_ISA("large traces fill many windows and batches") {
  std::mt19937_64 random(testing::random_seed());
  for (int round = 0; round < 4; ++round) {
    std::string text = random_trace(random, 20000, round % 2 == 0);
    if (round >= 2) mutate(random, text);
    check_cut_all_types(text, random_cuts(random, text.size()), {});
  }
}

TEST_EACH_ISA("rows longer than a window read whole") {
  const std::string value(100000, 'v');
  std::string text = "op,key,value\n";
  for (int i = 0; i < 5; ++i) text += "put,k," + value + "\nget,1,\nput,\"" + value + "\n\",x\n";
  check_cut<BytesKey, BytesValue>(text, {}, {});
  check_cut<BytesKey, BytesValue>(text, {50, 150000, 150001}, {});
}
