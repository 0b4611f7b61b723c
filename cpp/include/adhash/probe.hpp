// The order in which a probe visits the groups of a table: triangular steps.
//
// With a power of two of groups, g, the offsets 0, 1, 3, 6, ... visit every group exactly once in
// g steps: i(i+1)/2 = j(j+1)/2 (mod 2^k) with i, j < 2^k only if i = j, because one of (i - j) and
// (i + j + 1) is odd and so divides out. (D. E. Knuth, TAOCP vol. 3, section 6.4, exercise 20.)
#pragma once

#include <cstddef>

namespace adhash {

class ProbeSequence {
 public:
  // PRECONDITION: mask + 1 is a power of two; start <= mask.
  ProbeSequence(std::size_t start, std::size_t mask) : position_(start), mask_(mask) {}

  std::size_t position() const { return position_; }
  std::size_t length() const { return step_ + 1; }
  void advance() { position_ = (position_ + ++step_) & mask_; }

 private:
  std::size_t position_;
  std::size_t mask_;
  std::size_t step_ = 0;
};

}  // namespace adhash
