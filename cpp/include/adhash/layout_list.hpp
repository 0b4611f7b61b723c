// The layouts that an adaptive map may take, as a compile-time list; engines.hpp registers them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <variant>

#include "adhash/layout_costs.hpp"
#include "adhash/table.hpp"

namespace adhash {

template <Table... Tables>
struct LayoutList {
  using Any = std::variant<Tables...>;
  using First = std::variant_alternative_t<0, Any>;
  using Entry = typename First::Entry;
  static constexpr std::size_t kCount = sizeof...(Tables);
  static constexpr std::array<std::string_view, kCount> kNames = {Tables::kName...};
  static constexpr std::array<const LayoutCosts*, kCount> kCosts = {&Tables::kCosts...};

  // Makes the layout numbered `index`. Throws std::bad_alloc.
  static Any make(std::size_t index, std::size_t room) {
    using Maker = Any (*)(std::size_t);
    static constexpr std::array<Maker, kCount> kMakers = {
        [](std::size_t entries) { return Any(std::in_place_type<Tables>, entries); }...};
    return kMakers[index](room);
  }
  static std::size_t index_of(std::string_view name) {
    return static_cast<std::size_t>(std::find(kNames.begin(), kNames.end(), name) - kNames.begin());
  }
};

}  // namespace adhash
