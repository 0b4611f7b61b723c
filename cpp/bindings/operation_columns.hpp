// The operations of a block of columns, handed on in batches as a parser hands on those of a file.
#pragma once

#include <nanobind/nanobind.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "adhash/operation.hpp"
#include "columns.hpp"
#include "errors.hpp"

namespace adhash::python {

template <class Key, class Value>
class OperationColumns {
 public:
  // `ops` holds an OpKind a row; `key` and `value` name the types that the columns must be of.
  // Throws nb::python_error, and nb::value_error unless all are equally long.
  OperationColumns(InputArray<std::uint8_t> ops, nb::handle keys, std::string_view key,
                   nb::handle values, std::string_view value)
      : ops_(std::move(ops)),
        keys_(keys, key, errors.key_type),
        values_(values, value, errors.value_type) {
    if (keys_.size() != ops_.shape(0) || values_.size() != ops_.shape(0)) {
      throw nb::value_error("columns must be equally long");
    }
  }

  // Fills the batch with the next operations; false if there are none. Needs no GIL.
  bool next(OperationBatch<Key, Value>& batch) {
    batch.size = std::min(ops_.shape(0) - next_, batch.kCapacity);
    const std::uint8_t* codes = ops_.data() + next_;
    for (std::size_t i = 0; i < batch.size; ++i) {
      batch.op[i] = static_cast<OpKind>(std::min<std::uint8_t>(codes[i], 2));
    }
    keys_.copy(next_, batch.size, batch.key.data());
    values_.copy(next_, batch.size, batch.value.data());
    next_ += batch.size;
    return batch.size > 0;
  }

 private:
  InputArray<std::uint8_t> ops_;
  Column<typename Key::View> keys_;
  Column<typename Value::View> values_;
  std::size_t next_ = 0;
};

}  // namespace adhash::python
