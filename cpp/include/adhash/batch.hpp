// Batches: many operations with their cache misses overlapped.
//
// A look-up in DRAM waits for memory; the processor can wait for a dozen lines at once if it knows
// of them in time. So keys are hashed and their first line prefetched well ahead of use, the slot
// line somewhat ahead (its address is known once the tags are cached), and the operations
// themselves run strictly in order: a batch is the same as its operations one by one.
//
//     i + kLineAhead   hash, prefetch tags
//     i + kSlotAhead   match tags, prefetch slot
//     i                the operation
//
// A table that fits the second-level cache has nothing to overlap, and the pipeline costs more than
// it saves: then it is left out. Distances measured on 1e5 to 1e7 entries: 8 is too few, beyond 32
// nothing improves.
//
// Reference: S. Chen, A. Ailamaki, P. Gibbons, T. Mowry, "Improving hash join performance through
// prefetching", ICDE 2004 (software-pipelined prefetching).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "adhash/hash.hpp"

namespace adhash {

inline constexpr std::size_t kPrefetchFromBytes = std::size_t{768} << 10;

// Calls use(i, hash of key i) for i = 0 .. n - 1, in order. `key_at(i)` returns key i.
template <class Map, class KeyAt, class Use>
void for_each_hashed(Map& map, std::size_t n, KeyAt key_at, Use use) {
  constexpr std::size_t kLineAhead = 24;
  constexpr std::size_t kSlotAhead = 10;
  constexpr std::size_t kRing = 32;
  static_assert(kLineAhead < kRing && kSlotAhead < kLineAhead);

  if (map.memory_bytes() < kPrefetchFromBytes) {
    for (std::size_t i = 0; i < n; ++i) use(i, map.hash(key_at(i)));
    return;
  }

  std::array<Hash, kRing> ring;
  const auto enter = [&](std::size_t i) {
    const Hash hash = map.hash(key_at(i));
    ring[i % kRing] = hash;
    map.prefetch(hash);
  };
  const std::size_t warm = n < kLineAhead ? n : kLineAhead;
  for (std::size_t i = 0; i < warm; ++i) enter(i);

  std::uint64_t generation = map.hash_generation();
  for (std::size_t i = 0; i < n; ++i) {
    if (i + kLineAhead < n) enter(i + kLineAhead);
    if (i + kSlotAhead < n) map.prefetch_slot(ring[(i + kSlotAhead) % kRing]);
    use(i, ring[i % kRing]);
    if (map.hash_generation() != generation) [[unlikely]] {
      generation = map.hash_generation();
      for (std::size_t j = i + 1; j < n && j <= i + kLineAhead; ++j) enter(j);
    }
  }
}

}  // namespace adhash
