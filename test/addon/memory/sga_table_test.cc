#include "memory/sga_table.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "memory/memory.h"

namespace demi {
namespace {

constexpr uint32_t kSlotMask = kSgaSlotsMax - 1;

class SgaTableTest : public testing::Test {
 protected:
  SgArray make(uint64_t bytes) { return std::move(*memory.allocate(bytes)); }

  Memory memory;
  SgaTable table;
};

TEST_F(SgaTableTest, FindsWhatWasPut) {
  const uint32_t one = table.put(make(1));
  const uint32_t two = table.put(make(2));
  EXPECT_NE(one, two);
  EXPECT_EQ(table.live(), 2u);
  EXPECT_EQ(table.find(one)->bytes(), 1u);
  EXPECT_EQ(table.find(two)->bytes(), 2u);
  EXPECT_LT(one, uint32_t{1} << 31);
}

TEST_F(SgaTableTest, EmptyArraysHaveIdsToo) {
  const uint32_t id = table.put(SgArray());
  ASSERT_NE(table.find(id), nullptr);
  EXPECT_TRUE(table.find(id)->empty());
  EXPECT_TRUE(table.release(id));
}

TEST_F(SgaTableTest, AReleasedIdIsStaleAndItsMemoryIsBack) {
  const uint32_t id = table.put(make(100000));
  EXPECT_TRUE(table.release(id));
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
  EXPECT_EQ(table.live(), 0u);
  EXPECT_EQ(table.find(id), nullptr);
  EXPECT_FALSE(table.release(id));
  EXPECT_TRUE(table.take(id).empty());
  const uint32_t next = table.put(make(5));
  EXPECT_EQ(next & kSlotMask, id & kSlotMask) << "the slot is reused";
  EXPECT_NE(next, id);
  EXPECT_EQ(table.find(id), nullptr);
  EXPECT_EQ(table.find(next)->bytes(), 5u);
}

TEST_F(SgaTableTest, TakingMovesItOut) {
  const uint32_t id = table.put(make(300));
  SgArray array = table.take(id);
  EXPECT_EQ(array.bytes(), 300u);
  EXPECT_EQ(table.find(id), nullptr);
  EXPECT_EQ(table.live(), 0u);
  EXPECT_EQ(memory.buffers_outstanding(), 1u);
}

TEST_F(SgaTableTest, NonsenseIsNotFound) {
  EXPECT_EQ(table.find(0), nullptr);
  EXPECT_EQ(table.find(1u << kSgaSlotBits), nullptr) << "no slot exists yet";
  const uint32_t id = table.put(make(1));
  for (const uint32_t foreign : {0u, id + 1, id | 0x80000000u, UINT32_MAX, id ^ (1u << kSgaSlotBits), kSlotMask}) {
    EXPECT_EQ(table.find(foreign), nullptr) << foreign;
    EXPECT_FALSE(table.release(foreign));
    EXPECT_TRUE(table.take(foreign).empty());
  }
  // The id that the slot will have next does not exist before it is handed out.
  table.release(id);
  EXPECT_EQ(table.find(id + (1u << kSgaSlotBits)), nullptr);
}

TEST_F(SgaTableTest, GenerationsWrapAroundWithoutEverBeingZero) {
  const uint32_t first = table.put(make(1));
  uint32_t id = first;
  std::set<uint32_t> seen;
  for (int i = 0; i < 511; ++i) {
    EXPECT_NE(id, 0u);
    EXPECT_NE(id >> kSgaSlotBits, 0u);
    EXPECT_LT(id >> kSgaSlotBits, 512u);
    EXPECT_TRUE(seen.insert(id).second);
    EXPECT_TRUE(table.release(id));
    id = table.put(make(1));
    ASSERT_EQ(id & kSlotMask, first & kSlotMask);
  }
  EXPECT_EQ(id, first) << "511 generations later the id comes again";
  EXPECT_EQ(table.live(), 1u);
}

TEST_F(SgaTableTest, AMillionAreLive) {
  constexpr uint32_t kMillion = 1'000'000;
  BufferRef room = memory.allocate_room(256);
  std::vector<uint32_t> ids;
  for (uint32_t i = 0; i < kMillion; ++i) {
    SgArray array = memory.make_array();
    array.append_segment(room, 0, 1 + i % 256);
    ids.push_back(table.put(std::move(array)));
  }
  EXPECT_EQ(table.live(), kMillion);
  EXPECT_EQ(room->references, kMillion + 1);
  bool all_found = true;
  for (uint32_t i = 0; i < kMillion; ++i) {
    const SgArray* array = table.find(ids[i]);
    all_found = all_found && array != nullptr && array->bytes() == 1 + i % 256;
  }
  EXPECT_TRUE(all_found);
  for (uint32_t i = 0; i < kMillion; i += 2) table.release(ids[i]);
  EXPECT_EQ(table.live(), kMillion / 2);
  table.clear();
  EXPECT_EQ(table.live(), 0u);
  EXPECT_EQ(table.find(ids[1]), nullptr);
  EXPECT_EQ(room->references, 1u);
}

TEST_F(SgaTableTest, AFullTableLeavesTheArrayWhereItIs) {
  for (const uint32_t max : {1u, kSgaEntriesPerChunk, kSgaEntriesPerChunk + 1}) {
    SgaTable small(max);
    std::vector<uint32_t> ids;
    for (uint32_t i = 0; i < max; ++i) {
      ids.push_back(small.put(make(1)));
      ASSERT_NE(ids.back(), 0u);
    }
    SgArray array = make(7);
    EXPECT_EQ(small.put(std::move(array)), 0u);
    EXPECT_EQ(array.bytes(), 7u);
    small.release(ids.back());
    EXPECT_NE(small.put(std::move(array)), 0u);
    EXPECT_TRUE(array.empty());
  }
  EXPECT_EQ(memory.buffers_outstanding(), 0u) << "a table gives back what it holds";
}

TEST_F(SgaTableTest, PointersStayGoodWhileTheTableGrows) {
  const uint32_t id = table.put(make(3));
  const SgArray* array = table.find(id);
  for (uint32_t i = 0; i < 3 * kSgaEntriesPerChunk; ++i) EXPECT_NE(table.put(SgArray()), 0u);
  EXPECT_EQ(table.find(id), array);
}

TEST(SgaTableDeathTest, MoreSlotsThanAnIdCanNameIsABug) {
  EXPECT_DEATH(SgaTable(kSgaSlotsMax + 1), "no bits");
}

}  // namespace
}  // namespace demi
