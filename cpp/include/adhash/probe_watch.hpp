// An O(1) signal that a table's hash no longer fits its keys: insertions that had to probe farther
// than any uniform hash would make them, at any load the table allows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "adhash/platform.hpp"

namespace adhash {

class ProbeWatch {
 public:
  void set_limit(std::size_t longest_expected) { limit_ = longest_expected; }

  ADHASH_ALWAYS_INLINE void note(std::size_t probe_length) {
    if (probe_length > limit_) [[unlikely]]
      ++beyond_;
  }

  // Insertions beyond the limit so far.
  std::uint64_t beyond() const { return beyond_; }

 private:
  std::size_t limit_ = std::numeric_limits<std::size_t>::max();
  std::uint64_t beyond_ = 0;
};

}  // namespace adhash
