// An engine made of one table: the layout as one would link it today. It grows by moving all
// entries at once, and that operation pays for it; adaptive.hpp is the engine that does not.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "adhash/interrupt.hpp"
#include "adhash/map_invariants.hpp"
#include "adhash/pauses.hpp"
#include "adhash/probe_trace.hpp"
#include "adhash/stats.hpp"
#include "adhash/table.hpp"

namespace adhash {

template <Table TableType>
class SingleTableMap {
 public:
  using Entry = typename TableType::Entry;
  using KeyView = typename Entry::KeyView;
  using ValueView = typename Entry::ValueView;
  using Slot = typename Entry::Slot;

  static constexpr std::string_view kName = TableType::kName;

  // Throws std::bad_alloc.
  SingleTableMap(std::uint64_t seed, std::size_t room) : hasher_(seed), table_(room) {}

  Hash hash(KeyView key) const { return Entry::Keys::hash(key, hasher_); }
  void prefetch(Hash hash) const { table_.prefetch(hash); }
  void prefetch_slot(Hash hash) const { table_.prefetch_slot(hash); }

  // Returns the slot of a key, or nullptr. The pointer lives until the next put or erase.
  Slot* find(KeyView key, Hash hash) { return table_.find(key, hash); }

  // Returns whether the key is new. Throws std::bad_alloc and Interrupted; then the map is as it
  // was.
  bool put(KeyView key, Hash hash, ValueView value) {
    if (Slot* slot = table_.find(key, hash)) {
      Entry::Values::assign(slot->value, value, arena_);
      return false;
    }
    if (table_.is_full()) [[unlikely]]
      grow();
    Slot slot = Entry::make(key, hash, value, arena_);
    try {
      table_.insert(slot, hash);
    } catch (...) {
      Entry::release(slot, arena_);
      throw;
    }
    return true;
  }

  bool erase(KeyView key, Hash hash) {
    Slot* slot = table_.find(key, hash);
    if (slot == nullptr) return false;
    Entry::release(*slot, arena_);
    table_.erase(slot, hash);
    return true;
  }

  static ValueView value_of(const Slot& slot) { return Entry::Values::view(slot.value); }

  std::size_t size() const { return table_.size(); }
  std::size_t memory_bytes() const {
    return sizeof(*this) + table_.memory_bytes() + arena_.memory_bytes();
  }

  // Iteration: positions in [0, end()), valid until the next insertion or deletion.
  std::size_t end() const { return table_.positions(); }
  std::size_t next(std::size_t from) const { return table_.next_full(from, end()); }
  KeyView key_at(std::size_t position) { return Entry::Keys::view(table_.slot_at(position)->key); }
  ValueView value_at(std::size_t position) {
    return Entry::Values::view(table_.slot_at(position)->value);
  }
  // Growth and compaction ask `check` whether to go on, until it is replaced; nullptr ends that.
  void set_stop_check(StopCheck* check) { stop_check_ = check; }
  void pin() {}
  void unpin() {}
  void prepare_batch(std::size_t) {}
  // A batch has one session, which is the map itself; compare adaptive.hpp.
  template <class Body>
  void with_session(Body body) {
    body(*this);
  }
  static constexpr bool is_over() { return false; }

  void reserve(std::size_t entries) {
    if (entries > table_.room()) rebuild(entries, "reserve");
  }
  void clear() {
    table_ = TableType(0);
    arena_.clear();
  }
  // Rebuilds at the size the entries need, without tombstones.
  void compact() {
    rebuild(size(), "compact");
    ++compactions_;
  }

  MapStats stats(std::size_t probe_samples) {
    MapStats stats;
    stats.engine = kName;
    stats.layout = kName;
    stats.size = size();
    stats.capacity = table_.capacity();
    stats.tombstones = table_.tombstones();
    stats.memory_bytes = memory_bytes();
    stats.migrations = migrations_;
    stats.compactions = compactions_;
    add_probe_lengths(table_, hasher_, probe_samples, stats.probes);
    return stats;
  }
  PauseLog& pauses() { return pauses_; }

  // Throws Interrupted and std::bad_alloc; changes nothing.
  ADHASH_COLD void check_invariants(InvariantReport& report) {
    report.begin_table(kName, "only");
    table_.check_structure(hasher_, report);
    if (!report.all_hold()) return;
    std::vector<HeldBlock> held;
    collect_blocks(table_, report, held);
    report.begin_map();
    arena_.check_blocks(held, report);
    if (!report.all_hold()) return;
    report.begin_table(kName, "only");
    check_entries(table_, hasher_, report);
  }

  ADHASH_COLD ProbeTrace trace_probe(KeyView key, ProbeOperation operation) const {
    const Hash key_hash = hash(key);
    ProbeTrace trace;
    trace.begin_table(table_.probed(key_hash), "only");
    const bool is_found = table_.trace_find(key, key_hash, trace);
    if (operation == ProbeOperation::get) return trace;
    if (is_found) {
      trace.land_on_found();
    } else if (table_.is_full()) {
      trace.grow_first(is_mostly_dead() ? "purge" : "growth");
    } else {
      trace.begin_insertion(0);
      table_.trace_insert(key_hash, trace);
    }
    return trace;
  }

 private:
  template <class Patient>
  friend struct Surgery;

  // A table full of tombstones is rebuilt at its own size, one full of entries at twice that.
  bool is_mostly_dead() const { return table_.tombstones() > table_.room() / 4; }
  ADHASH_COLD void grow() {
    const bool mostly_dead = is_mostly_dead();
    rebuild(mostly_dead ? table_.room() : table_.room() + 1, mostly_dead ? "purge" : "growth");
    ++(mostly_dead ? compactions_ : migrations_);
  }

  // Throws std::bad_alloc and Interrupted; then nothing has changed.
  ADHASH_COLD void rebuild(std::size_t room, std::string_view cause) {
    PauseTimer timer(pauses_, cause);
    LongWork work(stop_check_);
    TableType next(room);
    populate_for(next, size());
    const std::size_t end = table_.positions();
    for (std::size_t at = table_.next_full(0, end); at < end; at = table_.next_full(at + 1, end)) {
      const Slot& slot = *table_.slot_at(at);
      next.insert(slot, Entry::hash_of(slot, hasher_));
      work.note_entry();
    }
    table_ = std::move(next);
  }

  Hasher hasher_;
  TableType table_;
  Arena arena_;
  StopCheck* stop_check_ = nullptr;
  PauseLog pauses_;
  std::uint64_t migrations_ = 0;
  std::uint64_t compactions_ = 0;
};

}  // namespace adhash
