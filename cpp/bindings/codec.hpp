// Python objects to the views that engines take, and back. One codec per type of key or value; a
// decoder writes the view and returns true, or sets a Python exception and returns false.
#pragma once

#include <nanobind/nanobind.h>

#include <bit>
#include <cstdint>
#include <string_view>

#include "adhash/operation.hpp"
#include "errors.hpp"

namespace adhash::python {

enum class Role { key, value };

template <Role kRole>
PyObject* type_error() {
  return kRole == Role::key ? errors.key_type : errors.value_type;
}
template <Role kRole>
constexpr const char* role_name() {
  return kRole == Role::key ? "key" : "value";
}

// Sets the error "<role> must be <wanted>; got <object> of type <type>".
template <Role kRole>
inline bool refuse(PyObject* object, const char* wanted) {
  PyErr_Clear();
  PyErr_Format(type_error<kRole>(), "%s must be %s; got %.80R of type %s", role_name<kRole>(),
               wanted, object, Py_TYPE(object)->tp_name);
  return false;
}

// An integer object as int; numpy's integers come through __index__. New reference or nullptr.
inline PyObject* as_index(PyObject* object) {
  return PyLong_Check(object) ? Py_NewRef(object) : PyNumber_Index(object);
}

template <Role kRole>
struct Int64Codec {
  using Kind = std::conditional_t<kRole == Role::key, IntKey, WordValue>;
  static constexpr const char* kName = "int64";

  static bool decode(PyObject* object, std::uint64_t& word) {
    int overflow = 0;
    long long number;
    if (PyLong_CheckExact(object)) [[likely]] {
      number = PyLong_AsLongLongAndOverflow(object, &overflow);
    } else {
      PyObject* index = as_index(object);
      if (index == nullptr) return refuse<kRole>(object, "an int");
      number = PyLong_AsLongLongAndOverflow(index, &overflow);
      Py_DECREF(index);
    }
    if (overflow != 0) [[unlikely]]
      return refuse<kRole>(object, "an int in [-2**63, 2**63)");
    word = static_cast<std::uint64_t>(number);
    return true;
  }
  static PyObject* encode(std::uint64_t word) {
    return PyLong_FromLongLong(static_cast<long long>(word));
  }
};

template <Role kRole>
struct UInt64Codec {
  using Kind = std::conditional_t<kRole == Role::key, IntKey, WordValue>;
  static constexpr const char* kName = "uint64";

  static bool decode(PyObject* object, std::uint64_t& word) {
    PyObject* index = as_index(object);
    if (index == nullptr) return refuse<kRole>(object, "an int");
    word = PyLong_AsUnsignedLongLong(index);
    Py_DECREF(index);
    if (word == static_cast<std::uint64_t>(-1) && PyErr_Occurred()) {
      return refuse<kRole>(object, "an int in [0, 2**64)");
    }
    return true;
  }
  static PyObject* encode(std::uint64_t word) { return PyLong_FromUnsignedLongLong(word); }
};

struct Float64Codec {
  using Kind = WordValue;
  static constexpr const char* kName = "float64";

  static bool decode(PyObject* object, std::uint64_t& word) {
    const double number = PyFloat_AsDouble(object);
    if (number == -1.0 && PyErr_Occurred()) return refuse<Role::value>(object, "a float");
    word = std::bit_cast<std::uint64_t>(number);
    return true;
  }
  static PyObject* encode(std::uint64_t word) {
    return PyFloat_FromDouble(std::bit_cast<double>(word));
  }
};

template <Role kRole>
struct BytesCodec {
  using Kind = std::conditional_t<kRole == Role::key, BytesKey, BytesValue>;
  static constexpr const char* kName = "bytes";

  static bool decode(PyObject* object, std::string_view& view) {
    if (!PyBytes_Check(object)) return refuse<kRole>(object, "bytes");
    view = {PyBytes_AS_STRING(object), static_cast<std::size_t>(PyBytes_GET_SIZE(object))};
    return true;
  }
  static PyObject* encode(std::string_view view) {
    return PyBytes_FromStringAndSize(view.data(), static_cast<Py_ssize_t>(view.size()));
  }
};

template <Role kRole>
struct StrCodec {
  using Kind = std::conditional_t<kRole == Role::key, BytesKey, BytesValue>;
  static constexpr const char* kName = "str";

  static bool decode(PyObject* object, std::string_view& view) {
    if (!PyUnicode_Check(object)) return refuse<kRole>(object, "a str");
    Py_ssize_t size = 0;
    const char* utf8 = PyUnicode_AsUTF8AndSize(object, &size);
    if (utf8 == nullptr) return refuse<kRole>(object, "a str without lone surrogates");
    view = {utf8, static_cast<std::size_t>(size)};
    return true;
  }
  static PyObject* encode(std::string_view view) {
    return PyUnicode_DecodeUTF8(view.data(), static_cast<Py_ssize_t>(view.size()), "strict");
  }
};

}  // namespace adhash::python
