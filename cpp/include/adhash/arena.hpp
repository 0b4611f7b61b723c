// Memory for the bytes of long keys and values.
//
// Blocks come in size classes, four to a doubling, so at most a fifth of a block is wasted. A block
// given back goes to its class's free list and serves the next request of that class: put and
// delete of distinct keys for hours holds the arena at its high-water mark, without compaction.
// Blocks above the largest class have allocations of their own.
//
// Slots keep plain pointers into the arena, and the arena belongs to the map rather than to one of
// its tables: moving an entry between tables copies its slot and never its bytes.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#include "adhash/memory.hpp"

namespace adhash {

class Arena {
 public:
  Arena() = default;
  Arena(Arena&& other) noexcept { swap(other); }
  Arena& operator=(Arena&& other) noexcept {
    swap(other);
    return *this;
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { free_large_blocks(); }

  // Returns `size` writable bytes, aligned to 8. PRECONDITION: size > 0. Throws std::bad_alloc.
  char* allocate(std::size_t size) {
    if (size > kLargestClassBytes) return allocate_large(size);
    const unsigned index = class_of(size);
    if (FreeBlock* block = free_[index]) {
      free_[index] = block->next;
      return reinterpret_cast<char*>(block);
    }
    return carve(class_bytes(index));
  }

  // PRECONDITION: `block` came from allocate(size) and was not released since.
  void release(char* block, std::size_t size) noexcept {
    if (size > kLargestClassBytes) return release_large(block, size);
    const unsigned index = class_of(size);
    free_[index] = new (block) FreeBlock{free_[index]};
  }

  // Forgets every block and gives all memory back.
  void clear() noexcept {
    Arena empty;
    swap(empty);
  }

  std::size_t memory_bytes() const noexcept {
    return chunk_bytes_ + large_bytes_ + chunks_.capacity() * sizeof(ZeroedBlock);
  }

 private:
  struct FreeBlock {
    FreeBlock* next;
  };
  struct LargeBlock {
    LargeBlock* previous;
    LargeBlock* next;
  };

  static constexpr unsigned kFirstClassLog2 = 4;  // 16 bytes
  static constexpr unsigned kLastClassLog2 = 14;  // 16 KiB
  static constexpr std::size_t kLargestClassBytes = std::size_t{1} << kLastClassLog2;
  static constexpr unsigned kClasses = (kLastClassLog2 - kFirstClassLog2) * 4 + 1;
  static constexpr std::size_t kFirstChunkBytes = kLargestClassBytes;
  static constexpr std::size_t kLastChunkBytes = std::size_t{1} << 20;

  // Class 4e + q holds blocks of (4 + q) * 2^(e + 2) bytes: 16, 20, 24, 28, 32, 40, ...
  static constexpr std::size_t class_bytes(unsigned index) {
    const std::size_t bytes = (std::size_t{4} + index % 4) << (index / 4 + kFirstClassLog2 - 2);
    return (bytes + 7) & ~std::size_t{7};
  }
  static constexpr unsigned class_of(std::size_t size) {
    if (size <= 16) return 0;
    const auto log2 = static_cast<unsigned>(std::bit_width(size - 1)) - 1;
    const auto quarter = static_cast<unsigned>((size - 1) >> (log2 - 2)) - 4 + 1;
    return (log2 - kFirstClassLog2) * 4 + quarter;
  }

  char* carve(std::size_t bytes) {
    if (chunk_left_ < bytes) add_chunk();
    char* block = chunk_next_;
    chunk_next_ += bytes;
    chunk_left_ -= bytes;
    return block;
  }

  // Each chunk is as large as all before it together, so that a small map stays small. What is
  // left of the chunk before is less than one block of the largest class.
  ADHASH_COLD void add_chunk() {
    const std::size_t bytes = std::clamp(chunk_bytes_, kFirstChunkBytes, kLastChunkBytes);
    if (chunks_.size() == chunks_.capacity()) {
      pass_allocation_gate();
      chunks_.reserve(chunks_.size() * 2 + 4);
    }
    chunks_.emplace_back(bytes);
    chunk_next_ = reinterpret_cast<char*>(chunks_.back().data());
    chunk_left_ = chunks_.back().size();
    chunk_bytes_ += chunk_left_;
  }

  ADHASH_COLD char* allocate_large(std::size_t size) {
    pass_allocation_gate();
    void* memory = std::malloc(sizeof(LargeBlock) + size);
    if (memory == nullptr) throw std::bad_alloc();
    auto* block = new (memory) LargeBlock{nullptr, large_};
    if (large_ != nullptr) large_->previous = block;
    large_ = block;
    large_bytes_ += sizeof(LargeBlock) + size;
    return reinterpret_cast<char*>(block + 1);
  }

  ADHASH_COLD void release_large(char* bytes, std::size_t size) noexcept {
    LargeBlock* block = reinterpret_cast<LargeBlock*>(bytes) - 1;
    (block->previous != nullptr ? block->previous->next : large_) = block->next;
    if (block->next != nullptr) block->next->previous = block->previous;
    large_bytes_ -= sizeof(LargeBlock) + size;
    std::free(block);
  }

  void free_large_blocks() noexcept {
    while (large_ != nullptr) {
      LargeBlock* next = large_->next;
      std::free(large_);
      large_ = next;
    }
  }

  void swap(Arena& other) noexcept {
    std::swap(free_, other.free_);
    std::swap(chunks_, other.chunks_);
    std::swap(chunk_next_, other.chunk_next_);
    std::swap(chunk_left_, other.chunk_left_);
    std::swap(chunk_bytes_, other.chunk_bytes_);
    std::swap(large_, other.large_);
    std::swap(large_bytes_, other.large_bytes_);
  }

  std::array<FreeBlock*, kClasses> free_{};
  std::vector<ZeroedBlock> chunks_;
  char* chunk_next_ = nullptr;
  std::size_t chunk_left_ = 0;
  std::size_t chunk_bytes_ = 0;
  LargeBlock* large_ = nullptr;
  std::size_t large_bytes_ = 0;
};

}  // namespace adhash
