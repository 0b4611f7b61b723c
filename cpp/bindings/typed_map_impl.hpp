// The one implementation of TypedMap, for any pair of codecs.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "adhash/engines.hpp"
#include "codec.hpp"
#include "columns.hpp"
#include "typed_map.hpp"

namespace adhash::python {

template <class KeyCodec, class ValueCodec>
class CodecMap final : public TypedMap {
 public:
  using Key = typename KeyCodec::Kind;
  using Value = typename ValueCodec::Kind;
  using KeyView = typename Key::View;
  using ValueView = typename Value::View;

  explicit CodecMap(MapSpec spec) : TypedMap(std::move(spec)), map_(make()) {}

  // Decoding may run Python code (an `__index__`), and so let another thread start a batch: each
  // operation waits for the map only once it has its views.
  PyObject* get(PyObject* key) override {
    KeyView view{};
    ValueView value{};
    if (!KeyCodec::decode(key, view)) return nullptr;
    lock().wait_until_free();
    return map_->get(view, value) ? ValueCodec::encode(value) : nullptr;
  }
  int contains(PyObject* key) override {
    KeyView view{};
    ValueView value{};
    if (!KeyCodec::decode(key, view)) return -1;
    lock().wait_until_free();
    return map_->get(view, value) ? 1 : 0;
  }
  int put(PyObject* key, PyObject* value) override {
    KeyView key_view{};
    ValueView value_view{};
    if (!KeyCodec::decode(key, key_view) || !ValueCodec::decode(value, value_view)) return -1;
    lock().wait_until_free();
    if (map_->put(key_view, value_view)) touch();
    return 0;
  }
  int erase(PyObject* key) override {
    KeyView view{};
    if (!KeyCodec::decode(key, view)) return -1;
    lock().wait_until_free();
    if (!map_->erase(view)) {
      PyErr_SetObject(PyExc_KeyError, key);
      return -1;
    }
    touch();
    return 0;
  }

  nb::object get_many(nb::handle keys) override {
    const Column<KeyView> column(keys, KeyCodec::kName, errors.key_type);
    const auto views = column.views();
    NewArray<ValueView> values(views.size());
    NewArray<bool> found(views.size());
    look_up(views.size(), [&] { map_->get_many(views, values.data(), found.data()); });
    return nb::make_tuple(encode_column(std::move(values), ValueCodec::kName), found.release());
  }
  nb::object contains_many(nb::handle keys) override {
    const Column<KeyView> column(keys, KeyCodec::kName, errors.key_type);
    const auto views = column.views();
    NewArray<bool> found(views.size());
    look_up(views.size(), [&] { map_->contains_many(views, found.data()); });
    return found.release();
  }
  std::size_t put_many(nb::handle keys, nb::handle values) override {
    const Column<KeyView> key_column(keys, KeyCodec::kName, errors.key_type);
    const Column<ValueView> value_column(values, ValueCodec::kName, errors.value_type);
    if (key_column.size() != value_column.size()) {
      PyErr_Format(errors.value_type, "as many values as keys are needed; got %zu and %zu",
                   value_column.size(), key_column.size());
      throw nb::python_error();
    }
    const ChangesPositions touched(*this);
    const MapLock::Batch batch(lock());
    const auto views = value_column.views();
    return map_->put_many(key_column.views(), views.data());
  }
  std::size_t erase_many(nb::handle keys) override {
    const Column<KeyView> column(keys, KeyCodec::kName, errors.key_type);
    const ChangesPositions touched(*this);
    const MapLock::Batch batch(lock());
    return map_->erase_many(column.views());
  }

  nb::object export_rows(std::size_t cursor, std::size_t limit) override {
    std::vector<KeyView> keys;
    std::vector<ValueView> values;
    const std::size_t rows = std::min(limit, map_->size());
    keys.reserve(rows);
    values.reserve(rows);
    std::size_t position = map_->next(std::min(cursor, map_->end()));
    for (; position != map_->end() && keys.size() < limit; position = map_->next(position + 1)) {
      keys.push_back(map_->key_at(position));
      values.push_back(map_->value_at(position));
    }
    return nb::make_tuple(encode_column(std::span<const KeyView>(keys), KeyCodec::kName),
                          encode_column(std::span<const ValueView>(values), ValueCodec::kName),
                          position == map_->end() ? 0 : position);
  }

  PyObject* key_at(std::size_t position) override {
    return KeyCodec::encode(map_->key_at(position));
  }
  PyObject* value_at(std::size_t position) override {
    return ValueCodec::encode(map_->value_at(position));
  }

  std::size_t size() const override { return map_->size(); }
  std::size_t end() const override { return map_->end(); }
  std::size_t next(std::size_t from) const override { return map_->next(from); }
  std::size_t memory_bytes() const override { return map_->memory_bytes(); }
  void pin() override { map_->pin(); }
  void unpin() override { map_->unpin(); }
  void reserve(std::size_t entries) override {
    const ChangesPositions touched(*this);
    map_->reserve(entries);
  }
  void clear() override {
    const ChangesPositions touched(*this);
    map_->clear();
  }
  void compact() override {
    const ChangesPositions touched(*this);
    const MapLock::Batch batch(lock());
    map_->compact();
  }
  MapStats stats(std::size_t probe_samples) override { return map_->stats(probe_samples); }
  void check_invariants(InvariantReport& report) override {
    const MapLock::Batch batch(lock());
    map_->check_invariants(report);
  }
  ProbeTrace trace_probe(nb::handle key, ProbeOperation operation) override {
    KeyView view{};
    if (!KeyCodec::decode(key.ptr(), view)) throw nb::python_error();
    lock().wait_until_free();
    return map_->trace_probe(view, operation);
  }

 protected:
  void* any_map() override { return map_.get(); }
  bool has_text_keys() const override { return std::is_same_v<Key, BytesKey>; }
  bool has_text_values() const override { return std::is_same_v<Value, BytesValue>; }

 private:
  // Ends iterations even where the operation fails half-way.
  class ChangesPositions {
   public:
    explicit ChangesPositions(TypedMap& map) : map_(map) {}
    ~ChangesPositions() { map_.touch(); }

   private:
    TypedMap& map_;
  };

  AnyMapPtr<Key, Value> make() const {
    auto map = make_map<Key, Value>(spec().engine, spec().seed, spec().capacity, spec().adaptive);
    if (map == nullptr) {
      PyErr_Format(errors.bad_input, "unknown engine '%s'; adhash.maps.engines() names them",
                   spec().engine.c_str());
      throw nb::python_error();
    }
    return map;
  }

  // Small batches keep the GIL: giving it up costs more than the look-ups.
  template <class Body>
  void look_up(std::size_t keys, Body body) {
    constexpr std::size_t kWorthReleasing = 256;
    if (keys < kWorthReleasing) {
      lock().wait_until_free();
      return body();
    }
    const MapLock::Batch batch(lock());
    body();
  }

  AnyMapPtr<Key, Value> map_;
};

template <template <Role> class KeyCodec>
std::unique_ptr<TypedMap> make_keyed(MapSpec spec) {
  using Key = KeyCodec<Role::key>;
  const std::string value = spec.value;
  if (value == "int64")
    return std::make_unique<CodecMap<Key, Int64Codec<Role::value>>>(std::move(spec));
  if (value == "uint64")
    return std::make_unique<CodecMap<Key, UInt64Codec<Role::value>>>(std::move(spec));
  if (value == "float64") return std::make_unique<CodecMap<Key, Float64Codec>>(std::move(spec));
  if (value == "bytes")
    return std::make_unique<CodecMap<Key, BytesCodec<Role::value>>>(std::move(spec));
  if (value == "str")
    return std::make_unique<CodecMap<Key, StrCodec<Role::value>>>(std::move(spec));
  PyErr_Format(errors.bad_input,
               "value must be 'int64', 'uint64', 'float64', 'bytes' or 'str'; got '%s'",
               value.c_str());
  throw nb::python_error();
}

}  // namespace adhash::python
