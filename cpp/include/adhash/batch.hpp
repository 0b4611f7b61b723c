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
// it saves: then it is left out. Distances measured on 1e5 to 1e7 entries: 8 is too few, beyond 48
// nothing improves.
//
// Reference: S. Chen, A. Ailamaki, P. Gibbons, T. Mowry, "Improving hash join performance through
// prefetching", ICDE 2004 (software-pipelined prefetching).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "adhash/hash.hpp"

namespace adhash {

inline constexpr std::size_t kPrefetchFromBytes = std::size_t{768} << 10;

namespace detail {

// The pipeline over one chunk of at most kChunk keys, in one session of the map.
template <class Session>
class PrefetchPipeline {
 public:
  static constexpr std::size_t kChunk = 2048;

  explicit PrefetchPipeline(Session& session) : session_(session) {}

  // Returns how many operations ran: n, or fewer if the session was over before.
  template <class KeyAt, class Use>
  std::size_t run(std::size_t n, KeyAt key_at, Use use) {
    for (std::size_t i = 0; i < n; ++i) hashes_[i] = session_.hash(key_at(i));
    const std::size_t warm = n < kLineAhead ? n : kLineAhead;
    for (std::size_t i = 0; i < warm; ++i) session_.prefetch(hashes_[i]);
    for (std::size_t i = 0; i < n; ++i) {
      if (i + warm < n) [[likely]] {
        session_.prefetch(hashes_[i + kLineAhead]);
        session_.prefetch_slot(hashes_[i + kSlotAhead]);
      }
      use(session_, i, hashes_[i]);
      if (session_.is_over()) [[unlikely]]
        return i + 1;
    }
    return n;
  }

 private:
  static constexpr std::size_t kLineAhead = 48;
  static constexpr std::size_t kSlotAhead = 24;

  Session& session_;
  std::array<Hash, kChunk> hashes_;
};

template <class Session, class KeyAt, class Use>
std::size_t run_plain(Session& session, std::size_t n, KeyAt key_at, Use use) {
  for (std::size_t i = 0; i < n; ++i) {
    use(session, i, session.hash(key_at(i)));
    if (session.is_over()) [[unlikely]]
      return i + 1;
  }
  return n;
}

}  // namespace detail

// Calls use(session, i, hash of key i) for i = 0 .. n - 1, in order. `key_at(i)` returns key i; the
// session takes operations in the map's place.
template <class Map, class KeyAt, class Use>
void for_each_hashed(Map& map, std::size_t n, KeyAt key_at, Use use) {
  std::size_t done = 0;
  while (done < n) {
    map.with_session([&](auto& session) {
      using Pipeline = detail::PrefetchPipeline<std::decay_t<decltype(session)>>;
      const std::size_t first = done;
      const std::size_t count = std::min(n - first, Pipeline::kChunk);
      const auto key_of = [=](std::size_t i) { return key_at(first + i); };
      const auto use_at = [&](auto& in, std::size_t i, Hash hash) { use(in, first + i, hash); };
      done += session.memory_bytes() < kPrefetchFromBytes
                  ? detail::run_plain(session, count, key_of, use_at)
                  : Pipeline(session).run(count, key_of, use_at);
    });
  }
}

}  // namespace adhash
