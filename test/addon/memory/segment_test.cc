#include "memory/segment.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace demi {
namespace {

TEST(SegmentPool, HandsOutEachSegmentOnceAndReusesTheLast) {
  SegmentPool pool;
  std::set<Segment*> seen;
  Segment* last = nullptr;
  for (size_t i = 0; i < 3 * kSegmentsPerBlock; ++i) {
    last = pool.take();
    EXPECT_TRUE(seen.insert(last).second);
  }
  EXPECT_EQ(pool.live(), 3 * kSegmentsPerBlock);
  pool.give_back(last);
  EXPECT_EQ(pool.take(), last);
}

TEST(SegmentPool, TakesBackAChainAtOnce) {
  SegmentPool pool;
  Segment* first = pool.take();
  Segment* second = pool.take();
  Segment* third = pool.take();
  first->next = second;
  second->next = third;
  pool.give_back(first, third, 3);
  EXPECT_EQ(pool.live(), 0u);
  EXPECT_EQ(pool.take(), first);
  EXPECT_EQ(pool.take(), second);
  EXPECT_EQ(pool.take(), third);
}

TEST(SegmentPool, AdmitsUpToItsBoundButGivesMore) {
  SegmentPool pool(10);
  EXPECT_TRUE(pool.admits(10));
  EXPECT_FALSE(pool.admits(11));
  for (int i = 0; i < 10; ++i) pool.take();
  EXPECT_FALSE(pool.admits(1));
  EXPECT_TRUE(pool.admits(0));
  Segment* above = pool.take();
  EXPECT_FALSE(pool.admits(0));
  pool.give_back(above);
  EXPECT_TRUE(pool.admits(0));
}

TEST(SegmentPoolDeathTest, TheHardBoundIsAnAssertion) {
  SegmentPool pool(10, kSegmentsPerBlock);
  for (size_t i = 0; i < kSegmentsPerBlock; ++i) pool.take();
  EXPECT_DEATH(pool.take(), "more segments than operations");
}

TEST(Segment, KnowsItsPlaceInTheWindow) {
  uint8_t bytes[64] = {};
  Buffer buffer{1, 0, nullptr, bytes, 64, 0, 5, 4096, nullptr};
  const Segment segment{&buffer, 16, 8, nullptr};
  EXPECT_EQ(segment.data(), bytes + 16);
  EXPECT_EQ(segment.window(), 5u);
  EXPECT_EQ(segment.window_offset(), 4112u);
  EXPECT_TRUE(segment.continues_at(&buffer, 24));
  EXPECT_FALSE(segment.continues_at(&buffer, 25));
  EXPECT_FALSE(segment.continues_at(nullptr, 24));
}

}  // namespace
}  // namespace demi
