// Maps are held to their invariants, and each invariant is broken on purpose to see it noticed.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "adhash/engines.hpp"
#include "adhash/invariants.hpp"
#include "map_cases.hpp"
#include "require_consistent.hpp"
#include "testing.hpp"

namespace adhash {

template <class TableType>
struct Surgery<SingleTableMap<TableType>> {
  static TableType& table(SingleTableMap<TableType>& map) { return map.table_; }
  static Arena& arena(SingleTableMap<TableType>& map) { return map.arena_; }
};
template <class Entry>
struct Surgery<RobinHoodTable<Entry>> {
  static std::uint32_t* marks(RobinHoodTable<Entry>& table) {
    return reinterpret_cast<std::uint32_t*>(table.marks());
  }
  static std::size_t& size(RobinHoodTable<Entry>& table) { return table.size_; }
};
template <class Entry>
struct Surgery<SwissTable<Entry>> {
  static unsigned char* tags(SwissTable<Entry>& table) {
    return reinterpret_cast<unsigned char*>(table.tags());
  }
  static std::size_t& size(SwissTable<Entry>& table) { return table.size_; }
  static std::size_t& tombstones(SwissTable<Entry>& table) { return table.tombstones_; }
  static std::size_t& room_left(SwissTable<Entry>& table) { return table.room_left_; }
};
template <class Entry>
struct Surgery<ChainingTable<Entry>> {
  static auto& bucket(ChainingTable<Entry>& table, std::size_t number) {
    return table.bucket_at(number);
  }
  static std::size_t buckets(const ChainingTable<Entry>& table) { return table.mask_ + 1; }
  static auto& pool(ChainingTable<Entry>& table) { return table.pool_; }
  static std::size_t& size(ChainingTable<Entry>& table) { return table.size_; }
};
template <class BucketType>
struct Surgery<BucketPool<BucketType>> {
  static std::uint32_t& free(BucketPool<BucketType>& pool) { return pool.free_; }
};
template <>
struct Surgery<Arena> {
  static std::size_t& large_bytes(Arena& arena) { return arena.large_bytes_; }
  static std::size_t& chunk_bytes(Arena& arena) { return arena.chunk_bytes_; }
  // Forgets every block that was given back.
  static void lose_free_blocks(Arena& arena) { arena.free_ = {}; }
  static void leave_free_list(Arena& arena, void* astray) {
    arena.free_[0] = static_cast<Arena::FreeBlock*>(astray);
  }
};
template <class Layouts>
struct Surgery<AdaptiveMap<Layouts>> {
  static auto& current(AdaptiveMap<Layouts>& map) { return map.current_; }
  static auto& old(AdaptiveMap<Layouts>& map) { return *map.old_; }
  static bool is_moving(const AdaptiveMap<Layouts>& map) {
    return map.old_.has_value() && map.size_of(*map.old_) > 0;
  }
  static std::size_t& cursor(AdaptiveMap<Layouts>& map) { return map.cursor_; }
};

}  // namespace adhash

namespace {

using namespace adhash;
using IntEntry = Entry<IntKey, WordValue>;
using BytesEntry = Entry<BytesKey, BytesValue>;
constexpr std::size_t kPointerBytes = 8;

template <class Map>
std::vector<std::string> broken_of(Map& map) {
  InvariantReport report(nullptr);
  map.check_invariants(report);
  std::vector<std::string> names;
  for (const Invariant& each : report.invariants()) {
    if (each.broken() > 0) names.emplace_back(each.name());
    CHECK_EQ(each.broken() > 0, !each.examples().empty());
  }
  return names;
}
template <class Map>
bool breaks(Map& map, const std::string& name) {
  const std::vector<std::string> broken = broken_of(map);
  return std::find(broken.begin(), broken.end(), name) != broken.end();
}

template <class Map>
void put_number(Map& map, std::uint64_t number) {
  const std::uint64_t key = map_testing::Sample<IntKey>::make(number);
  map.put(key, map.hash(key), number);
}
std::string long_text(std::uint64_t number) {
  return map_testing::numbered_text(number, 40);
}
template <class Map>
void put_text(Map& map, std::uint64_t number) {
  const std::string key = long_text(number);
  map.put(key, map.hash(key), key);
}

template <template <class> class TableType, class EntryType = IntEntry>
struct Patient {
  using Table = TableType<EntryType>;
  using Map = SingleTableMap<Table>;
  Map map{7, 0};
  Patient() {
    for (std::uint64_t number = 0; number < 200; ++number) {
      if constexpr (std::is_same_v<EntryType, IntEntry>) {
        put_number(map, number);
      } else {
        put_text(map, number);
      }
    }
    CHECK(broken_of(map).empty());
  }
  Table& table() { return Surgery<Map>::table(map); }
  Arena& arena() { return Surgery<Map>::arena(map); }
  std::size_t first() { return table().next_full(0, table().positions()); }
  auto& slot() { return *table().slot_at(first()); }
};
using RobinHoodPatient = Patient<RobinHoodTable>;
using SwissPatient = Patient<SwissTable>;
using ChainingPatient = Patient<ChainingTable>;
using BytesPatient = Patient<SwissTable, BytesEntry>;

// --- robinhood --------------------------------------------------------------------------------

using RobinHoodSurgery = Surgery<RobinHoodPatient::Table>;

// A slot whose entry is at home, with an empty slot before it.
std::size_t lonely_home(RobinHoodPatient& patient) {
  const std::uint32_t* marks = RobinHoodSurgery::marks(patient.table());
  std::size_t at = 1;
  while (marks[at - 1] != 0 || marks[at] >> 8 != 1) ++at;
  return at;
}

}  // namespace

TEST("a wrong stored distance of robinhood is noticed") {
  RobinHoodPatient patient;
  RobinHoodSurgery::marks(patient.table())[lonely_home(patient)] += 1u << 8;
  CHECK(breaks(patient.map, "stored distances"));
}
TEST("an entry of robinhood behind one that is too near its home is noticed") {
  RobinHoodPatient patient;
  RobinHoodSurgery::marks(patient.table())[lonely_home(patient)] += 1u << 8;
  CHECK(breaks(patient.map, "order by distance"));
}
TEST("a wrong fingerprint of robinhood is noticed") {
  RobinHoodPatient patient;
  std::uint32_t& mark = RobinHoodSurgery::marks(patient.table())[lonely_home(patient)];
  mark = (mark & ~0xFFu) | ((mark + 1) & 0xFF ? (mark + 1) & 0xFF : 2);
  CHECK(breaks(patient.map, "fingerprints are bits of the hash"));
}
TEST("a wrong size of robinhood is noticed") {
  RobinHoodPatient patient;
  ++RobinHoodSurgery::size(patient.table());
  CHECK(breaks(patient.map, "size"));
}
TEST("a killed entry that stayed in robinhood is noticed") {
  RobinHoodPatient patient;
  patient.table().kill(&patient.slot(), 0);
  CHECK(breaks(patient.map, "no killed entries"));
}
TEST("a robinhood table without an empty slot is noticed") {
  RobinHoodPatient patient;
  std::uint32_t* marks = RobinHoodSurgery::marks(patient.table());
  for (std::size_t i = 0; i < patient.table().capacity(); ++i) {
    if (marks[i] == 0) marks[i] = 1u << 8 | 1;
  }
  CHECK(breaks(patient.map, "a probe ends"));
}

// --- swiss ------------------------------------------------------------------------------------

using SwissSurgery = Surgery<SwissPatient::Table>;

TEST("a tag of swiss that is none is noticed") {
  SwissPatient patient;
  unsigned char* tags = SwissSurgery::tags(patient.table());
  *std::find(tags, tags + patient.table().capacity(), 0) = 0x42;
  CHECK(breaks(patient.map, "tags are empty, deleted or full"));
}
TEST("a tag of swiss that is of another hash is noticed") {
  SwissPatient patient;
  SwissSurgery::tags(patient.table())[patient.first()] ^= 1;
  CHECK(breaks(patient.map, "tags are bits of the hash"));
}
TEST("an entry of swiss in a group that its probe does not reach is noticed") {
  SwissPatient patient;
  auto& table = patient.table();
  unsigned char* tags = SwissSurgery::tags(table);
  const std::size_t from = patient.first();
  // The last group that has room is not the home of the first entry, and homes have room as well.
  std::size_t to = table.capacity() - 1;
  while (tags[to] != 0) --to;
  *table.slot_at(to) = *table.slot_at(from);
  tags[to] = tags[from];
  tags[from] = 0;
  CHECK(breaks(patient.map, "groups are reached from home"));
}
TEST("wrong counts of swiss are noticed") {
  SwissPatient sizes;
  ++SwissSurgery::size(sizes.table());
  CHECK(breaks(sizes.map, "size"));
  SwissPatient tombstones;
  ++SwissSurgery::tombstones(tombstones.table());
  CHECK(breaks(tombstones.map, "tombstones"));
  SwissPatient room;
  ++SwissSurgery::room_left(room.table());
  CHECK(breaks(room.map, "room left"));
}
TEST("a swiss table without an empty slot is noticed") {
  SwissPatient patient;
  unsigned char* tags = SwissSurgery::tags(patient.table());
  std::replace(tags, tags + patient.table().capacity(), 0, 1);
  CHECK(breaks(patient.map, "a probe ends"));
}

// --- chaining ---------------------------------------------------------------------------------

using ChainingSurgery = Surgery<ChainingPatient::Table>;

namespace {

// The number of an overflow bucket that holds something.
std::size_t linked_bucket(ChainingPatient& patient) {
  for (std::size_t number = 0; number < ChainingSurgery::buckets(patient.table()); ++number) {
    if (ChainingSurgery::bucket(patient.table(), number).overflow != 0) return number;
  }
  // The patient's keys happened to fill no bucket: fill one.
  for (std::uint64_t number = 1000;; ++number) {
    put_number(patient.map, number);
    for (std::size_t at = 0; at < ChainingSurgery::buckets(patient.table()); ++at) {
      if (ChainingSurgery::bucket(patient.table(), at).overflow != 0) return at;
    }
  }
}

}  // namespace

TEST("a tag of chaining that is none is noticed") {
  ChainingPatient patient;
  reinterpret_cast<unsigned char*>(ChainingSurgery::bucket(patient.table(), 0).tags)[7] = 0x99;
  CHECK(breaks(patient.map, "tags are empty or full"));
}
TEST("a tag of chaining that is of another hash is noticed") {
  ChainingPatient patient;
  auto& bucket = ChainingSurgery::bucket(patient.table(), patient.first() / 7);
  auto* tag = reinterpret_cast<unsigned char*>(&bucket.tags[patient.first() % 7]);
  *tag ^= 1;
  CHECK(breaks(patient.map, "tags are bits of the hash"));
}
TEST("an entry in the chain of another home is noticed") {
  ChainingPatient patient;
  auto& first = ChainingSurgery::bucket(patient.table(), 0);
  auto& second = ChainingSurgery::bucket(patient.table(), 1);
  std::swap(first, second);
  CHECK(breaks(patient.map, "entries lie in the chain of their home"));
}
TEST("a chain that ends in itself, in another or nowhere is noticed") {
  const std::string links = "overflow buckets are links of one chain";
  ChainingPatient circle;
  auto& head = ChainingSurgery::bucket(circle.table(), linked_bucket(circle));
  ChainingSurgery::pool(circle.table())[head.overflow].overflow = head.overflow;
  CHECK(breaks(circle.map, links));
  ChainingPatient astray;
  ChainingSurgery::bucket(astray.table(), 0).overflow = 4'000'000'000;
  CHECK(breaks(astray.map, links));
  ChainingPatient lost;
  ChainingSurgery::bucket(lost.table(), linked_bucket(lost)).overflow = 0;
  CHECK(breaks(lost.map, links));
}
TEST("an overflow bucket that was given back with entries is noticed") {
  ChainingPatient patient;
  auto& head = ChainingSurgery::bucket(patient.table(), linked_bucket(patient));
  Surgery<std::decay_t<decltype(ChainingSurgery::pool(patient.table()))>>::free(
      ChainingSurgery::pool(patient.table())) = head.overflow;
  head.overflow = 0;
  CHECK(breaks(patient.map, "overflow buckets given back are empty"));
}
TEST("an emptied overflow bucket that stayed in its chain is noticed") {
  ChainingPatient patient;
  auto& head = ChainingSurgery::bucket(patient.table(), linked_bucket(patient));
  std::fill_n(ChainingSurgery::pool(patient.table())[head.overflow].tags, 8, Tag::empty());
  CHECK(breaks(patient.map, "emptied overflow buckets are given back"));
}
TEST("a wrong size of chaining is noticed") {
  ChainingPatient patient;
  --ChainingSurgery::size(patient.table());
  CHECK(breaks(patient.map, "size"));
}

// --- entries and their bytes ------------------------------------------------------------------

TEST("an entry that is there twice is noticed") {
  SwissPatient patient;
  const auto copy = patient.slot();
  patient.table().insert(copy, patient.map.hash(copy.key));
  CHECK(breaks(patient.map, "every key is found, and once"));
}
TEST("a saved hash that is not the key's is noticed") {
  BytesPatient patient;
  const char* const bytes = patient.map.key_at(patient.first()).data();
  const_cast<char*>(bytes)[30] ^= 1;
  CHECK(breaks(patient.map, "saved hashes are those of the keys"));
}
TEST("a pointer that leaves the arena is noticed before it is followed") {
  BytesPatient patient;
  char* astray = reinterpret_cast<char*>(16);
  std::memcpy(reinterpret_cast<char*>(&patient.slot().key) + 16, &astray, sizeof astray);
  CHECK(breaks(patient.map, "bytes lie in the arena"));
}
TEST("two entries that share a block are noticed") {
  BytesPatient patient;
  auto& table = patient.table();
  const std::size_t second = table.next_full(patient.first() + 1, table.positions());
  std::memcpy(reinterpret_cast<char*>(&patient.slot().key) + 16,
              reinterpret_cast<char*>(&table.slot_at(second)->key) + 16, kPointerBytes);
  CHECK(breaks(patient.map, "blocks do not overlap"));
}
TEST("a block that nobody holds is noticed") {
  BytesPatient patient;
  const std::string key = long_text(100);
  CHECK(patient.map.erase(key, patient.map.hash(key)));
  CHECK(broken_of(patient.map).empty());
  Surgery<Arena>::lose_free_blocks(patient.arena());
  CHECK(breaks(patient.map, "no block is lost"));
}
TEST("a list of free blocks that leaves the arena is noticed") {
  BytesPatient patient;
  Surgery<Arena>::leave_free_list(patient.arena(), &patient);
  CHECK(breaks(patient.map, "blocks given back lie in the arena"));
}
TEST("wrong sums of the arena are noticed") {
  BytesPatient chunks;
  ++Surgery<Arena>::chunk_bytes(chunks.arena());
  CHECK(breaks(chunks.map, "bytes of chunks"));
  BytesPatient large;
  ++Surgery<Arena>::large_bytes(large.arena());
  CHECK(breaks(large.map, "bytes of large blocks"));
}
TEST("a large block that nobody holds, and one that is none, are noticed") {
  BytesPatient patient;
  const std::string huge(100'000, 'x');
  patient.map.put(huge, patient.map.hash(huge), huge);
  CHECK(broken_of(patient.map).empty());
  char* const lost = patient.arena().allocate(50'000);
  CHECK(breaks(patient.map, "large blocks are held once"));
  patient.arena().release(lost, 50'000);
  CHECK(broken_of(patient.map).empty());
}

// --- a migration ------------------------------------------------------------------------------

namespace {

using Adaptive = AdaptiveMap<Layouts<IntEntry>>;

// A map half-way through a migration from robinhood.
struct MigratingPatient {
  AdaptiveOptions options;
  Adaptive map;
  explicit MigratingPatient()
      : options(map_testing::restless("robinhood", 1).options), map(3, 0, options) {
    for (std::uint64_t number = 0; !Surgery<Adaptive>::is_moving(map); ++number) {
      put_number(map, number);
    }
    CHECK(broken_of(map).empty());
  }
  template <class Body>
  void in_old(Body body) {
    std::visit(body, Surgery<Adaptive>::old(map));
  }
};

}  // namespace

TEST("a key in both tables of a migration is noticed") {
  MigratingPatient patient;
  patient.in_old([&](auto& table) {
    const auto slot = *table.slot_at(table.next_full(0, table.positions()));
    std::visit([&](auto& current) { current.insert(slot, patient.map.hash(slot.key)); },
               Surgery<Adaptive>::current(patient.map));
  });
  CHECK(breaks(patient.map, "a key is in one of the two tables"));
}
TEST("an entry that the cursor of a migration passed is noticed") {
  MigratingPatient patient;
  patient.in_old([&](auto& table) {
    Surgery<Adaptive>::cursor(patient.map) = table.next_full(0, table.positions()) + 1;
  });
  CHECK(breaks(patient.map, "entries before the cursor were moved"));
}

// --- the check itself -------------------------------------------------------------------------

TEST("a check of invariants stops when it is told to") {
  struct AtOnce final : StopCheck {
    bool should_stop() override { return true; }
  } at_once;
  for (const std::string_view engine : engine_names()) {
    auto map = make_map<IntKey, WordValue>(engine, 1, 0, {});
    for (std::uint64_t key = 0; key < 100'000; ++key) map->put(key, key);
    InvariantReport report(&at_once);
    CHECK_THROWS(Interrupted, map->check_invariants(report));
  }
}

TEST_EACH_MAP("every invariant holds through growth, deletion and reinsertion") {
  map.put_range(0, 700);
  map_testing::require_invariants(map.map());
  for (std::uint64_t number = 0; number < 700; number += 3) map.erase(number);
  map_testing::require_invariants(map.map());
  map.put_range(300, 900);
  map_testing::require_invariants(map.map());
  map.map().compact();
}
