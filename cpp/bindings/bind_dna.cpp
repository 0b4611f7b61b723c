// Workload DNA from Python: blocks of a file or columns go in, arrays of counts come out. Parsing
// and counting run without the GIL, for at most the time that advance() is given.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "adhash/csv_parser.hpp"
#include "adhash/pauses.hpp"
#include "adhash/trace_dna.hpp"
#include "bindings.hpp"
#include "buffer.hpp"
#include "columns.hpp"
#include "errors.hpp"
#include "operation_columns.hpp"
#include "stop_check.hpp"

namespace adhash::python {
namespace {

template <class T>
nb::object copied(const T* numbers, std::size_t size) {
  NewArray<T> array(size);
  std::copy_n(numbers, size, array.data());
  return array.release();
}

// Lines after the first are empty while every key is followed, and left out then.
template <std::size_t Bins>
nb::object copied(const SampledCounts<Bins>& counts, bool is_all) {
  return copied(counts.line(0), Bins * (is_all ? 1 : KeySample::kLines));
}

nb::dict describe(const LengthCounts& lengths) {
  nb::dict row;
  row["bins"] = copied(lengths.bins().data(), lengths.bins().size());
  row["total_bytes"] = lengths.total_bytes();
  row["least"] = lengths.least();
  row["greatest"] = lengths.greatest();
  return row;
}

nb::object integer(std::uint64_t bits, bool is_signed) {
  return is_signed ? nb::cast(static_cast<std::int64_t>(bits)) : nb::cast(bits);
}

nb::dict describe(const IntegerOrder& order, bool is_signed) {
  nb::dict row;
  row["same"] = order.same();
  row["next_up"] = order.next_up();
  row["next_down"] = order.next_down();
  row["up"] = order.up();
  row["least"] = integer(order.least(), is_signed);
  row["greatest"] = integer(order.greatest(), is_signed);
  row["common_step"] = order.common_step();
  row["longest_run"] = order.longest_run();
  row["run_steps"] = copied(order.run_steps().data(), order.run_steps().size());
  return row;
}

nb::dict describe(const KeyWindows& windows, bool is_all) {
  nb::dict row;
  row["width"] = windows.width();
  row["ops"] = copied(windows.ops().data(), windows.ops().size());
  row["keys"] = copied(windows.keys(), is_all);
  row["cohorts"] = copied(windows.cohorts(), is_all);
  return row;
}

nb::dict describe(const PhaseWindows& windows) {
  nb::dict row;
  row["width"] = windows.width();
  row["ops"] = copied(windows.ops().data(), windows.ops().size());
  row["misses"] = copied(windows.misses().data(), windows.misses().size());
  row["cells"] = copied(windows.cells().data(), windows.cells().size());
  row["registers"] = copied(windows.registers().data(), windows.registers().size());
  return row;
}

// Counting without the types in its name.
class AnyDna {
 public:
  virtual ~AnyDna() = default;
  virtual void feed_csv(Buffer block, bool last) = 0;
  virtual void feed_columns(InputArray<std::uint8_t> ops, nb::handle keys, nb::handle values) = 0;
  // Runs for about `budget_ns`; true once everything fed is counted. Throws Interrupted.
  virtual bool advance(std::uint64_t budget_ns) = 0;
  virtual void finish() = 0;
  virtual std::uint64_t rows() const = 0;
  virtual std::size_t memory_bytes() const = 0;
  virtual nb::dict counts() const = 0;
  virtual nb::dict histories() = 0;
  virtual nb::object keys_of(InputArray<std::int64_t> numbers) = 0;
  virtual nb::object numbers_of(nb::handle keys) = 0;
  virtual nb::object sketch() = 0;
};

// `Value` is what the parser reads; the counts depend on the kind of key alone.
template <class Key, class Value>
class TypedDna final : public AnyDna {
 public:
  using KeyView = typename Key::View;
  using ValueView = typename Value::View;
  using Dna = TraceDna<Key>;
  using Number = typename Dna::Number;

  TypedDna(std::string key_type, std::string value_type, const TraceDnaOptions& options,
           const CsvOptions& csv, PythonStopCheck& stop_check)
      : key_type_(std::move(key_type)),
        value_type_(std::move(value_type)),
        stop_check_(stop_check),
        dna_(std::make_unique<Dna>(options)),
        parser_(csv) {
    dna_->set_stop_check(&stop_check_);
  }

  void feed_csv(Buffer block, bool last) override {
    block_ = std::move(block);
    parser_.feed(block_.view().data(), block_.view().size(), last);
    columns_.reset();
  }
  void feed_columns(InputArray<std::uint8_t> ops, nb::handle keys, nb::handle values) override {
    columns_.emplace(std::move(ops), keys, key_type_, values, value_type_);
  }

  bool advance(std::uint64_t budget_ns) override {
    stop_check_.begin();
    const nb::gil_scoped_release released;
    const std::uint64_t deadline_ns = steady_now_ns() + budget_ns;
    do {
      if (!refill()) return true;
      dna_->add(*batch_);
    } while (steady_now_ns() < deadline_ns);
    return false;
  }
  void finish() override { dna_->finish(); }

  std::uint64_t rows() const override { return dna_->rows(); }
  std::size_t memory_bytes() const override { return dna_->memory_bytes(); }

  nb::dict counts() const override {
    const bool is_all = dna_->sample().is_all();
    const FollowedCounts& followed = dna_->followed();
    nb::dict row;
    row["rows"] = dna_->rows();
    row["exact_rows"] = dna_->exact_rows();
    row["weight"] = dna_->sample().weight();
    row["operations"] = copied(dna_->operations().data(), kOperations);
    row["outcomes"] = copied(followed.outcomes, is_all);
    row["get_distances"] = copied(followed.get_distances, is_all);
    row["other_distances"] = copied(followed.other_distances, is_all);
    row["gaps"] = copied(followed.gaps, is_all);
    row["lifetimes"] = copied(followed.lifetimes, is_all);
    row["unread_deletions"] = copied(followed.unread_deletions, is_all);
    row["entries"] = followed.entries;
    row["peak_entries"] = followed.peak_entries;
    row["key_lengths"] = describe(dna_->key_lengths());
    row["value_lengths"] = describe(dna_->value_lengths());
    row["key_windows"] = describe(dna_->key_windows(), is_all);
    row["phase_windows"] = describe(dna_->phase_windows());
    row["order"] = nb::none();
    if constexpr (Dna::kIntegerKeys) row["order"] = describe(dna_->order(), key_type_ == "int64");
    return row;
  }

  nb::dict histories() override {
    const std::size_t size = dna_->histories().size();
    NewArray<std::int64_t> rows(size), first_rows(size), last_rows(size), early_gets(size);
    NewArray<std::uint8_t> states(size), groups(size);
    for (std::size_t i = 0; i < size; ++i) {
      const KeyHistory& key = dna_->histories().at(static_cast<Number>(i));
      rows.data()[i] = static_cast<std::int64_t>(key.rows);
      first_rows.data()[i] = static_cast<std::int64_t>(key.first_row);
      last_rows.data()[i] = static_cast<std::int64_t>(key.last_row);
      early_gets.data()[i] = static_cast<std::int64_t>(key.early_gets);
      states.data()[i] = static_cast<std::uint8_t>(key.state);
      groups.data()[i] = static_cast<std::uint8_t>(key.group);
    }
    nb::dict row;
    row["rows"] = rows.release();
    row["first_rows"] = first_rows.release();
    row["last_rows"] = last_rows.release();
    row["early_gets"] = early_gets.release();
    row["states"] = states.release();
    row["groups"] = groups.release();
    return row;
  }

  nb::object keys_of(InputArray<std::int64_t> numbers) override {
    constexpr std::size_t kNone = ~std::size_t{0};
    std::vector<std::size_t> place(dna_->histories().size(), kNone);
    for (std::size_t i = 0; i < numbers.shape(0); ++i) {
      const std::int64_t number = numbers(i);
      if (number < 0 || static_cast<std::size_t>(number) >= place.size()) {
        throw nb::index_error("no key has this number");
      }
      place[static_cast<std::size_t>(number)] = i;
    }
    std::vector<KeyView> keys(numbers.shape(0));
    dna_->histories().for_each([&](KeyView key, Number number) {
      if (place[number] != kNone) keys[place[number]] = key;
    });
    return encode_column(std::span<const KeyView>(keys), key_type_);
  }

  nb::object numbers_of(nb::handle keys) override {
    const Column<KeyView> column(keys, key_type_, errors.key_type);
    const auto views = column.views();
    NewArray<std::int64_t> numbers(views.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      numbers.data()[i] = dna_->histories().find(views[i]);
    }
    return numbers.release();
  }

  nb::object sketch() override {
    HeavyHitters<Key>* held = dna_->sketch();
    if (held == nullptr) return nb::none();
    std::vector<KeyView> keys;
    keys.reserve(held->size());
    NewArray<std::int64_t> rows(held->size());
    held->for_each([&](KeyView key, std::uint64_t count) {
      rows.data()[keys.size()] = static_cast<std::int64_t>(count);
      keys.push_back(key);
    });
    return nb::make_tuple(encode_column(std::span<const KeyView>(keys), key_type_), rows.release(),
                          held->error());
  }

 private:
  bool refill() { return columns_ ? columns_->next(*batch_) : parser_.next(*batch_); }

  std::string key_type_;
  std::string value_type_;
  PythonStopCheck& stop_check_;
  std::unique_ptr<Dna> dna_;
  CsvParser<Key, Value> parser_;
  Buffer block_;
  std::optional<OperationColumns<Key, Value>> columns_;
  std::unique_ptr<OperationBatch<Key, Value>> batch_ =
      std::make_unique<OperationBatch<Key, Value>>();
};

class PythonDna {
 public:
  PythonDna(const std::string& key_type, const std::string& value_type,
            const TraceDnaOptions& options, std::size_t max_line_bytes, nb::object should_stop)
      : stop_check_(std::move(should_stop)) {
    const CsvOptions csv{0, max_line_bytes, int_range_of(key_type)};
    const bool integer_keys = key_type == "int64" || key_type == "uint64";
    const bool integer_values = value_type == "int64";
    if (integer_keys) {
      integer_values ? make<IntKey, WordValue>(key_type, value_type, options, csv)
                     : make<IntKey, BytesValue>(key_type, value_type, options, csv);
    } else {
      integer_values ? make<BytesKey, WordValue>(key_type, value_type, options, csv)
                     : make<BytesKey, BytesValue>(key_type, value_type, options, csv);
    }
  }

  // The counts, to be fed, advanced or asked: by one thread at a time. Throws nb::python_error.
  AnyDna& idle() {
    if (!is_advancing_) return *dna_;
    PyErr_SetString(PyExc_RuntimeError, "another thread is counting this trace");
    throw nb::python_error();
  }
  // False if it was told to stop; nothing more can be done with it then.
  bool advance(std::uint64_t budget_ns, bool& is_done) {
    AnyDna& dna = idle();
    is_advancing_ = true;
    struct Ended {
      bool& flag;
      ~Ended() { flag = false; }
    } const ended{is_advancing_};
    try {
      is_done = dna.advance(budget_ns);
      return true;
    } catch (const Interrupted&) {
      return false;
    }
  }
  PyObject* held() const { return stop_check_.held(); }
  void forget_stop_check() { stop_check_.forget(); }

 private:
  template <class Key, class Value>
  void make(const std::string& key_type, const std::string& value_type,
            const TraceDnaOptions& options, const CsvOptions& csv) {
    dna_ = std::make_unique<TypedDna<Key, Value>>(key_type, value_type, options, csv, stop_check_);
  }

  PythonStopCheck stop_check_;
  bool is_advancing_ = false;
  std::unique_ptr<AnyDna> dna_;
};

// None where it was told to stop.
nb::object advance(PythonDna& self, std::uint64_t budget_ns) {
  bool is_done = false;
  return self.advance(budget_ns, is_done) ? nb::cast(is_done) : nb::none();
}

// --- the collector of cycles -----------------------------------------------------------------

int traverse_dna(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (nb::inst_ready(self)) Py_VISIT(nb::inst_ptr<PythonDna>(self)->held());
  return 0;
}
int clear_dna(PyObject* self) {
  if (nb::inst_ready(self)) nb::inst_ptr<PythonDna>(self)->forget_stop_check();
  return 0;
}
PyType_Slot dna_slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(traverse_dna)},
                           {Py_tp_clear, reinterpret_cast<void*>(clear_dna)},
                           {0, nullptr}};

void init_dna(PythonDna* self, const std::string& key_type, const std::string& value_type,
              std::size_t max_keys, std::size_t max_key_bytes, std::size_t sketch_keys,
              std::uint64_t seed, std::size_t max_line_bytes, nb::object should_stop) {
  const TraceDnaOptions options{.is_signed = key_type != "uint64",
                                .seed = seed,
                                .max_keys = max_keys,
                                .max_key_bytes = max_key_bytes,
                                .sketch_keys = sketch_keys};
  new (self) PythonDna(key_type, value_type, options, max_line_bytes, std::move(should_stop));
}

}  // namespace

void bind_dna(nb::module_& module) {
  nb::class_<PythonDna>(module, "TraceDna", nb::type_slots(dna_slots))
      .def("__init__", &init_dna, nb::kw_only(), nb::arg("key_type"), nb::arg("value_type"),
           nb::arg("max_keys"), nb::arg("max_key_bytes"), nb::arg("sketch_keys"), nb::arg("seed"),
           nb::arg("max_line_bytes"), nb::arg("should_stop") = nb::none())
      .def("feed_csv", [](PythonDna& self, nb::handle block,
                          bool last) { self.idle().feed_csv(Buffer(block), last); })
      .def("feed_columns",
           [](PythonDna& self, InputArray<std::uint8_t> ops, nb::handle keys, nb::handle values) {
             self.idle().feed_columns(std::move(ops), keys, values);
           })
      .def("advance", &advance)
      .def("finish", [](PythonDna& self) { self.idle().finish(); })
      .def("rows", [](PythonDna& self) { return self.idle().rows(); })
      .def("memory_bytes", [](PythonDna& self) { return self.idle().memory_bytes(); })
      .def("counts", [](PythonDna& self) { return self.idle().counts(); })
      .def("histories", [](PythonDna& self) { return self.idle().histories(); })
      .def("keys_of",
           [](PythonDna& self, InputArray<std::int64_t> numbers) {
             return self.idle().keys_of(std::move(numbers));
           })
      .def("numbers_of",
           [](PythonDna& self, nb::handle keys) { return self.idle().numbers_of(keys); })
      .def("sketch", [](PythonDna& self) { return self.idle().sketch(); });
}

}  // namespace adhash::python
