// A layout that counts what is done to it, so that tests can bound the work of one operation
// without a clock; and prices under which the best layout depends on the operations alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "adhash/engines.hpp"

namespace map_testing {

struct TableWork {
  std::uint64_t made = 0;            // tables
  std::uint64_t inserted = 0;        // entries
  std::uint64_t killed = 0;          // entries
  std::uint64_t scanned = 0;         // positions that next_full() passed
  std::uint64_t released_bytes = 0;  // given back by release_slice()
};

inline TableWork& work() {
  static TableWork counted;
  return counted;
}

template <class Inner, int kHitNs, int kMissNs>
class CountedTable : public Inner {
 public:
  using typename Inner::Slot;

  static constexpr adhash::OperationCosts kPrice = {kHitNs, kMissNs, 20, 20};
  static constexpr adhash::LayoutCosts kCosts = {kPrice, kPrice, kPrice};

  explicit CountedTable(std::size_t room) : Inner(room) { ++work().made; }

  Slot* insert(const Slot& slot, adhash::Hash hash) {
    ++work().inserted;
    return Inner::insert(slot, hash);
  }
  void kill(Slot* slot, adhash::Hash hash) {
    ++work().killed;
    Inner::kill(slot, hash);
  }
  std::size_t next_full(std::size_t from, std::size_t limit) const {
    const std::size_t found = Inner::next_full(from, limit);
    work().scanned += found - std::min(from, found);
    return found;
  }
  bool release_slice(std::size_t bytes) {
    const std::size_t before = this->memory_bytes();
    const bool all = Inner::release_slice(bytes);
    work().released_bytes += before - this->memory_bytes();
    return all;
  }
};

using IntEntry = adhash::Entry<adhash::IntKey, adhash::WordValue>;
using CountedChaining = CountedTable<adhash::ChainingTable<IntEntry>, 10, 40>;  // best for hits
using CountedRobinHood = CountedTable<adhash::RobinHoodTable<IntEntry>, 30, 30>;
using CountedSwiss = CountedTable<adhash::SwissTable<IntEntry>, 40, 10>;  // best for misses
using CountedLayouts = adhash::LayoutList<CountedChaining, CountedRobinHood, CountedSwiss>;
using CountedMap =
    adhash::EngineMap<adhash::IntKey, adhash::WordValue, adhash::AdaptiveMap<CountedLayouts>>;

}  // namespace map_testing
