// Layout `robinhood`: linear probing in which an insertion takes the slot of any entry that is
// closer to its home, so that all probes are about equally long.
//
//     marks  | distance:24 fingerprint:8 | ...      four bytes each; 0 is empty
//     slots  | s0 | s1 | ...                        slot i belongs to mark i
//
// `distance` counts from 1 at the home slot. A look-up walks until it meets an entry closer to its
// own home than the key would be, which ends misses early. Deletion shifts the entries behind one
// slot back until one is at home or the slot is empty: no tombstones, so deletion leaves the table
// as if the key had never been there. A killed entry (see table.hpp) keeps its distance, so that
// probes run as before, and takes fingerprint 0, which no key has.
//
// Reference: P. Celis, "Robin Hood Hashing", PhD thesis, University of Waterloo, 1986.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "adhash/invariants.hpp"
#include "adhash/layout_costs.hpp"
#include "adhash/memory.hpp"
#include "adhash/probe_trace.hpp"
#include "adhash/probe_watch.hpp"
#include "adhash/table.hpp"

namespace adhash {

// The four bytes that describe a slot of a Robin Hood table.
class Mark {
 public:
  static constexpr std::uint32_t kMaxDistance = (1u << 24) - 1;

  // Of a key at its home slot.
  static Mark at_home(Hash hash) {
    const auto low = static_cast<std::uint32_t>(hash & 0xFF);
    return Mark(1u << 8 | (low == 0 ? 1 : low));
  }

  bool is_empty() const { return bits_ == 0; }
  bool is_full() const { return (bits_ & 0xFF) != 0; }
  std::uint32_t distance() const { return bits_ >> 8; }
  std::uint8_t fingerprint() const { return static_cast<std::uint8_t>(bits_); }
  Mark farther() const { return Mark(bits_ + (1u << 8)); }
  Mark nearer() const { return Mark(bits_ - (1u << 8)); }
  Mark killed() const { return Mark(bits_ & ~0xFFu); }
  static Mark empty() { return Mark(0); }
  friend bool operator==(Mark, Mark) = default;

 private:
  explicit Mark(std::uint32_t bits) : bits_(bits) {}
  std::uint32_t bits_;
};
static_assert(sizeof(Mark) == 4);

template <class EntryType>
class RobinHoodTable {
 public:
  using Entry = EntryType;
  using Slot = typename Entry::Slot;
  using KeyView = typename Entry::KeyView;

  static constexpr std::string_view kName = "robinhood";

  // See layout_costs.hpp.
  static constexpr LayoutCosts kCosts = {.in_l2 = {9.0, 10.0, 45.0, 10.0},
                                         .in_l3 = {17.0, 14.0, 90.0, 20.0},
                                         .in_dram = {24.0, 20.9, 166.0, 31.6}};

  // Throws std::bad_alloc and CapacityError.
  explicit RobinHoodTable(std::size_t room)
      : mask_(slots_for(checked_room(room)) - 1),
        shift_(64 - std::countr_zero(mask_ + 1)),
        block_(capacity() * (sizeof(Mark) + sizeof(Slot))) {}

  void populate() noexcept { block_.populate(); }

  Slot* find(KeyView key, Hash hash) {
    Mark wanted = Mark::at_home(hash);
    for (std::size_t i = home(hash);; i = (i + 1) & mask_, wanted = wanted.farther()) {
      const Mark mark = marks()[i];
      if (mark == wanted && Entry::equals(slots()[i], key, hash)) return slots() + i;
      if (mark.distance() < wanted.distance()) return nullptr;
    }
  }

  // Throws CapacityError after 2^24 entries of one home slot.
  Slot* insert(const Slot& slot, Hash hash) {
    Mark mark = Mark::at_home(hash);
    std::size_t i = home(hash);
    while (marks()[i].distance() >= mark.distance()) {
      i = (i + 1) & mask_;
      mark = mark.farther();
      check_distance(mark);
    }
    make_room_at(i);
    watch_.note(mark.distance());
    marks()[i] = mark;
    ++size_;
    return &(slots()[i] = slot);
  }

  void erase(Slot* slot, Hash) {
    auto i = static_cast<std::size_t>(slot - slots());
    for (std::size_t next = (i + 1) & mask_; marks()[next].distance() > 1;
         i = next, next = (next + 1) & mask_) {
      marks()[i] = marks()[next].nearer();
      slots()[i] = slots()[next];
    }
    marks()[i] = Mark::empty();
    --size_;
  }
  void kill(Slot* slot, Hash) {
    Mark& mark = marks()[slot - slots()];
    mark = mark.killed();
    --size_;
  }

  void prefetch(Hash hash) const {
    prefetch_line(marks() + home(hash));
    prefetch_line(slots() + home(hash));
  }
  void prefetch_slot(Hash) const {}

  std::size_t size() const { return size_; }
  bool is_full() const { return size_ >= room(); }
  std::size_t capacity() const { return mask_ + 1; }
  std::size_t room() const { return room_in(capacity()); }
  std::size_t tombstones() const { return 0; }
  std::size_t memory_bytes() const { return block_.size(); }
  ProbeWatch& watch() { return watch_; }

  std::size_t positions() const { return capacity(); }
  std::size_t next_full(std::size_t from, std::size_t limit) const {
    while (from < limit && !marks()[from].is_full()) ++from;
    return from;
  }
  Slot* slot_at(std::size_t position) { return slots() + position; }
  std::size_t probe_length(std::size_t position, Hash) const {
    return marks()[position].distance();
  }

  bool release_slice(std::size_t bytes) {
    block_.release_slice(bytes);
    return block_.size() == 0;
  }

  ProbedTable probed(Hash hash) const {
    return {.layout = kName,
            .place = Place::slot,
            .places = capacity(),
            .home = home(hash),
            .size = size_,
            .capacity = capacity(),
            .hash = hash,
            .tag = Mark::at_home(hash).fingerprint()};
  }
  bool trace_find(KeyView key, Hash hash, ProbeTrace& trace) const {
    Mark wanted = Mark::at_home(hash);
    for (std::size_t i = home(hash);; i = (i + 1) & mask_, wanted = wanted.farther()) {
      const Mark mark = marks()[i];
      ProbeStep step = step_at(i, wanted);
      SlotSeen& seen = step.slots.front();
      const bool is_same_distance = mark.distance() == wanted.distance();
      seen.compared = mark == wanted     ? Compared::key
                      : is_same_distance ? Compared::tag
                                         : Compared::distance;
      seen.equal = mark == wanted && Entry::equals(slots()[i], key, hash);
      const bool is_absent = mark.distance() < wanted.distance();
      if (seen.equal) step.outcome = StepOutcome::found;
      if (is_absent) step.outcome = StepOutcome::absent;
      const bool is_found = seen.equal;
      trace.visit(std::move(step));
      if (is_found || is_absent) return is_found;
    }
  }
  // Throws CapacityError where insert() would.
  void trace_insert(Hash hash, ProbeTrace& trace) const {
    Mark mark = Mark::at_home(hash);
    std::size_t i = home(hash);
    while (marks()[i].distance() >= mark.distance()) {
      trace_distance(i, mark, StepOutcome::next, trace);
      i = (i + 1) & mask_;
      mark = mark.farther();
      check_distance(mark);
    }
    trace_distance(i, mark, StepOutcome::lands, trace);
    const std::size_t shifted = marks()[i].is_empty() ? 0 : trace_shift(i, trace);
    trace.land(shifted == 0 ? Landing::Kind::empty_slot : Landing::Kind::displacing, Place::slot, i,
               0, shifted);
  }

  // Every entry lies where its hash and its mark say, and a look-up walks there: over no slot that
  // is nearer to its home than the key would be.
  ADHASH_COLD void check_structure(const Hasher& hasher, InvariantReport& report) const {
    Invariant& distances = report.invariant("stored distances");
    Invariant& fingerprints = report.invariant("fingerprints are bits of the hash");
    Invariant& order = report.invariant("order by distance");
    std::size_t full = 0;
    std::size_t killed = 0;
    std::size_t empty = 0;
    for (std::size_t i = 0; i < capacity(); ++i) {
      report.note_entry();
      const Mark mark = marks()[i];
      const std::uint32_t before = marks()[(i - 1) & mask_].distance();
      order.require(mark.distance() <= before + 1,
                    [&] { return told("slot", i, "distance", mark.distance(), before + 1); });
      if (!mark.is_full()) {
        ++(mark.is_empty() ? empty : killed);
        continue;
      }
      ++full;
      const Hash hash = Entry::hash_of(slots()[i], hasher);
      const std::size_t walked = ((i - home(hash)) & mask_) + 1;
      distances.require(mark.distance() == walked,
                        [&] { return told("slot", i, "distance", mark.distance(), walked); });
      const std::uint8_t wanted = Mark::at_home(hash).fingerprint();
      fingerprints.require(mark.fingerprint() == wanted, [&] {
        return told("slot", i, "fingerprint", mark.fingerprint(), wanted);
      });
    }
    require_count(report, "size", size_, full);
    if (!report.is_emptied_by_migration()) require_count(report, "no killed entries", 0, killed);
    report.invariant("a probe ends").require(empty > 0, [] { return "no slot is empty"; });
  }

  // Knuth's mean of a successful search in linear probing; Robin Hood changes the variance only.
  static double expected_probe(double load) {
    return 0.5 * (1.0 + 1.0 / (1.0 - std::min(load, 0.95)));
  }

 private:
  template <class Patient>
  friend struct Surgery;

  static constexpr std::size_t kFewestSlots = 16;

  ProbeStep step_at(std::size_t i, Mark wanted) const {
    const Mark mark = marks()[i];
    const SlotState state = mark.is_full()    ? SlotState::full
                            : mark.is_empty() ? SlotState::empty
                                              : SlotState::deleted;
    return {.place = Place::slot,
            .index = i,
            .distance = wanted.distance(),
            .slots = {{.state = state, .tag = mark.fingerprint(), .distance = mark.distance()}}};
  }
  void trace_distance(std::size_t i, Mark wanted, StepOutcome outcome, ProbeTrace& trace) const {
    ProbeStep step = step_at(i, wanted);
    step.slots.front().compared = Compared::distance;
    step.slots.front().equal = marks()[i].distance() == wanted.distance();
    step.outcome = outcome;
    trace.visit(std::move(step));
  }
  // The run that make_room_at() moves, behind its first slot. Returns how many entries move.
  std::size_t trace_shift(std::size_t first, ProbeTrace& trace) const {
    std::size_t shifted = 1;
    for (std::size_t i = (first + 1) & mask_;; i = (i + 1) & mask_, ++shifted) {
      ProbeStep step = step_at(i, marks()[i]);
      const bool is_end = marks()[i].is_empty();
      step.outcome = is_end ? StepOutcome::ends_shift : StepOutcome::shifts;
      trace.visit(std::move(step));
      if (is_end) return shifted;
    }
  }

  static constexpr std::size_t room_in(std::size_t slots) { return slots - slots / 5; }
  static constexpr std::size_t slots_for(std::size_t room) {
    const std::size_t slots = std::bit_ceil(std::max(room, kFewestSlots));
    return room_in(slots) < room ? slots * 2 : slots;
  }

  std::size_t home(Hash hash) const { return static_cast<std::size_t>(hash >> shift_); }
  Mark* marks() const { return reinterpret_cast<Mark*>(block_.data()); }
  Slot* slots() const { return reinterpret_cast<Slot*>(block_.data() + capacity() * sizeof(Mark)); }

  static void check_distance(Mark mark) {
    if (mark.distance() == Mark::kMaxDistance) [[unlikely]] {
      throw CapacityError("robinhood: too many keys share a home slot; use another seed");
    }
  }

  // Moves the run of entries that starts at `i` one slot on; the empty slot at its end takes the
  // last. Every entry of the run is then one farther from home, which keeps the order by distance.
  void make_room_at(std::size_t i) {
    std::size_t end = i;
    while (!marks()[end].is_empty()) {
      check_distance(marks()[end].farther());
      end = (end + 1) & mask_;
    }
    while (end != i) {
      const std::size_t previous = (end - 1) & mask_;
      marks()[end] = marks()[previous].farther();
      slots()[end] = slots()[previous];
      end = previous;
    }
  }

  std::size_t mask_;
  int shift_;
  ZeroedBlock block_;
  std::size_t size_ = 0;
  ProbeWatch watch_;
};

}  // namespace adhash
