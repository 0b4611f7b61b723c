// Usage: bench_trace FILE [BLOCK_KIB] [ROUNDS]
// Rows a second of reading a trace of integers, one thread, read(2) into one buffer: with the read,
// and of parsing alone.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "adhash/trace.hpp"

namespace {

using Parser = adhash::CsvParser<adhash::IntKey, adhash::WordValue>;
using Clock = std::chrono::steady_clock;

struct Round {
  std::uint64_t rows = 0;
  std::uint64_t check = 0;  // depends on what was read, so that nothing can be left out
  double parse_s = 0;
  double total_s = 0;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void parse_block(Parser& parser, Parser::Batch& batch, Round& round) {
  const auto start = Clock::now();
  while (parser.next(batch)) {
    round.rows += batch.size;
    const std::size_t middle = batch.size / 2;
    round.check +=
        batch.key[middle] ^ batch.value[middle] ^ static_cast<unsigned>(batch.op[middle]);
  }
  round.parse_s += seconds_since(start);
}

Round parse_file(int file, std::vector<char>& block) {
  Round round;
  Parser parser;
  const auto batch = std::make_unique<Parser::Batch>();
  const auto start = Clock::now();
  for (ssize_t size = 1; size > 0;) {
    size = ::read(file, block.data(), block.size());
    parser.feed(block.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)), size <= 0);
    parse_block(parser, *batch, round);
  }
  round.total_s = seconds_since(start);
  return round;
}

int open_or_exit(const char* path) {
  const int file = ::open(path, O_RDONLY);
  if (file >= 0) return file;
  std::perror(path);
  std::exit(5);
}

void print(const Round& round) {
  const auto rows = static_cast<double>(round.rows);
  std::printf(
      "%s rows=%llu read_and_parse_s=%.4f parse_s=%.4f rows_per_s=%.3g parse_rows_per_s=%.3g "
      "check=%llx\n",
      adhash::isa_name(), static_cast<unsigned long long>(round.rows), round.total_s, round.parse_s,
      rows / round.total_s, rows / round.parse_s, static_cast<unsigned long long>(round.check));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: bench_trace FILE [BLOCK_KIB] [ROUNDS]\n", stderr);
    return 2;
  }
  const int block_kib = argc > 2 ? std::atoi(argv[2]) : 1024;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
  std::vector<char> block(static_cast<std::size_t>(std::max(block_kib, 1)) << 10);
  for (int i = 0; i < rounds; ++i) {
    const int file = open_or_exit(argv[1]);
    print(parse_file(file, block));
    ::close(file);
  }
  return 0;
}
