#include "sched/frame_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <vector>

#include "base/random.h"
#include "heap_count.h"

namespace demi {
namespace {

TEST(FramePool, FramesAreApartAndAligned) {
  FramePool pool;
  std::vector<std::pair<unsigned char*, size_t>> frames;
  Random random(1);
  for (int i = 0; i < 2'000; ++i) {
    const size_t bytes = 1 + random.below(3'000);
    auto* frame = static_cast<unsigned char*>(pool.allocate(bytes));
    ASSERT_EQ(reinterpret_cast<uintptr_t>(frame) % 16, 0u);
    std::memset(frame, i & 0xff, bytes);
    frames.emplace_back(frame, bytes);
  }
  EXPECT_EQ(pool.live(), 2'000u);
  for (int i = 0; i < 2'000; ++i) {
    auto [frame, bytes] = frames[static_cast<size_t>(i)];
    for (size_t at = 0; at < bytes; ++at) ASSERT_EQ(frame[at], i & 0xff);
    FramePool::release(frame, bytes);
  }
  EXPECT_EQ(pool.live(), 0u);
}

TEST(FramePool, TheLastFreedFrameIsUsedFirst) {
  FramePool pool;
  void* first = pool.allocate(200);
  void* second = pool.allocate(200);
  FramePool::release(first, 200);
  FramePool::release(second, 200);
  EXPECT_EQ(pool.allocate(200), second);
  EXPECT_EQ(pool.allocate(200), first);
  FramePool::release(first, 200);
  FramePool::release(second, 200);
}

TEST(FramePool, TakesNothingFromTheHeapOnceItHasGrown) {
  FramePool pool;
  std::vector<void*> frames(1'000);
  const auto fill_and_empty = [&] {
    for (void*& frame : frames) frame = pool.allocate(208);
    for (void* frame : frames) FramePool::release(frame, 208);
  };
  fill_and_empty();
  const size_t before = heap_allocations();
  const size_t bytes = pool.block_bytes();
  for (int i = 0; i < 10; ++i) fill_and_empty();
  EXPECT_EQ(heap_allocations(), before);
  EXPECT_EQ(pool.block_bytes(), bytes);
}

TEST(FramePool, LargeFramesComeFromTheHeapAndGoBack) {
  FramePool pool;
  const size_t before = heap_allocations();
  constexpr size_t kLargestPooled = kPooledFrameBytesMax - 16;
  void* pooled = pool.allocate(kLargestPooled);
  void* large = pool.allocate(kLargestPooled + 1);
  EXPECT_EQ(heap_allocations(), before + 2);
  EXPECT_EQ(pool.block_bytes(), kFrameBlockBytes);
  EXPECT_EQ(pool.live(), 2u);
  FramePool::release(large, kLargestPooled + 1);
  FramePool::release(pooled, kLargestPooled);
  const size_t grown = heap_allocations();
  large = pool.allocate(kLargestPooled + 1);
  EXPECT_EQ(heap_allocations(), grown + 1);
  FramePool::release(large, kLargestPooled + 1);
}

TEST(FramePool, AFreedFrameGoesBackToItsOwnPool) {
  FramePool first, second;
  void* frame = first.allocate(100);
  void* other = second.allocate(100);
  FramePool::release(frame, 100);
  EXPECT_EQ(first.live(), 0u);
  EXPECT_EQ(second.live(), 1u);
  FramePool::release(other, 100);
}

#if defined(__SANITIZE_ADDRESS__)
TEST(FramePoolDeathTest, UseAfterReleaseIsCaughtByTheSanitizer) {
  FramePool pool;
  auto* frame = static_cast<volatile char*>(pool.allocate(100));
  FramePool::release(const_cast<char*>(frame), 100);
  EXPECT_DEATH(frame[50] = 1, "use-after-poison");
}
#endif

TEST(FramePoolDeathTest, AFrameDoesNotOutliveThePool) {
  EXPECT_DEATH(
      {
        FramePool pool;
        pool.allocate(100);
      },
      "outlives its scheduler");
}

}  // namespace
}  // namespace demi
