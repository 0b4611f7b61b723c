// How keys and values lie in a slot. A slot is trivially copyable whatever it holds, because long
// bytes live in the map's arena; so tables move entries by copying slots and know nothing of types.
//
// A byte-string key takes 24 bytes:
//
//      0        4        8                         24
//      +--------+--------+--------------------------+
//      | size   | hash   | up to 16 bytes inline    |   size <= 16
//      | size   | hash   | first 8 bytes | pointer  |   size  > 16
//      +--------+--------+--------------------------+
//
// A look-up compares size and 32 saved hash bits before it compares bytes, and growth takes the
// hash from the slot without reading the key. A byte-string value takes 16: size, then 12 bytes
// inline or a pointer. With a 64-bit value that makes slots of 16 (integer key) and 32 bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "adhash/arena.hpp"
#include "adhash/errors.hpp"
#include "adhash/hash.hpp"
#include "adhash/operation.hpp"
#include "adhash/platform.hpp"

namespace adhash {

inline std::uint32_t checked_size(std::size_t size) {
  if (size > UINT32_MAX) throw CapacityError("a key or value may have at most 2^32 - 1 bytes");
  return static_cast<std::uint32_t>(size);
}

// Whether two short strings are equal, by two loads of each that overlap. A call of memcmp costs as
// much as the rest of a look-up in the cache. PRECONDITION: size <= 16.
ADHASH_ALWAYS_INLINE bool short_equal(const char* a, const char* b, std::size_t size) {
  if (size >= 8) {
    const std::size_t last = size - 8;
    return ((load64(a) ^ load64(b)) | (load64(a + last) ^ load64(b + last))) == 0;
  }
  if (size >= 4) {
    const std::size_t last = size - 4;
    return ((load32(a) ^ load32(b)) | (load32(a + last) ^ load32(b + last))) == 0;
  }
  // Three bytes at most: the first, the middle and the last are all.
  return size == 0 || (a[0] == b[0] && a[size / 2] == b[size / 2] && a[size - 1] == b[size - 1]);
}

// Bytes kept inline up to `Inline` bytes and in the arena beyond. The prefix of long bytes stays
// inline where there is room for it, so that most unequal keys differ without a cache miss.
template <unsigned Inline>
class StoredBytes {
 public:
  static constexpr unsigned kPointerAt = Inline - sizeof(char*);

  std::string_view view(std::uint32_t size) const {
    return {size <= Inline ? bytes_ : pointer(), size};
  }

  bool equals(std::string_view other) const {
    static_assert(Inline <= 16);
    if (other.size() <= Inline) return short_equal(bytes_, other.data(), other.size());
    return short_equal(bytes_, other.data(), kPointerAt) &&
           std::memcmp(pointer() + kPointerAt, other.data() + kPointerAt,
                       other.size() - kPointerAt) == 0;
  }

  // Throws std::bad_alloc; then nothing has changed.
  void store(std::string_view from, Arena& arena) {
    if (from.size() <= Inline) {
      if (!from.empty()) std::memcpy(bytes_, from.data(), from.size());
      return;
    }
    char* copy = arena.allocate(from.size());
    std::memcpy(copy, from.data(), from.size());
    std::memcpy(bytes_, from.data(), kPointerAt);
    std::memcpy(bytes_ + kPointerAt, &copy, sizeof copy);
  }

  void release(std::uint32_t size, Arena& arena) noexcept {
    if (size > Inline) arena.release(pointer(), size);
  }

  // Calls body(block) if the bytes lie in the arena.
  template <class Body>
  void tell_block(std::uint32_t size, Body& body) const {
    if (size > Inline) body(HeldBlock{pointer(), size});
  }

 private:
  char* pointer() const {
    char* stored;
    std::memcpy(&stored, bytes_ + kPointerAt, sizeof stored);
    return stored;
  }
  char bytes_[Inline] = {};
};

template <class Key>
struct KeyStorage;

template <>
struct KeyStorage<IntKey> {
  using Slot = std::uint64_t;
  static Hash hash(std::uint64_t key, const Hasher& hasher) { return hasher.of_word(key); }
  static Hash hash_of(Slot slot, const Hasher& hasher) { return hasher.of_word(slot); }
  static Hash rehash(Slot& slot, const Hasher& hasher) { return hasher.of_word(slot); }
  static std::uint64_t view(const Slot& slot) { return slot; }
  static bool equals(Slot slot, std::uint64_t key, Hash) { return slot == key; }
  static void store(Slot& slot, std::uint64_t key, Hash, Arena&) { slot = key; }
  static void release(Slot&, Arena&) noexcept {}
  static constexpr bool kMayHoldBlocks = false;
  template <class Body>
  static void tell_block(const Slot&, Body&) {}
};

template <>
struct KeyStorage<BytesKey> {
  struct Slot {
    std::uint32_t size;
    std::uint32_t saved_hash;
    StoredBytes<16> bytes;
  };
  static Hash hash(std::string_view key, const Hasher& hasher) {
    return Hasher::spread(hasher.of_bytes(key));
  }
  static Hash hash_of(const Slot& slot, const Hasher&) { return Hasher::spread(slot.saved_hash); }
  // The saved bits belong to the seed they were made with; a new seed must read the key again.
  static Hash rehash(Slot& slot, const Hasher& hasher) {
    slot.saved_hash = hasher.of_bytes(view(slot));
    return Hasher::spread(slot.saved_hash);
  }
  static std::string_view view(const Slot& slot) { return slot.bytes.view(slot.size); }
  static bool equals(const Slot& slot, std::string_view key, Hash hash) {
    return slot.size == key.size() && slot.saved_hash == Hasher::unspread(hash) &&
           slot.bytes.equals(key);
  }
  static void store(Slot& slot, std::string_view key, Hash hash, Arena& arena) {
    slot.size = checked_size(key.size());
    slot.saved_hash = Hasher::unspread(hash);
    slot.bytes.store(key, arena);
  }
  static void release(Slot& slot, Arena& arena) noexcept { slot.bytes.release(slot.size, arena); }
  static constexpr bool kMayHoldBlocks = true;
  template <class Body>
  static void tell_block(const Slot& slot, Body& body) {
    slot.bytes.tell_block(slot.size, body);
  }
};

template <class Value>
struct ValueStorage;

template <>
struct ValueStorage<WordValue> {
  using Slot = std::uint64_t;
  static std::uint64_t view(const Slot& slot) { return slot; }
  static void store(Slot& slot, std::uint64_t value, Arena&) { slot = value; }
  static void assign(Slot& slot, std::uint64_t value, Arena&) { slot = value; }
  static void release(Slot&, Arena&) noexcept {}
  static constexpr bool kMayHoldBlocks = false;
  template <class Body>
  static void tell_block(const Slot&, Body&) {}
};

template <>
struct ValueStorage<BytesValue> {
  struct Slot {
    std::uint32_t size;
    StoredBytes<12> bytes;
  };
  static std::string_view view(const Slot& slot) { return slot.bytes.view(slot.size); }
  static void store(Slot& slot, std::string_view value, Arena& arena) {
    slot.size = checked_size(value.size());
    slot.bytes.store(value, arena);
  }
  static void assign(Slot& slot, std::string_view value, Arena& arena) {
    Slot fresh;
    store(fresh, value, arena);
    release(slot, arena);
    slot = fresh;
  }
  static void release(Slot& slot, Arena& arena) noexcept { slot.bytes.release(slot.size, arena); }
  static constexpr bool kMayHoldBlocks = true;
  template <class Body>
  static void tell_block(const Slot& slot, Body& body) {
    slot.bytes.tell_block(slot.size, body);
  }
};

// What a table is a table of.
template <class KeyKind, class ValueKind>
struct Entry {
  using Key = KeyKind;
  using Value = ValueKind;
  using KeyView = typename Key::View;
  using ValueView = typename Value::View;
  using Keys = KeyStorage<Key>;
  using Values = ValueStorage<Value>;

  struct Slot {
    typename Keys::Slot key;
    typename Values::Slot value;
  };
  static_assert(std::is_trivially_copyable_v<Slot>);

  static bool equals(const Slot& slot, KeyView key, Hash hash) {
    return Keys::equals(slot.key, key, hash);
  }
  static Hash hash_of(const Slot& slot, const Hasher& hasher) {
    return Keys::hash_of(slot.key, hasher);
  }

  // Throws std::bad_alloc; then the arena is as it was.
  static Slot make(KeyView key, Hash hash, ValueView value, Arena& arena) {
    Slot slot;
    Keys::store(slot.key, key, hash, arena);
    try {
      Values::store(slot.value, value, arena);
    } catch (...) {
      Keys::release(slot.key, arena);
      throw;
    }
    return slot;
  }
  static void release(Slot& slot, Arena& arena) noexcept {
    Keys::release(slot.key, arena);
    Values::release(slot.value, arena);
  }

  // Calls body(block) for each block of the arena that the slot points to.
  static constexpr bool kMayHoldBlocks = Keys::kMayHoldBlocks || Values::kMayHoldBlocks;
  template <class Body>
  static void for_each_block(const Slot& slot, Body body) {
    Keys::tell_block(slot.key, body);
    Values::tell_block(slot.value, body);
  }
};

}  // namespace adhash
