#include "memory/sg_array.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/random.h"
#include "memory/memory.h"

namespace demi {
namespace {

static_assert(sizeof(SgArray) <= 32);
static_assert(std::is_nothrow_move_constructible_v<SgArray> && std::is_nothrow_move_assignable_v<SgArray>);
static_assert(!std::is_copy_constructible_v<SgArray> && !std::is_copy_assignable_v<SgArray>);

class SgArrayTest : public testing::Test {
 protected:
  // One array with a segment, in a room of its own, for each part.
  SgArray make(std::initializer_list<std::string_view> parts) {
    SgArray array = memory.make_array();
    for (std::string_view part : parts) {
      BufferRef room = memory.allocate_room(part.size());
      std::copy(part.begin(), part.end(), room->payload());
      array.append_segment(std::move(room), 0, static_cast<uint32_t>(part.size()));
    }
    return array;
  }
  static std::string text(const SgArray& array) {
    std::string joined;
    uint32_t count = 0;
    for (const Segment& segment : array) {
      joined.append(reinterpret_cast<const char*>(segment.data()), segment.length);
      EXPECT_GT(segment.length, 0u);
      ++count;
    }
    EXPECT_EQ(count, array.count());
    EXPECT_EQ(joined.size(), array.bytes());
    EXPECT_EQ(joined.empty(), array.empty());
    return joined;
  }
  void TearDown() override {
    EXPECT_EQ(memory.buffers_outstanding(), 0u);
    EXPECT_EQ(memory.segments().live(), 0u);
  }

  Memory memory;
};

TEST_F(SgArrayTest, EmptyOne) {
  SgArray array;
  EXPECT_TRUE(array.empty());
  EXPECT_EQ(array.count(), 0u);
  EXPECT_EQ(array.front(), nullptr);
  EXPECT_EQ(text(array.clone()), "");
  EXPECT_EQ(text(array.split_front(5)), "");
  array.drop_front(5);
  array.append(SgArray());
  array.append(memory.make_array());
  array.clear();
  EXPECT_EQ(array.copy_out({}), 0u);
  EXPECT_EQ(text(array), "");
}

TEST_F(SgArrayTest, AppendMovesTheSegmentsOver) {
  SgArray array = make({"one ", "two "});
  SgArray other = make({"three"});
  array.append(std::move(other));
  EXPECT_EQ(text(array), "one two three");
  EXPECT_EQ(array.count(), 3u);
  EXPECT_EQ(text(other), "");
  // A pool is learnt from what is appended.
  SgArray fresh;
  fresh.append(std::move(array));
  EXPECT_EQ(text(fresh), "one two three");
}

TEST_F(SgArrayTest, AMovedFromArrayCanBeAppendedTo) {
  SgArray stream = make({"abc"});
  SgArray popped = std::move(stream);
  stream.append_segment(BufferRef::share(*popped.front()->buffer), 1, 1);
  EXPECT_EQ(text(popped), "abc");
  EXPECT_EQ(text(stream), "b");
  SgArray& alias = stream;
  stream = std::move(alias);
  EXPECT_EQ(text(stream), "b");
  stream = std::move(popped);
  EXPECT_EQ(text(stream), "abc");
}

TEST_F(SgArrayTest, ManySegmentsShareOneStagingRoom) {
  BufferRef staging = memory.allocate_room(16384);
  SgArray stream = memory.make_array();
  for (uint32_t i = 0; i < 256; ++i) stream.append_segment(staging, staging->headroom + i * 64, 64);
  EXPECT_EQ(stream.count(), 256u);
  EXPECT_EQ(staging->references, 257u);
  stream.drop_front(64 * 100 + 1);
  EXPECT_EQ(staging->references, 157u);
  EXPECT_EQ(memory.buffers_outstanding(), 1u);
  staging.reset();
  EXPECT_EQ(memory.buffers_outstanding(), 1u);
}

TEST_F(SgArrayTest, MergesOnRequestWhatContinues) {
  BufferRef room = memory.allocate_room(256);
  BufferRef other = memory.allocate_room(256);
  SgArray stream = memory.make_array();
  stream.append_segment(room, 0, 10, true);
  stream.append_segment(room, 10, 10, true);
  EXPECT_EQ(stream.count(), 1u);
  EXPECT_EQ(stream.bytes(), 20u);
  EXPECT_EQ(room->references, 2u);
  stream.append_segment(room, 20, 10);
  EXPECT_EQ(stream.count(), 2u) << "not asked for";
  stream.append_segment(room, 40, 10, true);
  EXPECT_EQ(stream.count(), 3u) << "a gap";
  stream.append_segment(other, 50, 10, true);
  EXPECT_EQ(stream.count(), 4u) << "another buffer";
  stream.append_segment(other, 50, 10, true);
  EXPECT_EQ(stream.count(), 5u) << "the same bytes again";
  stream.append_segment(other, 60, 0, true);
  stream.append_segment(other, 0, 0);
  EXPECT_EQ(stream.count(), 5u) << "nothing";
  EXPECT_EQ(stream.bytes(), 60u);
}

TEST_F(SgArrayTest, MergesAtTheSeamOfTwoArrays) {
  SgArray stream = make({"abcdef", "ghi"});
  SgArray front = stream.split_front(4);
  front.append(std::move(stream), true);
  EXPECT_EQ(text(front), "abcdefghi");
  EXPECT_EQ(front.count(), 2u);
  SgArray one = front.split_front(2);
  SgArray two = front.split_front(2);
  EXPECT_EQ(two.count(), 1u);
  one.append(std::move(two), true);
  EXPECT_EQ(one.count(), 1u);
  EXPECT_EQ(text(one), "abcd");
  EXPECT_EQ(text(two), "");
  one.append(front.split_front(1));
  EXPECT_EQ(one.count(), 2u) << "not asked for";
}

TEST_F(SgArrayTest, SplitFrontCutsAtEveryByte) {
  const std::string whole = "onetwothree";
  for (size_t n = 0; n <= whole.size() + 1; ++n) {
    SgArray array = make({"one", "two", "three"});
    SgArray front = array.split_front(n);
    EXPECT_EQ(text(front), whole.substr(0, n));
    EXPECT_EQ(text(array), whole.substr(std::min(n, whole.size())));
    front.append(std::move(array));
    EXPECT_EQ(text(front), whole);
  }
}

TEST_F(SgArrayTest, SplittingSharesTheBufferThatIsCut) {
  SgArray array = make({"abcdef"});
  Buffer* buffer = array.front()->buffer;
  SgArray front = array.split_front(2);
  EXPECT_EQ(buffer->references, 2u);
  EXPECT_EQ(front.front()->data() + 2, array.front()->data());
  array.clear();
  EXPECT_EQ(buffer->references, 1u);
  EXPECT_EQ(text(front), "ab");
  SgArray all = front.split_front(2);
  EXPECT_EQ(buffer->references, 1u) << "whole segments are moved";
}

TEST_F(SgArrayTest, DropFrontAtEveryByte) {
  const std::string whole = "onetwothree";
  for (size_t n = 0; n <= whole.size() + 1; ++n) {
    SgArray array = make({"one", "two", "three"});
    array.drop_front(n);
    EXPECT_EQ(text(array), whole.substr(std::min(n, whole.size())));
    array.append(make({"!"}));
    EXPECT_EQ(text(array), whole.substr(std::min(n, whole.size())) + "!");
  }
}

TEST_F(SgArrayTest, SlicesCrossSegments) {
  const std::string whole = "onetwothree";
  SgArray array = make({"one", "two", "three"});
  for (size_t begin = 0; begin <= whole.size(); ++begin) {
    for (size_t end = begin; end <= whole.size(); ++end) {
      EXPECT_EQ(text(array.slice(begin, end)), whole.substr(begin, end - begin));
    }
  }
  EXPECT_EQ(text(array), whole);
  EXPECT_EQ(memory.buffers_outstanding(), 3u);
}

TEST_F(SgArrayTest, CopyOutFromAnyByteIntoAnyRoom) {
  const std::string whole = "onetwothree";
  const SgArray array = make({"one", "two", "three"});
  for (size_t from = 0; from <= whole.size() + 1; ++from) {
    for (size_t room = 0; room <= whole.size() + 1; ++room) {
      std::vector<uint8_t> out(room);
      const size_t copied = array.copy_out(out, from);
      const std::string expected = whole.substr(std::min(from, whole.size()), room);
      EXPECT_EQ(std::string(out.begin(), out.begin() + static_cast<long>(copied)), expected);
    }
  }
}

TEST_F(SgArrayTest, ClonesAreFreedInAnyOrder) {
  std::vector<int> order = {0, 1, 2};
  do {
    std::vector<SgArray> arrays;
    arrays.push_back(make({"one", "two"}));
    arrays.push_back(arrays[0].clone());
    arrays.push_back(arrays[1].clone());
    const Buffer* buffer = arrays[0].front()->buffer;
    EXPECT_EQ(buffer->references, 3u);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(text(arrays[static_cast<size_t>(order[static_cast<size_t>(i)])]), "onetwo");
      EXPECT_EQ(memory.buffers_outstanding(), 2u);
      arrays[static_cast<size_t>(order[static_cast<size_t>(i)])].clear();
    }
    EXPECT_EQ(memory.buffers_outstanding(), 0u);
  } while (std::next_permutation(order.begin(), order.end()));
}

// Three streams beside three strings: random operations on both, compared after each.
class SgArrayModelTest : public SgArrayTest {
 protected:
  static constexpr size_t kStreams = 3;
  static constexpr size_t kLongest = 20000;

  void push_copied(size_t to, size_t length, char letter) {
    const std::string bytes(length, letter);
    EXPECT_EQ(memory.copy_in({reinterpret_cast<const uint8_t*>(bytes.data()), length}, arrays[to]), length);
    strings[to] += bytes;
  }
  void push_staged(size_t to, uint32_t length, char letter, bool merge) {
    if (staged + length > staging->payload_capacity()) return;
    if (arrays[to].pool() == nullptr) arrays[to] = memory.make_array();
    std::fill_n(staging->payload() + staged, length, static_cast<uint8_t>(letter));
    arrays[to].append_segment(staging, staging->headroom + staged, length, merge);
    strings[to].append(length, letter);
    staged += length;
  }
  void move_front(size_t from, size_t to, size_t n, bool merge) {
    SgArray front = arrays[from].split_front(n);
    const std::string bytes = strings[from].substr(0, n);
    strings[from].erase(0, n);
    EXPECT_EQ(text(front), bytes);
    arrays[to].append(std::move(front), merge);
    strings[to] += bytes;
  }
  void append_slice(size_t from, size_t to, size_t begin, size_t end) {
    if (strings[from].size() > kLongest) return;
    SgArray part = arrays[from].slice(begin, end);
    const std::string bytes = strings[from].substr(begin, end - begin);
    arrays[to].append(std::move(part));
    strings[to] += bytes;
  }
  void read(size_t from, size_t begin, size_t room) {
    std::vector<uint8_t> out(room);
    const size_t copied = arrays[from].copy_out(out, begin);
    EXPECT_EQ(std::string(out.begin(), out.begin() + static_cast<long>(copied)), strings[from].substr(begin, room));
  }
  void step(Random& random) {
    const size_t a = random.below(kStreams), b = random.below(kStreams);
    const size_t n = random.below(strings[a].size() + 1);
    const bool merge = random.below(2) == 0;
    const char letter = static_cast<char>('a' + random.below(26));
    switch (random.below(7)) {
      case 0: push_copied(a, random.below(300), letter); break;
      case 1: push_staged(a, static_cast<uint32_t>(random.below(40)), letter, merge); break;
      case 2: move_front(a, b, n, merge); break;
      case 3: append_slice(a, b, n, n + random.below(strings[a].size() - n + 1)); break;
      case 4: read(a, n, random.below(500)); break;
      case 5:
        arrays[a].drop_front(n);
        strings[a].erase(0, n);
        break;
      default:
        if (a == b) break;
        arrays[b].append(std::move(arrays[a]), merge);
        strings[b] += std::exchange(strings[a], std::string());
    }
    ASSERT_EQ(text(arrays[a]), strings[a]);
    ASSERT_EQ(text(arrays[b]), strings[b]);
  }

  SgArray arrays[kStreams];
  std::string strings[kStreams];
  BufferRef staging;
  uint32_t staged = 0;
};

TEST_F(SgArrayModelTest, BehavesAsAStringDoes) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    staging = memory.allocate_room(16384);
    staged = 0;
    for (int i = 0; i < 1000; ++i) {
      step(random);
      if (HasFailure()) FAIL() << "seed " << seed << ", step " << i;
    }
    for (size_t i = 0; i < kStreams; ++i) {
      arrays[i] = SgArray();
      strings[i].clear();
    }
    staging.reset();
    ASSERT_EQ(memory.buffers_outstanding(), 0u) << "seed " << seed;
  }
}

TEST_F(SgArrayTest, OurOwnBugsAreCaught) {
  SgArray array = make({"abc"});
  EXPECT_DEATH(array.slice(2, 1), "outside its SgArray");
  EXPECT_DEATH(array.slice(0, 4), "outside its SgArray");
  EXPECT_DEATH(array.append(std::move(array)), "appended to itself");
  EXPECT_DEATH(array.append_segment(BufferRef::share(*array.front()->buffer), 250, 7), "outside its room");
  SgArray without;
  EXPECT_DEATH(without.append_segment(BufferRef::share(*array.front()->buffer), 0, 1), "without a pool");
  Memory other;
  EXPECT_DEATH(
      {
        Result<SgArray> foreign = other.allocate(1);
        array.append(std::move(*foreign));
      },
      "different memories");
}

}  // namespace
}  // namespace demi
