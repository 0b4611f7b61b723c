// A map with Python's types on the outside: what the Python object holds. Operations take and give
// Python objects; columns are described in columns.hpp.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "adhash/adaptive.hpp"
#include "adhash/any_map.hpp"
#include "adhash/invariants.hpp"
#include "adhash/probe_trace.hpp"
#include "map_lock.hpp"

namespace adhash::python {

namespace nb = nanobind;

struct MapSpec {
  std::string engine;
  std::string key;
  std::string value;
  std::uint64_t seed = 0;
  std::size_t capacity = 0;
  AdaptiveOptions adaptive;
};

class TypedMap {
 public:
  explicit TypedMap(MapSpec spec) : spec_(std::move(spec)) {}
  virtual ~TypedMap() = default;

  const MapSpec& spec() const { return spec_; }
  MapLock& lock() { return lock_; }
  // Changes with every insertion, deletion, or other end of positions' validity.
  std::uint64_t version() const { return version_; }
  void touch() { ++version_; }

  // New reference; nullptr without an exception: the key is absent; nullptr with one: an error.
  virtual PyObject* get(PyObject* key) = 0;
  // 0, or -1 with an exception set. `erase` of an absent key raises KeyError.
  virtual int put(PyObject* key, PyObject* value) = 0;
  virtual int erase(PyObject* key) = 0;
  virtual int contains(PyObject* key) = 0;  // 1, 0, or -1 with an exception set

  virtual nb::object get_many(nb::handle keys) = 0;  // (values, found)
  virtual std::size_t put_many(nb::handle keys, nb::handle values) = 0;
  virtual std::size_t erase_many(nb::handle keys) = 0;
  virtual nb::object contains_many(nb::handle keys) = 0;
  virtual nb::object export_rows(std::size_t cursor, std::size_t limit) = 0;

  // New references at a position of the iteration.
  virtual PyObject* key_at(std::size_t position) = 0;
  virtual PyObject* value_at(std::size_t position) = 0;

  virtual std::size_t size() const = 0;
  virtual std::size_t end() const = 0;
  virtual std::size_t next(std::size_t from) const = 0;
  virtual std::size_t memory_bytes() const = 0;
  virtual void pin() = 0;
  virtual void unpin() = 0;
  virtual void reserve(std::size_t entries) = 0;
  virtual void clear() = 0;
  virtual void compact() = 0;
  virtual MapStats stats(std::size_t probe_samples) = 0;
  // Gives up the GIL meanwhile. Throws Interrupted and nb::python_error as the report's stop check.
  virtual void check_invariants(InvariantReport& report) = 0;
  // Throws nb::python_error for a key of another type.
  virtual ProbeTrace trace_probe(nb::handle key, ProbeOperation operation) = 0;

  // The map beneath, if it is of these kinds; else nullptr. For replays, which work on it directly.
  template <class Key, class Value>
  AnyMap<Key, Value>* as();

 protected:
  virtual void* any_map() = 0;
  virtual bool has_text_keys() const = 0;
  virtual bool has_text_values() const = 0;

 private:
  MapSpec spec_;
  MapLock lock_;
  std::uint64_t version_ = 0;
};

template <class Key, class Value>
AnyMap<Key, Value>* TypedMap::as() {
  constexpr bool kTextKeys = std::is_same_v<Key, BytesKey>;
  constexpr bool kTextValues = std::is_same_v<Value, BytesValue>;
  if (has_text_keys() != kTextKeys || has_text_values() != kTextValues) return nullptr;
  return static_cast<AnyMap<Key, Value>*>(any_map());
}

// Throws nb::python_error for an unknown engine, key or value type, std::bad_alloc.
std::unique_ptr<TypedMap> make_typed_map(MapSpec spec);

// The same for one type of key; each is compiled in a file of its own.
std::unique_ptr<TypedMap> make_int64_keyed(MapSpec spec);
std::unique_ptr<TypedMap> make_uint64_keyed(MapSpec spec);
std::unique_ptr<TypedMap> make_str_keyed(MapSpec spec);
std::unique_ptr<TypedMap> make_bytes_keyed(MapSpec spec);

}  // namespace adhash::python
