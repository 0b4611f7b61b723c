// What a layout must offer to become an engine. One header per layout, one registration in
// engines.hpp, and it can be replayed, chosen by the adaptive engine, and reached from Python.
//
// A table has a fixed capacity: it never grows by itself. Growth, change of layout and the purge
// of tombstones are all the same act, moving entries into another table, and belong to the maps
// above (single_table_map.hpp moves all at once, adaptive.hpp a few per operation).
//
//   - Entries have positions, 0 <= position < positions(), walked with next_full(). `erase` may
//     move other entries; `kill` may not, so that a table can be walked while it is emptied.
//   - Tables copy slots and never look into them but to compare a key; they own no key's bytes.
//   - All-zero memory is an empty table.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "adhash/entry.hpp"
#include "adhash/errors.hpp"
#include "adhash/invariants.hpp"
#include "adhash/layout_costs.hpp"
#include "adhash/probe_trace.hpp"
#include "adhash/probe_watch.hpp"

namespace adhash {

// The room asked of a table, refused where the sizes computed from it could overflow.
inline std::size_t checked_room(std::size_t room) {
  constexpr std::size_t kMostEntries = std::size_t{1} << 48;
  if (room > kMostEntries) throw CapacityError("a table has room for at most 2^48 entries");
  return room;
}

template <class T>
concept Table = requires(T table, const T& constant, typename T::Entry::Slot slot,
                         typename T::Entry::Slot* where, typename T::Entry::KeyView key, Hash hash,
                         std::size_t n, const Hasher& hasher, InvariantReport& report) {
  { T::kCosts } -> std::convertible_to<const LayoutCosts&>;
  { T::kName } -> std::convertible_to<std::string_view>;
  T(n);                                                        // room for n entries; may throw
  { table.find(key, hash) } -> std::same_as<decltype(where)>;  // nullptr: absent
  // PRECONDITION: the key is absent and the table not full. May throw; then nothing changed.
  { table.insert(slot, hash) } -> std::same_as<decltype(where)>;
  { table.erase(where, hash) };      // may move other entries
  { table.kill(where, hash) };       // moves none; may leave a tombstone
  { constant.prefetch(hash) };       // the first line that find() reads
  { constant.prefetch_slot(hash) };  // what it reads next; the first line should be cached
  { constant.size() } -> std::same_as<std::size_t>;
  { constant.is_full() } -> std::same_as<bool>;
  { constant.capacity() } -> std::same_as<std::size_t>;  // slots; the load factor's denominator
  { constant.room() } -> std::same_as<std::size_t>;      // entries a fresh table takes
  { constant.tombstones() } -> std::same_as<std::size_t>;
  { constant.positions() } -> std::same_as<std::size_t>;
  // The first full position in [from, limit), or limit.
  { constant.next_full(n, n) } -> std::same_as<std::size_t>;
  { table.slot_at(n) } -> std::same_as<decltype(where)>;
  { constant.probe_length(n, hash) } -> std::same_as<std::size_t>;  // from 1; of a full position
  { table.watch() } -> std::same_as<ProbeWatch&>;  // told the probe length of each insertion
  { constant.memory_bytes() } -> std::same_as<std::size_t>;
  { table.populate() };                              // as ZeroedBlock::populate
  { table.release_slice(n) } -> std::same_as<bool>;  // PRECONDITION: empty. True: all is released
  // Looks at every slot, and follows no pointer of an entry.
  { constant.check_structure(hasher, report) };
  // The mean probe length of an entry under a uniform hash, at a load factor.
  { T::expected_probe(0.5) } -> std::same_as<double>;
} && TracesProbes<T>;

// Makes a fresh table ready for entries that are moved into it at once: they touch nearly every
// page of a table that they fill to a quarter.
template <Table T>
void populate_for(T& fresh, std::size_t entries) noexcept {
  if (entries > fresh.room() / 4) fresh.populate();
}

}  // namespace adhash
