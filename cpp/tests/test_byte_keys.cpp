// Keys and values as byte strings: inline, in the arena, and in blocks of their own.
#include <string>
#include <vector>

#include "map_cases.hpp"

namespace {

using adhash::BytesKey;
using adhash::BytesValue;
using Bytes = map_testing::Subject<BytesKey, BytesValue>;

constexpr std::size_t kLarge = 20'000;  // beyond the arena's largest class
const std::vector<std::size_t> kLengths = {0,  1,  7,  8,   11,    12,    13,
                                           15, 16, 17, 255, 16384, 16385, kLarge};

template <class Body>
void on_each_engine(Body body) {
  for (const map_testing::MapCase& map_case : map_testing::map_cases()) {
    Bytes map(map_case);
    body(map);
    map.check();
  }
}

std::string distinct(std::size_t number, std::size_t length) {
  std::string text = std::to_string(number);
  text.resize(length, '#');
  return text;
}

}  // namespace

TEST("keys and values of every length are kept, updated and deleted") {
  on_each_engine([](Bytes& map) {
    for (const std::size_t key_length : kLengths) {
      for (const std::size_t value_length : kLengths) {
        map.put_pair(std::string(key_length, 'k'), std::string(value_length, 'v'));
      }
    }
    CHECK_EQ(map.map().size(), kLengths.size());
    map.check();
    for (const std::size_t length : kLengths) CHECK(map.erase_key(std::string(length, 'k')));
  });
}

TEST("keys that differ in one byte, anywhere, are different") {
  on_each_engine([](Bytes& map) {
    for (const std::size_t length : {1, 8, 15, 16, 17, 40, 255}) {
      for (std::size_t at = 0; at < length; ++at) {
        std::string key(length, 'x');
        key[at] = 'y';
        CHECK(map.put_pair(key, std::to_string(at)));
      }
    }
  });
}

TEST("embedded NULs and high bytes belong to the key") {
  on_each_engine([](Bytes& map) {
    for (std::size_t length = 0; length < 40; ++length) {
      CHECK(map.put_pair(std::string(length, '\0'), "zeros"));
      CHECK(map.put_pair(std::string(length, '\0') + "a", std::string(3, '\0')));
      CHECK(map.put_pair('\xFF' + std::string(length, '\0'), "high"));
    }
  });
}

TEST("keys with a long common prefix are told apart") {
  on_each_engine([](Bytes& map) {
    const std::string prefix(100, 'p');
    for (int i = 0; i < 500; ++i) CHECK(map.put_pair(prefix + std::to_string(i), "v"));
    CHECK(!map.has_key(prefix));
    CHECK(!map.has_key(prefix + "500"));
  });
}

TEST("a prefix of a key is another key") {
  on_each_engine([](Bytes& map) {
    const std::string whole(300, 'w');
    for (std::size_t length = 0; length <= 300; ++length) {
      CHECK(map.put_pair(whole.substr(0, length), std::to_string(length)));
    }
  });
}

TEST("an update between inline, arena and large values keeps the last") {
  on_each_engine([](Bytes& map) {
    for (int round = 0; round < 3; ++round) {
      for (const std::size_t length : kLengths) {
        for (const char* key : {"a", "b"}) map.put_pair(key, distinct(length, length));
      }
    }
  });
}

// Naive: bytes are only ever appended, and the arena grows as long as keys come and go.
TEST("put and delete of distinct long keys holds memory level") {
  on_each_engine([](Bytes& map) {
    const auto churn = [&map](std::size_t from, std::size_t to) {
      for (std::size_t i = from; i < to; ++i) {
        map.put_pair(distinct(i, 17 + i % 400), distinct(i, 100 + i % 50));
        if (i >= 50) map.erase_key(distinct(i - 50, 17 + (i - 50) % 400));
      }
    };
    churn(0, 2000);
    map.map().compact();
    const std::size_t level = map.map().memory_bytes();
    churn(2000, 8000);
    map.map().compact();
    CHECK(map.map().memory_bytes() <= level + level / 4 + 32'768);
  });
}

TEST("updates with long values hold memory level") {
  on_each_engine([](Bytes& map) {
    for (std::size_t i = 0; i < 200; ++i) map.put_pair("key", distinct(i, 1000));
    const std::size_t level = map.map().memory_bytes();
    for (std::size_t i = 0; i < 5000; ++i) map.put_pair("key", distinct(i, 1000));
    CHECK(map.map().memory_bytes() <= level + 32'768);
  });
}

TEST("large keys and values are given back when deleted") {
  on_each_engine([](Bytes& map) {
    const std::size_t before = map.map().memory_bytes();
    for (std::size_t i = 0; i < 10; ++i) map.put_pair(distinct(i, kLarge), distinct(i, 2 * kLarge));
    CHECK(map.map().memory_bytes() >= before + 30 * kLarge);
    for (std::size_t i = 0; i < 10; ++i) map.erase_key(distinct(i, kLarge));
    CHECK(map.map().memory_bytes() < before + 10 * kLarge);
  });
}

TEST("clear gives the bytes of keys and values back") {
  on_each_engine([](Bytes& map) {
    const std::size_t before = map.map().memory_bytes();
    for (std::size_t i = 0; i < 300; ++i) map.put_pair(distinct(i, 500), distinct(i, kLarge));
    map.clear();
    CHECK(map.map().memory_bytes() <= before + 4096);
  });
}
