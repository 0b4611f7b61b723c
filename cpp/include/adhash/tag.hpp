// One byte that says what a slot holds.
//
//     0000 0000   empty       all-zero memory is an empty table
//     0000 0001   deleted     a tombstone: a probe goes on, an insertion may reuse it
//     1hhh hhhh   full        with seven bits of the hash
//
// The high bit alone tells full from not full, so one movemask finds the full slots of a group.
#pragma once

#include <cstdint>

#include "adhash/hash.hpp"

namespace adhash {

class Tag {
 public:
  static constexpr Tag empty() { return Tag(0); }
  static constexpr Tag deleted() { return Tag(1); }
  static constexpr Tag of(Hash hash) { return Tag(static_cast<std::uint8_t>(hash | 0x80)); }

  constexpr bool is_full() const { return (byte_ & 0x80) != 0; }
  constexpr bool is_empty() const { return byte_ == 0; }
  constexpr std::uint8_t byte() const { return byte_; }

 private:
  explicit constexpr Tag(std::uint8_t byte) : byte_(byte) {}
  std::uint8_t byte_;
};
static_assert(sizeof(Tag) == 1);

}  // namespace adhash
