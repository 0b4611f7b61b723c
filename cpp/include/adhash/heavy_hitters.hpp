// The most frequent of more keys than can be held, with a bound on every count.
//
// A summary of Misra and Gries holds a count for some keys that is never too high and at most
// error() too low; a key that it does not hold occurred at most error() times. Keys are counted
// until there are twice as many as wanted. Then a cut: what the (capacity + 1)-th most frequent
// occurred is taken from every count, and keys with nothing left are forgotten. A cut by c takes c
// rows each from more than `capacity` keys, so that all cuts together are at most the number of
// rows divided by capacity + 1. Cutting one key at a time, as the original does, would cost a walk
// over all keys each time a new one comes.
//
// References: J. Misra, D. Gries, "Finding repeated elements", Science of Computer Programming 2
// (1982). P. K. Agarwal and others, "Mergeable summaries", PODS 2012.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "adhash/batch.hpp"
#include "adhash/single_table_map.hpp"
#include "adhash/swiss.hpp"

namespace adhash {

// The bytes that a key takes beside its slot.
inline std::size_t bytes_of_key(std::uint64_t) {
  return 0;
}
inline std::size_t bytes_of_key(std::string_view key) {
  return key.size();
}

template <class Key>
class HeavyHitters {
 public:
  using KeyView = typename Key::View;

  // `max_bytes` limits the bytes of keys; fewer keys are held then.
  HeavyHitters(std::uint64_t seed, std::size_t capacity, std::size_t max_bytes)
      : seed_(seed), capacity_(capacity), max_bytes_(max_bytes), counts_(seed, 0) {}

  // Counts `rows` rows of a key that may be new. PRECONDITION: rows > 0; cut() is called now and
  // then.
  void add(KeyView key, std::uint64_t rows) { add_to(counts_, key, counts_.hash(key), rows); }

  // Counts a row each of `n` keys.
  template <class KeyAt>
  void add_rows(std::size_t n, KeyAt key_at) {
    for_each_hashed(counts_, n, key_at, [&](auto& session, std::size_t i, Hash hash) {
      add_to(session, key_at(i), hash, 1);
    });
    if (counts_.size() >= 2 * capacity_ || bytes_ > max_bytes_) cut();
  }

  // So much was taken from the counts of all keys before they were added.
  void note_cut(std::uint64_t rows) { error_ += rows; }

  // Forgets keys beyond what is wanted. Throws std::bad_alloc and Interrupted.
  void cut() {
    const std::size_t room = room_for_keys();
    if (counts_.size() <= room) return;
    std::vector<std::uint64_t> rows;
    rows.reserve(counts_.size());
    for_each([&](KeyView, std::uint64_t count) { rows.push_back(count); });
    std::ranges::nth_element(rows, rows.begin() + static_cast<std::ptrdiff_t>(room),
                             std::greater<>());
    take_from_all(rows[room]);
  }

  std::size_t size() const { return counts_.size(); }
  // How much too low a count can be, and how often a key can have occurred that is not held.
  std::uint64_t error() const { return error_; }
  std::size_t memory_bytes() const { return counts_.memory_bytes(); }

  // Calls use(key, rows) for all keys, in no order.
  template <class Use>
  void for_each(Use use) {
    const std::size_t end = counts_.end();
    for (std::size_t at = counts_.next(0); at < end; at = counts_.next(at + 1)) {
      use(counts_.key_at(at), counts_.value_at(at));
    }
  }
  void set_stop_check(StopCheck* check) { counts_.set_stop_check(stop_check_ = check); }

 private:
  using Counts = SingleTableMap<SwissTable<Entry<Key, WordValue>>>;

  template <class Session>
  ADHASH_ALWAYS_INLINE void add_to(Session& session, KeyView key, Hash hash, std::uint64_t rows) {
    if (auto* slot = session.find(key, hash)) {
      slot->value += rows;
      return;
    }
    session.put(key, hash, rows);
    bytes_ += bytes_of_key(key);
  }

  // How many keys may be held, if the most frequent are. Half of the bytes are left free, so that a
  // cut is worth its while.
  std::size_t room_for_keys() {
    if (bytes_ <= max_bytes_) return capacity_;
    std::vector<std::pair<std::uint64_t, std::size_t>> keys;
    keys.reserve(counts_.size());
    for_each([&](KeyView key, std::uint64_t rows) { keys.emplace_back(rows, bytes_of_key(key)); });
    std::ranges::sort(keys, std::greater<>());
    std::size_t room = 0;
    std::size_t bytes = 0;
    while (room < keys.size() && (bytes += keys[room].second) <= max_bytes_ / 2) ++room;
    return std::min(room, capacity_);
  }

  void take_from_all(std::uint64_t cut) {
    Counts left(seed_, 0);
    left.set_stop_check(stop_check_);
    std::size_t bytes = 0;
    for_each([&](KeyView key, std::uint64_t rows) {
      if (rows <= cut) return;
      left.put(key, left.hash(key), rows - cut);
      bytes += bytes_of_key(key);
    });
    counts_ = std::move(left);
    bytes_ = bytes;
    error_ += cut;
  }

  std::uint64_t seed_;
  std::size_t capacity_;
  std::size_t max_bytes_;
  Counts counts_;
  StopCheck* stop_check_ = nullptr;
  std::size_t bytes_ = 0;
  std::uint64_t error_ = 0;
};

}  // namespace adhash
