// Layout `swiss`: sixteen slots to a group, a one-byte tag for each, groups searched by SIMD.
//
//     tags   | t0 t1 ... t15 | t16 ... t31 | ...       one byte each, 16-byte aligned groups
//     slots  | s0 | s1 | s2 | s3 | ...                 slot i belongs to tag i
//
// The top bits of the hash choose the first group, seven low bits are the tag. A look-up compares
// sixteen tags at once, then only the slots whose tag matches (a wrong one in 128), and stops at
// the first group that has an empty slot: a miss mostly costs one cache line.
//
// Deletion. A probe passes over a group only when the group has no empty slot. So if the group of
// the erased entry has an empty slot now, no probe ever went past it, and the slot may become
// empty again; only in a group without one it must become a tombstone. Tombstones count as load;
// when load runs out the map above rebuilds, at the same size if many of them are dead.
//
// Slots are not interleaved with their tags: a group of sixteen 16-byte slots spans four lines
// anyway, and tags alone keep 64 of them to a line, which misses and walks profit from.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>

#include "adhash/group.hpp"
#include "adhash/invariants.hpp"
#include "adhash/layout_costs.hpp"
#include "adhash/memory.hpp"
#include "adhash/probe.hpp"
#include "adhash/probe_trace.hpp"
#include "adhash/probe_watch.hpp"
#include "adhash/table.hpp"

namespace adhash {

template <class EntryType>
class SwissTable {
 public:
  using Entry = EntryType;
  using Slot = typename Entry::Slot;
  using KeyView = typename Entry::KeyView;

  static constexpr std::string_view kName = "swiss";

  // See layout_costs.hpp.
  static constexpr LayoutCosts kCosts = {.in_l2 = {4.0, 3.9, 28.0, 6.3},
                                         .in_l3 = {11.0, 9.5, 45.0, 13.0},
                                         .in_dram = {20.0, 12.6, 90.0, 22.6}};

  // Throws std::bad_alloc and CapacityError.
  explicit SwissTable(std::size_t room)
      : group_mask_(groups_for(checked_room(room)) - 1),
        shift_(64 - std::countr_zero(group_mask_ + 1)),
        block_(capacity() * (1 + sizeof(Slot))),
        room_left_(this->room()) {}

  void populate() noexcept { block_.populate(); }

  Slot* find(KeyView key, Hash hash) {
    const Tag tag = Tag::of(hash);
    for (ProbeSequence probe = start(hash);; probe.advance()) {
      const std::size_t first = probe.position() * Group::kWidth;
      const Group group(tags() + first);
      for (auto match = group.match(tag); match; match.remove_lowest()) {
        Slot* slot = slots() + first + match.lowest();
        if (Entry::equals(*slot, key, hash)) [[likely]]
          return slot;
      }
      if (group.match_empty()) [[likely]]
        return nullptr;
    }
  }

  Slot* insert(const Slot& slot, Hash hash) {
    for (ProbeSequence probe = start(hash);; probe.advance()) {
      const std::size_t first = probe.position() * Group::kWidth;
      const auto free = Group(tags() + first).match_not_full();
      if (!free) continue;
      watch_.note(probe.length());
      const std::size_t index = first + free.lowest();
      if (tags()[index].is_empty()) {
        --room_left_;
      } else {
        --tombstones_;
      }
      tags()[index] = Tag::of(hash);
      ++size_;
      return &(slots()[index] = slot);
    }
  }

  void erase(Slot* slot, Hash) {
    const auto index = static_cast<std::size_t>(slot - slots());
    const std::size_t first = index / Group::kWidth * Group::kWidth;
    if (Group(tags() + first).match_empty()) {
      tags()[index] = Tag::empty();
      ++room_left_;
    } else {
      tags()[index] = Tag::deleted();
      ++tombstones_;
    }
    --size_;
  }
  void kill(Slot* slot, Hash hash) { erase(slot, hash); }

  void prefetch(Hash hash) const { prefetch_line(tags() + home(hash) * Group::kWidth); }
  void prefetch_slot(Hash hash) const {
    const std::size_t first = home(hash) * Group::kWidth;
    const auto match = Group(tags() + first).match(Tag::of(hash));
    // Without a match this prefetches some slot of the group: cheaper than a branch that is taken
    // as often as look-ups miss.
    prefetch_line(slots() + first + match.lowest() % Group::kWidth);
  }

  std::size_t size() const { return size_; }
  bool is_full() const { return room_left_ == 0; }
  std::size_t capacity() const { return (group_mask_ + 1) * Group::kWidth; }
  std::size_t room() const { return capacity() - capacity() / 8; }
  std::size_t tombstones() const { return tombstones_; }
  std::size_t memory_bytes() const { return block_.size(); }
  ProbeWatch& watch() { return watch_; }

  std::size_t positions() const { return capacity(); }
  std::size_t next_full(std::size_t from, std::size_t limit) const {
    while (from < limit) {
      const std::size_t first = from / Group::kWidth * Group::kWidth;
      const auto full = Group(tags() + first).match_full().from(from % Group::kWidth);
      if (full) return std::min(first + full.lowest(), limit);
      from = first + Group::kWidth;
    }
    return limit;
  }
  Slot* slot_at(std::size_t position) { return slots() + position; }

  std::size_t probe_length(std::size_t position, Hash hash) const {
    ProbeSequence probe = start(hash);
    while (probe.position() != position / Group::kWidth) probe.advance();
    return probe.length();
  }

  bool release_slice(std::size_t bytes) {
    block_.release_slice(bytes);
    return block_.size() == 0;
  }

  ProbedTable probed(Hash hash) const {
    return {.layout = kName,
            .place = Place::group,
            .places = group_mask_ + 1,
            .slots_per_place = Group::kWidth,
            .home = home(hash),
            .size = size_,
            .capacity = capacity(),
            .tombstones = tombstones_,
            .hash = hash,
            .tag = Tag::of(hash).byte()};
  }
  bool trace_find(KeyView key, Hash hash, ProbeTrace& trace) const {
    for (ProbeSequence probe = start(hash);; probe.advance()) {
      const std::size_t first = probe.position() * Group::kWidth;
      ProbeStep step = step_at(probe.position());
      const bool is_found = compare_seen<Entry>(step.slots, slots() + first, key, hash);
      const bool is_last = is_found || Group(tags() + first).match_empty();
      if (is_last) step.outcome = is_found ? StepOutcome::found : StepOutcome::absent;
      trace.visit(std::move(step));
      if (is_last) return is_found;
    }
  }
  void trace_insert(Hash hash, ProbeTrace& trace) const {
    for (ProbeSequence probe = start(hash);; probe.advance()) {
      const std::size_t first = probe.position() * Group::kWidth;
      const auto free = Group(tags() + first).match_not_full();
      ProbeStep step = step_at(probe.position());
      if (free) step.outcome = StepOutcome::lands;
      trace.visit(std::move(step));
      if (!free) continue;
      const bool is_empty = tags()[first + free.lowest()].is_empty();
      return trace.land(is_empty ? Landing::Kind::empty_slot : Landing::Kind::deleted_slot,
                        Place::group, probe.position(), free.lowest());
    }
  }

  // Tags are bits of the hash, and a look-up comes to every entry: no group before its own has an
  // empty slot.
  ADHASH_COLD void check_structure(const Hasher& hasher, InvariantReport& report) const {
    Invariant& tag_bytes = report.invariant("tags are empty, deleted or full");
    Invariant& hash_bits = report.invariant("tags are bits of the hash");
    Invariant& reached = report.invariant("groups are reached from home");
    std::size_t full = 0;
    std::size_t deleted = 0;
    for (std::size_t i = 0; i < capacity(); ++i) {
      report.note_entry();
      const Tag tag = tags()[i];
      const bool is_known = tag.is_full() || tag.byte() <= Tag::deleted().byte();
      tag_bytes.require(is_known, [&] { return told("slot", i) + " has no such tag"; });
      if (!tag.is_full()) {
        deleted += tag.byte() == Tag::deleted().byte();
        continue;
      }
      ++full;
      const Hash hash = Entry::hash_of(slots()[i], hasher);
      const std::uint8_t wanted = Tag::of(hash).byte();
      hash_bits.require(tag.byte() == wanted,
                        [&] { return told("slot", i, "tag", tag.byte(), wanted); });
      reached.require(is_reached(i / Group::kWidth, hash), [&] {
        return told("slot", i) + " lies behind an empty slot of the probe from group " +
               std::to_string(home(hash));
      });
    }
    require_count(report, "size", size_, full);
    require_count(report, "tombstones", tombstones_, deleted);
    require_count(report, "room left", room_left_, room() - full - deleted);
    report.invariant("a probe ends").require(full + deleted < capacity(), [] {
      return "no slot is empty";
    });
  }

  // Groups of sixteen absorb nearly all unevenness: the chance that a group overflows is that of a
  // Poisson variable of mean 16 * load above 16, here by its normal approximation.
  static double expected_probe(double load) {
    const double mean = Group::kWidth * load;
    const double overflow =
        0.5 * std::erfc((Group::kWidth + 0.5 - mean) / std::sqrt(2 * mean + 1e-9));
    return 1.0 + overflow / (1.0 - std::min(overflow, 0.9));
  }

 private:
  template <class Patient>
  friend struct Surgery;

  bool is_reached(std::size_t group, Hash hash) const {
    ProbeSequence probe = start(hash);
    for (; probe.position() != group; probe.advance()) {
      if (Group(tags() + probe.position() * Group::kWidth).match_empty()) return false;
      if (probe.length() > group_mask_) return false;
    }
    return true;
  }

  ProbeStep step_at(std::size_t group) const {
    return {.place = Place::group,
            .index = group,
            .slots = seen_tags(tags() + group * Group::kWidth, Group::kWidth)};
  }

  static std::size_t groups_for(std::size_t room) {
    constexpr std::size_t kRoomPerGroup = Group::kWidth - Group::kWidth / 8;
    return std::bit_ceil(std::max<std::size_t>(1, (room + kRoomPerGroup - 1) / kRoomPerGroup));
  }

  // A shift by 64 would be undefined for a single group, hence in two steps.
  std::size_t home(Hash hash) const { return static_cast<std::size_t>(hash >> 1 >> (shift_ - 1)); }
  ProbeSequence start(Hash hash) const { return {home(hash), group_mask_}; }

  Tag* tags() const { return reinterpret_cast<Tag*>(block_.data()); }
  Slot* slots() const { return reinterpret_cast<Slot*>(block_.data() + capacity()); }

  std::size_t group_mask_;
  int shift_;
  ZeroedBlock block_;
  std::size_t size_ = 0;
  std::size_t tombstones_ = 0;
  std::size_t room_left_;
  ProbeWatch watch_;
};

}  // namespace adhash
