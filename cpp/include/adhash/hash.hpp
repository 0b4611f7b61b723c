// Hash functions, all seeded per table.
//
// Two strengths. `fold` is the everyday hash: a 64 x 64 -> 128-bit multiplication folded by xor,
// a handful of cycles for an integer and about 16 bytes per multiplication for a string. `keyed`
// is SipHash-1-3, which an adversary who sees answers cannot steer; the adaptive engine moves to
// it when crafted keys survive a reseed.
//
// Integers are hashed as their 64-bit pattern. Byte strings are hashed to 32 bits, saved beside
// the key, and spread to 64 by a multiplication: growth then never reads the keys again.
//
// References: J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", 2012, for the
// keyed hash. S. Steele, G. Lea, C. Flood, "Fast splittable pseudorandom number generators",
// OOPSLA 2014, for the mixer that derives secrets from a seed.
#pragma once

#include <cstdint>
#include <string_view>

#include "adhash/platform.hpp"

namespace adhash {

// 64 bits: tables take their index from the top and their tag from the bottom.
using Hash = std::uint64_t;

enum class HashStrength : std::uint8_t { fold, keyed };

// One step of the splitmix64 sequence; also a good mixer of a single word.
constexpr std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15u;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

ADHASH_ALWAYS_INLINE std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// SipHash-1-3 over whole words and a byte string's tail.
class SipHash13 {
 public:
  SipHash13(std::uint64_t k0, std::uint64_t k1)
      : v0_(k0 ^ 0x736f6d6570736575u),
        v1_(k1 ^ 0x646f72616e646f6du),
        v2_(k0 ^ 0x6c7967656e657261u),
        v3_(k1 ^ 0x7465646279746573u) {}

  std::uint64_t operator()(const char* bytes, std::size_t size) {
    const char* const words_end = bytes + (size & ~std::size_t{7});
    for (; bytes != words_end; bytes += 8) absorb(load64(bytes));
    std::uint64_t tail = static_cast<std::uint64_t>(size) << 56;
    for (std::size_t i = 0; i < (size & 7); ++i) {
      tail |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    }
    absorb(tail);
    v2_ ^= 0xff;
    for (int i = 0; i < 3; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  static std::uint64_t rotate(std::uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }

  void absorb(std::uint64_t word) {
    v3_ ^= word;
    round();
    v0_ ^= word;
  }

  void round() {
    v0_ += v1_, v1_ = rotate(v1_, 13) ^ v0_, v0_ = rotate(v0_, 32);
    v2_ += v3_, v3_ = rotate(v3_, 16) ^ v2_;
    v0_ += v3_, v3_ = rotate(v3_, 21) ^ v0_;
    v2_ += v1_, v1_ = rotate(v1_, 17) ^ v2_, v2_ = rotate(v2_, 32);
  }

  std::uint64_t v0_, v1_, v2_, v3_;
};

// The hash function of one table: a strength and the secrets derived from its seed.
class Hasher {
 public:
  explicit Hasher(std::uint64_t seed, HashStrength strength = HashStrength::fold)
      : seed_(seed), strength_(strength) {
    std::uint64_t state = seed;
    for (std::uint64_t& secret : secrets_) secret = splitmix64(state);
  }

  std::uint64_t seed() const { return seed_; }
  HashStrength strength() const { return strength_; }

  ADHASH_ALWAYS_INLINE Hash of_word(std::uint64_t key) const {
    if (strength_ == HashStrength::keyed) [[unlikely]]
      return keyed_word(key);
    return fold_multiply(key ^ secrets_[0], kOddMultiplier);
  }

  // The 32 bits saved beside a byte-string key.
  ADHASH_ALWAYS_INLINE std::uint32_t of_bytes(std::string_view key) const {
    if (strength_ == HashStrength::keyed) [[unlikely]] {
      return static_cast<std::uint32_t>(
          SipHash13(secrets_[0], secrets_[1])(key.data(), key.size()));
    }
    return static_cast<std::uint32_t>(fold_bytes(key.data(), key.size()));
  }

  // All bits of the everyday hash of a byte string, whatever the strength.
  std::uint64_t all_of_bytes(std::string_view key) const {
    return fold_bytes(key.data(), key.size());
  }

  // 32 saved bits to the 64 that tables expect: the top bits depend on all of them, the bottom
  // ones are a bijection of theirs.
  ADHASH_ALWAYS_INLINE static Hash spread(std::uint32_t saved_bits) { return saved_bits * kSpread; }
  // The saved bits again, by the inverse of the multiplier modulo 2^32.
  ADHASH_ALWAYS_INLINE static std::uint32_t unspread(Hash hash) {
    return static_cast<std::uint32_t>(hash) * kUnspread;
  }

 private:
  // Multiples of this number spread evenly over 2^64, and so do those of its products with powers
  // of two: in the continued fraction of each (kOddMultiplier * 2^k mod 2^64) / 2^64, k < 42, no
  // partial quotient of a denominator below 2^22 is above 25. A large one, as most random numbers
  // have, lets dense or strided keys gather in runs of about its length. Found by search.
  static constexpr std::uint64_t kOddMultiplier = 0xB50B4376B2792A1Bu;
  static constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15u;
  static constexpr std::uint32_t kUnspread = 0x9937733d;
  static_assert(static_cast<std::uint32_t>(kSpread) * kUnspread == 1);

  ADHASH_COLD Hash keyed_word(std::uint64_t key) const {
    char bytes[sizeof key];
    std::memcpy(bytes, &key, sizeof key);
    return SipHash13(secrets_[0], secrets_[1])(bytes, sizeof bytes);
  }

  // Every operand of a multiplication is masked by a secret: with public constants one could
  // choose bytes that make an operand zero, and so collide under every seed.
  std::uint64_t fold_bytes(const char* bytes, std::size_t size) const {
    std::uint64_t state = fold_multiply(size ^ secrets_[2], kOddMultiplier);
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    if (size > 16) {
      const char* const last16 = bytes + size - 16;
      for (; bytes < last16; bytes += 16) {
        state = fold_multiply(load64(bytes) ^ secrets_[0], load64(bytes + 8) ^ state);
      }
      a = load64(last16);
      b = load64(last16 + 8);
    } else if (size >= 8) {
      a = load64(bytes);
      b = load64(bytes + size - 8);
    } else if (size >= 4) {
      a = load32(bytes);
      b = load32(bytes + size - 4);
    } else if (size > 0) {
      a = static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[0])) << 16 |
          static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[size / 2])) << 8 |
          static_cast<unsigned char>(bytes[size - 1]);
    }
    return fold_multiply(a ^ secrets_[1], b ^ state);
  }

  std::uint64_t seed_;
  std::uint64_t secrets_[3];
  HashStrength strength_;
};

}  // namespace adhash
