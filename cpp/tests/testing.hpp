// A test harness small enough to read in one sitting.
//
//   TEST("erase keeps other keys findable") {
//     CHECK(map.contains(1));
//     CHECK_EQ(map.size(), 2u);
//     CHECK_THROWS(CapacityError, map.reserve(huge));
//   }
//
// TEST_EACH_ISA runs its body once on every instruction set of this machine. A failed check ends
// its test and the next one starts. Tests run in a random order; `tests --seed N` repeats one, and
// any other argument keeps only the tests whose name contains it. `testing::random_seed()` seeds
// whatever a test draws.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "adhash/isa.hpp"

namespace testing {

struct Failure : std::exception {
  explicit Failure(std::string text) : message(std::move(text)) {}
  const char* what() const noexcept override { return message.c_str(); }
  std::string message;
};

struct Test {
  std::string name;
  std::function<void()> body;
};

inline std::vector<Test>& registry() {
  static std::vector<Test> tests;
  return tests;
}

inline std::uint64_t& random_seed() {
  static std::uint64_t seed = 0;
  return seed;
}

struct Registration {
  Registration(const char* name, void (*body)()) { registry().push_back({name, body}); }
};

struct RegistrationOnEachIsa {
  RegistrationOnEachIsa(const char* name, void (*body)()) {
    for (const adhash::Isa isa : adhash::available_isas()) {
      registry().push_back({std::string(name) + " [" + adhash::isa_label(isa) + "]",
                            [isa, body] { run_on(isa, body); }});
    }
  }

  static void run_on(adhash::Isa isa, void (*body)()) {
    struct Restore {
      adhash::Isa before = adhash::current_isa();
      ~Restore() { adhash::force_isa(before); }
    } restore;
    adhash::force_isa(isa);
    body();
  }
};

template <class T>
std::string shown(const T& value) {
  std::ostringstream out;
  if constexpr (requires { out << value; }) {
    out << value;
  } else if constexpr (std::is_enum_v<T>) {
    out << static_cast<long long>(value);
  } else {
    out << "(a value that cannot be printed)";
  }
  return out.str();
}

[[noreturn]] inline void fail(const char* file, int line, const std::string& text) {
  throw Failure(std::string(file) + ":" + std::to_string(line) + ": " + text);
}

template <class A, class B>
void check_equal(const A& left, const B& right, const char* text, const char* file, int line) {
  if (left == right) return;
  fail(file, line,
       std::string(text) + "\n      left:  " + shown(left) + "\n      right: " + shown(right));
}

// Runs one test; returns an empty string when it passed and the reason when it did not.
inline std::string run_one(const Test& test) {
  try {
    test.body();
    return {};
  } catch (const std::exception& error) {
    const std::string reason = error.what();
    return reason.empty() ? "an exception without a message" : reason;
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

inline int run_all(std::string_view filter, std::uint64_t seed) {
  random_seed() = seed;
  std::vector<Test> tests = registry();
  std::shuffle(tests.begin(), tests.end(), std::mt19937_64(seed));
  std::size_t passed = 0;
  std::size_t failed = 0;
  for (const Test& test : tests) {
    if (test.name.find(filter) == std::string::npos) continue;
    const std::string reason = run_one(test);
    reason.empty() ? ++passed : ++failed;
    if (!reason.empty()) std::printf("FAILED %s\n    %s\n", test.name.c_str(), reason.c_str());
    std::fflush(stdout);
  }
  std::printf("%zu passed, %zu failed (seed %llu)\n", passed, failed,
              static_cast<unsigned long long>(seed));
  const bool nothing_ran = passed + failed == 0;
  if (nothing_ran) std::printf("no test has a name with that text in it\n");
  return failed != 0 || nothing_ran ? 1 : 0;
}

}  // namespace testing

#define TESTING_JOIN_(a, b) a##b
#define TESTING_JOIN(a, b) TESTING_JOIN_(a, b)
#define TESTING_DEFINE(kind, name, id)                               \
  static void TESTING_JOIN(test_body_, id)();                        \
  static const ::testing::kind TESTING_JOIN(test_registration_, id)( \
      name, &TESTING_JOIN(test_body_, id));                          \
  static void TESTING_JOIN(test_body_, id)()

#define TEST(name) TESTING_DEFINE(Registration, name, __LINE__)
#define TEST_EACH_ISA(name) TESTING_DEFINE(RegistrationOnEachIsa, name, __LINE__)

#define CHECK(...)                                                                      \
  do {                                                                                  \
    if (!(__VA_ARGS__)) ::testing::fail(__FILE__, __LINE__, "CHECK(" #__VA_ARGS__ ")"); \
  } while (false)

#define CHECK_EQ(left, right) \
  ::testing::check_equal((left), (right), "CHECK_EQ(" #left ", " #right ")", __FILE__, __LINE__)

// The extra arguments are the statement that must throw.
#define CHECK_THROWS(Exception, ...)                                               \
  do {                                                                             \
    bool threw_as_expected = false;                                                \
    try {                                                                          \
      __VA_ARGS__;                                                                 \
    } catch (const Exception&) {                                                   \
      threw_as_expected = true;                                                    \
    }                                                                              \
    if (!threw_as_expected) {                                                      \
      ::testing::fail(__FILE__, __LINE__, "no " #Exception " from " #__VA_ARGS__); \
    }                                                                              \
  } while (false)
