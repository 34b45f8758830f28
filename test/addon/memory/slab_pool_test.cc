#include "memory/slab_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace demi {
namespace {

std::vector<Buffer*> drain(SlabPool& pool) {
  std::vector<Buffer*> all;
  while (Buffer* buffer = pool.allocate()) all.push_back(buffer);
  return all;
}

void release_all(std::vector<Buffer*>& all) {
  for (Buffer* buffer : all) drop_reference(*buffer);
  all.clear();
}

TEST(SlabPool, MapsNothingBeforeItIsAsked) {
  WindowTable windows;
  MemoryBudget budget(uint64_t{4} << 20);
  SlabPool pool(windows, budget, 256, 0);
  EXPECT_EQ(windows.size(), 0u);
  EXPECT_EQ(pool.free_rooms(), 0u);
  EXPECT_EQ(pool.stride(), 256u);
}

// Every size class, without and with headroom: rooms are disjoint, aligned, inside one window, and as many as the budget holds.
TEST(SlabPool, CutsWindowsIntoDisjointRooms) {
  for (const uint32_t room_bytes : kRoomBytes) {
    for (const uint32_t headroom : {0u, 96u}) {
      WindowTable windows;
      MemoryBudget budget(uint64_t{3} << 20);
      SlabPool pool(windows, budget, room_bytes, headroom);
      std::vector<Buffer*> all = drain(pool);
      const uint64_t stride = (room_bytes + headroom + kRoomAlignment - 1) / kRoomAlignment * kRoomAlignment;
      EXPECT_LE(all.size() * stride, budget.used());
      EXPECT_GE((all.size() + windows.size() + 1) * stride, budget.limit()) << room_bytes << " + " << headroom;
      EXPECT_EQ(pool.stride(), stride);
      EXPECT_LT(budget.remaining(), stride);
      EXPECT_EQ(pool.free_rooms(), 0u);
      std::sort(all.begin(), all.end(), [](Buffer* a, Buffer* b) { return a->room < b->room; });
      for (size_t i = 0; i < all.size(); ++i) {
        const Mapping& window = *windows.at(all[i]->window);
        EXPECT_EQ(all[i]->capacity, room_bytes + headroom);
        EXPECT_EQ(window.data() + all[i]->window_offset, all[i]->room);
        EXPECT_LE(all[i]->window_offset + all[i]->capacity, window.size());
        EXPECT_EQ(reinterpret_cast<uintptr_t>(all[i]->room) % kRoomAlignment, 0u);
        if (i == 0) continue;
        EXPECT_GE(all[i]->room, all[i - 1]->room + all[i - 1]->capacity);
      }
      release_all(all);
    }
  }
}

TEST(SlabPool, GivesTheSameRoomsAgainWithoutMapping) {
  WindowTable windows;
  MemoryBudget budget(uint64_t{2} << 20);
  SlabPool pool(windows, budget, 2048, 0);
  std::vector<Buffer*> all = drain(pool);
  const size_t rooms = all.size();
  const uint32_t mapped = windows.size();
  EXPECT_EQ(rooms, 1024u);
  EXPECT_EQ(pool.free_rooms(), 0u);
  release_all(all);
  EXPECT_EQ(pool.free_rooms(), rooms);
  EXPECT_EQ(pool.free_bytes(), uint64_t{2} << 20);
  all = drain(pool);
  EXPECT_EQ(all.size(), rooms);
  EXPECT_EQ(windows.size(), mapped);
  release_all(all);
}

TEST(SlabPool, TakesTheRestOfABudgetInSmallerWindows) {
  WindowTable windows;
  MemoryBudget budget(uint64_t{16} << 20);
  ASSERT_TRUE(budget.take(round_down_to_pages((uint64_t{16} << 20) - 70000)));
  SlabPool large(windows, budget, 65536, 0);
  SlabPool small(windows, budget, 256, 0);
  std::vector<Buffer*> rooms = drain(large);
  EXPECT_EQ(rooms.size(), 1u);
  std::vector<Buffer*> rest = drain(small);
  EXPECT_EQ(rest.size(), page_bytes() == 4096 ? 32u : rest.size());
  EXPECT_LT(budget.remaining(), page_bytes());
  release_all(rooms);
  release_all(rest);
}

TEST(SlabPool, AFirstClassDoesNotTakeASmallBudgetWhole) {
  WindowTable windows;
  MemoryBudget budget(uint64_t{1} << 20);
  SlabPool small(windows, budget, 256, 0);
  drop_reference(*small.allocate());
  EXPECT_EQ(budget.used(), 65536u);
}

TEST(SlabPool, WindowsThatTheTableRefusesAreNotCharged) {
  WindowTable windows;
  for (uint32_t i = 0; i < kWindowsMax; ++i) ASSERT_TRUE(windows.add(1).ok());
  MemoryBudget budget(uint64_t{1} << 20);
  SlabPool pool(windows, budget, 256, 0);
  EXPECT_EQ(pool.allocate(), nullptr);
  EXPECT_EQ(budget.used(), 0u);
}

TEST(SlabPoolDeathTest, SizesOutOfBoundsAreABug) {
  WindowTable windows;
  MemoryBudget budget(uint64_t{1} << 20);
  EXPECT_DEATH(SlabPool(windows, budget, 256, kHeadroomMax + 1), "headroom");
  EXPECT_DEATH(SlabPool(windows, budget, kLargestRoomBytes + 1, 0), "room size");
}

}  // namespace
}  // namespace demi
