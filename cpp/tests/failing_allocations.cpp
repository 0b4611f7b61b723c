// The global operator new of the tests: it passes the gate at which allocations can fail.
#include "failing_allocations.hpp"

#include <cstdlib>

void* operator new(std::size_t size) {
  adhash::pass_allocation_gate();
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

// Tests ask for more memory than there is; AddressSanitizer shall then answer like any allocator.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1";
}
