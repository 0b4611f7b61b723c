// Columns: many keys or values at once, between numpy arrays and the spans that engines take.
//
// Numbers are one array of their dtype. Bytes and text are a pair (offsets, data): `offsets` int64
// of shape (n + 1,), `data` uint8; element i is data[offsets[i]:offsets[i + 1]]. That is Arrow's
// own form, so Arrow arrays come and go without a copy in Python.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "errors.hpp"

namespace adhash::python {

namespace nb = nanobind;

template <class T>
using InputArray = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// A fresh array of `size` elements, not initialised, that becomes numpy's without a copy.
template <class T>
class NewArray {
 public:
  explicit NewArray(std::size_t size) : data_(new T[size]), size_(size) {}
  T* data() { return data_.get(); }
  std::size_t size() const { return size_; }

  // The numpy array, its elements read as `type`, which must be as wide as T.
  nb::object release(nb::dlpack::dtype type = nb::dtype<T>()) {
    T* data = data_.release();
    nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
    return nb::cast(nb::ndarray<nb::numpy>(data, {size_}, owner, {}, type));
  }

 private:
  std::unique_ptr<T[]> data_;
  std::size_t size_;
};

// The elements of a column, with what keeps them alive: all of them as views, or some copied.
template <class View>
class Column;

template <>
class Column<std::uint64_t> {
 public:
  // `dtype` is what the column must be made of. Throws nb::python_error.
  Column(nb::handle object, std::string_view dtype, PyObject* error);
  std::size_t size() const { return views_.size(); }
  std::span<const std::uint64_t> views() const { return views_; }
  // Copies `count` elements from number `first` on.
  void copy(std::size_t first, std::size_t count, std::uint64_t* to) const {
    std::copy_n(views_.data() + first, count, to);
  }

 private:
  nb::object owner_;
  std::span<const std::uint64_t> views_;
};

template <>
class Column<std::string_view> {
 public:
  Column(nb::handle object, std::string_view dtype, PyObject* error);
  std::size_t size() const { return offsets_.size() - 1; }
  std::vector<std::string_view> views() const {
    std::vector<std::string_view> views(size());
    copy(0, size(), views.data());
    return views;
  }
  // Makes views of `count` elements from number `first` on.
  void copy(std::size_t first, std::size_t count, std::string_view* to) const {
    const std::int64_t* offset = offsets_.data() + first;
    for (std::size_t i = 0; i < count; ++i) {
      to[i] = {bytes_ + offset[i], static_cast<std::size_t>(offset[i + 1] - offset[i])};
    }
  }

 private:
  nb::object owner_;
  std::span<const std::int64_t> offsets_;
  const char* bytes_ = nullptr;
};

// The 64-bit dtype of that name.
nb::dlpack::dtype dtype_named(std::string_view name);

// Views to Python: an array of `dtype`, or an (offsets, data) pair.
nb::object encode_column(std::span<const std::uint64_t> words, std::string_view dtype);
nb::object encode_column(std::span<const std::string_view> views, std::string_view dtype);

// The same, from an array that the result may take over.
inline nb::object encode_column(NewArray<std::uint64_t>&& words, std::string_view dtype) {
  return words.release(dtype_named(dtype));
}
inline nb::object encode_column(NewArray<std::string_view>&& views, std::string_view dtype) {
  return encode_column(std::span<const std::string_view>(views.data(), views.size()), dtype);
}

}  // namespace adhash::python
