// Every allocation of every operation fails once: the operation throws and leaves the map as it
// was, or, where it can do without, goes on. Each test insists that something did fail.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "colliding_keys.hpp"
#include "counted_table.hpp"
#include "failing_allocations.hpp"
#include "map_cases.hpp"

namespace {

using map_testing::MapCase;
using map_testing::Outcome;
using map_testing::Subject;

// An operation on a map, and what it does to the model. Whatever they need is made beforehand.
template <class Key, class Value>
struct Attempt {
  std::function<void(adhash::AnyMap<Key, Value>&)> run;
  std::function<void(Subject<Key, Value>&)> apply = [](auto&) {};
};

// Prepares a map and runs the attempt with its first allocation failing, prepares another and lets
// the second fail, and so on until none is left to fail. Returns how many failed.
template <class Key, class Value, class Prepare>
std::size_t fail_each(const MapCase& map_case, Prepare prepare,
                      const Attempt<Key, Value>& attempt) {
  for (std::int64_t n = 0;; ++n) {
    Subject<Key, Value> subject(map_case);
    prepare(subject);
    const Outcome outcome = map_testing::run_failing(n, [&] { attempt.run(subject.map()); });
    if (outcome != Outcome::threw) attempt.apply(subject);
    subject.check();
    if (outcome == Outcome::threw) {
      attempt.run(subject.map());
      attempt.apply(subject);
      subject.check();
    }
    if (outcome == Outcome::succeeded) return static_cast<std::size_t>(n);
  }
}

template <class Key, class Value>
Attempt<Key, Value> put_attempt(std::uint64_t number, std::uint64_t value_number) {
  const auto key = Subject<Key, Value>::key(number);
  const auto value = Subject<Key, Value>::value(value_number);
  return {[=](auto& map) { map.put(key, value); },
          [=](auto& subject) { subject.expected().insert_or_assign(key, value); }};
}

template <class Key, class Value>
Attempt<Key, Value> run_attempt(std::function<void(adhash::AnyMap<Key, Value>&)> run) {
  return {std::move(run)};
}

}  // namespace

// The sizes pass through growth, through a migration's every stage, and from chunk to chunk.
TEST_EACH_MAP("a put that runs out of memory leaves the map as it was, at any size") {
  std::size_t failures = 0;
  for (std::uint64_t size = 0; size < 140; size += size < 60 ? 1 : 5) {
    failures += fail_each<Key, Value>(
        map.map_case(), [=](auto& subject) { subject.put_range(0, size); },
        put_attempt<Key, Value>(size, size));
  }
  CHECK(failures >= 2);  // two growths at least; whether a decision is logged is a close call
}

TEST_EACH_MAP("an update that runs out of memory keeps the value it found") {
  std::size_t failures = 0;
  for (std::uint64_t value = 0; value < 20; ++value) {
    failures += fail_each<Key, Value>(
        map.map_case(), [](auto& subject) { subject.put_range(0, 60); },
        put_attempt<Key, Value>(7, value));
  }
  const bool allocates =
      std::is_same_v<Value, adhash::BytesValue> && map.map_case().engine == "std";
  CHECK(!allocates || failures > 0);
}

TEST_EACH_MAP("a reserve that runs out of memory changes nothing") {
  std::size_t failures = 0;
  for (std::uint64_t size = 0; size < 90; size += 9) {
    failures += fail_each<Key, Value>(
        map.map_case(), [=](auto& subject) { subject.put_range(0, size); },
        run_attempt<Key, Value>([](auto& to_reserve) { to_reserve.reserve(5000); }));
  }
  CHECK(failures >= 10);
}

TEST_EACH_MAP("a compaction that runs out of memory changes nothing") {
  std::size_t failures = 0;
  for (std::uint64_t size = 5; size < 90; size += 9) {
    const auto prepare = [=](auto& subject) {
      subject.put_range(0, size);
      for (std::uint64_t number = 0; number < size; number += 2) subject.erase(number);
    };
    failures += fail_each<Key, Value>(
        map.map_case(), prepare,
        run_attempt<Key, Value>([](auto& to_compact) { to_compact.compact(); }));
  }
  CHECK(failures >= 5);
}

TEST_EACH_MAP("a clear that runs out of memory changes nothing") {
  std::size_t failures = 0;
  for (std::uint64_t size = 0; size < 60; size += 7) {
    Attempt<Key, Value> attempt = run_attempt<Key, Value>([](auto& to_clear) { to_clear.clear(); });
    attempt.apply = [](auto& subject) { subject.expected().clear(); };
    failures += fail_each<Key, Value>(
        map.map_case(), [=](auto& subject) { subject.put_range(0, size); }, attempt);
  }
  CHECK(failures > 0 || map.map_case().engine == "std");
}

TEST_EACH_MAP("look-ups and deletions need no memory, also while a map moves") {
  for (std::uint64_t size = 1; size < 130; size += 3) {
    Subject<Key, Value> subject(map.map_case());
    subject.put_range(0, size);
    const auto key = subject.key(size / 2);
    const auto absent = subject.key(size);
    const Outcome outcome = map_testing::run_failing(0, [&] {
      typename Value::View value{};
      for (int i = 0; i < 30; ++i) CHECK(subject.map().get(key, value));
      CHECK(!subject.map().erase(absent));
      CHECK(subject.map().erase(key));
    });
    CHECK(outcome != Outcome::threw);
    subject.expected().erase(key);
    subject.check();
  }
}

namespace {

using adhash::BytesKey;
using adhash::BytesValue;
using adhash::IntKey;
using adhash::WordValue;

adhash::AdaptiveOptions slow_steps(std::string_view layout) {
  adhash::AdaptiveOptions options;
  options.initial_layout = layout;
  options.migration_step = 2;
  options.layout_switching = false;
  return options;
}

}  // namespace

TEST("keys and values in blocks of their own can fail to be stored") {
  const std::string key(20'000, 'k');
  const std::string value(30'000, 'v');
  for (const MapCase& map_case : map_testing::map_cases()) {
    const Attempt<BytesKey, BytesValue> attempt = {
        [&](auto& map) { map.put(key, value); },
        [&](auto& subject) { subject.expected().insert_or_assign(key, value); }};
    const std::size_t failures = fail_each<BytesKey, BytesValue>(
        map_case, [](auto& subject) { subject.put_range(0, 5); }, attempt);
    CHECK(failures >= 2);
  }
}

TEST("an arena that cannot get its next chunk leaves the map as it was") {
  for (const MapCase& map_case : map_testing::map_cases()) {
    std::size_t failures = 0;
    for (std::uint64_t size = 60; size < 70; ++size) {
      const std::string key = map_testing::numbered_text(size, 250);
      const auto prepare = [=](auto& subject) {
        for (std::uint64_t number = 0; number < size; ++number) {
          subject.put_pair(map_testing::numbered_text(number, 250), number);
        }
      };
      const Attempt<BytesKey, WordValue> attempt = {
          [=](auto& map) { map.put(key, 1); },
          [=](auto& subject) { subject.expected().insert_or_assign(key, 1); }};
      failures += fail_each<BytesKey, WordValue>(map_case, prepare, attempt);
    }
    CHECK(failures > 0);
  }
}

TEST("an overflow bucket that cannot be had leaves the map as it was") {
  const auto keys = map_testing::colliding_integers(adhash::Hasher(1), 40, 10);
  const MapCase adaptive = {"adaptive", "adaptive", slow_steps("chaining")};
  for (const MapCase& map_case : {MapCase{"chaining", "chaining"}, adaptive}) {
    std::size_t failures = 0;
    for (std::size_t size = 0; size < keys.size(); ++size) {
      const auto prepare = [&](auto& subject) {
        for (std::size_t i = 0; i < size; ++i) subject.put_pair(keys[i], i);
      };
      const std::uint64_t key = keys[size];
      const Attempt<IntKey, WordValue> attempt = {
          [=](auto& map) { map.put(key, 1); },
          [=](auto& subject) { subject.expected().insert_or_assign(key, 1); }};
      failures += fail_each<IntKey, WordValue>(map_case, prepare, attempt);
    }
    CHECK(failures >= 3);
  }
}

// The naive version counts on the new table's room, which was reckoned with steps that succeed.
TEST("a migration whose steps keep failing loses nothing, however much is put meanwhile") {
  for (const std::string_view layout : {"chaining", "robinhood", "swiss"}) {
    Subject<IntKey, WordValue> subject({"adaptive", "adaptive", slow_steps(layout)});
    const auto keys = map_testing::colliding_integers(adhash::Hasher(1), 200, 9);
    const std::uint64_t failed_before = adhash::allocations_failed;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (map_testing::run_failing(0, [&] { subject.map().put(keys[i], i); }) == Outcome::threw) {
        subject.put_pair(keys[i], i);
      } else {
        subject.expected().insert_or_assign(keys[i], i);
      }
      if (i % 10 == 0) subject.check();
    }
    CHECK(adhash::allocations_failed > failed_before);
    subject.check();
  }
}

TEST("a new seed that cannot be taken for want of memory is taken later") {
  for (const std::string_view layout : {"chaining", "robinhood", "swiss"}) {
    const auto keys = map_testing::colliding_integers(adhash::Hasher(1), 1500, 11);
    Subject<IntKey, WordValue> subject({"adaptive", "adaptive", slow_steps(layout)}, 1, 4000);
    std::size_t survived = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::int64_t n = survived < 3 ? 0 : -1;
      const Outcome outcome = map_testing::run_failing(n, [&] { subject.map().put(keys[i], i); });
      if (outcome == Outcome::threw) subject.map().put(keys[i], i);
      survived += outcome == Outcome::survived_failure;
      subject.expected().insert_or_assign(keys[i], i);
    }
    CHECK_EQ(survived, 3u);
    CHECK(subject.map().stats(0).reseeds >= 1);
    subject.check();
  }
}

// The log of decisions and the texts in it are for people; a look-up must not fail for them.
TEST("a look-up that decides to move the map survives any failure") {
  std::size_t survived = 0;
  for (const char* first : {"chaining", "robinhood", "swiss"}) {
    for (std::int64_t n = 0; n < 8; ++n) {
      const MapCase map_case = map_testing::restless(first, 4);
      Subject<IntKey, WordValue> subject(
          map_case, std::make_unique<map_testing::CountedMap>(1, 100, map_case.options));
      subject.put_range(0, 100);
      for (std::uint64_t i = 0; i < 12'000; ++i) {
        const std::uint64_t key = subject.key(i < 6000 ? i % 100 : i);
        std::uint64_t value = 0;
        const Outcome outcome = map_testing::run_failing(n, [&] { subject.map().get(key, value); });
        CHECK(outcome != Outcome::threw);
        survived += outcome == Outcome::survived_failure;
      }
      subject.check();
    }
  }
  CHECK(survived > 0);
}
