// Any bytes, read as operations: every engine answers what std::unordered_map answers.
//
// Build: cmake -S . -B build/fuzz -DADHASH_FUZZERS=ON -DCMAKE_CXX_COMPILER=clang++
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adhash/engines.hpp"

namespace {

#define REQUIRE(condition)                                                               \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

// An input's bytes one by one; zeros when they are used up.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  bool is_empty() const { return left_ == 0; }
  unsigned byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

// A key or value from two bytes: few enough that they meet again, with lengths on both sides of
// what slots and arena classes hold.
template <class Kind>
struct Made {
  using Type = std::uint64_t;
  static Type from(Input& input) {
    const std::uint64_t low = input.byte();
    const std::uint64_t shape = input.byte();
    return low << (shape % 8 * 8) | shape / 128;
  }
};
struct MadeText {
  using Type = std::string;
  static Type from(Input& input) {
    constexpr std::size_t kLengths[] = {0, 1, 11, 12, 13, 15, 16, 17, 32, 33, 255, 16384, 20000};
    const unsigned low = input.byte();
    const unsigned shape = input.byte();
    std::string text(kLengths[shape % std::size(kLengths)], static_cast<char>(low));
    if (!text.empty()) text[text.size() / 2] = static_cast<char>(shape / 64);
    return text;
  }
};
template <>
struct Made<adhash::BytesKey> : MadeText {};
template <>
struct Made<adhash::BytesValue> : MadeText {};

struct Subject {
  std::string engine;
  adhash::AdaptiveOptions options;
};

Subject subject_from(Input& input) {
  const auto engines = adhash::engine_names();
  const unsigned choice = input.byte();
  Subject subject;
  // The adaptive engine has the most states, and half of the inputs.
  subject.engine = choice % 2 == 0 ? "adaptive" : std::string(engines[choice / 2 % engines.size()]);
  constexpr const char* kLayouts[] = {"chaining", "robinhood", "swiss"};
  subject.options.initial_layout = kLayouts[choice / 2 % 3];
  const unsigned knobs = input.byte();
  subject.options.migration_step = 1 + knobs % 4;
  subject.options.free_slice_bytes = std::size_t{1} << (16 + knobs / 4 % 4);
  subject.options.decision_window = 1;
  subject.options.hysteresis = 0;
  subject.options.probe_alarm = knobs >= 128 ? 0.2 : 8;  // so low that any table raises alarms
  return subject;
}

template <class Key, class Value>
class Run {
 public:
  using KeyView = typename Key::View;
  using ValueView = typename Value::View;
  using OwnedKey = typename Made<Key>::Type;
  using OwnedValue = typename Made<Value>::Type;

  explicit Run(Input& input) : input_(input) {
    const Subject subject = subject_from(input);
    const unsigned room = input.byte();
    map_ = adhash::make_map<Key, Value>(subject.engine, input.byte(), room % 4 == 0 ? room : 0,
                                        subject.options);
    REQUIRE(map_ != nullptr);
  }

  void all() {
    while (!input_.is_empty()) one();
    require_consistent();
  }

 private:
  void one() {
    switch (const unsigned choice = input_.byte(); choice % 16) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return put();
      case 5:
      case 6:
      case 7:
        return erase();
      case 8:
      case 9:
        return get();
      case 10:
        return batch(choice / 16);
      case 11:
        return read_often(choice);
      case 12:
        return put_run(choice);
      case 13:
        return choice < 64 ? map_->compact() : map_->reserve(input_.byte() * 8);
      case 14:
        return choice < 32 ? clear() : erase_some(choice);
      default:
        return choice < 128 ? toggle_pin() : require_consistent();
    }
  }

  void put_pair(const OwnedKey& key, const OwnedValue& value) {
    REQUIRE(map_->put(key, value) == model_.insert_or_assign(key, value).second);
  }
  void put() {
    const OwnedKey key = Made<Key>::from(input_);
    put_pair(key, Made<Value>::from(input_));
  }
  void erase() {
    const OwnedKey key = Made<Key>::from(input_);
    REQUIRE(map_->erase(key) == (model_.erase(key) == 1));
  }
  void get() { require_agrees(Made<Key>::from(input_)); }
  void require_agrees(const OwnedKey& key) {
    ValueView value{};
    const auto wanted = model_.find(key);
    REQUIRE(map_->get(key, value) == (wanted != model_.end()));
    if (wanted != model_.end()) REQUIRE(value == ValueView(wanted->second));
  }
  // Enough look-ups that housekeeping comes around.
  void read_often(unsigned times) {
    const OwnedKey key = Made<Key>::from(input_);
    for (unsigned i = 0; i < 4 * times; ++i) require_agrees(key);
  }
  // Distinct keys in numbers, which two bytes a key would not give.
  void put_run(unsigned count) {
    const OwnedKey first = Made<Key>::from(input_);
    for (unsigned i = 0; i < count; ++i) put_pair(numbered(first, i), OwnedValue());
  }
  static std::uint64_t numbered(std::uint64_t key, unsigned number) { return key + number; }
  static std::string numbered(const std::string& key, unsigned number) {
    return key + std::to_string(number);
  }
  void erase_some(unsigned every) {
    std::vector<OwnedKey> keys;
    unsigned number = 0;
    for (const auto& [key, value] : model_) {
      if (++number % (1 + every % 8) == 0) keys.push_back(key);
    }
    for (const OwnedKey& key : keys) {
      REQUIRE(map_->erase(key));
      model_.erase(key);
    }
  }
  void clear() {
    map_->clear();
    model_.clear();
  }
  void toggle_pin() {
    is_pinned_ ? map_->unpin() : map_->pin();
    is_pinned_ = !is_pinned_;
  }

  void batch(unsigned size) {
    std::vector<OwnedKey> keys;
    std::vector<OwnedValue> values;
    for (unsigned i = 0; i < size; ++i) {
      keys.push_back(Made<Key>::from(input_));
      values.push_back(OwnedValue());
    }
    const std::vector<KeyView> key_views(keys.begin(), keys.end());
    std::vector<ValueView> value_views(values.begin(), values.end());
    std::size_t changed = 0;
    if (size % 2 == 0) {
      for (unsigned i = 0; i < size; ++i)
        changed += model_.insert_or_assign(keys[i], values[i]).second;
      REQUIRE(map_->put_many(key_views, value_views.data()) == changed);
    } else {
      for (const OwnedKey& key : keys) changed += model_.erase(key);
      REQUIRE(map_->erase_many(key_views) == changed);
    }
    const auto found = std::make_unique<bool[]>(size + 1);
    map_->get_many(key_views, value_views.data(), found.get());
    for (unsigned i = 0; i < size; ++i) REQUIRE(found[i] == model_.contains(keys[i]));
  }

  void require_consistent() {
    std::size_t visited = 0;
    map_->pin();
    for (std::size_t at = map_->next(0); at < map_->end(); at = map_->next(at + 1), ++visited) {
      const auto wanted = model_.find(OwnedKey(map_->key_at(at)));
      REQUIRE(wanted != model_.end());
      REQUIRE(ValueView(wanted->second) == map_->value_at(at));
    }
    map_->unpin();
    REQUIRE(visited == model_.size());
    REQUIRE(map_->size() == model_.size());
    for (const auto& [key, value] : model_) require_agrees(key);
    const adhash::MapStats stats = map_->stats(~std::size_t{0});
    REQUIRE(stats.probes.sampled == stats.size);
    REQUIRE(stats.tombstones + stats.size <= stats.capacity);
  }

  Input& input_;
  adhash::AnyMapPtr<Key, Value> map_;
  std::unordered_map<OwnedKey, OwnedValue> model_;
  bool is_pinned_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  switch (input.byte() % 4) {
    case 0:
      Run<adhash::IntKey, adhash::WordValue>(input).all();
      break;
    case 1:
      Run<adhash::IntKey, adhash::BytesValue>(input).all();
      break;
    case 2:
      Run<adhash::BytesKey, adhash::WordValue>(input).all();
      break;
    default:
      Run<adhash::BytesKey, adhash::BytesValue>(input).all();
      break;
  }
  return 0;
}
