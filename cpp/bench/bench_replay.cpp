// Replays a CSV of integer keys and values on one engine, without Python: where the time goes.
//
//   bench_replay FILE [ENGINE] [ROUNDS]
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "adhash/engines.hpp"
#include "adhash/trace.hpp"

int main(int argc, char** argv) {
  using namespace adhash;
  if (argc < 2) return 2;
  const char* engine = argc > 2 ? argv[2] : "adaptive";
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 3;
  std::vector<char> block(std::size_t{1} << 20);
  for (int round = 0; round < rounds; ++round) {
    const int file = ::open(argv[1], O_RDONLY);
    if (file < 0) return 1;
    const auto map = make_map<IntKey, WordValue>(engine, 42, 0, AdaptiveOptions{});
    ReplayRecorder<IntKey, WordValue> recorder(ReplayOptions{});
    CsvParser<IntKey, WordValue> parser{CsvOptions{}};
    const auto batch = std::make_unique<OperationBatch<IntKey, WordValue>>();
    std::uint64_t read_ns = 0, parse_ns = 0, execute_ns = 0;
    for (bool more = true; more;) {
      std::uint64_t now = steady_now_ns();
      const ssize_t got = ::read(file, block.data(), block.size());
      read_ns += steady_now_ns() - now;
      more = got > 0;
      parser.feed(block.data(), static_cast<std::size_t>(got), !more);
      for (;;) {
        now = steady_now_ns();
        const bool filled = parser.next(*batch);
        const std::uint64_t parsed = steady_now_ns();
        parse_ns += parsed - now;
        if (!filled) break;
        std::size_t next = 0;
        map->replay(recorder, *batch, next, ~std::uint64_t{0});
        execute_ns += steady_now_ns() - parsed;
      }
    }
    ::close(file);
    const double rows = static_cast<double>(recorder.counters().rows());
    std::printf("%s: %.0f rows, ns per row: read %.1f parse %.1f execute %.1f\n", engine, rows,
                static_cast<double>(read_ns) / rows, static_cast<double>(parse_ns) / rows,
                static_cast<double>(execute_ns) / rows);
  }
}
