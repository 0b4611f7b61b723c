// What counting a trace costs, and how much of that is parsing it.
//
//   bench_dna TRACE.csv [MAX_KEYS]
//
// The types are inferred; times are of the processor, the best of five runs.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "adhash/trace.hpp"
#include "adhash/trace_dna.hpp"

namespace {

using namespace adhash;

constexpr std::size_t kBlockBytes = std::size_t{1} << 20;

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

// Calls use(batch) for the whole trace.
template <class Key, class Value, class Use>
void read(const std::string& trace, IntRange range, Use use) {
  CsvParser<Key, Value> parser(CsvOptions{.key_range = range});
  const auto batch = std::make_unique<OperationBatch<Key, Value>>();
  for (std::size_t at = 0; at < trace.size(); at += kBlockBytes) {
    const std::size_t size = std::min(kBlockBytes, trace.size() - at);
    parser.feed(trace.data() + at, size, at + size == trace.size());
    while (parser.next(*batch)) use(*batch);
  }
}

template <class Body>
double best_of_five(Body body) {
  double best = 1e9;
  for (int run = 0; run < 5; ++run) {
    const double start = cpu_seconds();
    body();
    best = std::min(best, cpu_seconds() - start);
  }
  return best;
}

template <class Key, class Value>
void measure(const std::string& trace, IntRange range, std::size_t max_keys) {
  std::uint64_t rows = 0;
  const double parse_s = best_of_five([&] {
    rows = 0;
    read<Key, Value>(trace, range, [&](const auto& batch) { rows += batch.size; });
  });
  std::size_t bytes = 0;
  const double count_s = best_of_five([&] {
    const auto dna = std::make_unique<TraceDna<Key>>(
        TraceDnaOptions{.is_signed = range != IntRange::uint64, .seed = 17, .max_keys = max_keys});
    read<Key, Value>(trace, range, [&](const auto& batch) { dna->add(batch); });
    bytes = dna->memory_bytes();
  });
  const double million = static_cast<double>(rows) / 1e6;
  std::printf(
      "%10llu rows  parse %6.1f ns/row  parse and count %6.1f ns/row  %5.1f M rows/s  %.0f MB\n",
      static_cast<unsigned long long>(rows), 1e3 * parse_s / million, 1e3 * count_s / million,
      million / count_s, static_cast<double>(bytes) / 1e6);
}

template <class Key>
void measure(const std::string& trace, IntRange range, ValueKind value, std::size_t max_keys) {
  value == ValueKind::int64 ? measure<Key, WordValue>(trace, range, max_keys)
                            : measure<Key, BytesValue>(trace, range, max_keys);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: bench_dna TRACE.csv [MAX_KEYS]\n");
    return 2;
  }
  std::ifstream file(arguments[1], std::ios::binary);
  const std::string trace{std::istreambuf_iterator<char>(file), {}};
  const std::size_t max_keys =
      count > 2 ? std::strtoull(arguments[2], nullptr, 10) : TraceDnaOptions{}.max_keys;
  const InferredTypes types =
      infer_types(trace.data(), std::min(trace.size(), kBlockBytes), trace.size() <= kBlockBytes);
  if (types.key == KeyKind::text) {
    measure<BytesKey>(trace, IntRange::any, types.value, max_keys);
  } else {
    const bool is_signed = types.key == KeyKind::int64;
    measure<IntKey>(trace, is_signed ? IntRange::int64 : IntRange::uint64, types.value, max_keys);
  }
}
