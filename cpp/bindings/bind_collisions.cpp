// Keys that really collide: found by hashing with the engine's own function and seed.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <array>
#include <bit>
#include <string>
#include <vector>

#include "adhash/engines.hpp"
#include "bindings.hpp"
#include "columns.hpp"

namespace adhash::python {
namespace {

// Tells which hashes share the first slot, group or bucket of a hash.
class HomeRule {
 public:
  // The home in a table of `engine` that holds `count` entries.
  HomeRule(const std::string& engine, std::size_t count) {
    using AnEntry = Entry<IntKey, WordValue>;
    if (engine == "std") {
      StdMap<AnEntry> probe(0, 0);
      for (std::uint64_t key = 0; key < count; ++key) probe.put(key, probe.hash(key), 0);
      modulus_ = probe.bucket_count();
      return;
    }
    // The layouts take the home from a hash's top bits. A group of swiss has sixteen slots and a
    // bucket of chaining several, so fewer bits suffice there; more would take longer to find.
    const auto entry_bits = static_cast<unsigned>(std::bit_width(count));
    const unsigned spared = engine == "robinhood" ? 0 : engine == "chaining" ? 2 : 3;
    const unsigned bits = entry_bits + 1 > spared ? entry_bits + 1 - spared : 1;
    shift_ = 64 - std::min(bits, kMostBits);
  }

  std::uint64_t home(Hash hash) const { return modulus_ != 0 ? hash % modulus_ : hash >> shift_; }

 private:
  static constexpr unsigned kMostBits = 18;
  std::uint64_t modulus_ = 0;
  unsigned shift_ = 0;
};

// Calls accept(candidate number) until `count` of them were accepted, letting Python look for
// signals now and then. Throws nb::python_error when interrupted.
template <class Accept>
void search(std::size_t count, Accept accept) {
  constexpr std::uint64_t kBetweenSignals = std::uint64_t{1} << 24;
  std::size_t found = 0;
  for (std::uint64_t candidate = 0; found < count;) {
    {
      const nb::gil_scoped_release released;
      for (std::uint64_t i = 0; i < kBetweenSignals && found < count; ++i)
        found += accept(candidate++);
    }
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
  }
}

nb::object colliding_integers(const HomeRule& rule, std::uint64_t seed, std::size_t count) {
  const Hasher hasher(seed);
  const std::uint64_t home = rule.home(hasher.of_word(0));
  std::vector<std::uint64_t> keys;
  keys.reserve(count);
  search(count, [&](std::uint64_t candidate) {
    // An odd multiplier spreads candidates over all integers without repeating one.
    const std::uint64_t key = candidate * 0x9E3779B97F4A7C15u >> 1;
    if (rule.home(hasher.of_word(key)) != home) return false;
    keys.push_back(key);
    return true;
  });
  return encode_column(std::span<const std::uint64_t>(keys), "int64");
}

nb::object colliding_texts(const HomeRule& rule, std::uint64_t seed, std::size_t count) {
  const Hasher hasher(seed);
  const std::uint64_t home = rule.home(Hasher::spread(hasher.of_bytes("")));
  std::vector<std::string> keys;
  keys.reserve(count);
  search(count, [&](std::uint64_t candidate) {
    constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";
    std::array<char, 13> text;
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = kDigits[candidate >> (5 * i) & 31];
    const std::string_view key(text.data(), text.size());
    if (rule.home(Hasher::spread(hasher.of_bytes(key))) != home) return false;
    keys.emplace_back(key);
    return true;
  });
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  return encode_column(std::span<const std::string_view>(views), "bytes");
}

nb::object colliding_keys(const std::string& engine, const std::string& key_type,
                          std::uint64_t seed, std::size_t count) {
  const HomeRule rule(engine, count);
  const bool text = key_type == "str" || key_type == "bytes";
  return text ? colliding_texts(rule, seed, count) : colliding_integers(rule, seed, count);
}

}  // namespace

void bind_collisions(nb::module_& module) {
  module.def("colliding_keys", &colliding_keys, nb::arg("engine"), nb::arg("key_type"),
             nb::arg("seed"), nb::arg("count"));
}

}  // namespace adhash::python
