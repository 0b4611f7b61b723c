#include "columns.hpp"

#include <algorithm>
#include <string>

namespace adhash::python {
namespace {

[[noreturn]] void refuse(PyObject* error, const std::string& message) {
  PyErr_SetString(error, message.c_str());
  throw nb::python_error();
}

// The words of an array of T, reinterpreted as bit patterns.
template <class T>
bool read_words(nb::handle object, nb::object& owner, std::span<const std::uint64_t>& words) {
  static_assert(sizeof(T) == sizeof(std::uint64_t));
  InputArray<T> array;
  if (!nb::try_cast(object, array)) return false;
  owner = nb::cast(array);
  words = {reinterpret_cast<const std::uint64_t*>(array.data()), array.shape(0)};
  return true;
}

}  // namespace

Column<std::uint64_t>::Column(nb::handle object, std::string_view dtype, PyObject* error) {
  bool read = false;
  if (dtype == "int64") read = read_words<std::int64_t>(object, owner_, views_);
  if (dtype == "uint64") read = read_words<std::uint64_t>(object, owner_, views_);
  if (dtype == "float64") read = read_words<double>(object, owner_, views_);
  if (!read) {
    refuse(error, "expected a contiguous one-dimensional array of " + std::string(dtype));
  }
}

Column<std::string_view>::Column(nb::handle object, std::string_view, PyObject* error) {
  InputArray<std::int64_t> offsets;
  InputArray<std::uint8_t> data;
  if (!nb::isinstance<nb::tuple>(object) || nb::len(object) != 2 ||
      !nb::try_cast(object[0], offsets) || !nb::try_cast(object[1], data) ||
      offsets.shape(0) == 0) {
    refuse(error, "expected a pair (offsets: int64 array of n + 1, data: uint8 array)");
  }
  owner_ = nb::borrow(object);
  offsets_ = {offsets.data(), offsets.shape(0)};
  bytes_ = reinterpret_cast<const char*>(data.data());
  const auto size = static_cast<std::int64_t>(data.shape(0));
  if (offsets_.front() < 0 || offsets_.back() > size || !std::ranges::is_sorted(offsets_)) {
    refuse(error, "offsets must ascend from 0 or more to the length of the data or less");
  }
}

nb::dlpack::dtype dtype_named(std::string_view name) {
  if (name == "float64") return nb::dtype<double>();
  return name == "uint64" ? nb::dtype<std::uint64_t>() : nb::dtype<std::int64_t>();
}

nb::object encode_column(std::span<const std::uint64_t> words, std::string_view dtype) {
  NewArray<std::uint64_t> array(words.size());
  if (!words.empty()) std::memcpy(array.data(), words.data(), words.size_bytes());
  return array.release(dtype_named(dtype));
}

nb::object encode_column(std::span<const std::string_view> views, std::string_view) {
  NewArray<std::int64_t> offsets(views.size() + 1);
  std::int64_t total = 0;
  offsets.data()[0] = 0;
  for (std::size_t i = 0; i < views.size(); ++i) {
    total += static_cast<std::int64_t>(views[i].size());
    offsets.data()[i + 1] = total;
  }
  NewArray<std::uint8_t> data(static_cast<std::size_t>(total));
  std::uint8_t* next = data.data();
  for (const std::string_view view : views) {
    if (!view.empty()) std::memcpy(next, view.data(), view.size());
    next += view.size();
  }
  return nb::make_tuple(offsets.release(), data.release());
}

}  // namespace adhash::python
