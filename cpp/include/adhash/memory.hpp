// Memory for tables: zeroed, aligned to cache lines, on huge pages when large.
//
// Three facts decide the shape of this file (see docs/architecture.md for the figures):
//   - All-zero bytes are an empty table in every layout, so a fresh anonymous mapping needs no
//     initialisation: making a table of any size is O(1), and its pages arrive as they are touched.
//   - Random access to a large table costs up to four times less on 2 MiB pages, so large blocks
//     are aligned to them and marked with madvise.
//   - Unmapping a large block at once takes tens of milliseconds, so a block can be given back in
//     slices, from its end.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "adhash/platform.hpp"

namespace adhash {

#ifdef ADHASH_TEST_ALLOCATIONS
// Tests make the n-th allocation from now fail. Negative: none fails.
inline thread_local std::int64_t allocations_until_failure = -1;
inline thread_local std::uint64_t allocations_failed = 0;

inline void pass_allocation_gate() {
  if (allocations_until_failure < 0) return;
  if (allocations_until_failure-- == 0) {
    ++allocations_failed;
    throw std::bad_alloc();
  }
}
#else
inline void pass_allocation_gate() {}
#endif

inline constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
inline constexpr std::size_t kMappedFromBytes = std::size_t{1} << 20;

// A zeroed block of memory that one table owns.
class ZeroedBlock {
 public:
  ZeroedBlock() = default;

  // Throws std::bad_alloc.
  explicit ZeroedBlock(std::size_t bytes) : size_(round_up(bytes, kCacheLineBytes)) {
    if (size_ == 0) return;
    pass_allocation_gate();
    data_ = size_ >= kMappedFromBytes ? map_pages() : allocate_small();
  }

  ZeroedBlock(ZeroedBlock&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        mapped_(std::exchange(other.mapped_, false)) {}
  ZeroedBlock& operator=(ZeroedBlock&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapped_, other.mapped_);
    return *this;
  }
  ZeroedBlock(const ZeroedBlock&) = delete;
  ZeroedBlock& operator=(const ZeroedBlock&) = delete;
  ~ZeroedBlock() {
    if (mapped_) {
      ::munmap(data_, size_);
    } else {
      std::free(data_);
    }
  }

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }

  // Touches the pages behind the last whole huge page now. For blocks that will be filled right
  // away: the system hands out small pages in one go for a fraction of what a fault for each costs.
  // A huge page is one fault, and is warm in the caches when it comes as it is touched.
  // (MADV_POPULATE_WRITE of Linux 5.14; elsewhere all pages arrive as they are touched.)
  void populate() noexcept {
#ifdef __linux__
    constexpr int kPopulateWrite = 23;  // the C library's headers may be older than the kernel
    const std::size_t huge = size_ / kHugePageBytes * kHugePageBytes;
    if (mapped_ && huge < size_) ::madvise(data_ + huge, size_ - huge, kPopulateWrite);
#endif
  }

  // Gives at most about `bytes` back to the system, from the end; what is left stays readable.
  // A block too small to be mapped goes whole.
  void release_slice(std::size_t bytes) noexcept {
    if (!mapped_ || bytes >= size_) {
      ZeroedBlock released;
      *this = std::move(released);
      return;
    }
    const std::size_t keep = (size_ - bytes) & ~(kPageBytes - 1);
    ::munmap(data_ + keep, size_ - keep);
    size_ = keep;
    if (size_ == 0) {
      data_ = nullptr;
      mapped_ = false;
    }
  }

 private:
  static constexpr std::size_t kPageBytes = 16384;  // the largest base page among supported systems

  static constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
  }

  std::byte* allocate_small() {
    void* memory = std::aligned_alloc(kCacheLineBytes, size_);
    if (memory == nullptr) throw std::bad_alloc();
    std::memset(memory, 0, size_);
    return static_cast<std::byte*>(memory);
  }

  // Maps more than asked for and trims both ends, because mmap promises only base-page alignment.
  std::byte* map_pages() {
    size_ = round_up(size_, kPageBytes);
    const std::size_t padded = size_ + kHugePageBytes;
    void* raw = ::mmap(nullptr, padded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) throw std::bad_alloc();
    const auto address = reinterpret_cast<std::uintptr_t>(raw);
    const std::size_t before = round_up(address, kHugePageBytes) - address;
    auto* first = static_cast<std::byte*>(raw) + before;
    if (before > 0) ::munmap(raw, before);
    if (padded - before > size_) ::munmap(first + size_, padded - before - size_);
#ifdef MADV_HUGEPAGE
    ::madvise(first, size_, MADV_HUGEPAGE);
#endif
    mapped_ = true;
    return first;
  }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  bool mapped_ = false;
};

}  // namespace adhash
