// Reading traces from Python: the dry run, the inference of types, and a row's fault as an
// exception.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <string>
#include <vector>

#include "adhash/scan.hpp"
#include "adhash/trace.hpp"
#include "bindings.hpp"
#include "buffer.hpp"
#include "errors.hpp"

namespace adhash::python {
namespace {

PyObject* trace_fault_type = nullptr;

nb::object describe(const TraceFault& fault) {
  nb::object exception = nb::borrow(trace_fault_type)(nb::str(fault.what.c_str()));
  exception.attr("line") = fault.line;
  exception.attr("column") = fault.column;
  exception.attr("what") = fault.what;
  exception.attr("value") = fault.value;
  exception.attr("remedy") = fault.remedy;
  exception.attr("key_type") = fault.key_type;
  exception.attr("value_type") = fault.value_type;
  return exception;
}

// A dry run without the types in its name.
class AnyCheck {
 public:
  virtual ~AnyCheck() = default;
  virtual void feed(std::string_view block, bool last) = 0;
  virtual bool is_finished() const = 0;
  virtual std::uint64_t rows() const = 0;
  virtual std::uint64_t count(OpKind kind) const = 0;
  virtual const std::vector<TraceFault>& faults() const = 0;
};

template <class Key, class Value>
class TypedCheck final : public AnyCheck {
 public:
  TypedCheck(CsvOptions options, std::size_t max_errors) : check_(options, max_errors) {}
  void feed(std::string_view block, bool last) override {
    check_.feed(block.data(), block.size(), last);
  }
  bool is_finished() const override { return check_.is_finished(); }
  std::uint64_t rows() const override { return check_.rows(); }
  std::uint64_t count(OpKind kind) const override { return check_.count(kind); }
  const std::vector<TraceFault>& faults() const override { return check_.faults(); }

 private:
  CsvCheck<Key, Value> check_;
};

template <class Key>
std::unique_ptr<AnyCheck> make_check(const std::string& value_type, CsvOptions options,
                                     std::size_t max_errors) {
  if (value_type == "int64") {
    return std::make_unique<TypedCheck<Key, WordValue>>(options, max_errors);
  }
  return std::make_unique<TypedCheck<Key, BytesValue>>(options, max_errors);
}

class PythonCheck {
 public:
  PythonCheck(const std::string& key_type, const std::string& value_type, std::uint64_t max_rows,
              std::size_t max_line_bytes, std::size_t max_errors) {
    const CsvOptions options{max_rows, max_line_bytes, int_range_of(key_type)};
    const bool integer_keys = key_type == "int64" || key_type == "uint64";
    check_ = integer_keys ? make_check<IntKey>(value_type, options, max_errors)
                          : make_check<BytesKey>(value_type, options, max_errors);
  }
  void feed(const Buffer& block, bool last) {
    const nb::gil_scoped_release released;
    check_->feed(block.view(), last);
  }
  const AnyCheck& check() const { return *check_; }

 private:
  std::unique_ptr<AnyCheck> check_;
};

nb::tuple infer(nb::handle block, bool last) {
  const Buffer buffer(block);
  const InferredTypes types = infer_types(buffer.view().data(), buffer.view().size(), last);
  const char* key = types.key == KeyKind::int64    ? "int64"
                    : types.key == KeyKind::uint64 ? "uint64"
                                                   : "str";
  return nb::make_tuple(key, types.value == ValueKind::int64 ? "int64" : "bytes");
}

nb::dict counts_of(const PythonCheck& self) {
  nb::dict counts;
  counts["get"] = self.check().count(OpKind::get);
  counts["put"] = self.check().count(OpKind::put);
  counts["del"] = self.check().count(OpKind::del);
  return counts;
}

}  // namespace

IntRange int_range_of(const std::string& key_type) {
  if (key_type == "int64") return IntRange::int64;
  return key_type == "uint64" ? IntRange::uint64 : IntRange::any;
}

void bind_trace(nb::module_& module) {
  trace_fault_type = PyErr_NewExceptionWithDoc(
      "adhash._native.TraceFault", "A row of a trace that cannot be replayed.", nullptr, nullptr);
  module.attr("TraceFault") = nb::borrow(trace_fault_type);
  nb::register_exception_translator([](const std::exception_ptr& pending, void*) {
    try {
      std::rethrow_exception(pending);
    } catch (const TraceError& error) {
      PyErr_SetObject(trace_fault_type, describe(error.fault()).ptr());
    }
  });

  module.def("isa", [] { return std::string(isa_name()); });
  module.def("infer_types", &infer, nb::arg("block"), nb::arg("last") = false);
  nb::class_<PythonCheck>(module, "CsvCheck")
      .def(nb::init<const std::string&, const std::string&, std::uint64_t, std::size_t,
                    std::size_t>(),
           nb::kw_only(), nb::arg("key_type"), nb::arg("value_type"), nb::arg("max_rows"),
           nb::arg("max_line_bytes"), nb::arg("max_errors") = 20)
      .def(
          "feed_csv",
          [](PythonCheck& self, nb::handle block, bool last) { self.feed(Buffer(block), last); },
          nb::arg("block"), nb::arg("last"))
      .def("is_finished", [](const PythonCheck& self) { return self.check().is_finished(); })
      .def("rows", [](const PythonCheck& self) { return self.check().rows(); })
      .def("counts", &counts_of)
      .def("errors", [](const PythonCheck& self) {
        nb::list faults;
        for (const TraceFault& fault : self.check().faults()) faults.append(describe(fault));
        return faults;
      });
}

}  // namespace adhash::python
