// Usage: bench_trace FILE [BLOCK_KIB] [ROUNDS]
// Rows a second of parsing alone, integer keys and values, one thread, read(2) into one buffer.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "adhash/trace.hpp"

namespace {

using Parser = adhash::CsvParser<adhash::IntKey, adhash::WordValue>;

struct Totals {
  std::uint64_t rows = 0;
  std::uint64_t puts = 0;
  std::uint64_t key_sum = 0;  // so that no key can be left unread
};

void add(Totals& totals, const Parser::Batch& batch) {
  totals.rows += batch.size;
  totals.key_sum += batch.key[batch.size / 2];
  totals.puts += batch.op[batch.size / 2] == adhash::OpKind::put;
}

Totals parse_file(int file, std::vector<char>& block) {
  Totals totals;
  Parser parser;
  const auto batch = std::make_unique<Parser::Batch>();
  for (ssize_t size = 1; size > 0;) {
    size = ::read(file, block.data(), block.size());
    parser.feed(block.data(), size < 0 ? 0 : static_cast<std::size_t>(size), size <= 0);
    while (parser.next(*batch)) add(totals, *batch);
  }
  return totals;
}

double seconds_of_one_round(const char* path, std::vector<char>& block, Totals& totals) {
  const auto start = std::chrono::steady_clock::now();
  const int file = ::open(path, O_RDONLY);
  if (file < 0) {
    std::perror(path);
    std::exit(5);
  }
  totals = parse_file(file, block);
  ::close(file);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: bench_trace FILE [BLOCK_KIB] [ROUNDS]\n", stderr);
    return 2;
  }
  std::vector<char> block(static_cast<std::size_t>(argc > 2 ? std::atoi(argv[2]) : 1024) << 10);
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
  for (int round = 0; round < rounds; ++round) {
    Totals totals;
    const double seconds = seconds_of_one_round(argv[1], block, totals);
    std::printf("%s rows=%llu seconds=%.4f rows_per_s=%.4g check=%llx\n", adhash::isa_name(),
                static_cast<unsigned long long>(totals.rows), seconds,
                static_cast<double>(totals.rows) / seconds,
                static_cast<unsigned long long>(totals.key_sum + totals.puts));
    std::fflush(stdout);
  }
  return 0;
}
