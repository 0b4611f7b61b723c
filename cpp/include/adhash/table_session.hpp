// A stretch of operations on an adaptive map while nothing moves: the layout is chosen once, and
// each operation goes to the concrete table. What changes the map's structure goes to the map, and
// ends the session when it begins a migration.
#pragma once

#include <cstddef>
#include <cstdint>

#include "adhash/pauses.hpp"

namespace adhash {

template <class Map, class TableType>
class TableSession {
 public:
  using Entry = typename TableType::Entry;
  using KeyView = typename Entry::KeyView;
  using ValueView = typename Entry::ValueView;
  using Slot = typename Entry::Slot;

  TableSession(Map& map, TableType& table)
      : map_(map),
        table_(table),
        epoch_(map.epoch_),
        memory_bytes_(map.memory_bytes()),
        start_ns_(steady_now_ns()) {}
  ~TableSession() { map_.count(hits_, misses_, erases_, steady_now_ns() - start_ns_); }
  TableSession(const TableSession&) = delete;
  TableSession& operator=(const TableSession&) = delete;

  bool is_over() const { return map_.epoch_ != epoch_; }

  Hash hash(KeyView key) const { return map_.hash(key); }
  ADHASH_ALWAYS_INLINE void prefetch(Hash hash) const { table_.prefetch(hash); }
  ADHASH_ALWAYS_INLINE void prefetch_slot(Hash hash) const { table_.prefetch_slot(hash); }
  std::size_t memory_bytes() const { return memory_bytes_; }
  PauseLog& pauses() { return map_.pauses(); }

  ADHASH_ALWAYS_INLINE Slot* find(KeyView key, Hash hash) {
    Slot* slot = table_.find(key, hash);
    ++(slot != nullptr ? hits_ : misses_);
    return slot;
  }
  static ValueView value_of(const Slot& slot) { return Entry::Values::view(slot.value); }

  ADHASH_ALWAYS_INLINE bool put(KeyView key, Hash hash, const ValueView& value) {
    if (Slot* slot = table_.find(key, hash)) {
      ++hits_;
      Entry::Values::assign(slot->value, value, map_.arena_);
      return false;
    }
    map_.insert_new(key, hash, value);
    return true;
  }

  ADHASH_ALWAYS_INLINE bool erase(KeyView key, Hash hash) {
    Slot* slot = table_.find(key, hash);
    ++(slot != nullptr ? erases_ : misses_);
    if (slot == nullptr) return false;
    Entry::release(*slot, map_.arena_);
    table_.erase(slot, hash);
    return true;
  }

 private:
  Map& map_;
  TableType& table_;
  std::uint64_t epoch_;
  std::size_t memory_bytes_;
  std::uint64_t start_ns_;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
  std::uint64_t erases_ = 0;
};

}  // namespace adhash
