// A block of bytes that Python lends: any object of the buffer protocol, held while in use.
#pragma once

#include <nanobind/nanobind.h>

#include <string>
#include <string_view>
#include <utility>

#include "adhash/csv_parser.hpp"

namespace adhash::python {

namespace nb = nanobind;

class Buffer {
 public:
  Buffer() = default;
  // Throws nb::python_error where the object has no contiguous bytes.
  explicit Buffer(nb::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &buffer_, PyBUF_SIMPLE) != 0) throw nb::python_error();
  }
  Buffer(Buffer&& other) noexcept : buffer_(std::exchange(other.buffer_, Py_buffer{})) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { PyBuffer_Release(&buffer_); }  // does nothing for an empty one

  std::string_view view() const {
    return {static_cast<const char*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
  }

 private:
  Py_buffer buffer_{};
};

// The integers that a key type admits; any for keys that are not integers.
IntRange int_range_of(const std::string& key_type);

}  // namespace adhash::python
