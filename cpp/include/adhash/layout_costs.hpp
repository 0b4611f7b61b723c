// What an operation costs in each layout: the model from which the adaptive engine decides.
//
// Each layout carries its own figures, next to the code they describe. They are nanoseconds per
// operation on 64-bit keys and values, as printed by `make bench-layouts`, for a table that fits
// the second-level cache, the third, and neither. Only ratios between layouts matter.
#pragma once

#include <cstddef>

namespace adhash {

struct OperationCosts {
  double hit;
  double miss;
  double insert;
  double erase;
};

struct LayoutCosts {
  OperationCosts in_l2;
  OperationCosts in_l3;
  OperationCosts in_dram;

  constexpr const OperationCosts& at(std::size_t table_bytes) const {
    constexpr std::size_t kL2Bytes = std::size_t{1} << 20;
    constexpr std::size_t kL3Bytes = std::size_t{32} << 20;
    if (table_bytes <= kL2Bytes) return in_l2;
    return table_bytes <= kL3Bytes ? in_l3 : in_dram;
  }
};

// Shares of a workload's operations, from plain counters.
struct OperationMix {
  double hits = 0;
  double misses = 0;
  double inserts = 0;
  double erases = 0;

  double total() const { return hits + misses + inserts + erases; }
  double mean_cost(const OperationCosts& costs) const {
    const double all = total();
    if (all == 0) return 0;
    return (hits * costs.hit + misses * costs.miss + inserts * costs.insert +
            erases * costs.erase) /
           all;
  }
};

}  // namespace adhash
