// Engine `adaptive`: any layout, and moves between them that no single operation pays for.
//
// There is one mechanism. Growth, a change of layout, the purge of tombstones and a new hash seed
// are all a migration: a new table is made (O(1), see memory.hpp), and every following operation
// moves a bounded number of entries from the old table into it. When the old table is empty its
// memory is returned in slices, again one an operation.
//
//     old      | . . . . . x x x x x x |     positions below the cursor are moved
//                        ^ cursor
//     current  | x x x n x n ........ |      moved entries, and all new ones (n)
//
// One invariant keeps this right: at every moment a live key is in exactly one of the two tables.
//   - A new key goes to `current`; a key found in `old` is updated or erased where it lies. So no
//     older entry can ever overwrite a newer one, and look-ups ask `current` first, then `old`.
//   - Moving an entry copies its slot into `current`, then kills it in `old`. If the copy fails for
//     want of memory, nothing has changed, and the migration goes on later.
//   - `old` is only ever changed by kill(), which moves no other entry, so the cursor stays true.
//
// While an iterator is alive (pin()), reads and updates move nothing, and so positions stay valid;
// an insertion or deletion ends all iterations anyway.
//
// Decisions. At growth, and once per `decision_window` operations, the map asks which layout suits
// the operations of late (adaptive_decisions.hpp), and moves there. Insertions that probe farther
// than a uniform hash could make them (probe_watch.hpp) raise the probe alarm: the first leads to a
// new seed, the second to a keyed hash.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "adhash/adaptive_decisions.hpp"
#include "adhash/adaptive_invariants.hpp"
#include "adhash/adaptive_options.hpp"
#include "adhash/interrupt.hpp"
#include "adhash/layout_list.hpp"
#include "adhash/pauses.hpp"
#include "adhash/probe_trace.hpp"
#include "adhash/stats.hpp"
#include "adhash/table.hpp"
#include "adhash/table_session.hpp"

namespace adhash {

template <class Layouts>
class AdaptiveMap {
 public:
  using Entry = typename Layouts::Entry;
  using KeyView = typename Entry::KeyView;
  using ValueView = typename Entry::ValueView;
  using Slot = typename Entry::Slot;

  static constexpr std::string_view kName = "adaptive";

  // Throws std::bad_alloc. PRECONDITION: options.initial_layout is in Layouts::kNames.
  AdaptiveMap(std::uint64_t seed, std::size_t room, const AdaptiveOptions& options)
      : options_(options),
        hasher_(seed),
        old_hasher_(seed),
        current_(Layouts::make(Layouts::index_of(options.initial_layout), room)) {
    watch_probes();
  }

  Hash hash(KeyView key) const { return Entry::Keys::hash(key, hasher_); }
  void prefetch(Hash hash) const {
    std::visit([=](const auto& table) { table.prefetch(hash); }, current_);
    if (old_ && !rehashing_) [[unlikely]] {
      std::visit([=](const auto& table) { table.prefetch(hash); }, *old_);
    }
  }
  void prefetch_slot(Hash hash) const {
    std::visit([=](const auto& table) { table.prefetch_slot(hash); }, current_);
  }

  // Returns the slot of a key, or nullptr. The pointer lives until the next operation.
  Slot* find(KeyView key, Hash hash) {
    if ((++operations_ & kHousekeepingMask) == 0) [[unlikely]]
      return find_and_keep_house(key, hash);
    return find_counted(key, hash);
  }

  // Returns whether the key is new. Throws std::bad_alloc; then the map is as it was.
  bool put(KeyView key, Hash hash, ValueView value) {
    if ((++operations_ & kHousekeepingMask) == 0) [[unlikely]]
      keep_house();
    if (is_moving()) [[unlikely]]
      step_unless_pinned();
    if (Slot* slot = locate(key, hash)) {
      ++recent_.hits;
      Entry::Values::assign(slot->value, value, arena_);
      return false;
    }
    insert_new(key, hash, value);
    return true;
  }

  bool erase(KeyView key, Hash hash) {
    ++operations_;
    if (is_moving()) [[unlikely]]
      step_unless_pinned();
    if (Slot* slot = find_in(current_, key, hash)) {
      ++recent_.erases;
      Entry::release(*slot, arena_);
      std::visit([=](auto& table) { table.erase(slot, hash); }, current_);
      return true;
    }
    if (!old_) {
      ++recent_.misses;
      return false;
    }
    return erase_from_old(key, hash);
  }

  static ValueView value_of(const Slot& slot) { return Entry::Values::view(slot.value); }

  std::size_t size() const { return size_of(current_) + (old_ ? size_of(*old_) : 0); }
  std::size_t memory_bytes() const {
    return sizeof(*this) + bytes_of(current_) + (old_ ? bytes_of(*old_) : 0) +
           arena_.memory_bytes() + log_.memory_bytes();
  }

  // Iteration: the old table's positions, then the current one's.
  std::size_t end() const { return old_positions() + positions_of(current_); }
  std::size_t next(std::size_t from) const {
    const std::size_t split = old_positions();
    if (from < split) {
      from = std::visit([=](auto& table) { return table.next_full(from, split); }, *old_);
      if (from < split) return from;
    }
    const std::size_t all = positions_of(current_);
    return split +
           std::visit([=](auto& table) { return table.next_full(from - split, all); }, current_);
  }
  KeyView key_at(std::size_t position) { return Entry::Keys::view(slot_at(position)->key); }
  ValueView value_at(std::size_t position) { return value_of(*slot_at(position)); }
  // What moves all entries at once asks `check` whether to go on; steps need not. nullptr ends
  // that.
  void set_stop_check(StopCheck* check) { stop_check_ = check; }
  void pin() { ++pins_; }
  void unpin() { --pins_; }

  // Does the house-keeping of `operations` look-ups that will run pinned: a batch of them hands out
  // views of many values at once, which no entry may leave meanwhile.
  void prepare_batch(std::size_t operations) {
    keep_house();
    for (; operations > 0 && is_moving() && pins_ == 0; --operations) step();
  }

  // Runs body(session) for some operations of a batch. While nothing moves the session is one on
  // the table of the moment (table_session.hpp), else the map itself; the body stops when it is
  // over.
  template <class Body>
  void with_session(Body body) {
    keep_house();
    session_epoch_ = epoch_;
    if (is_moving()) return body(*this);
    std::visit(
        [&](auto& table) {
          TableSession<AdaptiveMap, std::decay_t<decltype(table)>> session(*this, table);
          body(session);
        },
        current_);
  }
  // The map as its own session lasts until a migration begins or ends.
  bool is_over() const { return epoch_ != session_epoch_; }

  // Makes room for entries to come; they are then inserted without a migration of their own.
  void reserve(std::size_t entries) {
    if (entries <= room_of(current_)) return;
    if (is_moving()) return gather(entries);
    start_migration(current_.index(), entries, hasher_, "reserve");
  }
  void clear() {
    current_ = Layouts::make(current_.index(), 0);
    end_migration();
    arena_.clear();
    watch_probes();
  }
  // Moves everything into a table of the size it needs, at once.
  void compact() {
    PauseTimer timer(pauses_, "compact");
    gather(size());
    ++compactions_;
  }

  MapStats stats(std::size_t probe_samples) {
    MapStats stats;
    stats.engine = kName;
    stats.layout = Layouts::kNames[current_.index()];
    stats.size = size();
    stats.memory_bytes = memory_bytes();
    stats.migrations = migrations_;
    stats.compactions = compactions_;
    stats.reseeds = reseeds_;
    stats.migrating = is_moving();
    stats.decisions = log_.decisions();
    add_table_stats(current_, hasher_, probe_samples, stats);
    if (old_ && size_of(*old_) > 0) add_table_stats(*old_, old_hasher_, probe_samples, stats);
    return stats;
  }
  PauseLog& pauses() { return pauses_; }
  // Throws Interrupted and std::bad_alloc; changes nothing.
  ADHASH_COLD void check_invariants(InvariantReport& report) {
    AdaptiveInvariants<AdaptiveMap>(*this, report).check();
  }

  // Of the tables as they are: a real operation would first move a few entries, if any are to move.
  ADHASH_COLD ProbeTrace trace_probe(KeyView key, ProbeOperation operation) const {
    const Hash key_hash = hash(key);
    const bool has_old_entries = old_ && size_of(*old_) > 0;
    ProbeTrace trace;
    if (has_old_entries && pins_ == 0) trace.set_moves_first(options_.migration_step);
    bool is_found = trace_find_in(current_, "current", key, key_hash, trace);
    if (!is_found && has_old_entries) {
      is_found = trace_find_in(*old_, "old", key, hash_in_old(key, key_hash), trace);
    }
    if (operation == ProbeOperation::get) return trace;
    if (is_found) {
      trace.land_on_found();
    } else if (is_full(current_)) {
      trace.grow_first(has_old_entries ? "gather" : is_mostly_dead() ? "purge" : "growth");
    } else {
      trace.begin_insertion(0);
      std::visit([&](const auto& table) { table.trace_insert(key_hash, trace); }, current_);
    }
    return trace;
  }

 private:
  template <class, class>
  friend class TableSession;
  template <class>
  friend class AdaptiveInvariants;
  template <class Patient>
  friend struct Surgery;

  using AnyTable = typename Layouts::Any;
  using Choice = LayoutChoice<Layouts>;

  static constexpr std::uint64_t kHousekeepingMask = 1023;
  // Positions looked at per entry moved: a sparse old table costs bounded time as well.
  static constexpr std::size_t kPositionsPerEntry = 4;
  static constexpr std::uint64_t kAlarmInsertions = 16;

  static std::size_t size_of(const AnyTable& any) {
    return std::visit([](const auto& table) { return table.size(); }, any);
  }
  static std::size_t room_of(const AnyTable& any) {
    return std::visit([](const auto& table) { return table.room(); }, any);
  }
  static std::size_t bytes_of(const AnyTable& any) {
    return std::visit([](const auto& table) { return table.memory_bytes(); }, any);
  }
  static std::size_t positions_of(const AnyTable& any) {
    return std::visit([](const auto& table) { return table.positions(); }, any);
  }
  static Slot* find_in(AnyTable& any, KeyView key, Hash hash) {
    return std::visit([=](auto& table) { return table.find(key, hash); }, any);
  }

  // An old table that was emptied has no positions left to iterate, whatever it still has mapped.
  std::size_t old_positions() const { return old_ && size_of(*old_) > 0 ? positions_of(*old_) : 0; }
  Slot* slot_at(std::size_t position) {
    const std::size_t split = old_positions();
    if (position < split) {
      return std::visit([=](auto& table) { return table.slot_at(position); }, *old_);
    }
    return std::visit([=](auto& table) { return table.slot_at(position - split); }, current_);
  }

  // --- look-ups -----------------------------------------------------------------------------

  Hash hash_in_old(KeyView key, Hash hash) const {
    return rehashing_ ? Entry::Keys::hash(key, old_hasher_) : hash;
  }
  static bool trace_find_in(const AnyTable& any, std::string_view role, KeyView key, Hash hash,
                            ProbeTrace& trace) {
    return std::visit(
        [&](const auto& table) {
          trace.begin_table(table.probed(hash), role);
          return table.trace_find(key, hash, trace);
        },
        any);
  }
  Slot* find_in_old(KeyView key, Hash hash) {
    if (size_of(*old_) == 0) return nullptr;
    return find_in(*old_, key, hash_in_old(key, hash));
  }
  Slot* locate(KeyView key, Hash hash) {
    Slot* slot = find_in(current_, key, hash);
    if (slot == nullptr && old_) [[unlikely]]
      slot = find_in_old(key, hash);
    return slot;
  }
  ADHASH_ALWAYS_INLINE Slot* find_counted(KeyView key, Hash hash) {
    if (is_moving()) [[unlikely]]
      step_unless_pinned();
    Slot* slot = locate(key, hash);
    ++(slot != nullptr ? recent_.hits : recent_.misses);
    return slot;
  }

  // One look-up in a thousand is timed, for the measured gain, and looks after the map.
  ADHASH_COLD Slot* find_and_keep_house(KeyView key, Hash hash) {
    keep_house();
    if (is_moving()) return find_counted(key, hash);
    const std::uint64_t start_ns = steady_now_ns();
    Slot* slot = find_counted(key, hash);
    log_.note_lookup_ns(static_cast<double>(steady_now_ns() - start_ns));
    return slot;
  }

  // --- changes ------------------------------------------------------------------------------

  void insert_new(KeyView key, Hash hash, ValueView value) {
    if (is_moving() && pins_ > 0) [[unlikely]]
      step();  // insertions never outrun the migration
    if (is_full(current_)) [[unlikely]]
      grow();
    Slot slot = Entry::make(key, hash, value, arena_);
    try {
      std::visit([&](auto& table) { table.insert(slot, hash); }, current_);
    } catch (...) {
      Entry::release(slot, arena_);
      throw;
    }
    ++recent_.inserts;
    if (beyond_of(current_) >= kAlarmInsertions && !is_moving()) [[unlikely]]
      answer_alarm();
  }

  ADHASH_COLD bool erase_from_old(KeyView key, Hash hash) {
    const Hash old_hash = hash_in_old(key, hash);
    Slot* slot = size_of(*old_) == 0 ? nullptr : find_in(*old_, key, old_hash);
    ++(slot != nullptr ? recent_.erases : recent_.misses);
    if (slot == nullptr) return false;
    Entry::release(*slot, arena_);
    std::visit([=](auto& table) { table.kill(slot, old_hash); }, *old_);
    return true;
  }

  static bool is_full(const AnyTable& any) {
    return std::visit([](const auto& table) { return table.is_full(); }, any);
  }
  static std::uint64_t beyond_of(AnyTable& any) {
    return std::visit([](auto& table) { return table.watch().beyond(); }, any);
  }

  // --- migration ----------------------------------------------------------------------------

  bool is_moving() const { return old_.has_value(); }

  void step_unless_pinned() {
    if (pins_ == 0) step();
  }

  // Moves a few entries, or returns a slice of memory.
  ADHASH_COLD void step() {
    PauseTimer timer(pauses_, cause_);
    if (size_of(*old_) > 0) {
      move_some(options_.migration_step);
    } else if (std::visit(
                   [&](auto& table) { return table.release_slice(options_.free_slice_bytes); },
                   *old_)) {
      end_migration();
    }
  }
  void end_migration() {
    old_.reset();
    rehashing_ = false;
    ++epoch_;
  }

  // Never throws: an entry that cannot be copied for want of memory stays where it is.
  void move_some(std::size_t entries) {
    try {
      std::visit(
          [&](auto& from) { std::visit([&](auto& to) { move(from, to, entries); }, current_); },
          *old_);
    } catch (const std::bad_alloc&) {
    }
  }

  template <class From, class To>
  void move(From& from, To& to, std::size_t entries) {
    const std::size_t limit = std::min(cursor_ + entries * kPositionsPerEntry, from.positions());
    for (; entries > 0; --entries) {
      cursor_ = from.next_full(cursor_, limit);
      if (cursor_ >= limit) return;
      Slot slot = *from.slot_at(cursor_);
      const Hash old_hash = Entry::hash_of(slot, old_hasher_);
      const Hash hash = rehashing_ ? Entry::Keys::rehash(slot.key, hasher_) : old_hash;
      to.insert(slot, hash);
      from.kill(from.slot_at(cursor_), old_hash);
      ++cursor_;
    }
  }

  // Puts all entries into one fresh table, at once. Throws std::bad_alloc and Interrupted;
  // then nothing has changed.
  ADHASH_COLD void gather(std::size_t room) {
    auto next = Layouts::make(current_.index(), std::max(room, size()));
    std::visit([this](auto& table) { populate_for(table, size()); }, next);
    LongWork work(stop_check_);
    if (old_) copy_all(*old_, next, rehashing_, work);
    copy_all(current_, next, false, work);
    current_ = std::move(next);
    end_migration();
    watch_probes();
  }

  void copy_all(AnyTable& from, AnyTable& to, bool rehash, LongWork& work) const {
    std::visit(
        [&](auto& source) {
          std::visit(
              [&](auto& target) {
                const std::size_t end = source.positions();
                for (std::size_t at = source.next_full(0, end); at < end;
                     at = source.next_full(at + 1, end)) {
                  Slot slot = *source.slot_at(at);
                  const Hash hash = rehash ? Entry::Keys::rehash(slot.key, hasher_)
                                           : Entry::hash_of(slot, hasher_);
                  target.insert(slot, hash);
                  work.note_entry();
                }
              },
              to);
        },
        from);
  }

  // PRECONDITION: no migration is under way. Throws std::bad_alloc; then nothing has changed.
  void start_migration(std::size_t layout, std::size_t room, const Hasher& hasher,
                       std::string_view cause) {
    // Insertions go on while entries move: there must be room for those as well.
    const std::size_t steps =
        positions_of(current_) / (options_.migration_step * kPositionsPerEntry) +
        size() / options_.migration_step + 1;
    auto next = Layouts::make(layout, std::max(room, size() + steps));
    old_.emplace(std::move(current_));
    current_ = std::move(next);
    old_hasher_ = hasher_;
    rehashing_ = hasher.seed() != hasher_.seed() || hasher.strength() != hasher_.strength();
    hasher_ = hasher;
    cursor_ = 0;
    cause_ = cause;
    watch_probes();
    ++epoch_;
    ++migrations_;
  }

  // --- decisions ----------------------------------------------------------------------------

  bool is_mostly_dead() const {
    const std::size_t tombstones =
        std::visit([](const auto& table) { return table.tombstones(); }, current_);
    return tombstones > room_of(current_) / 4;
  }
  ADHASH_COLD void grow() {
    PauseTimer timer(pauses_, "growth");
    // Steps keep ahead of insertions, unless memory ran out while they moved.
    if (old_ && size_of(*old_) > 0) return gather(room_of(current_) * 2);
    if (old_) end_migration();
    const bool mostly_dead = is_mostly_dead();
    const std::size_t room = mostly_dead ? size() : room_of(current_) + 1;
    if (mostly_dead) ++compactions_;
    const Choice choice(options_, recent_);
    const std::size_t from = current_.index();
    const std::size_t layout = choice.best(from, room);
    start_migration(layout, room, hasher_, mostly_dead ? "purge" : "growth");
    if (layout != from) log_move("growth", from, choice.expected_gain(from, layout, room));
    recent_.forget();
  }

  ADHASH_COLD void keep_house() {
    if (operations_ - decided_at_ < options_.decision_window || is_moving() || pins_ > 0) return;
    decided_at_ = operations_;
    log_.measure_last_gain();
    const Choice choice(options_, recent_);
    const std::size_t from = current_.index();
    const std::size_t room = room_of(current_);
    const std::size_t layout = choice.best(from, room);
    if (layout == from) return recent_.fade();
    if (!choice.has_earned_move(from, layout, room, size())) return;
    try {
      start_migration(layout, size(), hasher_, "layout change");
    } catch (const std::bad_alloc&) {
      return;  // no memory for a better layout: the one at hand still works
    }
    log_move("mix", from, choice.expected_gain(from, layout, room));
    recent_.forget();
  }

  // The first alarm draws a new seed; a second means that someone knows it, and moves to the keyed
  // hash. Its own alarms could only be chance, and lead to nothing.
  ADHASH_COLD void answer_alarm() {
    if (hasher_.strength() == HashStrength::keyed) return;
    try {
      PauseTimer timer(pauses_, "reseed");
      std::uint64_t state = hasher_.seed() ^ static_cast<std::uint64_t>(steady_now_ns());
      const Hasher fresh(splitmix64(state),
                         reseeds_ == 0 ? HashStrength::fold : HashStrength::keyed);
      start_migration(current_.index(), room_of(current_), fresh, "reseed");
    } catch (const std::bad_alloc&) {
      return;  // the next long probe asks again
    }
    ++reseeds_;
    log_decision(hasher_.strength() == HashStrength::keyed ? "probe alarm: keyed hash"
                                                           : "probe alarm: new seed",
                 current_.index(), std::numeric_limits<double>::quiet_NaN());
  }

  void watch_probes() {
    std::visit([&](auto& table) { table.watch().set_limit(alarming_probe(table, options_)); },
               current_);
  }

  void log_move(const char* when, std::size_t from, double gain) noexcept {
    log_decision(recent_.describe(when).data(), from, gain);
  }
  void log_decision(std::string_view signal, std::size_t from, double gain) noexcept {
    log_.add(operations_, signal, Layouts::kNames[from], Layouts::kNames[current_.index()], gain);
  }

  // What a session did, in how long.
  void count(std::uint64_t hits, std::uint64_t misses, std::uint64_t erases, std::uint64_t ns) {
    constexpr std::uint64_t kEnoughOperations = 256;
    recent_.hits += hits;
    recent_.misses += misses;
    recent_.erases += erases;
    const std::uint64_t operations = hits + misses + erases;
    operations_ += operations;
    if (operations < kEnoughOperations) return;
    log_.note_lookup_ns(static_cast<double>(ns) / static_cast<double>(operations));
  }

  static void add_table_stats(AnyTable& any, const Hasher& hasher, std::size_t samples,
                              MapStats& stats) {
    std::visit(
        [&](auto& table) {
          stats.capacity += table.capacity();
          stats.tombstones += table.tombstones();
          add_probe_lengths(table, hasher, samples, stats.probes);
        },
        any);
  }

  AdaptiveOptions options_;
  Hasher hasher_;
  Hasher old_hasher_;
  AnyTable current_;
  std::optional<AnyTable> old_;
  Arena arena_;
  std::size_t cursor_ = 0;
  bool rehashing_ = false;  // `old_` was filled with another hash than `current_`
  std::string_view cause_;
  int pins_ = 0;

  std::uint64_t operations_ = 0;
  RecentOperations recent_;
  std::uint64_t decided_at_ = 0;
  std::uint64_t epoch_ = 0;  // changes whenever a migration begins or ends
  std::uint64_t session_epoch_ = 0;
  std::uint64_t migrations_ = 0;
  std::uint64_t compactions_ = 0;
  std::uint64_t reseeds_ = 0;
  DecisionLog log_;
  StopCheck* stop_check_ = nullptr;
  PauseLog pauses_;
};

}  // namespace adhash
