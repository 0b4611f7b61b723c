// Which instruction set the vector code uses. It is chosen once, from the processor and from
// ADHASH_ISA=baseline|avx2|neon, and read when an object that needs it is built. Each variant is a
// function with a name of its own behind a pointer: `target_clones` and overloads by `target` break
// under sanitizers.
#pragma once

#include <atomic>
#include <cstdlib>
#include <string_view>
#include <vector>

#if defined(__x86_64__) && defined(__GNUC__)
#define ADHASH_HAS_AVX2 1
#else
#define ADHASH_HAS_AVX2 0
#endif
#if defined(__aarch64__) && defined(__ARM_NEON)
#define ADHASH_HAS_NEON 1
#else
#define ADHASH_HAS_NEON 0
#endif

namespace adhash {

enum class Isa { baseline, avx2, neon };

inline constexpr const char* isa_label(Isa isa) noexcept {
  if (isa == Isa::avx2) return "avx2";
  return isa == Isa::neon ? "neon" : "baseline";
}

// What this build and this processor can run, the slowest first; never empty.
inline std::vector<Isa> available_isas() {
  std::vector<Isa> isas{Isa::baseline};
#if ADHASH_HAS_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt")) {
    isas.push_back(Isa::avx2);
  }
#elif ADHASH_HAS_NEON
  isas.push_back(Isa::neon);
#endif
  return isas;
}

namespace detail {

// ADHASH_ISA can only choose among what is available; any other text leaves the best.
inline Isa chosen_isa() {
  const std::vector<Isa> isas = available_isas();
  const char* wanted = std::getenv("ADHASH_ISA");
  for (const Isa isa : isas) {
    if (wanted != nullptr && std::string_view(wanted) == isa_label(isa)) return isa;
  }
  return isas.back();
}

inline std::atomic<Isa>& isa_in_force() {
  static std::atomic<Isa> isa{chosen_isa()};
  return isa;
}

}  // namespace detail

inline Isa current_isa() {
  return detail::isa_in_force().load(std::memory_order_relaxed);
}
inline const char* isa_name() {
  return isa_label(current_isa());
}

// For tests: objects built from now on use `isa`, which must be available.
inline void force_isa(Isa isa) {
  detail::isa_in_force().store(isa, std::memory_order_relaxed);
}

}  // namespace adhash
