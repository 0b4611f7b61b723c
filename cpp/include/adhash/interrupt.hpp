// Long work that can be told to stop.
//
// Moving all entries of a table takes seconds where there are millions of them, and whoever pressed
// Ctrl-C waits for its end. So such work asks a StopCheck now and then, and is given up by an
// exception: the map is then as it was before the operation. Who asks for an end, and how it is
// found out, is the caller's business; here nobody knows of signals or of Python.
#pragma once

#include <cstddef>
#include <exception>

#include "adhash/platform.hpp"

namespace adhash {

// Work was given up because it was told to stop.
class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted before it was done"; }
};

class StopCheck {
 public:
  virtual ~StopCheck() = default;
  // Asked every millisecond or so. May throw, which ends the work as well.
  virtual bool should_stop() = 0;
  // Whether work on so many entries may be left to itself, see leavable_work.hpp. Only where the
  // process ends with whatever wanted it.
  virtual bool may_leave_work(std::size_t) const { return false; }
};

// One piece of long work, by the entries that it has dealt with. Nobody stops it if `check` is
// nullptr.
class LongWork {
 public:
  explicit LongWork(StopCheck* check) : check_(check) {}

  // Throws Interrupted.
  ADHASH_ALWAYS_INLINE void note_entry() {
    if (--until_check_ == 0) [[unlikely]]
      ask();
  }

 private:
  // Some milliseconds of work where every entry misses the cache.
  static constexpr std::size_t kEntriesPerCheck = std::size_t{1} << 14;

  ADHASH_COLD void ask() {
    until_check_ = kEntriesPerCheck;
    if (check_ != nullptr && check_->should_stop()) throw Interrupted();
  }

  StopCheck* check_;
  std::size_t until_check_ = kEntriesPerCheck;
};

}  // namespace adhash
