// Random operations on every engine and on a model: single ones, batches, and all the rest.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "map_cases.hpp"

namespace {

using map_testing::Subject;

// How numbers of keys are drawn.
enum class Pattern { uniform, skewed, sequential, sliding, two_phases };
constexpr Pattern kPatterns[] = {Pattern::uniform, Pattern::skewed, Pattern::sequential,
                                 Pattern::sliding, Pattern::two_phases};

class Draw {
 public:
  Draw(Pattern pattern, std::uint64_t seed) : pattern_(pattern), state_(seed) {}

  std::uint64_t below(std::uint64_t limit) { return adhash::splitmix64(state_) % limit; }
  std::uint64_t key() {
    ++drawn_;
    switch (pattern_) {
      case Pattern::uniform:
        return below(1200);
      case Pattern::skewed:
        return below(1 + below(1 + below(3000)));
      case Pattern::sequential:
        return drawn_ / 3;
      case Pattern::sliding:
        return drawn_ / 8 + below(150);
      case Pattern::two_phases:
        return drawn_ / 2000 % 2 == 0 ? below(40) : 5000 + below(4000);
    }
    return 0;
  }

 private:
  Pattern pattern_;
  std::uint64_t state_;
  std::uint64_t drawn_ = 0;
};

template <class Key, class Value>
struct Batch {
  using Owner = Subject<Key, Value>;
  std::vector<typename Owner::OwnedKey> keys;
  std::vector<typename Owner::OwnedValue> values;
  std::vector<typename Key::View> key_views;
  std::vector<typename Value::View> value_views;

  explicit Batch(Draw& draw) {
    for (std::uint64_t i = draw.below(90); i > 0; --i) {
      keys.push_back(Owner::key(draw.key()));
      values.push_back(Owner::value(draw.below(1u << 20)));
    }
    key_views.assign(keys.begin(), keys.end());
    value_views.assign(values.begin(), values.end());
  }
};

template <class Key, class Value>
void get_batch(Subject<Key, Value>& map, const Batch<Key, Value>& batch) {
  const std::size_t n = batch.keys.size();
  std::vector<typename Value::View> values(n);
  const auto found = std::make_unique<bool[]>(n + 1);
  map.map().get_many(batch.key_views, values.data(), found.get());
  for (std::size_t i = 0; i < n; ++i) {
    const auto wanted = map.expected().find(batch.keys[i]);
    CHECK_EQ(found[i], wanted != map.expected().end());
    if (found[i]) CHECK(values[i] == typename Value::View(wanted->second));
  }
}

template <class Key, class Value>
void put_batch(Subject<Key, Value>& map, const Batch<Key, Value>& batch) {
  std::size_t inserted = 0;
  for (std::size_t i = 0; i < batch.keys.size(); ++i) {
    inserted += map.expected().insert_or_assign(batch.keys[i], batch.values[i]).second;
  }
  CHECK_EQ(map.map().put_many(batch.key_views, batch.value_views.data()), inserted);
}

template <class Key, class Value>
void erase_batch(Subject<Key, Value>& map, const Batch<Key, Value>& batch) {
  std::size_t erased = 0;
  for (const auto& key : batch.keys) erased += map.expected().erase(key);
  CHECK_EQ(map.map().erase_many(batch.key_views), erased);
}

template <class Key, class Value>
void rare_operation(Subject<Key, Value>& map, Draw& draw) {
  switch (draw.below(5)) {
    case 0:
      return map.map().compact();
    case 1:
      return map.map().reserve(draw.below(3000));
    case 2:
      return draw.below(4) == 0 ? map.clear() : map.check();
    case 3:
      return map_testing::require_consistent(map.map());
    default:
      (void)map.map().stats(draw.below(100));
  }
}

template <class Key, class Value>
void random_operation(Subject<Key, Value>& map, Draw& draw) {
  const std::uint64_t choice = draw.below(400);
  if (choice == 0) return rare_operation(map, draw);
  if (choice <= 4) return get_batch(map, Batch<Key, Value>(draw));
  if (choice <= 8) return put_batch(map, Batch<Key, Value>(draw));
  if (choice <= 12) return erase_batch(map, Batch<Key, Value>(draw));
  if (choice <= 150) return (void)map.put(draw.key(), draw.below(1000));
  if (choice <= 250) return (void)map.erase(draw.key());
  map.has(draw.key());
}

}  // namespace

TEST_EACH_MAP("random operations agree with the model") {
  std::uint64_t seed = testing::random_seed();
  for (const Pattern pattern : kPatterns) {
    Subject<Key, Value> subject(map.map_case(), adhash::splitmix64(seed));
    Draw draw(pattern, adhash::splitmix64(seed));
    for (int i = 0; i < 6000; ++i) random_operation(subject, draw);
    subject.check();
  }
}

// Above the size from which batches prefetch ahead.
TEST_EACH_MAP("batches of a table larger than the cache agree with the model") {
  constexpr std::uint64_t kSize = 20'000;
  Draw draw(Pattern::uniform, testing::random_seed());
  map.put_range(0, kSize);
  CHECK(map.map().memory_bytes() >= std::size_t{300} << 10);
  Batch<Key, Value> batch(draw);
  for (std::uint64_t i = 0; i < 5000; ++i) {
    batch.keys.push_back(map.key(draw.below(2 * kSize)));
    batch.values.push_back(map.value(i));
  }
  batch.key_views.assign(batch.keys.begin(), batch.keys.end());
  batch.value_views.assign(batch.values.begin(), batch.values.end());
  get_batch(map, batch);
  put_batch(map, batch);
  get_batch(map, batch);
  erase_batch(map, batch);
  get_batch(map, batch);
}
