// Allocations that fail on demand: those of tables and arenas through their gate (memory.hpp), and
// those of strings and vectors through the global operator new (failing_allocations.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "adhash/memory.hpp"
#include "testing.hpp"

namespace map_testing {

// While it lives, the allocation after `n` more fails, once.
class FailAllocation {
 public:
  explicit FailAllocation(std::int64_t n) { adhash::allocations_until_failure = n; }
  ~FailAllocation() { adhash::allocations_until_failure = -1; }
  FailAllocation(const FailAllocation&) = delete;
  FailAllocation& operator=(const FailAllocation&) = delete;
};

enum class Outcome { succeeded, survived_failure, threw };

// Runs an operation while its allocation number `n` fails, if it makes so many.
template <class Operation>
Outcome run_failing(std::int64_t n, Operation operation) {
  const std::uint64_t failed_before = adhash::allocations_failed;
  try {
    const FailAllocation failing(n);
    operation();
  } catch (const std::bad_alloc&) {
    CHECK(adhash::allocations_failed > failed_before);
    return Outcome::threw;
  }
  return adhash::allocations_failed > failed_before ? Outcome::survived_failure
                                                    : Outcome::succeeded;
}

}  // namespace map_testing
