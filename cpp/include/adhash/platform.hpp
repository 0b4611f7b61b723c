// What differs between machines: instruction sets, prefetching, and how loads are spelled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

// ADHASH_PORTABLE_GROUP leaves the vector instructions out, so that tests reach the code of
// machines that have none.
#if defined(ADHASH_PORTABLE_GROUP)
#elif defined(__SSE2__)
#include <emmintrin.h>
#define ADHASH_SSE2 1
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#define ADHASH_NEON 1
#endif

#define ADHASH_ALWAYS_INLINE inline __attribute__((always_inline))
#define ADHASH_COLD __attribute__((noinline, cold))

namespace adhash {

inline constexpr std::size_t kCacheLineBytes = 64;

// GCC takes a function that only prefetches for one without effect and drops calls to it; the empty
// statement, which it must keep, prevents that.
ADHASH_ALWAYS_INLINE void prefetch_line(const void* address) {
  __builtin_prefetch(address, 0, 3);
  asm volatile("");
}

// Unaligned native-endian loads; memcpy is how the language spells them.
ADHASH_ALWAYS_INLINE std::uint64_t load64(const void* from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}
ADHASH_ALWAYS_INLINE std::uint32_t load32(const void* from) {
  std::uint32_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

}  // namespace adhash
