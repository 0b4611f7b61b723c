// Hash functions: against values known from elsewhere, and for the evenness tables rely on.
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "adhash/hash.hpp"
#include "testing.hpp"

namespace {

using adhash::Hash;
using adhash::Hasher;
using adhash::HashStrength;
using adhash::SipHash13;
using adhash::splitmix64;

std::uint64_t sip(std::string_view text) {
  return SipHash13(0, 0)(text.data(), text.size());
}

// The chance that two keys share a cell, over that of keys spread evenly: what a table pays.
double crowding(const std::vector<std::uint64_t>& counts) {
  double total = 0;
  double pairs = 0;
  for (const std::uint64_t count : counts) {
    total += static_cast<double>(count);
    pairs += static_cast<double>(count) * static_cast<double>(count);
  }
  return pairs / total / total * static_cast<double>(counts.size());
}

constexpr unsigned kHomeBits = 10;
constexpr std::uint64_t kKeys = 50'000;

// Of hashes by their top bits, from which tables take the home, and by the low seven: the tag.
template <class HashAt>
void require_even(HashAt hash_at) {
  std::vector<std::uint64_t> homes(1u << kHomeBits);
  std::vector<std::uint64_t> tags(128);
  for (std::uint64_t i = 0; i < kKeys; ++i) {
    const Hash hash = hash_at(i);
    ++homes[hash >> (64 - kHomeBits)];
    ++tags[hash & 127];
  }
  CHECK(crowding(homes) < 1.25);
  CHECK(crowding(tags) < 1.25);
}

}  // namespace

// From the reference implementation's author, as published with many of its ports.
TEST("splitmix64 gives the known sequence of seed 1234567") {
  std::uint64_t state = 1234567;
  for (const std::uint64_t known :
       {6457827717110365317u, 3203168211198807973u, 9817491932198370423u, 4593380528125082431u,
        16408922859458223821u}) {
    CHECK_EQ(splitmix64(state), known);
  }
}

// CPython 3.11 hashes bytes with SipHash-1-3, and with PYTHONHASHSEED=0 under the key zero:
// python -c 'print(hash(b"a") % 2**64)'.
TEST("SipHash-1-3 agrees with CPython") {
  const std::string zeros(100, '\0');
  CHECK_EQ(sip(zeros), 11150336707741253796u);
  CHECK_EQ(sip("a"), 4644417185603328019u);
  CHECK_EQ(sip("ab"), 6148830537548944441u);
  CHECK_EQ(sip("abcdefg"), 7904145750247929094u);
  CHECK_EQ(sip("abcdefgh"), 4574395652268504554u);
  CHECK_EQ(sip("abcdefghi"), 17913969820989044453u);
  CHECK_EQ(sip("The quick brown fox jumps over the lazy dog"), 10229494255719302430u);
}

TEST("SipHash-1-3 depends on both halves of its key") {
  const std::string text = "text";
  CHECK(SipHash13(1, 0)(text.data(), 4) != sip(text));
  CHECK(SipHash13(0, 1)(text.data(), 4) != sip(text));
}

TEST("the keyed hash of a word is SipHash-1-3 of its bytes under the table's secrets") {
  std::uint64_t state = 77;
  const std::uint64_t k0 = splitmix64(state);
  const std::uint64_t k1 = splitmix64(state);
  const Hasher hasher(77, HashStrength::keyed);
  for (const std::uint64_t key : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    char bytes[8];
    for (unsigned i = 0; i < 8; ++i) bytes[i] = static_cast<char>(key >> (8 * i));
    CHECK_EQ(hasher.of_word(key), SipHash13(k0, k1)(bytes, 8));
    CHECK_EQ(hasher.of_bytes({bytes, 8}), static_cast<std::uint32_t>(SipHash13(k0, k1)(bytes, 8)));
  }
}

TEST("saved bits survive spreading") {
  std::uint64_t state = testing::random_seed();
  for (int i = 0; i < 10'000; ++i) {
    const auto saved = static_cast<std::uint32_t>(splitmix64(state));
    CHECK_EQ(Hasher::unspread(Hasher::spread(saved)), saved);
  }
}

TEST("strided integers fill homes and tags evenly under any seed") {
  for (const HashStrength strength : {HashStrength::fold, HashStrength::keyed}) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      const Hasher hasher(seed, strength);
      for (const unsigned log2 : {0u, 1u, 3u, 8u, 12u, 16u, 20u, 32u, 40u, 47u}) {
        require_even([&](std::uint64_t i) { return hasher.of_word(i << log2); });
      }
      for (const std::uint64_t stride : {3u, 10u, 1000u, 4096u + 1, 1'000'000u}) {
        require_even([&](std::uint64_t i) { return hasher.of_word(i * stride); });
      }
    }
  }
}

TEST("random integers and round doubles fill homes and tags evenly") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const Hasher hasher(seed);
    std::uint64_t state = seed;
    require_even([&](std::uint64_t) { return hasher.of_word(splitmix64(state)); });
    require_even([&](std::uint64_t i) {
      return hasher.of_word(std::bit_cast<std::uint64_t>(static_cast<double>(i) * 0.25));
    });
  }
}

TEST("numbered texts of all lengths fill homes and tags evenly") {
  for (const HashStrength strength : {HashStrength::fold, HashStrength::keyed}) {
    for (const std::size_t length : {0u, 8u, 16u, 17u, 31u, 100u}) {
      const Hasher hasher(5, strength);
      const std::string pad(length, 'x');
      require_even([&](std::uint64_t i) {
        return Hasher::spread(hasher.of_bytes(pad + std::to_string(i)));
      });
      require_even([&](std::uint64_t i) {
        return Hasher::spread(hasher.of_bytes(std::to_string(i) + pad));
      });
    }
  }
}

// Each flipped bit of the key flips every bit that decides about homes in about half the cases.
TEST("every bit of an integer reaches the top bits of its hash") {
  constexpr int kTrials = 4000;
  std::uint64_t state = 3;
  for (unsigned input = 0; input < 64; ++input) {
    int changed = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      const Hasher hasher(splitmix64(state));
      const std::uint64_t key = splitmix64(state);
      const Hash difference =
          hasher.of_word(key) ^ hasher.of_word(key ^ (std::uint64_t{1} << input));
      changed += difference >> (64 - kHomeBits) != 0;
    }
    CHECK(changed > kTrials / 2);
  }
}

TEST("every byte of a text changes its hash") {
  const Hasher hasher(8);
  for (std::size_t length = 1; length < 80; ++length) {
    const std::string text(length, 'a');
    for (std::size_t at = 0; at < length; ++at) {
      std::string other = text;
      other[at] = 'b';
      CHECK(hasher.of_bytes(other) != hasher.of_bytes(text));
    }
  }
}

TEST("texts of zero bytes differ by their length alone") {
  const Hasher hasher(8);
  std::unordered_set<std::uint32_t> seen;
  for (std::size_t length = 0; length < 200; ++length) {
    CHECK(seen.insert(hasher.of_bytes(std::string(length, '\0'))).second);
  }
}

TEST("another seed is another hash") {
  const Hasher one(1);
  const Hasher two(2);
  int same_home = 0;
  for (std::uint64_t key = 0; key < 10'000; ++key) {
    same_home += one.of_word(key) >> 54 == two.of_word(key) >> 54;
  }
  CHECK(same_home < 60);
}
