// What a map says about itself.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace adhash {

// A move that the adaptive engine made, and why.
struct Decision {
  std::uint64_t at_operation;
  std::string signal;  // "growth: ...", "probe alarm: ..."
  std::string_view from;
  std::string_view to;
  double expected_gain;  // fraction of an operation's time
  double measured_gain;  // the same once measured; NaN until then
};

// Probe lengths of entries: hist[i] entries are reached after i + 1 slots, groups or buckets; the
// last element counts all longer ones.
struct ProbeStats {
  static constexpr std::size_t kLongestCounted = 64;

  std::vector<std::uint64_t> hist;
  std::uint64_t longest = 0;
  std::uint64_t sampled = 0;
  double sum = 0;

  void add(std::size_t length, std::uint64_t entries = 1) {
    const std::size_t index = (length < kLongestCounted ? length : kLongestCounted) - 1;
    if (hist.size() <= index) hist.resize(index + 1);
    hist[index] += entries;
    if (length > longest) longest = length;
    sampled += entries;
    sum += static_cast<double>(length) * static_cast<double>(entries);
  }
  double average() const { return sampled == 0 ? 0.0 : sum / static_cast<double>(sampled); }
};

struct MapStats {
  std::string_view engine;
  std::string_view layout;
  std::size_t size = 0;
  std::size_t capacity = 0;
  std::size_t tombstones = 0;
  std::size_t memory_bytes = 0;
  ProbeStats probes;
  std::uint64_t migrations = 0;
  std::uint64_t compactions = 0;
  std::uint64_t reseeds = 0;
  bool migrating = false;
  std::vector<Decision> decisions;
};

// Adds the probe lengths of a table's entries: of all of them, or of about `samples` evenly spaced
// ones where the table has more; of none where `samples` is 0.
template <class TableType, class HasherType>
void add_probe_lengths(TableType& table, const HasherType& hasher, std::size_t samples,
                       ProbeStats& stats) {
  if (samples == 0) return;
  const std::size_t positions = table.positions();
  const std::size_t stride =
      table.size() <= samples ? 1 : positions / std::max<std::size_t>(samples, 1);
  for (std::size_t from = 0; from < positions; from += stride) {
    const std::size_t limit = from + stride < positions ? from + stride : positions;
    const std::size_t position = table.next_full(from, limit);
    if (position == limit) continue;
    const auto hash = TableType::Entry::hash_of(*table.slot_at(position), hasher);
    stats.add(table.probe_length(position, hash));
  }
}

}  // namespace adhash
