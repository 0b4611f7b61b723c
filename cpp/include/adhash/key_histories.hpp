// What is remembered of each key that is followed, in bounded memory.
//
// A table gives every key a number, in the order of first rows; histories lie by number in pages
// that never move, so that a new key costs no copying of old ones. When there are more keys than
// allowed, half of them are forgotten (key_sample.hpp); the others get new numbers in the same
// order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "adhash/batch.hpp"
#include "adhash/heavy_hitters.hpp"
#include "adhash/interrupt.hpp"
#include "adhash/key_sample.hpp"
#include "adhash/memory.hpp"
#include "adhash/reuse_stack.hpp"
#include "adhash/single_table_map.hpp"
#include "adhash/swiss.hpp"

namespace adhash {

// What a map that ran the trace so far holds of a key.
enum class KeyState : std::uint8_t { absent = 0, live = 1, deleted = 2 };

// Rows are numbered from 0; 48 bits are enough for years of them.
inline constexpr std::uint64_t kRowMask = (std::uint64_t{1} << 48) - 1;

struct KeyHistory {
  std::uint64_t first_row : 48;
  std::uint64_t state : 2;
  std::uint64_t is_read : 1;  // since it was inserted last
  std::uint64_t group : 8;    // see key_sample.hpp
  std::uint64_t last_row : 48;
  std::uint64_t inserted_row : 48;  // the last time
  std::uint64_t rows : 48;          // 0: not yet accessed
  ReuseStack::Place place;
  std::uint32_t early_gets;  // gets before its first put; at most 2^32 - 1
};
static_assert(sizeof(KeyHistory) == 40);

template <class Key>
class KeyHistories {
 public:
  using KeyView = typename Key::View;
  using Number = std::uint32_t;

  KeyHistories(std::uint64_t seed, std::size_t max_keys, std::size_t max_bytes)
      : seed_(seed), max_keys_(max_keys), max_bytes_(max_bytes), numbers_(seed, 0) {}

  std::size_t size() const { return size_; }
  ADHASH_ALWAYS_INLINE KeyHistory& at(Number number) {
    return histories_in(pages_[number >> kPageBits])[number & kPageMask];
  }
  // Most histories lie across two cache lines.
  ADHASH_ALWAYS_INLINE void prefetch(Number number) {
    const char* history = reinterpret_cast<const char*>(&at(number));
    prefetch_line(history);
    prefetch_line(history + sizeof(KeyHistory) - 1);
  }

  // Writes the number of each key; new ones get one. `hash_at(i)` is the sampling hash of key i.
  // Throws std::bad_alloc and Interrupted.
  template <class KeyAt, class HashAt>
  void number(std::size_t n, KeyAt key_at, HashAt hash_at, Number* numbers) {
    for_each_hashed(numbers_, n, key_at, [&](auto& session, std::size_t i, Hash hash) {
      const KeyView key = key_at(i);
      if (auto* slot = session.find(key, hash)) [[likely]] {
        numbers[i] = static_cast<Number>(slot->value);
        return;
      }
      numbers[i] = append(hash_at(i));
      session.put(key, hash, numbers[i]);
      bytes_ += bytes_of_key(key);
    });
  }

  // Calls use(key, number) for every key, in no order.
  template <class Use>
  void for_each(Use use) {
    const std::size_t end = numbers_.end();
    for (std::size_t at = numbers_.next(0); at < end; at = numbers_.next(at + 1)) {
      use(numbers_.key_at(at), static_cast<Number>(numbers_.value_at(at)));
    }
  }
  // The number of a key, or -1 if it is not followed.
  std::int64_t find(KeyView key) {
    const auto* slot = numbers_.find(key, numbers_.hash(key));
    return slot == nullptr ? -1 : static_cast<std::int64_t>(slot->value);
  }

  bool is_too_large() const { return (size_ > max_keys_ || bytes_ > max_bytes_) && size_ > 1; }

  // Forgets the keys that are not in the sample any more. Calls forget(history) for each of them.
  // Throws std::bad_alloc and Interrupted; the histories are of no use then.
  template <class Forget>
  void keep(const KeySample& sample, Forget forget) {
    std::vector<Number> renumbered(size_, 0);
    for_each(
        [&](KeyView key, Number number) { renumbered[number] = sample.has(sampling_hash(key)); });
    Number kept = 0;
    for (std::size_t number = 0; number < size_; ++number) {
      KeyHistory& history = at(static_cast<Number>(number));
      if (renumbered[number] == 0) {
        forget(history);
        renumbered[number] = kGone;
      } else {
        at(kept) = history;
        renumbered[number] = kept++;
      }
    }
    renumber(renumbered);
    drop_behind(kept);
  }

  std::size_t memory_bytes() const { return numbers_.memory_bytes() + size_ * sizeof(KeyHistory); }
  void set_stop_check(StopCheck* check) { numbers_.set_stop_check(stop_check_ = check); }

 private:
  using Numbers = SingleTableMap<SwissTable<Entry<Key, WordValue>>>;

  // Five huge pages of memory, which come as they are touched: of small ones, random histories
  // would cost as much to find by the processor as to load.
  static constexpr unsigned kPageBits = 18;
  static constexpr std::size_t kPageSize = std::size_t{1} << kPageBits;
  static constexpr Number kPageMask = kPageSize - 1;
  static constexpr Number kGone = ~Number{0};

  static KeyHistory* histories_in(const ZeroedBlock& page) {
    return reinterpret_cast<KeyHistory*>(page.data());
  }

  Number append(std::uint64_t sampling_hash) {
    if (size_ == kGone) throw CapacityError("at most 2^32 - 1 keys can be followed");
    if (size_ == pages_.size() * kPageSize) pages_.emplace_back(kPageSize * sizeof(KeyHistory));
    const auto number = static_cast<Number>(size_++);
    at(number) = KeyHistory{};
    at(number).group = KeySample::group_of(sampling_hash);
    return number;
  }

  void renumber(const std::vector<Number>& renumbered) {
    Numbers smaller(seed_, 0);
    smaller.set_stop_check(stop_check_);
    LongWork work(stop_check_);
    bytes_ = 0;
    for_each([&](KeyView key, Number old) {
      work.note_entry();
      if (renumbered[old] == kGone) return;
      smaller.put(key, smaller.hash(key), renumbered[old]);
      bytes_ += bytes_of_key(key);
    });
    numbers_ = std::move(smaller);
  }

  void drop_behind(std::size_t size) {
    size_ = size;
    pages_.resize((size + kPageSize - 1) / kPageSize);
  }

  std::uint64_t seed_;
  std::size_t max_keys_;
  std::size_t max_bytes_;
  Numbers numbers_;
  std::vector<ZeroedBlock> pages_;
  StopCheck* stop_check_ = nullptr;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace adhash
