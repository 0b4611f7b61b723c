// The invariants of entries: what a table cannot check, because it knows no key's bytes.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "adhash/arena.hpp"
#include "adhash/hash.hpp"
#include "adhash/invariants.hpp"

namespace adhash {

// Calls body(slot) for every entry of a table whose structure is whole.
template <class TableType, class Body>
void for_each_entry(TableType& table, InvariantReport& report, Body body) {
  const std::size_t end = table.positions();
  for (std::size_t at = table.next_full(0, end); at < end; at = table.next_full(at + 1, end)) {
    report.note_entry();
    body(*table.slot_at(at));
  }
}

// Adds the blocks of the arena that the entries of a table point to.
template <class TableType>
void collect_blocks(TableType& table, InvariantReport& report, std::vector<HeldBlock>& held) {
  if constexpr (TableType::Entry::kMayHoldBlocks) {
    for_each_entry(table, report, [&](auto& slot) {
      TableType::Entry::for_each_block(slot, [&](HeldBlock block) { held.push_back(block); });
    });
  }
}

// PRECONDITION: the structure of the table and the blocks of its entries were found whole.
template <class TableType>
void check_entries(TableType& table, const Hasher& hasher, InvariantReport& report) {
  using Entry = typename TableType::Entry;
  Invariant& saved = report.invariant("saved hashes are those of the keys");
  std::size_t number = 0;
  for_each_entry(table, report, [&](auto& slot) {
    const Hash wanted = Entry::Keys::hash(Entry::Keys::view(slot.key), hasher);
    const Hash found = Entry::hash_of(slot, hasher);
    saved.require(found == wanted, [&] { return told("entry", number, "hash", found, wanted); });
    ++number;
  });
  if (saved.broken() > 0) return;
  Invariant& found_again = report.invariant("every key is found, and once");
  number = 0;
  for_each_entry(table, report, [&](auto& slot) {
    const auto* found = table.find(Entry::Keys::view(slot.key), Entry::hash_of(slot, hasher));
    found_again.require(found == &slot, [&] {
      return told("entry", number) + (found == nullptr ? " is not found" : " is there twice");
    });
    ++number;
  });
}

}  // namespace adhash
