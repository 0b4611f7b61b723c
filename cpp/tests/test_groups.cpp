// Tags, groups of sixteen, sets of matches and the order of probes, against plain loops. Built with
// ADHASH_PORTABLE_GROUP the same tests hold for machines without vector instructions.
#include <array>
#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

#include "adhash/bitmask.hpp"
#include "adhash/group.hpp"
#include "adhash/probe.hpp"
#include "adhash/tag.hpp"
#include "testing.hpp"

namespace {

using adhash::BitMask;
using adhash::Group;
using adhash::ProbeSequence;
using adhash::Tag;

// Sixteen tags as random as a table's: empty, deleted, full.
struct alignas(16) Tags {
  std::array<Tag, 16> tag;
};
static_assert(sizeof(Tags) == 16);

Tags random_tags(std::uint64_t& state) {
  Tags tags{{Tag::empty(), Tag::empty(), Tag::empty(), Tag::empty(), Tag::empty(), Tag::empty(),
             Tag::empty(), Tag::empty(), Tag::empty(), Tag::empty(), Tag::empty(), Tag::empty(),
             Tag::empty(), Tag::empty(), Tag::empty(), Tag::empty()}};
  for (Tag& tag : tags.tag) {
    const std::uint64_t random = adhash::splitmix64(state);
    if (random % 4 == 0) continue;
    tag = random % 4 == 1 ? Tag::deleted() : Tag::of(random >> 8 & 3);
  }
  return tags;
}

template <class Mask>
std::vector<unsigned> members(Mask mask) {
  std::vector<unsigned> found;
  CHECK_EQ(static_cast<bool>(mask), mask.count() > 0);
  for (; mask; mask.remove_lowest()) found.push_back(mask.lowest());
  return found;
}

template <class Predicate>
std::vector<unsigned> where(const Tags& tags, Predicate predicate) {
  std::vector<unsigned> found;
  for (unsigned i = 0; i < 16; ++i) {
    if (predicate(tags.tag[i])) found.push_back(i);
  }
  return found;
}

template <class Check>
void on_random_tags(Check check) {
  std::uint64_t state = testing::random_seed();
  for (int i = 0; i < 3000; ++i) check(random_tags(state));
}

}  // namespace

TEST("a full tag is neither empty nor deleted, whatever the hash") {
  for (std::uint64_t hash = 0; hash < 256; ++hash) {
    const Tag tag = Tag::of(hash);
    CHECK(tag.is_full() && !tag.is_empty());
    CHECK_EQ(tag.byte() & 0x7F, static_cast<int>(hash & 0x7F));
  }
  CHECK(Tag::empty().is_empty() && !Tag::empty().is_full());
  CHECK(!Tag::deleted().is_empty() && !Tag::deleted().is_full());
}

TEST("a group finds the tags equal to one") {
  on_random_tags([](const Tags& tags) {
    for (std::uint64_t hash = 0; hash < 4; ++hash) {
      const Tag wanted = Tag::of(hash);
      CHECK(members(Group(tags.tag.data()).match(wanted)) ==
            where(tags, [=](Tag tag) { return tag.byte() == wanted.byte(); }));
    }
  });
}

TEST("a group tells empty, full and not full slots") {
  on_random_tags([](const Tags& tags) {
    const Group group(tags.tag.data());
    CHECK(members(group.match_empty()) == where(tags, [](Tag tag) { return tag.is_empty(); }));
    CHECK(members(group.match_full()) == where(tags, [](Tag tag) { return tag.is_full(); }));
    CHECK(members(group.match_not_full()) == where(tags, [](Tag tag) { return !tag.is_full(); }));
  });
}

// Naive: the shorter formula lets a borrow run into the next byte, and calls it empty as well.
TEST("bytes that match in a word are exact for every pair of neighbours") {
  for (unsigned low = 0; low < 256; ++low) {
    for (unsigned high = 0; high < 256; ++high) {
      const std::uint64_t word = low | high << 8 | 0x5555'5555'5555'0000u;
      for (const unsigned byte : {0u, 1u, 0x80u, 0xFFu}) {
        const std::uint64_t wanted = (low == byte ? 0x80u : 0u) | (high == byte ? 0x8000u : 0u);
        CHECK_EQ(adhash::matching_bytes(word, static_cast<std::uint8_t>(byte)), wanted);
      }
    }
  }
}

TEST("a set of matches without those below an index keeps the others") {
  std::uint64_t state = testing::random_seed();
  for (int i = 0; i < 500; ++i) {
    const std::uint64_t bits = adhash::splitmix64(state) & 0xFFFF;
    for (unsigned from = 0; from <= 16; ++from) {
      std::vector<unsigned> wanted;
      for (const unsigned member : members(BitMask<1>(bits))) {
        if (member >= from) wanted.push_back(member);
      }
      CHECK(members(BitMask<1>(bits).from(from)) == wanted);
    }
  }
  CHECK(members(BitMask<8>(0x8000'0000'0000'0080u).from(1)) == std::vector<unsigned>{7});
  CHECK(!BitMask<8>(0x8000'0000'0000'0080u).from(8));
  CHECK(members(BitMask<4>(0x1000'0000'0000'0001u).from(15)) == std::vector<unsigned>{15});
}

TEST("a probe visits every group once, from any start") {
  for (const std::size_t groups : {1u, 2u, 4u, 64u, 1024u}) {
    for (std::size_t start = 0; start < groups; start += groups / 4 + 1) {
      std::set<std::size_t> visited;
      ProbeSequence probe(start, groups - 1);
      CHECK_EQ(probe.position(), start);
      for (; probe.length() <= groups; probe.advance()) {
        CHECK(probe.position() < groups);
        CHECK(visited.insert(probe.position()).second);
      }
      CHECK_EQ(visited.size(), groups);
    }
  }
}
