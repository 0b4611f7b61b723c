// Batches: many operations with their cache misses overlapped.
//
// A look-up in DRAM waits for memory; the processor can wait for a dozen lines at once if it knows
// of them in time. So keys are hashed and their first line prefetched well ahead of use, the slot
// line somewhat ahead (its address is known once the tags are cached), and the operations
// themselves run strictly in order: a batch is the same as its operations one by one.
//
//     all of a chunk   hash
//     i + kLineAhead   prefetch tags
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

namespace detail {

// The pipeline over one chunk of at most kChunk keys.
template <class Map>
class PrefetchPipeline {
 public:
  static constexpr std::size_t kChunk = 1024;

  explicit PrefetchPipeline(Map& map) : map_(map), generation_(map.hash_generation()) {}

  template <class KeyAt, class Use>
  void run(std::size_t n, KeyAt key_at, Use use) {
    hash_from(0, n, key_at);
    const std::size_t warm = n < kLineAhead ? n : kLineAhead;
    for (std::size_t i = 0; i < warm; ++i) map_.prefetch(hashes_[i]);
    for (std::size_t i = 0; i < n - warm; ++i) {
      map_.prefetch(hashes_[i + kLineAhead]);
      map_.prefetch_slot(hashes_[i + kSlotAhead]);
      step(i, n, key_at, use);
    }
    for (std::size_t i = n - warm; i < n; ++i) step(i, n, key_at, use);
  }

 private:
  static constexpr std::size_t kLineAhead = 24;
  static constexpr std::size_t kSlotAhead = 10;

  template <class KeyAt>
  void hash_from(std::size_t first, std::size_t n, KeyAt key_at) {
    for (std::size_t i = first; i < n; ++i) hashes_[i] = map_.hash(key_at(i));
  }

  // A map that changed its hash on the way makes the hashes ahead worthless.
  template <class KeyAt, class Use>
  ADHASH_ALWAYS_INLINE void step(std::size_t i, std::size_t n, KeyAt key_at, Use use) {
    use(i, hashes_[i]);
    if (map_.hash_generation() != generation_) [[unlikely]] {
      generation_ = map_.hash_generation();
      hash_from(i + 1, n, key_at);
    }
  }

  Map& map_;
  std::uint64_t generation_;
  std::array<Hash, kChunk> hashes_;
};

}  // namespace detail

// Calls use(i, hash of key i) for i = 0 .. n - 1, in order. `key_at(i)` returns key i.
template <class Map, class KeyAt, class Use>
void for_each_hashed(Map& map, std::size_t n, KeyAt key_at, Use use) {
  using Pipeline = detail::PrefetchPipeline<Map>;
  for (std::size_t first = 0; first < n; first += Pipeline::kChunk) {
    const std::size_t count = n - first < Pipeline::kChunk ? n - first : Pipeline::kChunk;
    if (map.memory_bytes() < kPrefetchFromBytes) {
      for (std::size_t i = first; i < first + count; ++i) use(i, map.hash(key_at(i)));
    } else {
      Pipeline(map).run(
          count, [=](std::size_t i) { return key_at(first + i); },
          [&, first](std::size_t i, Hash hash) { use(first + i, hash); });
    }
  }
}

}  // namespace adhash
