// What can go wrong, as types. The bindings translate each into its Python class in adhash.errors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace adhash {

// A row of a trace that cannot be replayed. `line` and `column` count from one; a column counts
// bytes. `value` is an excerpt of the offending text, at most 80 bytes, control bytes escaped.
struct TraceFault {
  std::uint64_t line = 0;
  std::uint64_t column = 0;
  std::string what;         // "unknown operation"
  std::string value;        // "frob"
  std::string remedy;       // "write put, get or del"
  bool key_type = false;    // the key does not fit the key type; another key type would take it
  bool value_type = false;  // the value does not fit the value type; another would take it
};

// Collects the faults of a dry run instead of ending it at the first.
struct FaultLog {
  std::size_t max_faults = 20;
  std::vector<TraceFault> faults;

  bool is_full() const noexcept { return faults.size() >= max_faults; }
};

class TraceError : public std::runtime_error {
 public:
  explicit TraceError(TraceFault fault)
      : std::runtime_error(fault.what), fault_(std::move(fault)) {}
  const TraceFault& fault() const noexcept { return fault_; }

 private:
  TraceFault fault_;
};

// A map was asked to hold more than its layout can address.
class CapacityError : public std::length_error {
 public:
  using std::length_error::length_error;
};

}  // namespace adhash
