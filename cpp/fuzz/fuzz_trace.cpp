// Any bytes, cut anywhere: every instruction set reads what the naive reader reads, rows and
// faults.
//
// Build: clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -Icpp/include -Icpp/tests
//        cpp/fuzz/fuzz_trace.cpp -o fuzz_trace
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "adhash/trace.hpp"
#include "trace_reading.hpp"

namespace {

// The first bytes of an input choose options and cuts; the rest is the trace.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : bytes_(reinterpret_cast<const char*>(data), size) {}

  std::size_t number() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte;
  }
  std::string_view rest() const { return bytes_; }

 private:
  std::string_view bytes_;
};

adhash::CsvOptions options_from(Input& input) {
  const std::size_t choice = input.number();
  return {.max_rows = choice % 4 == 0 ? choice / 4 : 0,
          .max_line_bytes = choice % 3 == 0 ? choice : std::size_t{16} << 20,
          .key_range = static_cast<adhash::IntRange>(choice % 3)};
}

std::vector<std::size_t> cuts_from(Input& input) {
  std::vector<std::size_t> cuts(input.number() % 8);
  for (std::size_t& cut : cuts) cut = input.number();
  return cuts;
}

template <class Key, class Value>
void check(std::string_view text, const std::vector<std::size_t>& cuts,
           const adhash::CsvOptions& options) {
  const auto blocks = trace_reading::cut(text, cuts);
  const std::string difference = trace_reading::difference<Key, Value>(text, blocks, options);
  if (difference.empty()) return;
  std::fprintf(stderr, "%s differs %s\n", adhash::isa_name(), difference.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const adhash::CsvOptions options = options_from(input);
  std::vector<std::size_t> cuts = cuts_from(input);
  const bool has_header = input.number() % 4 != 0;
  const std::string text = (has_header ? "op,key,value\n" : "") + std::string(input.rest());
  for (std::size_t& cut : cuts) cut = std::min(cut * 4, text.size());
  std::sort(cuts.begin(), cuts.end());
  for (const adhash::Isa isa : adhash::available_isas()) {
    adhash::force_isa(isa);
    check<adhash::IntKey, adhash::WordValue>(text, cuts, options);
    check<adhash::BytesKey, adhash::BytesValue>(text, cuts, options);
  }
  (void)adhash::infer_types(text.data(), text.size(), true);
  return 0;
}
