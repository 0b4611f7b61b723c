// Replay from Python: blocks of a file or columns go in, counters and latencies come out. Parsing
// and execution run without the GIL, for at most the time that advance() is given.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "adhash/interrupt.hpp"
#include "adhash/replay.hpp"
#include "adhash/trace.hpp"
#include "bindings.hpp"
#include "buffer.hpp"
#include "columns.hpp"
#include "errors.hpp"
#include "operation_columns.hpp"
#include "stop_check.hpp"

namespace adhash::python {
namespace {

// A replay without the types in its name.
class AnyReplay {
 public:
  virtual ~AnyReplay() = default;
  virtual void feed_csv(Buffer block, bool last) = 0;
  virtual void feed_columns(InputArray<std::uint8_t> ops, nb::handle keys, nb::handle values) = 0;
  // Runs for about `budget_ns`, or until it is told to stop; true once everything fed is consumed.
  virtual bool advance(std::uint64_t budget_ns) = 0;
  // Compacts the map; false if it was told to stop first, and nothing was changed.
  virtual bool compact() = 0;
  // Gives back what the map and the model hold; false if it was told to stop first.
  virtual bool drain() = 0;
  virtual void abandon_model() = 0;
  virtual const ReplayCounters& counters() const = 0;
  virtual const LatencyHistogram& latency(OpKind kind) const = 0;
  virtual std::vector<Pause> pauses() const = 0;
  virtual std::uint64_t side_cpu_ns() const = 0;
};

template <class Key, class Value>
class TypedReplay final : public AnyReplay {
 public:
  using KeyView = typename Key::View;
  using ValueView = typename Value::View;

  TypedReplay(TypedMap& owner, AnyMap<Key, Value>& map, const ReplayOptions& options,
              const CsvOptions& csv, PythonStopCheck& stop_check)
      : owner_(owner), map_(map), stop_check_(stop_check), recorder_(options), parser_(csv) {
    // A map that comes from a snapshot is known to the model from the start.
    if (options.verify) {
      for (std::size_t at = map_.next(0); at != map_.end(); at = map_.next(at + 1)) {
        recorder_.model()->put(map_.key_at(at), map_.value_at(at));
      }
    }
  }

  void feed_csv(Buffer block, bool last) override {
    block_ = std::move(block);
    parser_.feed(block_.view().data(), block_.view().size(), last);
    columns_.reset();
  }

  void feed_columns(InputArray<std::uint8_t> ops, nb::handle keys, nb::handle values) override {
    columns_.emplace(std::move(ops), keys, owner_.spec().key, values, owner_.spec().value);
  }

  bool advance(std::uint64_t budget_ns) override {
    return unless_told_to_stop([&] { return run_for(budget_ns); });
  }

  bool compact() override {
    return unless_told_to_stop([&] {
      map_.compact();
      return true;
    });
  }

  bool drain() override {
    if (stop_check_.ask()) return false;
    return unless_told_to_stop([&] {
      if (recorder_.model() != nullptr) recorder_.model()->drain(stop_check_);
      map_.drain();
      return true;
    });
  }
  void abandon_model() override { recorder_.abandon_model(); }

  const ReplayCounters& counters() const override { return recorder_.counters(); }
  const LatencyHistogram& latency(OpKind kind) const override { return recorder_.latency(kind); }
  std::vector<Pause> pauses() const override { return map_.pauses().longest(); }
  std::uint64_t side_cpu_ns() const override { return map_.side_cpu_ns(); }

 private:
  // Runs the body on the map without the GIL; false if it was told to stop first.
  template <class Body>
  bool unless_told_to_stop(Body body) {
    owner_.touch();
    const MapLock::Batch batch(owner_.lock());
    const Watched watched(map_, stop_check_);
    try {
      return body();
    } catch (const Interrupted&) {
      return false;
    }
  }

  // Lets Python be asked by long work for the length of a scope.
  class Watched {
   public:
    Watched(AnyMap<Key, Value>& map, PythonStopCheck& check) : map_(map) {
      check.begin();
      map_.set_stop_check(&check);
    }
    ~Watched() { map_.set_stop_check(nullptr); }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

   private:
    AnyMap<Key, Value>& map_;
  };

  bool run_for(std::uint64_t budget_ns) {
    const std::uint64_t deadline_ns = steady_now_ns() + budget_ns;
    for (;;) {
      if (next_ == batch_->size && !refill()) return true;
      execute(deadline_ns);
      if (steady_now_ns() >= deadline_ns) return false;
      if (next_ < batch_->size) {
        sleep_until(deadline_ns);
        return false;
      }
    }
  }

  // Fills the batch with the next operations; false if there are none.
  bool refill() {
    const AddTime timed(recorder_.counters().parse_ns);
    const bool filled = columns_ ? columns_->next(*batch_) : parser_.next(*batch_);
    next_ = 0;
    return filled;
  }

  void execute(std::uint64_t deadline_ns) {
    const AddTime timed(recorder_.counters().execute_ns);
    map_.replay(recorder_, *batch_, next_, deadline_ns);
  }

  // Adds the length of a scope, also of one that an exception ends.
  class AddTime {
   public:
    explicit AddTime(std::uint64_t& total_ns) : total_ns_(total_ns) {}
    ~AddTime() { total_ns_ += steady_now_ns() - start_ns_; }
    AddTime(const AddTime&) = delete;
    AddTime& operator=(const AddTime&) = delete;

   private:
    std::uint64_t& total_ns_;
    const std::uint64_t start_ns_ = steady_now_ns();
  };

  static void sleep_until(std::uint64_t deadline_ns) {
    const std::uint64_t now_ns = steady_now_ns();
    if (now_ns < deadline_ns)
      std::this_thread::sleep_for(std::chrono::nanoseconds(deadline_ns - now_ns));
  }

  TypedMap& owner_;
  AnyMap<Key, Value>& map_;
  PythonStopCheck& stop_check_;
  ReplayRecorder<Key, Value> recorder_;
  CsvParser<Key, Value> parser_;
  Buffer block_;
  std::optional<OperationColumns<Key, Value>> columns_;
  std::unique_ptr<OperationBatch<Key, Value>> batch_ =
      std::make_unique<OperationBatch<Key, Value>>();
  std::size_t next_ = 0;
};

// Makes the replay if the map is of these kinds.
template <class Key, class Value>
bool try_make(TypedMap& map, const ReplayOptions& options, const CsvOptions& csv,
              PythonStopCheck& stop_check, std::unique_ptr<AnyReplay>& replay) {
  AnyMap<Key, Value>* typed = map.as<Key, Value>();
  if (typed == nullptr) return false;
  replay = std::make_unique<TypedReplay<Key, Value>>(map, *typed, options, csv, stop_check);
  return true;
}

class PythonReplay {
 public:
  PythonReplay(nb::object map, std::uint64_t sample_every, double rate, bool verify,
               std::uint64_t max_rows, std::size_t max_line_bytes, nb::object should_stop,
               bool leaves_work)
      : map_(std::move(map)), stop_check_(std::move(should_stop), leaves_work) {
    TypedMap& typed = nb::cast<MapObject&>(map_).map();
    refuse_floats(typed);
    const ReplayOptions options{sample_every, rate, verify};
    const CsvOptions csv{max_rows, max_line_bytes, int_range_of(typed.spec().key)};
    try_make<IntKey, WordValue>(typed, options, csv, stop_check_, replay_) ||
        try_make<IntKey, BytesValue>(typed, options, csv, stop_check_, replay_) ||
        try_make<BytesKey, WordValue>(typed, options, csv, stop_check_, replay_) ||
        try_make<BytesKey, BytesValue>(typed, options, csv, stop_check_, replay_);
  }
  const AnyReplay& replay() const { return *replay_; }

  // The replay, to be fed or advanced: by one thread at a time. Throws nb::python_error.
  AnyReplay& idle() {
    if (is_advancing_) {
      PyErr_SetString(PyExc_RuntimeError, "another thread is advancing this replay");
      throw nb::python_error();
    }
    return *replay_;
  }
  bool advance(std::uint64_t budget_ns) {
    AnyReplay& replay = idle();
    const Advancing advancing(is_advancing_);
    return replay.advance(budget_ns);
  }
  int traverse(visitproc visit, void* arg) const {
    Py_VISIT(map_.ptr());
    Py_VISIT(stop_check_.held());
    return 0;
  }
  void forget_stop_check() { stop_check_.forget(); }

  bool compact() {
    AnyReplay& replay = idle();
    const Advancing advancing(is_advancing_);
    return replay.compact();
  }
  bool release() {
    AnyReplay& replay = idle();
    const Advancing advancing(is_advancing_);
    return replay.drain();
  }
  void abandon() {
    idle().abandon_model();
    nb::cast<MapObject&>(map_).abandon();
  }

 private:
  static void refuse_floats(const TypedMap& map) {
    if (map.spec().value != "float64") return;
    PyErr_SetString(errors.value_type,
                    "a trace's values are int64, uint64, bytes or str; not float64");
    throw nb::python_error();
  }

  class Advancing {
   public:
    explicit Advancing(bool& flag) : flag_(flag) { flag_ = true; }
    ~Advancing() { flag_ = false; }

   private:
    bool& flag_;
  };

  nb::object map_;  // keeps the engine alive
  PythonStopCheck stop_check_;
  bool is_advancing_ = false;
  std::unique_ptr<AnyReplay> replay_;
};

// All operations together, or those of one kind.
LatencyHistogram latency_of(const PythonReplay& self, const std::string& op) {
  constexpr std::array<std::string_view, 3> kNames = {"get", "put", "del"};
  LatencyHistogram merged;
  for (std::size_t kind = 0; kind < kNames.size(); ++kind) {
    if (op == "overall" || op == kNames[kind]) {
      merged.add(self.replay().latency(static_cast<OpKind>(kind)));
    }
  }
  return merged;
}

nb::dict counters_of(const PythonReplay& self) {
  const ReplayCounters& counters = self.replay().counters();
  nb::dict row;
  row["rows"] = counters.rows();
  row["get"] = counters.of(OpKind::get);
  row["put"] = counters.of(OpKind::put);
  row["del"] = counters.of(OpKind::del);
  row["hits"] = counters.hits();
  row["misses"] = counters.misses();
  row["inserts"] = counters.inserts();
  row["updates"] = counters.updates();
  row["deletes_found"] = counters.deletes_found();
  row["checked"] = counters.checked;
  row["mismatches"] = counters.mismatches;
  row["parse_ns"] = counters.parse_ns;
  row["execute_ns"] = counters.execute_ns;
  row["side_cpu_ns"] = self.replay().side_cpu_ns();
  return row;
}

std::vector<std::uint64_t> percentiles(const PythonReplay& self, const std::string& op,
                                       const std::vector<double>& quantiles) {
  const LatencyHistogram histogram = latency_of(self, op);
  std::vector<std::uint64_t> latencies;
  for (const double quantile : quantiles) latencies.push_back(histogram.percentile(quantile));
  return latencies;
}

nb::dict latency_summary(const PythonReplay& self, const std::string& op) {
  const LatencyHistogram histogram = latency_of(self, op);
  nb::dict row;
  row["max"] = histogram.max();
  row["samples"] = histogram.samples();
  row["total"] = histogram.total();
  return row;
}

std::vector<std::tuple<std::uint64_t, std::uint64_t, std::string>> pauses_of(
    const PythonReplay& self) {
  std::vector<std::tuple<std::uint64_t, std::uint64_t, std::string>> rows;
  for (const Pause& pause : self.replay().pauses()) {
    rows.emplace_back(pause.at_ns, pause.ns, std::string(pause.cause));
  }
  return rows;
}

// --- the collector of cycles -----------------------------------------------------------------

int traverse_replay(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  return nb::inst_ready(self) ? nb::inst_ptr<PythonReplay>(self)->traverse(visit, arg) : 0;
}
int clear_replay(PyObject* self) {
  if (nb::inst_ready(self)) nb::inst_ptr<PythonReplay>(self)->forget_stop_check();
  return 0;
}
PyType_Slot replay_slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(traverse_replay)},
                              {Py_tp_clear, reinterpret_cast<void*>(clear_replay)},
                              {0, nullptr}};

}  // namespace

void bind_replay(nb::module_& module) {
  module.def("steady_now_ns", &steady_now_ns);
  nb::class_<PythonReplay>(module, "Replay", nb::type_slots(replay_slots))
      .def(nb::init<nb::object, std::uint64_t, double, bool, std::uint64_t, std::size_t, nb::object,
                    bool>(),
           nb::arg("map"), nb::kw_only(), nb::arg("sample_every"), nb::arg("rate"),
           nb::arg("verify"), nb::arg("max_rows"), nb::arg("max_line_bytes"),
           nb::arg("should_stop") = nb::none(), nb::arg("leaves_work") = false)
      .def("feed_csv", [](PythonReplay& self, nb::handle block,
                          bool last) { self.idle().feed_csv(Buffer(block), last); })
      .def("feed_columns",
           [](PythonReplay& self, InputArray<std::uint8_t> ops, nb::handle keys,
              nb::handle values) { self.idle().feed_columns(std::move(ops), keys, values); })
      .def("advance",
           [](PythonReplay& self, std::uint64_t budget_ns) { return self.advance(budget_ns); })
      .def("compact", &PythonReplay::compact)
      .def("release", &PythonReplay::release)
      .def("abandon", &PythonReplay::abandon)
      .def("counters", &counters_of)
      .def("percentiles", &percentiles)
      .def("latency_summary", &latency_summary)
      .def("latency_counts",
           [](const PythonReplay& self, const std::string& op,
              const std::vector<std::uint64_t>& bounds) {
             return latency_of(self, op).counts_below(bounds);
           })
      .def("pauses", &pauses_of);
}

}  // namespace adhash::python
