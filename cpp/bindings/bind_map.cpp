// Python's Map: the mapping slots as C functions, the rest through nanobind.
//
// `m[k]`, `k in m` and `m.get(k)` go through the type's own slots, because a call through a
// binding layer costs as much as the look-up itself.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <limits>
#include <new>
#include <string>

#include "adhash/engines.hpp"
#include "bindings.hpp"
#include "errors.hpp"
#include "typed_map.hpp"

namespace adhash::python {

TypedMap& MapObject::map() {
  if (map_ == nullptr) {
    throw nb::type_error("Map.__init__ was not called");
  }
  map_->lock().wait_until_free();
  return *map_;
}

namespace {

MapObject* object_of(PyObject* self) {
  if (!nb::inst_ready(self)) return nullptr;
  return nb::inst_ptr<MapObject>(self);
}

// Runs a slot's body with C++ exceptions turned into Python's.
template <class Result, class Body>
ADHASH_ALWAYS_INLINE Result guarded(PyObject* self, Result failure, Body body) noexcept {
  try {
    MapObject* object = object_of(self);
    if (object == nullptr) [[unlikely]] {
      PyErr_SetString(PyExc_TypeError, "Map.__init__ was not called");
      return failure;
    }
    return body(object->map());
  } catch (nb::python_error& error) {
    error.restore();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const nb::builtin_exception& error) {  // there is no map
    PyErr_SetString(PyExc_TypeError, error.what());
  } catch (const std::length_error& error) {
    PyErr_SetString(errors.bad_input, error.what());
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return failure;
}

PyObject* subscript(PyObject* self, PyObject* key) {
  return guarded<PyObject*>(self, nullptr, [&](TypedMap& map) {
    PyObject* value = map.get(key);
    if (value == nullptr && !PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, key);
    return value;
  });
}

int assign_subscript(PyObject* self, PyObject* key, PyObject* value) {
  return guarded<int>(self, -1, [&](TypedMap& map) {
    return value == nullptr ? map.erase(key) : map.put(key, value);
  });
}

int contains(PyObject* self, PyObject* key) {
  return guarded<int>(self, -1, [&](TypedMap& map) { return map.contains(key); });
}

Py_ssize_t length(PyObject* self) {
  return guarded<Py_ssize_t>(self, -1,
                             [](TypedMap& map) { return static_cast<Py_ssize_t>(map.size()); });
}

PyObject* get(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  if (count < 1 || count > 2) {
    PyErr_Format(PyExc_TypeError, "get expected 1 or 2 arguments, got %zd", count);
    return nullptr;
  }
  return guarded<PyObject*>(self, nullptr, [&](TypedMap& map) {
    PyObject* value = map.get(arguments[0]);
    if (value != nullptr || PyErr_Occurred()) return value;
    return Py_NewRef(count == 2 ? arguments[1] : Py_None);
  });
}

// --- iteration ------------------------------------------------------------------------------

enum class Yields { keys, values, items };

class MapIterator {
 public:
  MapIterator(nb::object owner, TypedMap& map, Yields yields)
      : owner_(std::move(owner)), map_(&map), version_(map.version()), yields_(yields) {
    map.pin();
  }
  ~MapIterator() { finish(); }
  MapIterator(const MapIterator&) = delete;
  MapIterator& operator=(const MapIterator&) = delete;

  // New reference, or nullptr at the end (or with an exception set).
  PyObject* next() {
    if (map_ == nullptr) return nullptr;
    map_->lock().wait_until_free();
    if (map_->version() != version_) {
      finish();
      PyErr_SetString(PyExc_RuntimeError, "map changed size during iteration");
      return nullptr;
    }
    position_ = map_->next(position_);
    if (position_ == map_->end()) {
      finish();
      return nullptr;
    }
    return yield_at(position_++);
  }

 private:
  PyObject* yield_at(std::size_t position) {
    if (yields_ == Yields::keys) return map_->key_at(position);
    if (yields_ == Yields::values) return map_->value_at(position);
    PyObject* key = map_->key_at(position);
    PyObject* value = key == nullptr ? nullptr : map_->value_at(position);
    PyObject* pair = value == nullptr ? nullptr : PyTuple_Pack(2, key, value);
    Py_XDECREF(key);
    Py_XDECREF(value);
    return pair;
  }

  void finish() {
    if (map_ == nullptr) return;
    map_->lock().wait_until_free();
    map_->unpin();
    map_ = nullptr;
    owner_.reset();
  }

  nb::object owner_;
  TypedMap* map_;
  std::uint64_t version_;
  Yields yields_;
  std::size_t position_ = 0;
};

PyObject* iterator_next(PyObject* self) {
  return nb::inst_ptr<MapIterator>(self)->next();
}

PyObject* iterate(PyObject* self, Yields yields) {
  return guarded<PyObject*>(self, nullptr, [&](TypedMap& map) {
    return nb::cast(new MapIterator(nb::borrow(self), map, yields), nb::rv_policy::take_ownership)
        .release()
        .ptr();
  });
}
PyObject* iterate_keys(PyObject* self) {
  return iterate(self, Yields::keys);
}

PyMethodDef map_methods[] = {
    {"get", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(get)), METH_FASTCALL,
     "get(key, default=None, /)\n--\n\nReturn the value of `key`, or `default` if there is none."},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot map_slots[] = {{Py_mp_subscript, reinterpret_cast<void*>(subscript)},
                           {Py_mp_ass_subscript, reinterpret_cast<void*>(assign_subscript)},
                           {Py_mp_length, reinterpret_cast<void*>(length)},
                           {Py_sq_contains, reinterpret_cast<void*>(contains)},
                           {Py_tp_iter, reinterpret_cast<void*>(iterate_keys)},
                           {Py_tp_methods, map_methods},
                           {0, nullptr}};

PyType_Slot iterator_slots[] = {{Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                                {Py_tp_iternext, reinterpret_cast<void*>(iterator_next)},
                                {0, nullptr}};

// --- everything that is not hot --------------------------------------------------------------

AdaptiveOptions read_adaptive(const nb::dict& settings) {
  AdaptiveOptions options;
  const auto read = [&](const char* name, auto& field) {
    if (settings.contains(name)) field = nb::cast<std::decay_t<decltype(field)>>(settings[name]);
  };
  read("initial_layout", options.initial_layout);
  read("layout_switching", options.layout_switching);
  read("migration_step", options.migration_step);
  read("free_slice_bytes", options.free_slice_bytes);
  read("decision_window", options.decision_window);
  read("hysteresis", options.hysteresis);
  read("probe_alarm", options.probe_alarm);
  using Known = Layouts<Entry<IntKey, WordValue>>;
  if (Known::index_of(options.initial_layout) == Known::kCount) {
    PyErr_Format(errors.bad_input, "unknown layout '%s'", options.initial_layout.c_str());
    throw nb::python_error();
  }
  return options;
}

nb::object number_or_none(double value) {
  return std::isnan(value) ? nb::none() : nb::cast(value);
}

nb::dict describe(const Decision& decision) {
  nb::dict row;
  row["at_ops"] = decision.at_operation;
  row["signal"] = decision.signal;
  row["from"] = std::string(decision.from);
  row["to"] = std::string(decision.to);
  row["expected_gain"] = number_or_none(decision.expected_gain);
  row["measured_gain"] = number_or_none(decision.measured_gain);
  return row;
}

double ratio(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

nb::dict describe(const MapStats& stats) {
  nb::dict row;
  row["engine"] = std::string(stats.engine);
  row["layout"] = std::string(stats.layout);
  row["size"] = stats.size;
  row["capacity"] = stats.capacity;
  row["load_factor"] = ratio(stats.size, stats.capacity);
  row["max_group_len"] = stats.probes.longest;
  row["avg_probe_estimate"] = stats.probes.average();
  row["probe_samples"] = stats.probes.sampled;
  row["tombstones"] = stats.tombstones;
  row["tombstone_ratio"] = ratio(stats.tombstones, stats.capacity);
  row["probe_hist"] = stats.probes.hist;
  row["memory_bytes"] = stats.memory_bytes;
  row["bytes_per_entry"] = ratio(stats.memory_bytes, stats.size);
  row["migrations"] = stats.migrations;
  row["compactions"] = stats.compactions;
  row["reseeds"] = stats.reseeds;
  row["migrating"] = stats.migrating;
  nb::list decisions;
  for (const Decision& decision : stats.decisions) decisions.append(describe(decision));
  row["decisions"] = decisions;
  return row;
}

void init_map(nb::pointer_and_handle<MapObject> self, std::string engine, std::string key,
              std::string value, std::uint64_t seed, std::size_t capacity,
              const nb::dict& adaptive) {
  if (nb::inst_ready(self.h)) throw nb::type_error("Map.__init__ was called twice");
  new (self.p) MapObject(make_typed_map(MapSpec{std::move(engine), std::move(key), std::move(value),
                                                seed, capacity, read_adaptive(adaptive)}));
}

}  // namespace

std::unique_ptr<TypedMap> make_typed_map(MapSpec spec) {
  const std::string key = spec.key;
  if (key == "int64") return make_int64_keyed(std::move(spec));
  if (key == "uint64") return make_uint64_keyed(std::move(spec));
  if (key == "str") return make_str_keyed(std::move(spec));
  if (key == "bytes") return make_bytes_keyed(std::move(spec));
  PyErr_Format(errors.bad_input, "key must be 'int64', 'uint64', 'str' or 'bytes'; got '%s'",
               key.c_str());
  throw nb::python_error();
}

void bind_map(nb::module_& module) {
  module.def("engines", [] {
    std::vector<std::string> names;
    for (const std::string_view name : engine_names()) names.emplace_back(name);
    return names;
  });

  nb::class_<MapIterator>(module, "MapIterator", nb::type_slots(iterator_slots));

  nb::class_<MapObject>(module, "Map", nb::type_slots(map_slots), nb::dynamic_attr(),
                        nb::is_weak_referenceable())
      .def("__init__", &init_map, nb::arg("engine"), nb::arg("key"), nb::arg("value"),
           nb::arg("seed"), nb::arg("capacity"), nb::arg("adaptive"))
      .def_prop_ro("engine", [](MapObject& self) { return self.map().spec().engine; })
      .def_prop_ro("key_type", [](MapObject& self) { return self.map().spec().key; })
      .def_prop_ro("value_type", [](MapObject& self) { return self.map().spec().value; })
      .def_prop_ro("seed", [](MapObject& self) { return self.map().spec().seed; })
      .def_prop_ro("version", [](MapObject& self) { return self.map().version(); })
      .def_prop_ro("memory_bytes", [](MapObject& self) { return self.map().memory_bytes(); })
      .def("iter_values",
           [](nb::handle self) { return nb::steal(iterate(self.ptr(), Yields::values)); })
      .def("iter_items",
           [](nb::handle self) { return nb::steal(iterate(self.ptr(), Yields::items)); })
      .def("get_many", [](MapObject& self, nb::handle keys) { return self.map().get_many(keys); })
      .def("put_many", [](MapObject& self, nb::handle keys,
                          nb::handle values) { return self.map().put_many(keys, values); })
      .def("delete_many",
           [](MapObject& self, nb::handle keys) { return self.map().erase_many(keys); })
      .def("contains_many",
           [](MapObject& self, nb::handle keys) { return self.map().contains_many(keys); })
      .def("export_rows", [](MapObject& self, std::size_t cursor,
                             std::size_t limit) { return self.map().export_rows(cursor, limit); })
      .def("pin", [](MapObject& self) { self.map().pin(); })
      .def("unpin", [](MapObject& self) { self.map().unpin(); })
      .def(
          "stats",
          [](MapObject& self, std::size_t probe_samples) {
            return describe(self.map().stats(probe_samples));
          },
          nb::arg("probe_samples") = std::numeric_limits<std::size_t>::max())
      .def("reserve", [](MapObject& self, std::size_t entries) { self.map().reserve(entries); })
      .def("clear", [](MapObject& self) { self.map().clear(); })
      .def("compact", [](MapObject& self) { self.map().compact(); });
}

}  // namespace adhash::python
