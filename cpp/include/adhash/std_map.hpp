// Engine `std`: std::unordered_map as the reference, so that a report shows the map one could use
// today. It gets the same hash function, exact accounting of its memory and, in a process that ends
// with its run, a rehash that need not be waited for; nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "adhash/entry.hpp"
#include "adhash/interrupt.hpp"
#include "adhash/invariants.hpp"
#include "adhash/leavable_work.hpp"
#include "adhash/pauses.hpp"
#include "adhash/probe_trace.hpp"
#include "adhash/stats.hpp"

namespace adhash {

// Counts the bytes in use. The counter outlives every container that allocates through it.
template <class T>
class CountingAllocator {
 public:
  using value_type = T;

  explicit CountingAllocator(std::size_t* bytes) : bytes_(bytes) {}
  template <class U>
  CountingAllocator(const CountingAllocator<U>& other) : bytes_(other.counter()) {}

  T* allocate(std::size_t count) {
    pass_allocation_gate();
    T* memory = std::allocator<T>().allocate(count);
    *bytes_ += count * sizeof(T);
    return memory;
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    *bytes_ -= count * sizeof(T);
    std::allocator<T>().deallocate(memory, count);
  }
  std::size_t* counter() const { return bytes_; }
  template <class U>
  bool operator==(const CountingAllocator<U>& other) const {
    return bytes_ == other.counter();
  }

 private:
  std::size_t* bytes_;
};

// How a node-based map owns a key or value.
template <class View>
struct Owned {
  using Type = View;
  static Type make(View view, const CountingAllocator<char>&) { return view; }
};
template <>
struct Owned<std::string_view> {
  using Type = std::basic_string<char, std::char_traits<char>, CountingAllocator<char>>;
  static Type make(std::string_view view, const CountingAllocator<char>& allocator) {
    return Type(view, allocator);
  }
};

template <class EntryType>
class StdMap {
 public:
  using Entry = EntryType;
  using KeyView = typename Entry::KeyView;
  using ValueView = typename Entry::ValueView;
  using OwnedKey = typename Owned<KeyView>::Type;
  using OwnedValue = typename Owned<ValueView>::Type;
  using Slot = std::pair<const OwnedKey, OwnedValue>;

  static constexpr std::string_view kName = "std";

  StdMap(std::uint64_t seed, std::size_t room)
      : hasher_(seed), map_(0, KeyHash{hasher_}, KeyEqual{}, Allocator(&bytes_)) {
    map_.reserve(room);
  }
  StdMap(const StdMap&) = delete;
  StdMap& operator=(const StdMap&) = delete;

  Hash hash(KeyView key) const { return Entry::Keys::hash(key, hasher_); }
  // Nothing can be prefetched: the address of a node is known only after two dependent reads.
  void prefetch(Hash) const {}
  void prefetch_slot(Hash) const {}

  Slot* find(KeyView key, Hash hash) {
    settle();
    const auto found = map_.find(Probe{key, hash});
    return found == map_.end() ? nullptr : &*found;
  }

  bool put(KeyView key, Hash hash, ValueView value) {
    const CountingAllocator<char> allocator(&bytes_);
    if (Slot* slot = find(key, hash)) {
      slot->second = Owned<ValueView>::make(value, allocator);
      return false;
    }
    checked_size(sizeof_view(key));
    if (!is_full()) return emplace(key, value, allocator);
    PauseTimer timer(pauses_, "growth");
    // The standard library grows to twice the buckets by itself, and does no more than that here.
    if (may_leave_rehash()) rehash(2 * map_.bucket_count());
    ++migrations_;
    return emplace(key, value, allocator);
  }

  bool erase(KeyView key, Hash hash) {
    settle();
    const auto found = map_.find(Probe{key, hash});
    if (found == map_.end()) return false;
    map_.erase(found);
    return true;
  }

  static ValueView value_of(const Slot& slot) { return slot.second; }

  std::size_t size() const { return map_.size(); }
  std::size_t bucket_count() const {
    settle();
    return map_.bucket_count();
  }
  // While a rehash goes on that was left: as before it.
  std::size_t memory_bytes() const {
    return sizeof(*this) + (rehash_.is_left() ? before_rehash_.bytes : bytes_);
  }
  // CPU time that was spent for this map in threads of its own.
  std::uint64_t side_cpu_ns() { return rehash_.cpu_ns(); }

  // A position is a bucket's number and the place of an entry in it.
  std::size_t end() const { return bucket_count() << kPlaceBits; }
  std::size_t next(std::size_t from) const {
    settle();
    std::size_t bucket = from >> kPlaceBits;
    std::size_t place = from & kPlaceMask;
    for (; bucket < map_.bucket_count(); ++bucket, place = 0) {
      if (place < map_.bucket_size(bucket)) return bucket << kPlaceBits | place;
    }
    return end();
  }
  KeyView key_at(std::size_t position) { return at(position)->first; }
  ValueView value_at(std::size_t position) { return at(position)->second; }
  // Asked by drain(), and while a rehash goes on: it cannot be given up half-way, only left.
  void set_stop_check(StopCheck* check) { stop_check_ = check; }
  void pin() {}
  void unpin() {}
  void prepare_batch(std::size_t) {}
  // A batch has one session, which is the map itself; compare adaptive.hpp.
  template <class Body>
  void with_session(Body body) {
    body(*this);
  }
  static constexpr bool is_over() { return false; }

  void reserve(std::size_t entries) {
    settle();
    if (entries > map_.bucket_count()) map_.reserve(entries);
  }
  // An empty map needs no memory; to shrink the cleared one could fail.
  void clear() {
    settle();
    Map empty(0, KeyHash{hasher_}, KeyEqual{}, Allocator(&bytes_));
    map_.swap(empty);
  }
  // Gives the entries back one by one: what the destructor does, but it could not be told to stop.
  // Throws Interrupted; then some are left.
  void drain() {
    settle();
    constexpr std::size_t kNodesPerTidying = 8192;
    LongWork work(stop_check_);
    for (std::size_t freed = 1; !map_.empty(); ++freed) {
      map_.erase(map_.begin());
      if (freed % kNodesPerTidying == 0) tidy_heap();
      work.note_entry();
    }
  }
  void compact() {
    settle();
    PauseTimer timer(pauses_, "compact");
    rehash(0);
    ++compactions_;
  }

  MapStats stats(std::size_t probe_samples) {
    MapStats stats;
    stats.engine = kName;
    stats.layout = kName;
    stats.size = size();
    stats.capacity = rehash_.is_left() ? before_rehash_.buckets : map_.bucket_count();
    stats.memory_bytes = memory_bytes();
    stats.migrations = migrations_;
    stats.compactions = compactions_;
    if (probe_samples == 0 || rehash_.is_left()) return stats;
    const std::size_t buckets = map_.bucket_count();
    const std::size_t stride =
        size() <= probe_samples
            ? 1
            : std::max<std::size_t>(1, buckets / std::max<std::size_t>(1, probe_samples));
    for (std::size_t bucket = 0; bucket < buckets; bucket += stride) {
      const std::size_t entries = map_.bucket_size(bucket);
      for (std::size_t place = 1; place <= entries; ++place) stats.probes.add(place);
    }
    return stats;
  }
  PauseLog& pauses() { return pauses_; }

  // What the public interface can be held to: nodes lie in the bucket of their key's hash.
  ADHASH_COLD void check_invariants(InvariantReport& report) {
    report.begin_table(kName, "only");
    Invariant& homes = report.invariant("nodes lie in the bucket of their hash");
    Invariant& found_again = report.invariant("every key is found, and once");
    std::size_t nodes = 0;
    for (std::size_t bucket = 0; bucket < map_.bucket_count(); ++bucket) {
      for (auto node = map_.begin(bucket); node != map_.end(bucket); ++node, ++nodes) {
        report.note_entry();
        homes.require(map_.bucket(node->first) == bucket,
                      [&] { return told("bucket", bucket) + " holds a key of another"; });
        const KeyView key(node->first);
        found_again.require(find(key, hash(key)) == &*node,
                            [&] { return told("node", nodes) + " is not found, or there twice"; });
      }
    }
    require_count(report, "size", map_.size(), nodes);
  }

  // What the public interface tells: the bucket and its nodes. Whether hashes are compared before
  // keys is the library's secret.
  ADHASH_COLD ProbeTrace trace_probe(KeyView key, ProbeOperation operation) const {
    settle();
    std::size_t scratch_bytes = 0;
    const CountingAllocator<char> allocator(&scratch_bytes);
    const std::size_t buckets = map_.bucket_count();
    const std::size_t bucket = buckets == 0 ? 0 : map_.bucket(Owned<KeyView>::make(key, allocator));
    ProbeTrace trace;
    trace.begin_table(probed(hash(key), bucket), "only");
    const bool is_found = trace_chain(bucket, key, trace);
    if (operation == ProbeOperation::get) return trace;
    if (is_found) {
      trace.land_on_found();
    } else if (is_full()) {
      trace.grow_first("growth");
    } else {
      trace.land(Landing::Kind::new_node, Place::bucket, bucket);
    }
    return trace;
  }

 private:
  static constexpr unsigned kPlaceBits = 24;
  static constexpr std::size_t kPlaceMask = (std::size_t{1} << kPlaceBits) - 1;

  // A key with its hash at hand.
  struct Probe {
    KeyView key;
    Hash hash;
  };
  struct KeyHash {
    using is_transparent = void;
    Hasher hasher;
    std::size_t operator()(const Probe& probe) const noexcept { return probe.hash; }
    std::size_t operator()(const OwnedKey& key) const noexcept {
      return Entry::Keys::hash(KeyView(key), hasher);
    }
  };
  struct KeyEqual {
    using is_transparent = void;
    bool operator()(const Probe& a, const OwnedKey& b) const noexcept {
      return a.key == KeyView(b);
    }
    bool operator()(const OwnedKey& a, const Probe& b) const noexcept {
      return KeyView(a) == b.key;
    }
    bool operator()(const OwnedKey& a, const OwnedKey& b) const noexcept { return a == b; }
  };
  using Allocator = CountingAllocator<Slot>;
  using Map = std::unordered_map<OwnedKey, OwnedValue, KeyHash, KeyEqual, Allocator>;

  // What can be told of a map whose entries a thread is moving.
  struct BeforeRehash {
    std::size_t buckets = 0;
    std::size_t bytes = 0;
  };

  // Waits for a rehash that was left. Every use of the entries begins with it.
  ADHASH_ALWAYS_INLINE void settle() const {
    if (rehash_.is_left()) [[unlikely]]
      rehash_.finish();
  }
  bool may_leave_rehash() const {
    return stop_check_ != nullptr && stop_check_->may_leave_work(map_.size());
  }
  // Throws Interrupted; the entries are then as they were, as soon as settle() returns.
  void rehash(std::size_t buckets) {
    before_rehash_ = {.buckets = map_.bucket_count(), .bytes = bytes_};
    rehash_.run(stop_check_, map_.size(), [this, buckets] { map_.rehash(buckets); });
  }

  bool is_full() const {
    return map_.size() + 1 > static_cast<std::size_t>(static_cast<double>(map_.bucket_count()) *
                                                      static_cast<double>(map_.max_load_factor()));
  }

  ProbedTable probed(Hash hash, std::size_t bucket) const {
    return {.layout = kName,
            .place = Place::bucket,
            .places = map_.bucket_count(),
            .home = bucket,
            .size = map_.size(),
            .capacity = map_.bucket_count(),
            .hash = hash};
  }
  // A step a node, or one of the bucket where it has none.
  bool trace_chain(std::size_t bucket, KeyView key, ProbeTrace& trace) const {
    const std::size_t nodes = map_.bucket_count() == 0 ? 0 : map_.bucket_size(bucket);
    if (nodes == 0) {
      trace.visit({.place = Place::bucket,
                   .index = bucket,
                   .outcome = StepOutcome::absent,
                   .slots = {SlotSeen{}}});
      return false;
    }
    auto node = map_.begin(bucket);
    for (std::size_t place = 0; place < nodes; ++place, ++node) {
      const bool is_equal = KeyView(node->first) == key;
      trace.visit(
          {.place = Place::node,
           .index = place,
           .outcome = is_equal            ? StepOutcome::found
                      : place + 1 < nodes ? StepOutcome::next
                                          : StepOutcome::absent,
           .slots = {{.state = SlotState::full, .compared = Compared::key, .equal = is_equal}}});
      if (is_equal) return true;
    }
    return false;
  }

  // The C library collects small freed blocks, and joins them all when a large one is asked for:
  // after millions that takes a second or more, at some moment when nobody can interrupt it.
  static void tidy_heap() noexcept {
    constexpr std::size_t kLargeBytes = std::size_t{96} << 10;
    void* volatile large = std::malloc(kLargeBytes);  // or the compiler would leave both calls out
    std::free(large);
  }

  static std::size_t sizeof_view(std::string_view view) { return view.size(); }
  static std::size_t sizeof_view(std::uint64_t) { return sizeof(std::uint64_t); }

  bool emplace(KeyView key, ValueView value, const CountingAllocator<char>& allocator) {
    map_.emplace(Owned<KeyView>::make(key, allocator), Owned<ValueView>::make(value, allocator));
    return true;
  }
  auto at(std::size_t position) {
    auto entry = map_.begin(position >> kPlaceBits);
    for (std::size_t i = position & kPlaceMask; i > 0; --i) ++entry;
    return entry;
  }

  Hasher hasher_;
  std::size_t bytes_ = 0;
  Map map_;
  StopCheck* stop_check_ = nullptr;
  PauseLog pauses_;
  std::uint64_t migrations_ = 0;
  std::uint64_t compactions_ = 0;
  BeforeRehash before_rehash_;
  mutable LeavableWork rehash_;  // ends before what it works on
};

}  // namespace adhash
