// Keys that share a home: found by hashing, as someone who knows a table's seed would find them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "adhash/hash.hpp"

namespace map_testing {

// `count` integers whose hashes agree in the `bits` top bits, from which every layout takes the
// home. Hashing costs 2^bits a key found.
inline std::vector<std::uint64_t> colliding_integers(const adhash::Hasher& hasher,
                                                     std::size_t count, unsigned bits) {
  const adhash::Hash home = hasher.of_word(0) >> (64 - bits);
  std::vector<std::uint64_t> keys;
  for (std::uint64_t candidate = 0; keys.size() < count; ++candidate) {
    const std::uint64_t key = candidate * 0x9E3779B97F4A7C15u >> 1;
    if (hasher.of_word(key) >> (64 - bits) == home) keys.push_back(key);
  }
  return keys;
}

}  // namespace map_testing
