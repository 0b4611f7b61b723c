// The [adaptive] settings, as the engine takes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace adhash {

// Defaults and ranges are declared in adhash.config_models.
struct AdaptiveOptions {
  std::string initial_layout = "swiss";
  bool layout_switching = true;
  std::size_t migration_step = 16;          // entries moved by one operation
  std::size_t free_slice_bytes = 2u << 20;  // memory returned by one operation
  std::uint64_t decision_window = 65536;    // operations between decisions
  double hysteresis = 0.10;                 // the gain demanded before a move
  double probe_alarm = 8.0;                 // probe length over the uniform expectation
};

}  // namespace adhash
