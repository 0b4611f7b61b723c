// What each operation costs in each layout, one at a time and batched: the source of the figures in
// every layout's kCosts. CPU time of this thread, engines interleaved, medians over rounds.
//
//   bench_layouts [rounds]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "adhash/engines.hpp"

namespace {

using namespace adhash;
using IntMap = AnyMap<IntKey, WordValue>;

double thread_cpu_ns() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

std::vector<std::uint64_t> random_keys(std::uint64_t seed, std::size_t count) {
  std::vector<std::uint64_t> keys(count);
  for (std::uint64_t& key : keys) key = splitmix64(seed);
  return keys;
}

// Look-ups in random order: a fixed number, whatever the size of the map.
std::vector<std::uint64_t> draw(const std::vector<std::uint64_t>& keys, std::size_t count) {
  std::uint64_t state = 7;
  std::vector<std::uint64_t> drawn(count);
  for (std::uint64_t& key : drawn) key = keys[splitmix64(state) % keys.size()];
  return drawn;
}

template <class Body>
double ns_per_operation(std::size_t operations, Body body) {
  const double start = thread_cpu_ns();
  body();
  return (thread_cpu_ns() - start) / static_cast<double>(operations);
}

std::uint64_t sink = 0;

using Figures = std::map<std::string, std::vector<double>>;

void measure(const std::string& engine, std::size_t n, Figures& figures) {
  const std::vector<std::uint64_t> keys = random_keys(1, n);
  const std::vector<std::uint64_t> hits = draw(keys, 1'000'000);
  const std::vector<std::uint64_t> misses = random_keys(99, 1'000'000);
  std::vector<std::uint64_t> values(std::max(n, hits.size()));
  const auto found = std::make_unique<bool[]>(hits.size());

  const auto map = make_map<IntKey, WordValue>(engine, 42, 0, AdaptiveOptions{});
  figures["1 insert"].push_back(ns_per_operation(n, [&] { map->put_many(keys, values.data()); }));
  for (int warm = 0; warm < 2; ++warm) map->get_many(hits, values.data(), found.get());
  figures["2 hit, batched"].push_back(
      ns_per_operation(hits.size(), [&] { map->get_many(hits, values.data(), found.get()); }));
  figures["3 miss, batched"].push_back(
      ns_per_operation(misses.size(), [&] { map->get_many(misses, values.data(), found.get()); }));
  figures["4 hit"].push_back(ns_per_operation(hits.size(), [&] {
    for (const std::uint64_t key : hits) sink += map->get(key, values[0]);
  }));
  figures["5 miss"].push_back(ns_per_operation(misses.size(), [&] {
    for (const std::uint64_t key : misses) sink += map->get(key, values[0]);
  }));
  figures["6 update, batched"].push_back(
      ns_per_operation(hits.size(), [&] { map->put_many(hits, values.data()); }));
  figures["7 erase, batched"].push_back(ns_per_operation(n, [&] { map->erase_many(keys); }));
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 3;
  for (const std::size_t n : {1'000u, 20'000u, 200'000u, 1'000'000u, 8'000'000u}) {
    std::map<std::string, Figures> by_engine;
    for (int round = 0; round < rounds; ++round) {
      for (const std::string_view engine : engine_names()) {
        measure(std::string(engine), n, by_engine[std::string(engine)]);
      }
    }
    std::printf("n = %zu, ns per operation\n  %-18s", n, "");
    for (const std::string_view engine : engine_names()) std::printf("%12s", engine.data());
    std::printf("\n");
    for (const auto& [operation, unused] : by_engine.begin()->second) {
      std::printf("  %-18s", operation.c_str() + 2);
      for (const std::string_view engine : engine_names()) {
        std::vector<double>& samples = by_engine[std::string(engine)][operation];
        std::nth_element(samples.begin(), samples.begin() + samples.size() / 2, samples.end());
        std::printf("%12.1f", samples[samples.size() / 2]);
      }
      std::printf("\n");
    }
  }
  return sink == 42 ? 1 : 0;
}
