#include "base/ring_queue.h"

#include <gtest/gtest.h>

#include <memory>

#include "heap_count.h"

namespace demi {
namespace {

TEST(RingQueue, IsFirstInFirstOutAcrossGrowthAndWrapping) {
  RingQueue<int> queue;
  int pushed = 0, popped = 0;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 7; ++i) queue.push_back(pushed++);
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(queue.front(), popped);
      EXPECT_EQ(queue.pop_front(), popped++);
    }
    EXPECT_EQ(queue.size(), static_cast<size_t>(pushed - popped));
  }
  while (!queue.empty()) EXPECT_EQ(queue.pop_front(), popped++);
  EXPECT_EQ(popped, pushed);
}

TEST(RingQueue, ReleasesWhatItHeld) {
  auto shared = std::make_shared<int>(1);
  RingQueue<std::shared_ptr<int>> queue;
  for (int i = 0; i < 10; ++i) queue.push_back(shared);
  EXPECT_EQ(shared.use_count(), 11);
  queue.pop_front();
  EXPECT_EQ(shared.use_count(), 10);
  queue.clear();
  EXPECT_EQ(shared.use_count(), 1);
  EXPECT_TRUE(queue.empty());
}

TEST(RingQueue, AllocatesNothingOnceItHasGrown) {
  RingQueue<int> queue;
  for (int i = 0; i < 8; ++i) queue.push_back(i);
  const size_t before = heap_allocations();
  for (int i = 0; i < 1000; ++i) queue.push_back(queue.pop_front());
  EXPECT_EQ(heap_allocations(), before);
}

TEST(RingQueueDeathTest, FrontOfAnEmptyQueue) {
  RingQueue<int> queue;
  EXPECT_DEATH(queue.front(), "empty queue");
}

}  // namespace
}  // namespace demi
