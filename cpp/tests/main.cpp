// Usage: tests [--seed N] [TEXT]   runs the tests whose name contains TEXT.
#include <cstdlib>
#include <random>
#include <string_view>

#include "testing.hpp"

int main(int argc, char** argv) {
  std::string_view filter;
  std::uint64_t seed = std::random_device{}();
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--seed" && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else {
      filter = argv[i];
    }
  }
  return testing::run_all(filter, seed);
}
