// The invariants of an adaptive map: of each of its tables, and of the two together.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "adhash/hash.hpp"
#include "adhash/map_invariants.hpp"

namespace adhash {

template <class Map>
class AdaptiveInvariants {
 public:
  AdaptiveInvariants(Map& map, InvariantReport& report) : map_(map), report_(report) {}

  // Throws Interrupted and std::bad_alloc.
  void check() {
    for_each_table(
        [&](auto& table, const Hasher& hasher) { table.check_structure(hasher, report_); });
    if (!report_.all_hold()) return;
    std::vector<HeldBlock> held;
    for_each_table([&](auto& table, const Hasher&) { collect_blocks(table, report_, held); });
    report_.begin_map();
    map_.arena_.check_blocks(held, report_);
    if (!report_.all_hold()) return;
    for_each_table(
        [&](auto& table, const Hasher& hasher) { check_entries(table, hasher, report_); });
    if (report_.all_hold() && has_old_entries()) check_migration();
  }

 private:
  bool has_old_entries() const { return map_.old_ && map_.size_of(*map_.old_) > 0; }

  // Calls body(table, hasher) for the current table, and for the old one while it holds entries.
  template <class Body>
  void for_each_table(Body body) {
    const auto visit = [&](auto& any, const Hasher& hasher, std::string_view role) {
      std::visit(
          [&](auto& table) {
            report_.begin_table(table.kName, role);
            body(table, hasher);
          },
          any);
    };
    visit(map_.current_, map_.hasher_, "current");
    if (has_old_entries()) visit(*map_.old_, map_.old_hasher_, "old");
  }

  // What a migration promises of its two tables.
  void check_migration() {
    using Entry = typename Map::Entry;
    report_.begin_map();
    Invariant& once = report_.invariant("a key is in one of the two tables");
    Invariant& moved = report_.invariant("entries before the cursor were moved");
    std::visit(
        [&](auto& table) {
          const std::size_t first = table.next_full(0, table.positions());
          moved.require(first >= map_.cursor_,
                        [&] { return told("position", first) + " is full"; });
          for_each_entry(table, report_, [&](auto& slot) {
            const auto key = Entry::Keys::view(slot.key);
            once.require(map_.find_in(map_.current_, key, map_.hash(key)) == nullptr,
                         [] { return std::string("a key of the old table is in both"); });
          });
        },
        *map_.old_);
  }

  Map& map_;
  InvariantReport& report_;
};

}  // namespace adhash
