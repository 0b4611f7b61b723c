// How many other keys were touched since a key was touched last: its reuse distance, or depth in
// the stack of an LRU cache.
//
// Every touch takes the next place on a line, and a key stands at the place of its last touch. The
// distance is the number of keys that stand behind it:
//
//     place    0 1 2 3 4 5 6 7 8 9
//     stands   . A . . C . B D .          touching A again: C, B and D stand behind: distance 3
//     stands   . . . . C . B D A
//
// Places are bits of a long bitmap; counts of its parts, 64 to 1 on each level, make that number a
// sum over three short arrays instead of a walk:
//
//     hyper    2^21 places                  summed behind the key's own
//     super    2^15 places, 64 to a hyper   summed behind the key's own, in its hyper
//     block    512 places, 64 to a super    summed behind the key's own, in its super
//     word     64 bits, 8 to a block        counted behind the key's own bit, in its block
//
// A Fenwick tree asks as little, but a touch changes a logarithm of its cells and these only six.
// Keys touched lately stand near the end, where there is little to sum. A block is a cache line, so
// that a distance costs one miss. When the line is used up, keys move together at its beginning.
//
// References: R. L. Mattson and others, "Evaluation techniques for storage hierarchies", IBM
// Systems Journal 9 (1970). B. T. Bennett, V. J. Kruskal, "LRU stack processing", IBM Journal of
// Research and Development 19 (1975).
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "adhash/errors.hpp"
#include "adhash/memory.hpp"
#include "adhash/platform.hpp"

namespace adhash {

class ReuseStack {
 public:
  using Place = std::uint32_t;

  ReuseStack() { make_line(0); }

  // Keys that stand on the line.
  std::size_t size() const { return size_; }
  // Touches until gather() is needed.
  std::size_t room() const { return places_ - next_; }

  // The first touch of a key. PRECONDITION: room() > 0.
  ADHASH_ALWAYS_INLINE Place push() {
    const auto place = static_cast<Place>(next_++);
    words()[place >> kWordBits] |= std::uint64_t{1} << (place % 64);
    count(place, 1);
    ++size_;
    return place;
  }

  // A touch of a key that stands at `place`, which becomes its new place; returns the distance.
  // PRECONDITION: room() > 0.
  ADHASH_ALWAYS_INLINE std::uint32_t touch(Place& place) {
    const std::uint32_t behind = keys_behind(place);
    remove(place);
    place = push();
    return behind;
  }

  ADHASH_ALWAYS_INLINE void remove(Place place) {
    words()[place >> kWordBits] &= ~(std::uint64_t{1} << (place % 64));
    count(place, std::uint32_t{0} - 1);
    --size_;
  }

  void prefetch(Place place) const { prefetch_line(words() + (place >> kWordBits)); }

  // Makes room by moving all keys to the beginning of the line, in order. `for_each_place` is
  // called with a function to be called on (a reference to) the place of every key, in any order.
  // Throws std::bad_alloc and CapacityError, and whatever `for_each_place` throws; the stack is of
  // no use then.
  template <class ForEachPlace>
  void gather(ForEachPlace for_each_place) {
    std::vector<Place> before(places_ >> kBlockBits);
    Place sum = 0;
    for (std::size_t block = 0; block < before.size(); ++block) {
      before[block] = sum;
      sum += blocks_[block];
    }
    const ZeroedBlock old = std::move(line_);
    const auto* words = reinterpret_cast<const std::uint64_t*>(old.data());
    for_each_place([&](Place& place) { place = rank(words, before, place); });
    make_line(size_);
  }

  std::size_t memory_bytes() const {
    return line_.size() + blocks_.capacity() * sizeof(std::uint32_t) * 2;
  }

 private:
  static constexpr unsigned kWordBits = 6;
  static constexpr unsigned kBlockBits = 9;
  static constexpr unsigned kSuperBits = 15;
  static constexpr unsigned kHyperBits = 21;
  static constexpr std::size_t kFewestPlaces = std::size_t{1} << 12;
  // Of so many times as many places as keys, three in four touches come before the next gathering.
  static constexpr std::size_t kPlacesPerKey = 4;

  std::uint64_t* words() { return reinterpret_cast<std::uint64_t*>(line_.data()); }
  const std::uint64_t* words() const {
    return reinterpret_cast<const std::uint64_t*>(line_.data());
  }

  ADHASH_ALWAYS_INLINE void count(Place place, std::uint32_t by) {
    blocks_[place >> kBlockBits] += by;
    supers_[place >> kSuperBits] += by;
    hypers_[place >> kHyperBits] += by;
  }

  ADHASH_ALWAYS_INLINE std::uint32_t keys_behind(Place place) const {
    const std::size_t end = next_;  // nothing stands there or behind it
    std::uint32_t sum = in_block_behind(place, end);
    sum += sum_behind<kBlockBits, kSuperBits>(blocks_.data(), place, end);
    if (place >> kSuperBits == end >> kSuperBits) return sum;
    sum += sum_behind<kSuperBits, kHyperBits>(supers_.data(), place, end);
    sum += sum_behind<kHyperBits, 32>(hypers_.data(), place, end);
    return sum;
  }

  ADHASH_ALWAYS_INLINE std::uint32_t in_block_behind(Place place, std::size_t end) const {
    const std::size_t first = place >> kWordBits;
    const std::size_t last = std::min(first | 7, end >> kWordBits);
    const std::uint64_t behind = (~std::uint64_t{0} << (place % 64)) << 1;
    auto sum = static_cast<std::uint32_t>(std::popcount(words()[first] & behind));
    for (std::size_t word = first + 1; word <= last; ++word) {
      sum += static_cast<std::uint32_t>(std::popcount(words()[word]));
    }
    return sum;
  }

  // The sum of the parts behind the one of `place`, within the same part of the level above.
  template <unsigned PartBits, unsigned AboveBits>
  ADHASH_ALWAYS_INLINE static std::uint32_t sum_behind(const std::uint32_t* counts, Place place,
                                                       std::size_t end) {
    const std::size_t first = (std::size_t{place} >> PartBits) + 1;
    const std::size_t above = ((std::size_t{place} >> AboveBits) + 1) << (AboveBits - PartBits);
    const std::size_t last = std::min(above, (end >> PartBits) + 1);
    std::uint32_t sum = 0;
    for (std::size_t part = first; part < last; ++part) sum += counts[part];
    return sum;
  }

  static Place rank(const std::uint64_t* words, const std::vector<Place>& before, Place place) {
    Place rank = before[place >> kBlockBits];
    const std::size_t own = place >> kWordBits;
    for (std::size_t word = own & ~std::size_t{7}; word < own; ++word) {
      rank += static_cast<Place>(std::popcount(words[word]));
    }
    const std::uint64_t ahead = (std::uint64_t{1} << (place % 64)) - 1;
    return rank + static_cast<Place>(std::popcount(words[own] & ahead));
  }

  // A new line with room, on which `keys` keys stand at the beginning.
  void make_line(std::size_t keys) {
    constexpr std::size_t kMost =
        std::size_t{std::numeric_limits<Place>::max()} & ~std::size_t{511};
    const std::size_t wanted = std::max(kFewestPlaces, keys * kPlacesPerKey);
    const std::size_t places = std::min(kMost, std::bit_ceil(wanted));
    if (places < keys * 2) throw CapacityError("more keys are followed than there are places");
    line_ = ZeroedBlock(places / 8 + kCacheLineBytes);
    blocks_.assign((places >> kBlockBits) + 1, 0);
    supers_.assign((places >> kSuperBits) + 1, 0);
    hypers_.assign((places >> kHyperBits) + 1, 0);
    places_ = places;
    next_ = 0;
    size_ = 0;
    while (next_ < keys) push();
  }

  ZeroedBlock line_;
  std::vector<std::uint32_t> blocks_;
  std::vector<std::uint32_t> supers_;
  std::vector<std::uint32_t> hypers_;
  std::size_t places_ = 0;
  std::size_t next_ = 0;
  std::size_t size_ = 0;
};

}  // namespace adhash
