// Maps under test: every engine, and the adaptive one with settings that make it move often, with
// every kind of key and value.
//
//   TEST_EACH_MAP("erase keeps other keys findable") {   // map is a Subject<Key, Value>&
//     map.put_range(0, 100);
//     map.erase(7);
//   }
//
// A subject compares every answer with a model, and after the test its whole content.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adhash/engines.hpp"
#include "require_consistent.hpp"
#include "testing.hpp"

namespace map_testing {

// Numbered keys and values; different numbers make different ones.
template <class Kind>
struct Sample;

template <>
struct Sample<adhash::IntKey> {
  static std::uint64_t make(std::uint64_t number) { return number * 0x9E3779B97F4A7C15u; }
};
template <>
struct Sample<adhash::WordValue> {
  static std::uint64_t make(std::uint64_t number) { return ~number; }
};

// The number, filled up to lengths on both sides of what a slot keeps inline.
inline std::string numbered_text(std::uint64_t number, std::size_t length) {
  std::string text = std::to_string(number);
  if (text.size() < length) text.resize(length, '.');
  return text;
}
template <>
struct Sample<adhash::BytesKey> {
  static std::string make(std::uint64_t number) {
    constexpr std::array<std::size_t, 7> kLengths = {0, 15, 16, 17, 33, 64, 255};
    return numbered_text(number, kLengths[number % kLengths.size()]);
  }
};
template <>
struct Sample<adhash::BytesValue> {
  static std::string make(std::uint64_t number) {
    constexpr std::array<std::size_t, 5> kLengths = {0, 11, 12, 13, 100};
    return numbered_text(number, kLengths[number % kLengths.size()]);
  }
};

struct MapCase {
  std::string label;
  std::string engine;
  adhash::AdaptiveOptions options = {};
};

// `first` layout, moving `step` entries at a time and ready to change its layout at any moment.
inline MapCase restless(const std::string& first, std::size_t step) {
  adhash::AdaptiveOptions options;
  options.initial_layout = first;
  options.migration_step = step;
  options.free_slice_bytes = std::size_t{64} << 10;
  options.decision_window = 1;
  options.hysteresis = 0;
  return {"restless from " + first + ", step " + std::to_string(step), "adaptive", options};
}

inline std::vector<MapCase> map_cases() {
  std::vector<MapCase> cases = {restless("chaining", 1), restless("robinhood", 2),
                                restless("swiss", 5)};
  for (const std::string_view engine : adhash::engine_names()) {
    cases.push_back({std::string(engine), std::string(engine)});
  }
  return cases;
}

template <class Key, class Value>
class Subject {
 public:
  using KeyView = typename Key::View;
  using ValueView = typename Value::View;
  using OwnedKey = OwnedFrom<KeyView>;
  using OwnedValue = OwnedFrom<ValueView>;
  using Map = adhash::AnyMap<Key, Value>;

  explicit Subject(const MapCase& map_case, std::uint64_t seed = 1, std::size_t room = 0)
      : map_case_(map_case),
        map_(adhash::make_map<Key, Value>(map_case.engine, seed, room, map_case.options)) {
    CHECK(map_ != nullptr);
  }
  // Another engine behind the same interface, for tests that look inside.
  Subject(const MapCase& map_case, std::unique_ptr<Map> map)
      : map_case_(map_case), map_(std::move(map)) {}

  Map& map() { return *map_; }
  const MapCase& map_case() const { return map_case_; }
  std::unordered_map<OwnedKey, OwnedValue>& expected() { return expected_; }
  static OwnedKey key(std::uint64_t number) { return Sample<Key>::make(number); }
  static OwnedValue value(std::uint64_t number) { return Sample<Value>::make(number); }

  // Key and value by number.
  bool put(std::uint64_t number, std::uint64_t value_number) {
    return put_pair(key(number), value(value_number));
  }
  void put_range(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t number = from; number < to; ++number) put(number, number);
  }
  bool erase(std::uint64_t number) { return erase_key(key(number)); }
  bool has(std::uint64_t number) { return has_key(key(number)); }

  bool put_pair(const OwnedKey& key, const OwnedValue& value) {
    const bool is_new = map_->put(key, value);
    CHECK_EQ(is_new, expected_.insert_or_assign(key, value).second);
    CHECK_EQ(map_->size(), expected_.size());
    return is_new;
  }
  bool erase_key(const OwnedKey& key) {
    const bool was_there = map_->erase(key);
    CHECK_EQ(was_there, expected_.erase(key) == 1);
    CHECK_EQ(map_->size(), expected_.size());
    return was_there;
  }
  bool has_key(const OwnedKey& key) {
    ValueView found{};
    const bool is_there = map_->get(key, found);
    const auto wanted = expected_.find(key);
    CHECK_EQ(is_there, wanted != expected_.end());
    if (is_there) CHECK(found == ValueView(wanted->second));
    return is_there;
  }
  void clear() {
    map_->clear();
    expected_.clear();
  }

  // The map holds what it should, and nothing else.
  void check() {
    CHECK_EQ(map_->size(), expected_.size());
    for (const auto& [key, value] : expected_) CHECK(has_key(key));
    require_consistent(*map_);
  }

 private:
  MapCase map_case_;
  std::unique_ptr<Map> map_;
  std::unordered_map<OwnedKey, OwnedValue> expected_;
};

// Registers a body once for every case and every kind of key and value.
class MapRegistration {
 public:
  template <class Body>
  MapRegistration(const char* name, Body body) {
    for (const MapCase& map_case : map_cases()) {
      add<adhash::IntKey, adhash::WordValue>(name, map_case, "int to word", body);
      add<adhash::IntKey, adhash::BytesValue>(name, map_case, "int to bytes", body);
      add<adhash::BytesKey, adhash::WordValue>(name, map_case, "bytes to word", body);
      add<adhash::BytesKey, adhash::BytesValue>(name, map_case, "bytes to bytes", body);
    }
  }

 private:
  template <class Key, class Value, class Body>
  static void add(const char* name, const MapCase& map_case, const char* kinds, Body body) {
    const auto run = [map_case, body] {
      Subject<Key, Value> map(map_case);
      body(map);
      map.check();
    };
    testing::registry().push_back(
        {std::string(name) + " [" + map_case.label + ", " + kinds + "]", run});
  }
};

}  // namespace map_testing

#define MAP_TEST_DEFINE(name, id)                                                    \
  template <class Key, class Value>                                                  \
  static void TESTING_JOIN(map_test_, id)(::map_testing::Subject<Key, Value> & map); \
  static const ::map_testing::MapRegistration TESTING_JOIN(map_registration_, id)(   \
      name, [](auto& subject) { TESTING_JOIN(map_test_, id)(subject); });            \
  template <class Key, class Value>                                                  \
  static void TESTING_JOIN(map_test_, id)(::map_testing::Subject<Key, Value> & map)

#define TEST_EACH_MAP(name) MAP_TEST_DEFINE(name, __LINE__)
