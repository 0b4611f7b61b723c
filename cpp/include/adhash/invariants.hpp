// What must be true of a map between two operations, checked on its memory as it is.
//
// Tests drive maps through their operations and see wrong answers; a check of invariants sees what
// has not led to a wrong answer yet, and says where it lies:
//
//     robinhood  only   order            checked 65536   broken 1   slot 17: distance 9 after 3
//
// Nothing read here is trusted before it was checked. Chains are walked with a bound, pointers are
// compared with the blocks they should lie in before they are followed, and keys are looked up only
// in a table whose structure was found whole: a look-up in a broken one may never end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adhash/interrupt.hpp"

namespace adhash {

// Declared here, defined by tests only: breaks what is private, to see that it is noticed.
template <class Patient>
struct Surgery;

// One invariant of one table, or of the whole map where `layout` is empty.
class Invariant {
 public:
  static constexpr std::size_t kMostExamples = 5;

  Invariant(std::string_view name, std::string_view layout, std::string_view role)
      : name_(name), layout_(layout), role_(role) {}

  // Notes one thing that was looked at. `tell` returns what is wrong with it, as text.
  template <class Tell>
  bool require(bool holds, Tell tell) {
    ++checked_;
    if (holds) [[likely]]
      return true;
    ++broken_;
    if (examples_.size() < kMostExamples) examples_.push_back(tell());
    return false;
  }

  std::string_view name() const { return name_; }
  std::string_view layout() const { return layout_; }
  std::string_view role() const { return role_; }
  std::uint64_t checked() const { return checked_; }
  std::uint64_t broken() const { return broken_; }
  const std::vector<std::string>& examples() const { return examples_; }

 private:
  std::string_view name_;
  std::string_view layout_;
  std::string_view role_;
  std::uint64_t checked_ = 0;
  std::uint64_t broken_ = 0;
  std::vector<std::string> examples_;
};

class InvariantReport {
 public:
  explicit InvariantReport(StopCheck* stop_check) : work_(stop_check) {}

  // Says of which table the invariants to come are; `role` is only, current or old.
  void begin_table(std::string_view layout, std::string_view role) {
    layout_ = layout;
    role_ = role;
  }
  void begin_map() { begin_table({}, {}); }
  // The old table of a migration: some of its entries were moved away, and have left their traces.
  bool is_emptied_by_migration() const { return role_ == "old"; }

  // The reference stays valid as long as the report.
  Invariant& invariant(std::string_view name) {
    return invariants_.emplace_back(name, layout_, role_);
  }
  // Throws Interrupted.
  void note_entry() { work_.note_entry(); }

  bool all_hold() const {
    for (const Invariant& each : invariants_) {
      if (each.broken() > 0) return false;
    }
    return true;
  }
  const std::deque<Invariant>& invariants() const { return invariants_; }

 private:
  std::deque<Invariant> invariants_;
  std::string_view layout_;
  std::string_view role_;
  LongWork work_;
};

inline std::string told(std::string_view what, std::size_t number) {
  return std::string(what) + " " + std::to_string(number);
}
// "slot 3: distance is 2, not 1"
inline std::string told(std::string_view what, std::size_t number, std::string_view fact,
                        std::uint64_t found, std::uint64_t wanted) {
  return told(what, number) + ": " + std::string(fact) + " is " + std::to_string(found) + ", not " +
         std::to_string(wanted);
}

// A number that the table or map keeps, against the same number counted.
inline void require_count(InvariantReport& report, std::string_view name, std::uint64_t kept,
                          std::uint64_t counted) {
  report.invariant(name).require(kept == counted, [&] {
    return std::to_string(kept) + " kept, " + std::to_string(counted) + " counted";
  });
}

}  // namespace adhash
