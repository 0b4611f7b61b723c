// What one operation visits in a table, told step by step, without changing anything.
//
// A step is one place of a probe: a group of swiss, a slot of robinhood, a bucket of chaining or
// one of its overflow buckets, a node of a chain. It holds what was seen in the slots there, which
// comparison was made of each, and what followed.
//
//     step 1   group 5   | B3 91 .. -- 80 | tag B3: slot 0 equal, its key different    -> next
//     step 2   group 6   | A0 B3 .. -- .. | tag B3: slot 1 equal, its key equal        -> found
//
// A tracing look-up stands beside the real one, reads the same memory and is never called by it, so
// that an operation pays nothing for being traceable. (One look-up with an observer that is empty
// in the fast case would be less text; but then the fast path depends on what the optimiser makes
// of it.) The tests hold the two to the same answers and the same number of steps.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "adhash/hash.hpp"
#include "adhash/tag.hpp"

namespace adhash {

enum class ProbeOperation : std::uint8_t { get, put };

// A look-up comes first in either operation; where a put finds nothing, an insertion follows.
enum class ProbePhase : std::uint8_t { lookup, insertion };

enum class Place : std::uint8_t { group, slot, bucket, overflow, node };

// `deleted` also stands for an entry that a migration has moved away.
enum class SlotState : std::uint8_t { empty, deleted, full };

// The last thing compared: a key is compared only where the tag, and the distance, were equal.
enum class Compared : std::uint8_t { nothing, tag, distance, key };

enum class StepOutcome : std::uint8_t {
  next,       // the probe goes on
  found,      // the key is here
  absent,     // the key cannot be farther on
  lands,      // the new entry goes here
  shifts,     // the entry here moves one place on, and the one before it takes this place
  ends_shift  // this empty place takes the last of the entries that move
};

struct SlotSeen {
  SlotState state = SlotState::empty;
  std::uint8_t tag = 0;        // as stored; 0: none
  std::uint32_t distance = 0;  // from home, 1 at home; 0: none is stored
  Compared compared = Compared::nothing;
  bool equal = false;
};

struct ProbeStep {
  std::size_t number = 0;  // its turn, from 1
  std::size_t table = 0;   // which of ProbeTrace::tables()
  ProbePhase phase = ProbePhase::lookup;
  Place place = Place::slot;
  std::size_t index = 0;
  std::uint32_t distance = 0;  // at which the key would lie here; 0: the layout keeps none
  StepOutcome outcome = StepOutcome::next;
  std::vector<SlotSeen> slots = {};
};

struct ProbedTable {
  std::string_view layout = {};
  std::string_view role = {};  // only, current, old
  Place place = Place::slot;
  std::size_t places = 0;  // without overflow buckets
  std::size_t slots_per_place = 1;
  std::size_t home = 0;
  std::size_t size = 0;
  std::size_t capacity = 0;
  std::size_t tombstones = 0;
  Hash hash = 0;
  std::uint8_t tag = 0;  // of the key; 0: the layout keeps none
};

// Where a put would leave its entry.
struct Landing {
  enum class Kind : std::uint8_t {
    none,          // not a put
    existing,      // the entry is there and takes the new value
    empty_slot,    // the first empty slot
    deleted_slot,  // a tombstone, which is closer than the first empty slot
    displacing,    // the slot of an entry closer to its home, which moves on
    new_bucket,    // a new overflow bucket at the end of the chain
    new_node,      // a new node of the bucket
    after_growth   // a larger or cleaner table is made first
  };
  Kind kind = Kind::none;
  std::size_t table = 0;
  Place place = Place::slot;
  std::size_t index = 0;
  std::size_t slot = 0;
  std::size_t shifted = 0;      // entries that move one slot on
  std::string_view cause = {};  // of the growth: growth, purge, gather
};

// What an operation of a key would do. PRECONDITION of visit(): begin_table() was called.
class ProbeTrace {
 public:
  // Crafted keys make probes of any length. Of the steps beyond, all are counted and those are kept
  // that decide something.
  static constexpr std::size_t kMostSteps = 4096;

  void begin_table(ProbedTable table, std::string_view role) {
    table.role = role;
    tables_.push_back(table);
  }

  // Says for the steps to come that they are of an insertion, into one of the tables.
  void begin_insertion(std::size_t table) {
    phase_ = ProbePhase::insertion;
    inserted_into_ = table;
  }

  void visit(ProbeStep step) {
    step.phase = phase_;
    step.table = table();
    if (step.outcome == StepOutcome::found) note_found(step);
    ++(phase_ == ProbePhase::lookup ? lookup_steps_ : insertion_steps_);
    step.number = lookup_steps_ + insertion_steps_;
    const bool decides = step.outcome != StepOutcome::next && step.outcome != StepOutcome::shifts;
    if (decides || step.number <= kMostSteps) steps_.push_back(std::move(step));
  }

  void land(Landing::Kind kind, Place place, std::size_t index, std::size_t slot = 0,
            std::size_t shifted = 0) {
    landing_ = {kind, table(), place, index, slot, shifted, {}};
  }
  void land_on_found() {
    landing_ = {Landing::Kind::existing, at_.table, at_.place, at_.index, at_.slot, 0, {}};
  }
  void grow_first(std::string_view cause) {
    landing_ = {};
    landing_.kind = Landing::Kind::after_growth;
    landing_.cause = cause;
  }
  // How many entries of the old table the operation would move before it looks.
  void set_moves_first(std::size_t entries) { moves_first_ = entries; }

  bool found() const { return found_; }
  const std::vector<ProbedTable>& tables() const { return tables_; }
  const std::vector<ProbeStep>& steps() const { return steps_; }
  const Landing& landing() const { return landing_; }
  std::size_t lookup_steps() const { return lookup_steps_; }
  std::size_t insertion_steps() const { return insertion_steps_; }
  std::size_t moves_first() const { return moves_first_; }

 private:
  std::size_t table() const {
    return phase_ == ProbePhase::insertion ? inserted_into_ : tables_.size() - 1;
  }
  void note_found(const ProbeStep& step) {
    found_ = true;
    at_ = {Landing::Kind::existing, step.table, step.place, step.index, 0, 0, {}};
    for (std::size_t i = 0; i < step.slots.size(); ++i) {
      if (step.slots[i].compared == Compared::key && step.slots[i].equal) at_.slot = i;
    }
  }

  std::vector<ProbedTable> tables_;
  std::vector<ProbeStep> steps_;
  Landing landing_;
  Landing at_;
  ProbePhase phase_ = ProbePhase::lookup;
  std::size_t inserted_into_ = 0;
  std::size_t lookup_steps_ = 0;
  std::size_t insertion_steps_ = 0;
  std::size_t moves_first_ = 0;
  bool found_ = false;
};

// A table whose probes can be traced.
template <class T>
concept TracesProbes =
    requires(const T& table, typename T::Entry::KeyView key, Hash hash, ProbeTrace& trace) {
      { table.probed(hash) } -> std::same_as<ProbedTable>;
      // Visits what find() visits; returns whether the key is there.
      { table.trace_find(key, hash, trace) } -> std::same_as<bool>;
      // PRECONDITION: the key is absent and the table not full. Visits what insert() visits.
      { table.trace_insert(hash, trace) };
    };

// --- for layouts that keep tags --------------------------------------------------------------

inline SlotState state_of(Tag tag) {
  if (tag.is_full()) return SlotState::full;
  return tag.is_empty() ? SlotState::empty : SlotState::deleted;
}

inline std::vector<SlotSeen> seen_tags(const Tag* tags, std::size_t count) {
  std::vector<SlotSeen> seen(count);
  for (std::size_t i = 0; i < count; ++i) {
    seen[i].state = state_of(tags[i]);
    seen[i].tag = tags[i].is_full() ? tags[i].byte() : 0;
  }
  return seen;
}

// Compares all tags of a place and then, up to the first that is equal, the keys of those that
// match, as look-ups do. Returns whether one was equal.
template <class Entry>
bool compare_seen(std::vector<SlotSeen>& seen, const typename Entry::Slot* slots,
                  typename Entry::KeyView key, Hash hash) {
  bool is_found = false;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    SlotSeen& slot = seen[i];
    slot.compared = Compared::tag;
    slot.equal = slot.tag == Tag::of(hash).byte();
    if (!slot.equal || is_found) continue;
    slot.compared = Compared::key;
    slot.equal = is_found = Entry::equals(slots[i], key, hash);
  }
  return is_found;
}

}  // namespace adhash
