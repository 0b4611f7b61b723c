#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "adhash/decimal.hpp"
#include "adhash/scan.hpp"
#include "adhash/utf8.hpp"
#include "naive_trace.hpp"
#include "testing.hpp"

namespace {

struct Found {
  adhash::ScanResult result;
  std::vector<std::uint32_t> positions;
};

// In memory of exactly its size, so that a sanitizer sees any read or write outside.
Found scan_exactly(std::string_view text, adhash::ScanBlocks blocks = nullptr) {
  const auto exact = std::make_unique_for_overwrite<char[]>(text.size());
  std::memcpy(exact.get(), text.data(), text.size());
  std::vector<std::uint32_t> positions(text.size() + adhash::kScanSlack);
  const adhash::Scanner scanner = blocks ? adhash::Scanner(blocks) : adhash::Scanner();
  Found found{scanner.scan(exact.get(), text.size(), positions.data()), {}};
  positions.resize(found.result.count);
  found.positions = positions;
  return found;
}

void check_scan(std::string_view text, const Found& found) {
  std::vector<std::uint32_t> expected;
  bool non_ascii = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',' || text[i] == '\n' || text[i] == '"') {
      expected.push_back(static_cast<std::uint32_t>(i));
    }
    non_ascii |= static_cast<unsigned char>(text[i]) >= 0x80;
  }
  CHECK(found.positions == expected);
  CHECK_EQ(found.result.non_ascii, non_ascii);
  CHECK_EQ(found.result.nul, text.find('\0') != text.npos);
  CHECK_EQ(found.result.carriage_return, text.find('\r') != text.npos);
}

std::string random_text(std::mt19937_64& random, std::size_t size, std::string_view alphabet) {
  std::string text;
  while (text.size() < size) text += alphabet[random() % alphabet.size()];
  return text;
}

std::string every_byte() {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  return bytes;
}

}  // namespace

TEST_EACH_ISA("scan finds every structural byte at every offset and size") {
  for (std::size_t size = 0; size <= 200; ++size) {
    for (const char structural : {',', '\n', '"'}) {
      std::string text(size, 'x');
      check_scan(text, scan_exactly(text));
      if (size == 0) continue;
      text[size / 2] = structural;
      text[size - 1] = structural;
      check_scan(text, scan_exactly(text));
    }
  }
}

TEST_EACH_ISA("scan takes no other byte for structure") {
  for (const char byte : every_byte()) {
    const std::string text(70, byte);
    check_scan(text, scan_exactly(text));
  }
}

TEST_EACH_ISA("scan handles blocks that are structure throughout") {
  for (std::size_t size = 1; size <= 300; ++size) {
    const std::string text(size, ',');
    check_scan(text, scan_exactly(text));
  }
}

TEST_EACH_ISA("scan agrees with a byte-by-byte search on random text") {
  std::mt19937_64 random(testing::random_seed());
  const std::string all = every_byte();
  for (int round = 0; round < 2000; ++round) {
    const std::string_view alphabet = round % 2 ? std::string_view(all) : "a,1\n\"";
    const std::string text = random_text(random, random() % 400, alphabet);
    check_scan(text, scan_exactly(text));
  }
}

TEST("the portable scan agrees with a byte-by-byte search") {
  std::mt19937_64 random(testing::random_seed());
  const std::string all = every_byte();
  check_scan(all, scan_exactly(all, &adhash::detail::scan_blocks_portable));
  for (int round = 0; round < 2000; ++round) {
    const std::string_view alphabet = round % 2 ? std::string_view(all) : "-,!\n\"\v#\r";
    const std::string text = random_text(random, random() % 400, alphabet);
    check_scan(text, scan_exactly(text, &adhash::detail::scan_blocks_portable));
  }
}

TEST("every available instruction set can be forced and has a name") {
  const adhash::Isa before = adhash::current_isa();
  for (const adhash::Isa isa : adhash::available_isas()) {
    adhash::force_isa(isa);
    CHECK_EQ(std::string(adhash::isa_name()), std::string(adhash::isa_label(isa)));
  }
  adhash::force_isa(before);
}

namespace {

void check_decimal(const std::string& text) {
  const auto expected = naive::integer(text);
  const adhash::Decimal found = adhash::decimal_of(text);
  if (found.is_canonical() != expected.has_value()) testing::fail(__FILE__, __LINE__, text);
  if (!expected) return;
  CHECK_EQ(found.bits, static_cast<std::uint64_t>(*expected));
  CHECK_EQ(found.is_negative(), *expected < 0);
  CHECK_EQ(found.is_above_int64(), *expected > std::numeric_limits<std::int64_t>::max());
}

}  // namespace

TEST("canonical integers are read at every length and at both limits") {
  for (const char* text :
       {"0", "1", "9", "10", "-1", "-9", "99999999", "-99999999", "100000000", "123456789",
        "9999999999999999", "-9999999999999999", "10000000000000000", "9223372036854775807",
        "9223372036854775808", "-9223372036854775808", "18446744073709551615"}) {
    CHECK(naive::integer(text).has_value());
    check_decimal(text);
  }
}

TEST("what is not canonical is no integer") {
  for (const char* text : {"",
                           "-",
                           "--1",
                           "-0",
                           "00",
                           "01",
                           "-01",
                           "+1",
                           " 1",
                           "1 ",
                           "1.0",
                           "1e3",
                           "0x1",
                           "1_000",
                           "123456789x",
                           "x123456789",
                           "-0123456789",
                           "0123456789",
                           "00000000000000001",
                           "1234567890123456/",
                           "12345678901234567:",
                           "18446744073709551616",
                           "99999999999999999999",
                           "-9223372036854775809",
                           "-18446744073709551615",
                           "123456789012345678901",
                           "000000000000000000001",
                           "\xB1",
                           "12345678-"}) {
    CHECK(!naive::integer(text).has_value());
    check_decimal(text);
  }
}

TEST("integers agree with the naive reading on random and mutated text") {
  std::mt19937_64 random(testing::random_seed());
  for (int round = 0; round < 50000; ++round) {
    std::string text = std::to_string(random() >> (random() % 64));
    if (random() % 3 == 0) text.insert(text.begin(), '-');
    check_decimal(text);
    text[random() % text.size()] = static_cast<char>(random());
    check_decimal(text);
    check_decimal(random_text(random, random() % 23, "0123456789-"));
  }
}

TEST("UTF-8 is judged as the definition says") {
  std::mt19937_64 random(testing::random_seed());
  const std::string_view leads =
      "a\x7F\x80\xBF\xC1\xC2\xDF\xE0\xED\xEF\xF0\xF4\xF5\xFF\x9F\xA0\x8F\x90";
  for (int round = 0; round < 100000; ++round) {
    const std::string text = random_text(random, random() % 12, leads);
    CHECK_EQ(adhash::find_invalid_utf8(text), naive::invalid_utf8(text).value_or(text.size()));
  }
}

TEST("an excerpt is short, printable and valid UTF-8") {
  CHECK_EQ(adhash::excerpt("frob"), "frob");
  CHECK_EQ(adhash::excerpt(std::string_view("a\0b\n\r\t\x7F", 7)), "a\\x00b\\n\\r\\t\\x7f");
  CHECK_EQ(adhash::excerpt("\xFF\xC3\xA9"), "\\xff\xC3\xA9");
  CHECK_EQ(adhash::excerpt(std::string(80, 'x')), std::string(80, 'x'));
  CHECK_EQ(adhash::excerpt(std::string(81, 'x')), std::string(77, 'x') + "...");
  std::mt19937_64 random(testing::random_seed());
  const std::string all = every_byte();
  for (int round = 0; round < 5000; ++round) {
    const std::string shown = adhash::excerpt(random_text(random, random() % 200, all));
    CHECK(shown.size() <= adhash::kExcerptMaxBytes);
    CHECK(!naive::invalid_utf8(shown));
  }
}
