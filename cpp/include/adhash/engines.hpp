// The registry: which engines exist. To add a layout, write its header and add it to Layouts; it
// becomes an engine of its own name and a choice for `adaptive`.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "adhash/adaptive.hpp"
#include "adhash/any_map.hpp"
#include "adhash/chaining.hpp"
#include "adhash/robinhood.hpp"
#include "adhash/single_table_map.hpp"
#include "adhash/std_map.hpp"
#include "adhash/swiss.hpp"

namespace adhash {

template <class Entry>
using Layouts = LayoutList<ChainingTable<Entry>, RobinHoodTable<Entry>, SwissTable<Entry>>;

template <class Key, class Value>
using AnyMapPtr = std::unique_ptr<AnyMap<Key, Value>>;

namespace detail {

// Makes the map of the layout called `engine`, or nullptr.
template <class Key, class Value, Table... Tables>
AnyMapPtr<Key, Value> make_single(LayoutList<Tables...>, std::string_view engine,
                                  std::uint64_t seed, std::size_t room) {
  AnyMapPtr<Key, Value> map;
  const auto try_one = [&]<class OneTable>(std::type_identity<OneTable>) {
    if (OneTable::kName != engine) return;
    map = std::make_unique<EngineMap<Key, Value, SingleTableMap<OneTable>>>(seed, room);
  };
  (try_one(std::type_identity<Tables>{}), ...);
  return map;
}

}  // namespace detail

// Makes a map, or returns nullptr where no engine is called `engine`. Throws std::bad_alloc.
template <class Key, class Value>
AnyMapPtr<Key, Value> make_map(std::string_view engine, std::uint64_t seed, std::size_t room,
                               const AdaptiveOptions& options) {
  using EntryType = Entry<Key, Value>;
  using Adaptive = AdaptiveMap<Layouts<EntryType>>;
  if (engine == Adaptive::kName) {
    return std::make_unique<EngineMap<Key, Value, Adaptive>>(seed, room, options);
  }
  if (engine == StdMap<EntryType>::kName) {
    return std::make_unique<EngineMap<Key, Value, StdMap<EntryType>>>(seed, room);
  }
  return detail::make_single<Key, Value>(Layouts<EntryType>{}, engine, seed, room);
}

// Every engine's name: the adaptive one, the layouts, the references.
inline std::vector<std::string_view> engine_names() {
  using Any = Layouts<Entry<IntKey, WordValue>>;
  std::vector<std::string_view> names{AdaptiveMap<Any>::kName};
  names.insert(names.end(), Any::kNames.begin(), Any::kNames.end());
  names.push_back(StdMap<Entry<IntKey, WordValue>>::kName);
  return names;
}

// One instantiation per kind of key and value, each compiled in a file of its own (cpp/src).
extern template AnyMapPtr<IntKey, WordValue> make_map(std::string_view, std::uint64_t, std::size_t,
                                                      const AdaptiveOptions&);
extern template AnyMapPtr<IntKey, BytesValue> make_map(std::string_view, std::uint64_t, std::size_t,
                                                       const AdaptiveOptions&);
extern template AnyMapPtr<BytesKey, WordValue> make_map(std::string_view, std::uint64_t,
                                                        std::size_t, const AdaptiveOptions&);
extern template AnyMapPtr<BytesKey, BytesValue> make_map(std::string_view, std::uint64_t,
                                                         std::size_t, const AdaptiveOptions&);

}  // namespace adhash
