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

#include "adhash/invariants.hpp"
#include "adhash/memory.hpp"

namespace adhash {

// A block as who holds it knows it. Nothing says that it is one.
struct HeldBlock {
  const char* start;
  std::size_t size;
};

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

  // Every block of the arena is held once or was given back, and none overlaps another: together
  // they fill what was carved of the chunks without a gap.
  ADHASH_COLD void check_blocks(const std::vector<HeldBlock>& held, InvariantReport& report) const {
    std::vector<HeldBlock> small;
    std::vector<HeldBlock> large;
    for (const HeldBlock& block : held) {
      const bool is_large = block.size > kLargestClassBytes;
      const std::size_t bytes = is_large ? block.size : class_bytes(class_of(block.size));
      (is_large ? large : small).push_back({block.start, bytes});
    }
    check_large(large, report);
    if (add_free_blocks(small, report)) check_small(small, report);
  }

 private:
  template <class Patient>
  friend struct Surgery;

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
    chunks_.back().populate();
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

  static void sort_by_start(std::vector<HeldBlock>& blocks) {
    std::sort(blocks.begin(), blocks.end(),
              [](const HeldBlock& a, const HeldBlock& b) { return a.start < b.start; });
  }

  void check_large(std::vector<HeldBlock>& held, InvariantReport& report) const {
    Invariant& known = report.invariant("large blocks are held once");
    std::vector<const char*> listed;
    for (const LargeBlock* block = large_; block != nullptr; block = block->next) {
      listed.push_back(reinterpret_cast<const char*>(block + 1));
    }
    std::sort(listed.begin(), listed.end());
    sort_by_start(held);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < std::max(held.size(), listed.size()); ++i) {
      report.note_entry();
      const bool is_same = i < held.size() && i < listed.size() && held[i].start == listed[i];
      known.require(is_same, [&] { return told("large block", i) + " is lost, or no block"; });
      if (i < held.size()) bytes += sizeof(LargeBlock) + held[i].size;
    }
    require_count(report, "bytes of large blocks", large_bytes_, bytes);
  }

  // The chunk that a block lies in as a whole, or nullptr. PRECONDITION: `sorted` by address.
  static const HeldBlock* chunk_around(const std::vector<HeldBlock>& sorted, HeldBlock block) {
    const auto after = std::upper_bound(
        sorted.begin(), sorted.end(), block.start,
        [](const char* start, const HeldBlock& chunk) { return start < chunk.start; });
    if (after == sorted.begin()) return nullptr;
    const HeldBlock& chunk = *(after - 1);
    const auto offset = static_cast<std::size_t>(block.start - chunk.start);
    return offset < chunk.size && block.size <= chunk.size - offset ? &chunk : nullptr;
  }
  std::vector<HeldBlock> sorted_chunks() const {
    std::vector<HeldBlock> chunks;
    for (const ZeroedBlock& chunk : chunks_) {
      chunks.push_back({reinterpret_cast<const char*>(chunk.data()), chunk.size()});
    }
    sort_by_start(chunks);
    return chunks;
  }

  // Adds the blocks that were given back. False where their lists cannot be walked to the end.
  bool add_free_blocks(std::vector<HeldBlock>& blocks, InvariantReport& report) const {
    Invariant& listed = report.invariant("blocks given back lie in the arena");
    const std::vector<HeldBlock> chunks = sorted_chunks();
    std::size_t most = chunk_bytes_ / class_bytes(0);
    for (unsigned index = 0; index < kClasses; ++index) {
      for (const FreeBlock* block = free_[index]; block != nullptr; block = block->next) {
        report.note_entry();
        const HeldBlock found{reinterpret_cast<const char*>(block), class_bytes(index)};
        const bool is_inside = most-- > 0 && chunk_around(chunks, found) != nullptr;
        if (!listed.require(is_inside, [&] { return told("free list", index) + " leaves it"; })) {
          return false;
        }
        blocks.push_back(found);
      }
    }
    return true;
  }

  void check_small(std::vector<HeldBlock>& blocks, InvariantReport& report) const {
    Invariant& inside = report.invariant("bytes lie in the arena");
    Invariant& apart = report.invariant("blocks do not overlap");
    Invariant& gapless = report.invariant("no block is lost");
    const std::vector<HeldBlock> chunks = sorted_chunks();
    sort_by_start(blocks);
    const HeldBlock* chunk = nullptr;
    const char* end = nullptr;
    for (const HeldBlock& block : blocks) {
      report.note_entry();
      const HeldBlock* around = chunk_around(chunks, block);
      if (!inside.require(around != nullptr, [&] {
            return "a block of " + std::to_string(block.size) + " bytes lies outside";
          })) {
        continue;
      }
      if (std::exchange(chunk, around) != around) end = around->start;
      apart.require(block.start >= end, [&] {
        return std::to_string(end - block.start) + " bytes belong to two blocks";
      });
      gapless.require(block.start <= end, [&] {
        return std::to_string(block.start - end) + " bytes belong to no block";
      });
      end = std::max(end, block.start + block.size);
    }
    std::size_t bytes = 0;
    for (const HeldBlock& each : chunks) bytes += each.size;
    require_count(report, "bytes of chunks", chunk_bytes_, bytes);
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
