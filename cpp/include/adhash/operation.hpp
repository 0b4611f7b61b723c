// The vocabulary of a trace: what an operation is, what kinds of key and value it carries, and the
// batch in which operations travel from a parser to an engine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace adhash {

enum class OpKind : std::uint8_t { get = 0, put = 1, del = 2 };

// Kinds of key and value. `View` is what callers pass and get; how a table stores it is the
// business of entry.hpp. A signed integer or a double travels as its 64-bit pattern.
struct IntKey {
  using View = std::uint64_t;
};
struct BytesKey {
  using View = std::string_view;
};
struct WordValue {
  using View = std::uint64_t;
};
struct BytesValue {
  using View = std::string_view;
};

// A structure of arrays, so that hashing and prefetching stream over the keys alone. Views point
// into memory that the producer keeps alive until it is asked for the next batch.
template <class Key, class Value>
struct OperationBatch {
  static constexpr std::size_t kCapacity = 2048;

  std::size_t size = 0;
  std::array<OpKind, kCapacity> op;
  std::array<typename Key::View, kCapacity> key;
  std::array<typename Value::View, kCapacity> value;  // meaningful where op is put
};

}  // namespace adhash
