// How Python tells native work to stop: a function that it asks, and the signal handlers, which run
// nowhere but between two steps of Python code, and so would wait for the end of the work.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "adhash/interrupt.hpp"
#include "adhash/pauses.hpp"

namespace adhash::python {

namespace nb = nanobind;

// Asks Python at most every kIntervalNs, because taking the GIL may mean to wait for it.
class PythonStopCheck final : public StopCheck {
 public:
  // `should_stop` is a function without arguments, or None: then only a handler can end the work,
  // by an exception. `leaves_work`: the process ends with this work.
  explicit PythonStopCheck(nb::object should_stop, bool leaves_work = false)
      : should_stop_(std::move(should_stop)), leaves_work_(leaves_work) {}

  // Work begins: Python had its turn just now.
  void begin() { next_ns_ = steady_now_ns() + kIntervalNs; }

  // May be called with or without the GIL. Throws nb::python_error.
  bool should_stop() override {
    if (steady_now_ns() < next_ns_) return false;
    begin();
    return ask();
  }
  bool may_leave_work(std::size_t entries) const override {
    return leaves_work_ && entries >= kLeavesFromEntries;
  }
  // The same at once.
  bool ask() const {
    const nb::gil_scoped_acquire with_gil;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    return !should_stop_.is_none() && nb::cast<bool>(should_stop_());
  }

  // For the collector of cycles: what asks may well hold, by some way, what is asked.
  PyObject* held() const { return should_stop_.ptr(); }
  void forget() { should_stop_ = nb::none(); }

 private:
  static constexpr std::uint64_t kIntervalNs = 50'000'000;

  // Some tens of milliseconds for a standard map; a thread takes some tens of microseconds.
  static constexpr std::size_t kLeavesFromEntries = std::size_t{1} << 19;

  nb::object should_stop_;
  bool leaves_work_;
  std::uint64_t next_ns_ = 0;
};

}  // namespace adhash::python
