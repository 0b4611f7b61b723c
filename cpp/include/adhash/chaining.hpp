// Layout `chaining`: two levels of cache-line buckets. A bucket holds a few entries with a tag
// each; when it is full it links to an overflow bucket of the same shape, taken from a pool.
//
//     bucket  | t0 ... t6, unused | overflow | unused | slot 0 | slot 1 | ... |   128 or 192 bytes
//               8 bytes             4 bytes    4 bytes
//
// Nothing is ever displaced, so an insertion costs the same at any load and a deletion empties its
// slot and nothing else; an overflow bucket that became empty returns to the pool. The eight tags
// are compared inside one 64-bit word. Unlike node-based chaining there is no pointer per entry
// and no allocation per insertion.
//
// `overflow` numbers the pool's buckets from 1; 0 ends the chain.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "adhash/bitmask.hpp"
#include "adhash/group.hpp"
#include "adhash/invariants.hpp"
#include "adhash/layout_costs.hpp"
#include "adhash/memory.hpp"
#include "adhash/probe_trace.hpp"
#include "adhash/probe_watch.hpp"
#include "adhash/table.hpp"
#include "adhash/tag.hpp"

namespace adhash {

template <class Slot>
struct alignas(kCacheLineBytes) Bucket {
  static constexpr std::size_t kBytes = sizeof(Slot) > 32 ? 192 : 128;
  static constexpr unsigned kSlots =
      static_cast<unsigned>(std::min<std::size_t>(7, (kBytes - 16) / sizeof(Slot)));
  using Mask = BitMask<8>;

  Tag tags[8];
  std::uint32_t overflow;
  Slot slots[kSlots];

  Mask match(Tag tag) const { return Mask(matching_bytes(load64(tags), tag.byte()) & kUsed); }
  Mask match_full() const { return Mask(load64(tags) & kUsed & 0x8080808080808080u); }
  Mask match_empty() const { return match(Tag::empty()); }

 private:
  static constexpr std::uint64_t kUsed = (std::uint64_t{1} << (8 * kSlots)) - 1;
};

// Overflow buckets, in chunks so that growing the pool moves none of them.
template <class BucketType>
class BucketPool {
 public:
  static constexpr std::size_t kChunkBuckets = 256;

  BucketType& operator[](std::uint32_t number) const {
    const std::size_t index = number - 1;
    return reinterpret_cast<BucketType*>(
        chunks_[index / kChunkBuckets].data())[index % kChunkBuckets];
  }

  // Returns the number of a zeroed bucket. Throws std::bad_alloc.
  std::uint32_t take() {
    if (free_ != 0) {
      const std::uint32_t number = free_;
      BucketType& bucket = (*this)[number];
      free_ = bucket.overflow;
      bucket.overflow = 0;
      return number;
    }
    if (used_ == chunks_.size() * kChunkBuckets) add_chunk();
    if (used_ >= UINT32_MAX - 1) throw CapacityError("chaining: too many overflow buckets");
    return static_cast<std::uint32_t>(++used_);
  }

  // PRECONDITION: all tags of the bucket are empty and nothing links to it.
  void give_back(std::uint32_t number) {
    (*this)[number].overflow = free_;
    free_ = number;
  }

  // What take() would return.
  std::uint32_t next_number() const {
    return free_ != 0 ? free_ : static_cast<std::uint32_t>(used_ + 1);
  }

  // The first bucket that was given back; its `overflow` numbers the next. 0: none.
  std::uint32_t first_free() const { return free_; }
  // Buckets that memory is there for.
  std::size_t room() const { return chunks_.size() * kChunkBuckets; }

  // Buckets ever handed out: numbers 1 to used().
  std::size_t used() const { return used_; }
  std::size_t memory_bytes() const {
    return chunks_.size() * kChunkBuckets * sizeof(BucketType) +
           chunks_.capacity() * sizeof(ZeroedBlock);
  }

  // Frees chunks of at most about `bytes`, from the end; true when none is left.
  bool release_slice(std::size_t bytes) {
    const std::size_t count =
        std::max<std::size_t>(1, bytes / (kChunkBuckets * sizeof(BucketType)));
    for (std::size_t i = 0; i < count && !chunks_.empty(); ++i) chunks_.pop_back();
    return chunks_.empty();
  }

 private:
  template <class Patient>
  friend struct Surgery;

  ADHASH_COLD void add_chunk() {
    if (chunks_.size() == chunks_.capacity()) {
      pass_allocation_gate();
      chunks_.reserve(chunks_.size() * 2 + 4);
    }
    chunks_.emplace_back(kChunkBuckets * sizeof(BucketType));
  }

  std::vector<ZeroedBlock> chunks_;
  std::size_t used_ = 0;
  std::uint32_t free_ = 0;
};

template <class EntryType>
class ChainingTable {
 public:
  using Entry = EntryType;
  using Slot = typename Entry::Slot;
  using KeyView = typename Entry::KeyView;

  static constexpr std::string_view kName = "chaining";

  // See layout_costs.hpp.
  static constexpr LayoutCosts kCosts = {.in_l2 = {4.5, 4.4, 33.0, 6.7},
                                         .in_l3 = {12.0, 12.0, 70.0, 14.0},
                                         .in_dram = {19.5, 20.0, 100.0, 22.6}};

  // Throws std::bad_alloc and CapacityError.
  explicit ChainingTable(std::size_t room)
      : mask_(buckets_for(checked_room(room)) - 1),
        shift_(64 - std::countr_zero(mask_ + 1)),
        primary_((mask_ + 1) * sizeof(BucketOfSlots)) {}

  void populate() noexcept { primary_.populate(); }

  Slot* find(KeyView key, Hash hash) {
    const Tag tag = Tag::of(hash);
    for (BucketOfSlots* bucket = &buckets()[home(hash)];; bucket = &pool_[bucket->overflow]) {
      for (auto match = bucket->match(tag); match; match.remove_lowest()) {
        Slot& slot = bucket->slots[match.lowest()];
        if (Entry::equals(slot, key, hash)) [[likely]]
          return &slot;
      }
      if (bucket->overflow == 0) return nullptr;
    }
  }

  Slot* insert(const Slot& slot, Hash hash) {
    BucketOfSlots* bucket = &buckets()[home(hash)];
    auto free = bucket->match_empty();
    std::size_t length = 1;
    for (; !free; ++length) {
      if (bucket->overflow == 0) bucket->overflow = pool_.take();
      bucket = &pool_[bucket->overflow];
      free = bucket->match_empty();
    }
    watch_.note(length);
    const unsigned index = free.lowest();
    bucket->tags[index] = Tag::of(hash);
    ++size_;
    return &(bucket->slots[index] = slot);
  }

  void erase(Slot* slot, Hash hash) {
    BucketOfSlots* bucket = &buckets()[home(hash)];
    std::uint32_t* link = nullptr;
    while (!holds(*bucket, slot)) {
      link = &bucket->overflow;
      bucket = &pool_[*link];
    }
    clear(*bucket, slot);
    if (link != nullptr && !bucket->match_full()) {
      const std::uint32_t number = *link;
      *link = bucket->overflow;
      pool_.give_back(number);
    }
  }
  // Leaves an emptied overflow bucket in its chain.
  void kill(Slot* slot, Hash hash) {
    BucketOfSlots* bucket = &buckets()[home(hash)];
    while (!holds(*bucket, slot)) bucket = &pool_[bucket->overflow];
    clear(*bucket, slot);
  }

  void prefetch(Hash hash) const {
    const auto* line = reinterpret_cast<const char*>(&buckets()[home(hash)]);
    prefetch_line(line);
    prefetch_line(line + kCacheLineBytes);
  }
  void prefetch_slot(Hash) const {}

  std::size_t size() const { return size_; }
  bool is_full() const { return size_ >= room(); }
  std::size_t capacity() const { return (mask_ + 1) * BucketOfSlots::kSlots; }
  std::size_t room() const { return (mask_ + 1) * kMeanLoad; }
  std::size_t tombstones() const { return 0; }
  std::size_t memory_bytes() const { return primary_.size() + pool_.memory_bytes(); }
  ProbeWatch& watch() { return watch_; }

  // Positions number the primary buckets' slots, then the pool's.
  std::size_t positions() const { return (mask_ + 1 + pool_.used()) * BucketOfSlots::kSlots; }
  std::size_t next_full(std::size_t from, std::size_t limit) const {
    while (from < limit) {
      const std::size_t number = from / BucketOfSlots::kSlots;
      const auto full =
          bucket_at(number).match_full().from(static_cast<unsigned>(from % BucketOfSlots::kSlots));
      if (full) return std::min(number * BucketOfSlots::kSlots + full.lowest(), limit);
      from = (number + 1) * BucketOfSlots::kSlots;
    }
    return limit;
  }
  Slot* slot_at(std::size_t position) {
    return &bucket_at(position / BucketOfSlots::kSlots).slots[position % BucketOfSlots::kSlots];
  }

  // Buckets visited to reach the entry.
  std::size_t probe_length(std::size_t position, Hash hash) const {
    const BucketOfSlots* wanted = &bucket_at(position / BucketOfSlots::kSlots);
    std::size_t length = 1;
    for (const BucketOfSlots* bucket = &buckets()[home(hash)]; bucket != wanted; ++length) {
      bucket = &pool_[bucket->overflow];
    }
    return length;
  }

  bool release_slice(std::size_t bytes) {
    if (!pool_.release_slice(bytes)) return false;
    primary_.release_slice(bytes);
    return primary_.size() == 0;
  }

  ProbedTable probed(Hash hash) const {
    return {.layout = kName,
            .place = Place::bucket,
            .places = mask_ + 1,
            .slots_per_place = BucketOfSlots::kSlots,
            .home = home(hash),
            .size = size_,
            .capacity = capacity(),
            .hash = hash,
            .tag = Tag::of(hash).byte()};
  }
  bool trace_find(KeyView key, Hash hash, ProbeTrace& trace) const {
    std::uint32_t number = 0;
    while (true) {
      const BucketOfSlots& bucket = link_at(number, hash);
      ProbeStep step = step_at(number, hash);
      const bool is_found = compare_seen<Entry>(step.slots, bucket.slots, key, hash);
      const bool is_last = is_found || bucket.overflow == 0;
      if (is_last) step.outcome = is_found ? StepOutcome::found : StepOutcome::absent;
      trace.visit(std::move(step));
      if (is_last) return is_found;
      number = bucket.overflow;
    }
  }
  void trace_insert(Hash hash, ProbeTrace& trace) const {
    std::uint32_t number = 0;
    while (true) {
      const BucketOfSlots& bucket = link_at(number, hash);
      const auto free = bucket.match_empty();
      ProbeStep step = step_at(number, hash);
      const Place place = step.place;
      const std::size_t index = step.index;
      if (free) step.outcome = StepOutcome::lands;
      trace.visit(std::move(step));
      if (free) return trace.land(Landing::Kind::empty_slot, place, index, free.lowest());
      if (bucket.overflow == 0) break;
      number = bucket.overflow;
    }
    trace.land(Landing::Kind::new_bucket, Place::overflow, pool_.next_number());
  }

  // Every entry lies in the chain of its home, under a tag of its hash; every overflow bucket is a
  // link of one chain, or was given back.
  ADHASH_COLD void check_structure(const Hasher& hasher, InvariantReport& report) const {
    if (!check_links(report)) return;
    Invariant& tag_bytes = report.invariant("tags are empty or full");
    Invariant& hash_bits = report.invariant("tags are bits of the hash");
    Invariant& homes = report.invariant("entries lie in the chain of their home");
    std::size_t full = 0;
    for (std::size_t first = 0; first <= mask_; ++first) {
      const BucketOfSlots* bucket = &buckets()[first];
      while (true) {
        report.note_entry();
        for (unsigned i = 0; i < 8; ++i) {
          const Tag tag = bucket->tags[i];
          const bool is_known = tag.is_empty() || (tag.is_full() && i < BucketOfSlots::kSlots);
          tag_bytes.require(is_known, [&] { return told("chain", first) + " has no such tag"; });
          if (!is_known || tag.is_empty()) continue;
          ++full;
          const Hash hash = Entry::hash_of(bucket->slots[i], hasher);
          const std::uint8_t wanted = Tag::of(hash).byte();
          hash_bits.require(tag.byte() == wanted,
                            [&] { return told("chain", first, "tag", tag.byte(), wanted); });
          homes.require(home(hash) == first,
                        [&] { return told("chain", first, "home", home(hash), first); });
        }
        if (bucket->overflow == 0) break;
        bucket = &pool_[bucket->overflow];
      }
    }
    require_count(report, "size", size_, full);
  }

  // Entries beyond the first bucket, when a bucket's entries are Poisson with the mean `load`
  // times its slots, counted as one bucket farther.
  static double expected_probe(double load) {
    const double mean = load * BucketOfSlots::kSlots;
    double probability = std::exp(-mean);
    double beyond = 0;
    for (unsigned k = 1; k <= 4 * BucketOfSlots::kSlots; ++k) {
      probability *= mean / k;
      if (k > BucketOfSlots::kSlots) beyond += probability * (k - BucketOfSlots::kSlots);
    }
    return 1.0 + beyond / std::max(mean, 1e-9);
  }

 private:
  template <class Patient>
  friend struct Surgery;

  using BucketOfSlots = Bucket<Slot>;

  // Whether all chains, and the list of buckets given back, can be walked.
  bool check_links(InvariantReport& report) const {
    Invariant& links = report.invariant("overflow buckets are links of one chain");
    Invariant& unused = report.invariant("overflow buckets given back are empty");
    Invariant& emptied = report.invariant("emptied overflow buckets are given back");
    std::vector<bool> seen(pool_.used() + 1);
    const auto follows = [&](std::uint32_t number) {
      const bool is_fresh = number <= pool_.used() && number <= pool_.room() && !seen[number];
      if (is_fresh) seen[number] = true;
      return links.require(
          is_fresh, [&] { return told("overflow bucket", number) + " is of no chain, or of two"; });
    };
    for (std::size_t first = 0; first <= mask_; ++first) {
      report.note_entry();
      for (std::uint32_t next = buckets()[first].overflow; next != 0; next = pool_[next].overflow) {
        if (!follows(next)) return false;
        emptied.require(report.is_emptied_by_migration() || bool(pool_[next].match_full()),
                        [&] { return told("overflow bucket", next) + " holds nothing"; });
      }
    }
    for (std::uint32_t next = pool_.first_free(); next != 0; next = pool_[next].overflow) {
      if (!follows(next)) return false;
      unused.require(!pool_[next].match_full(),
                     [&] { return told("overflow bucket", next) + " holds entries"; });
    }
    for (std::uint32_t number = 1; number <= pool_.used(); ++number) {
      links.require(seen[number],
                    [&] { return told("overflow bucket", number) + " is linked from nowhere"; });
    }
    return true;
  }
  static_assert(sizeof(BucketOfSlots) == BucketOfSlots::kBytes);

  // Mean entries per bucket when full: about a tenth of the entries then lie in overflow buckets.
  static constexpr std::size_t kMeanLoad =
      BucketOfSlots::kSlots >= 7 ? 5 : BucketOfSlots::kSlots - 1;

  static std::size_t buckets_for(std::size_t room) {
    return std::bit_ceil(std::max<std::size_t>(2, (room + kMeanLoad - 1) / kMeanLoad));
  }

  // A hash's top bits; mask_ is at least 1, so the shift is at most 63.
  std::size_t home(Hash hash) const { return static_cast<std::size_t>(hash >> shift_); }
  BucketOfSlots* buckets() const { return reinterpret_cast<BucketOfSlots*>(primary_.data()); }
  BucketOfSlots& bucket_at(std::size_t number) const {
    return number <= mask_ ? buckets()[number] : pool_[static_cast<std::uint32_t>(number - mask_)];
  }

  // A bucket of the chain of a hash: the first for number 0, else the pool's.
  const BucketOfSlots& link_at(std::uint32_t number, Hash hash) const {
    return number == 0 ? buckets()[home(hash)] : pool_[number];
  }
  ProbeStep step_at(std::uint32_t number, Hash hash) const {
    return {.place = number == 0 ? Place::bucket : Place::overflow,
            .index = number == 0 ? home(hash) : number,
            .slots = seen_tags(link_at(number, hash).tags, BucketOfSlots::kSlots)};
  }

  static bool holds(const BucketOfSlots& bucket, const Slot* slot) {
    return slot >= bucket.slots && slot < bucket.slots + BucketOfSlots::kSlots;
  }
  void clear(BucketOfSlots& bucket, Slot* slot) {
    bucket.tags[slot - bucket.slots] = Tag::empty();
    --size_;
  }

  std::size_t mask_;
  int shift_;
  ZeroedBlock primary_;
  BucketPool<BucketOfSlots> pool_;
  std::size_t size_ = 0;
  ProbeWatch watch_;
};

}  // namespace adhash
