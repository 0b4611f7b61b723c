// Blocks of table memory and the arena, by themselves.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "adhash/arena.hpp"
#include "failing_allocations.hpp"
#include "testing.hpp"

namespace {

using adhash::Arena;
using adhash::ZeroedBlock;

constexpr std::size_t kSmall = 4096;
constexpr std::size_t kMapped = std::size_t{5} << 20;

#ifdef __linux__
// Whether the system can populate pages: Linux 5.14 and later.
bool system_populates() {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* memory = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool can = ::madvise(memory, page, 23) == 0;
  ::munmap(memory, page);
  return can;
}

std::size_t resident_pages(std::byte* first, std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> found((bytes + page - 1) / page);
  CHECK_EQ(::mincore(first, bytes, found.data()), 0);
  return static_cast<std::size_t>(std::count_if(
      found.begin(), found.end(), [](unsigned char each) { return (each & 1) != 0; }));
}
#endif

bool is_zero(const ZeroedBlock& block) {
  for (std::size_t i = 0; i < block.size(); ++i) {
    if (block.data()[i] != std::byte{0}) return false;
  }
  return true;
}

}  // namespace

TEST("a block is zero, aligned to cache lines and at least as large as asked") {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{63}, kSmall, kMapped - 1, kMapped}) {
    const ZeroedBlock block(bytes);
    CHECK(block.size() >= bytes);
    CHECK_EQ(reinterpret_cast<std::uintptr_t>(block.data()) % adhash::kCacheLineBytes, 0u);
    CHECK(is_zero(block));
  }
}

TEST("an empty block owns nothing") {
  const ZeroedBlock block(0);
  CHECK_EQ(block.size(), 0u);
  CHECK(block.data() == nullptr);
}

TEST("slices come off the end until nothing is left, and what is left stays readable") {
  ZeroedBlock block(kMapped);
  std::memset(block.data(), 1, block.size());
  std::size_t slices = 0;
  for (std::size_t size = block.size(); size > 0; ++slices) {
    block.release_slice(1 << 20);
    CHECK(block.size() < size);
    CHECK(size - block.size() <= (1 << 20) + 16384);
    size = block.size();
    if (size > 0) CHECK(block.data()[size - 1] == std::byte{1});
  }
  CHECK(slices >= 4);
  block.release_slice(1 << 20);
  CHECK_EQ(block.size(), 0u);
}

TEST("a populated block is zero, and its pages behind the huge ones are there") {
  ZeroedBlock block(kMapped);
  block.populate();
#ifdef __linux__
  const std::size_t huge = kMapped / adhash::kHugePageBytes * adhash::kHugePageBytes;
  const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (system_populates()) {
    CHECK_EQ(resident_pages(block.data() + huge, kMapped - huge), (kMapped - huge) / page);
  }
#endif
  CHECK(is_zero(block));
}

TEST("small, empty and released blocks can be populated") {
  for (const std::size_t bytes : {std::size_t{0}, kSmall, kMapped}) {
    ZeroedBlock block(bytes);
    block.populate();
    block.release_slice(kMapped / 2);
    block.populate();
    CHECK(is_zero(block));
    block.release_slice(kMapped);
    block.populate();
    CHECK_EQ(block.size(), 0u);
  }
}

TEST("a small block is released whole") {
  ZeroedBlock block(kSmall);
  block.release_slice(64);
  CHECK_EQ(block.size(), 0u);
}

TEST("a moved block leaves nothing behind") {
  ZeroedBlock first(kSmall);
  const std::byte* data = first.data();
  ZeroedBlock second(std::move(first));
  CHECK(second.data() == data);
  ZeroedBlock third;
  third = std::move(second);
  CHECK(third.data() == data);
}

TEST("arena blocks of every size are writable, aligned and apart") {
  Arena arena;
  std::vector<std::pair<char*, std::size_t>> blocks;
  for (std::size_t size = 1; size < 20'000; size += 1 + size / 16) {
    char* block = arena.allocate(size);
    CHECK_EQ(reinterpret_cast<std::uintptr_t>(block) % 8, 0u);
    std::memset(block, static_cast<int>(blocks.size() % 251), size);
    blocks.emplace_back(block, size);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    for (const char byte : std::string(blocks[i].first, blocks[i].second)) {
      CHECK_EQ(static_cast<std::size_t>(static_cast<unsigned char>(byte)), i % 251);
    }
  }
  for (const auto& [block, size] : blocks) arena.release(block, size);
}

TEST("a released arena block serves the next request of its size") {
  Arena arena;
  for (const std::size_t size : {1u, 16u, 17u, 100u, 4000u, 16384u}) {
    char* block = arena.allocate(size);
    arena.release(block, size);
    CHECK(arena.allocate(size) == block);
  }
}

TEST("large arena blocks are given back in any order") {
  Arena arena;
  const std::size_t before = arena.memory_bytes();
  for (const auto& order : {std::vector{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}}) {
    std::vector<char*> blocks;
    for (int i = 0; i < 3; ++i) blocks.push_back(arena.allocate(20'000));
    for (const int i : order) arena.release(blocks[static_cast<std::size_t>(i)], 20'000);
    CHECK_EQ(arena.memory_bytes(), before);
  }
}

TEST("an arena wastes at most about a fifth of its blocks") {
  Arena arena;
  std::size_t asked = 0;
  for (std::size_t size = 17; asked < 8'000'000; size = 17 + (size * 7 + 3) % 3000) {
    arena.allocate(size);
    asked += size;
  }
  CHECK(arena.memory_bytes() <= asked + asked / 4 + (std::size_t{1} << 20));
}

TEST("an arena that could not grow is as it was") {
  for (const std::size_t size : {std::size_t{100}, std::size_t{20'000}}) {
    Arena arena;
    char* first = arena.allocate(size);
    std::memset(first, 'a', size);
    std::size_t failures = 0;
    for (int i = 0; i < 300; ++i) {
      const std::size_t before = arena.memory_bytes();
      const auto outcome = map_testing::run_failing(0, [&] { arena.allocate(size); });
      if (outcome != map_testing::Outcome::threw) continue;
      ++failures;
      CHECK(arena.memory_bytes() <= before + 200);
      arena.allocate(size);
    }
    CHECK(failures > 0);
    CHECK_EQ(std::string(first, size), std::string(size, 'a'));
  }
}
