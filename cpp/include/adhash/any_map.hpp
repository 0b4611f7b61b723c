// A map whose engine is chosen at run time. One virtual call per operation or per batch; inside a
// batch the engine's own code is inlined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "adhash/adaptive.hpp"
#include "adhash/batch.hpp"
#include "adhash/interrupt.hpp"
#include "adhash/invariants.hpp"
#include "adhash/probe_trace.hpp"
#include "adhash/replay.hpp"
#include "adhash/stats.hpp"

namespace adhash {

template <class Key, class Value>
class AnyMap {
 public:
  using KeyView = typename Key::View;
  using ValueView = typename Value::View;
  using Recorder = ReplayRecorder<Key, Value>;
  using Batch = OperationBatch<Key, Value>;

  virtual ~AnyMap() = default;

  // Writes the value of a key to `value` and returns true, or returns false. A view lives until
  // the next operation.
  virtual bool get(KeyView key, ValueView& value) = 0;
  virtual bool put(KeyView key, ValueView value) = 0;  // returns whether the key is new
  virtual bool erase(KeyView key) = 0;                 // returns whether the key was there

  // Values of absent keys become zero or empty. Views live until the next operation.
  virtual void get_many(std::span<const KeyView> keys, ValueView* values, bool* found) = 0;
  virtual void contains_many(std::span<const KeyView> keys, bool* found) = 0;
  virtual std::size_t put_many(std::span<const KeyView> keys, const ValueView* values) = 0;
  virtual std::size_t erase_many(std::span<const KeyView> keys) = 0;
  // Runs the batch from operation `next` on, and moves `next` past what was done, however it ends.
  virtual void replay(Recorder& recorder, const Batch& batch, std::size_t& next,
                      std::uint64_t deadline_ns) = 0;

  virtual std::size_t size() const = 0;
  virtual std::size_t memory_bytes() const = 0;

  // Iteration by position, valid until the next insertion or deletion. While pinned, reads and
  // updates keep positions valid as well.
  virtual std::size_t end() const = 0;
  virtual std::size_t next(std::size_t from) const = 0;
  virtual KeyView key_at(std::size_t position) = 0;
  virtual ValueView value_at(std::size_t position) = 0;
  virtual void pin() = 0;
  virtual void unpin() = 0;

  virtual void reserve(std::size_t entries) = 0;
  virtual void clear() = 0;
  virtual void compact() = 0;
  // Gives back what a destructor would take long for, and could not be told to stop. After
  // Interrupted the map may hold fewer entries, and afterwards only the destructor makes sense.
  virtual void drain() = 0;
  // Whom long work asks whether to go on, from now on: then it may end with Interrupted. nullptr:
  // nobody.
  virtual void set_stop_check(StopCheck* check) = 0;
  // CPU time that operations took in threads other than their caller's, in nanoseconds.
  virtual std::uint64_t side_cpu_ns() = 0;
  virtual MapStats stats(std::size_t probe_samples) = 0;
  virtual const PauseLog& pauses() = 0;
  // Holds the map to every invariant of its engine, and changes nothing. Throws Interrupted if the
  // report's stop check says so, and std::bad_alloc.
  virtual void check_invariants(InvariantReport& report) = 0;

  // What an operation of a key would visit; changes nothing.
  virtual ProbeTrace trace_probe(KeyView key, ProbeOperation operation) const = 0;
};

// The one implementation, for any engine.
template <class Key, class Value, class Engine>
class EngineMap final : public AnyMap<Key, Value> {
 public:
  using Base = AnyMap<Key, Value>;
  using typename Base::Batch;
  using typename Base::KeyView;
  using typename Base::Recorder;
  using typename Base::ValueView;

  template <class... Arguments>
  explicit EngineMap(Arguments&&... arguments) : engine_(std::forward<Arguments>(arguments)...) {}

  bool get(KeyView key, ValueView& value) override {
    const auto* slot = engine_.find(key, engine_.hash(key));
    if (slot == nullptr) return false;
    value = engine_.value_of(*slot);
    return true;
  }
  bool put(KeyView key, ValueView value) override {
    return engine_.put(key, engine_.hash(key), value);
  }
  bool erase(KeyView key) override { return engine_.erase(key, engine_.hash(key)); }

  void get_many(std::span<const KeyView> keys, ValueView* values, bool* found) override {
    engine_.prepare_batch(keys.size());
    const Pinned pinned(engine_);
    for_each_hashed(
        engine_, keys.size(), [&](std::size_t i) { return keys[i]; },
        [&](auto& session, std::size_t i, Hash hash) {
          const auto* slot = session.find(keys[i], hash);
          found[i] = slot != nullptr;
          values[i] = slot != nullptr ? session.value_of(*slot) : ValueView{};
        });
  }
  void contains_many(std::span<const KeyView> keys, bool* found) override {
    engine_.prepare_batch(keys.size());
    const Pinned pinned(engine_);
    for_each_hashed(
        engine_, keys.size(), [&](std::size_t i) { return keys[i]; },
        [&](auto& session, std::size_t i, Hash hash) {
          found[i] = session.find(keys[i], hash) != nullptr;
        });
  }
  std::size_t put_many(std::span<const KeyView> keys, const ValueView* values) override {
    std::size_t inserted = 0;
    for_each_hashed(
        engine_, keys.size(), [&](std::size_t i) { return keys[i]; },
        [&](auto& session, std::size_t i, Hash hash) {
          inserted += session.put(keys[i], hash, values[i]);
        });
    return inserted;
  }
  std::size_t erase_many(std::span<const KeyView> keys) override {
    std::size_t erased = 0;
    for_each_hashed(
        engine_, keys.size(), [&](std::size_t i) { return keys[i]; },
        [&](auto& session, std::size_t i, Hash hash) { erased += session.erase(keys[i], hash); });
    return erased;
  }
  void replay(Recorder& recorder, const Batch& batch, std::size_t& next,
              std::uint64_t deadline_ns) override {
    run_batch(engine_, recorder, batch, next, deadline_ns);
  }

  std::size_t size() const override { return engine_.size(); }
  std::size_t memory_bytes() const override { return engine_.memory_bytes(); }
  std::size_t end() const override { return engine_.end(); }
  std::size_t next(std::size_t from) const override { return engine_.next(from); }
  KeyView key_at(std::size_t position) override { return engine_.key_at(position); }
  ValueView value_at(std::size_t position) override { return engine_.value_at(position); }
  void pin() override { engine_.pin(); }
  void unpin() override { engine_.unpin(); }
  void reserve(std::size_t entries) override { engine_.reserve(entries); }
  void clear() override { engine_.clear(); }
  void compact() override { engine_.compact(); }
  void drain() override {
    if constexpr (requires { engine_.drain(); }) engine_.drain();
  }
  void set_stop_check(StopCheck* check) override { engine_.set_stop_check(check); }
  std::uint64_t side_cpu_ns() override {
    if constexpr (requires { engine_.side_cpu_ns(); }) return engine_.side_cpu_ns();
    return 0;
  }
  MapStats stats(std::size_t probe_samples) override { return engine_.stats(probe_samples); }
  const PauseLog& pauses() override { return engine_.pauses(); }
  void check_invariants(InvariantReport& report) override { engine_.check_invariants(report); }
  ProbeTrace trace_probe(KeyView key, ProbeOperation operation) const override {
    return engine_.trace_probe(key, operation);
  }

 private:
  // Keeps entries where they are for the length of a scope.
  class Pinned {
   public:
    explicit Pinned(Engine& engine) : engine_(engine) { engine_.pin(); }
    ~Pinned() { engine_.unpin(); }
    Pinned(const Pinned&) = delete;
    Pinned& operator=(const Pinned&) = delete;

   private:
    Engine& engine_;
  };

  Engine engine_;
};

}  // namespace adhash
