#include "memory/buffer.h"

#include <gtest/gtest.h>

#include "memory/slab_pool.h"

namespace demi {
namespace {

class BufferTest : public testing::Test {
 protected:
  WindowTable windows;
  MemoryBudget budget{1 << 20};
  SlabPool pool{windows, budget, 2048, 128};
};

TEST_F(BufferTest, PayloadLiesBehindTheHeadroom) {
  BufferRef buffer = BufferRef::adopt(pool.allocate());
  EXPECT_EQ(buffer->headroom, 128u);
  EXPECT_EQ(buffer->capacity, 128u + 2048u);
  EXPECT_EQ(buffer->payload(), buffer->room + 128);
  EXPECT_EQ(buffer->payload_capacity(), 2048u);
}

TEST_F(BufferTest, WindowAndOffsetNameTheSameBytesAsTheRoom) {
  BufferRef first = BufferRef::adopt(pool.allocate());
  BufferRef second = BufferRef::adopt(pool.allocate());
  for (const BufferRef& buffer : {first, second}) {
    EXPECT_EQ(windows.at(buffer->window)->data() + buffer->window_offset, buffer->room);
  }
  EXPECT_NE(first->room, second->room);
}

TEST_F(BufferTest, CopiesCountAndMovesDoNot) {
  BufferRef one = BufferRef::adopt(pool.allocate());
  EXPECT_EQ(one->references, 1u);
  BufferRef two = one;
  EXPECT_EQ(one->references, 2u);
  BufferRef three = std::move(two);
  EXPECT_EQ(one->references, 2u);
  EXPECT_FALSE(two);
  three = one;
  EXPECT_EQ(one->references, 2u);
  BufferRef& alias = three;
  three = alias;
  EXPECT_EQ(one->references, 2u);
  three.reset();
  EXPECT_EQ(one->references, 1u);
  BufferRef four = BufferRef::share(*one);
  EXPECT_EQ(one->references, 2u);
}

TEST_F(BufferTest, ReturnsToItsPoolWithTheLastReference) {
  BufferRef one = BufferRef::adopt(pool.allocate());
  BufferRef two = one;
  one.reset();
  EXPECT_EQ(pool.outstanding(), 1u);
  two = BufferRef();
  EXPECT_EQ(pool.outstanding(), 0u);
}

TEST_F(BufferTest, DetachLeavesTheCountToTheCaller) {
  BufferRef one = BufferRef::adopt(pool.allocate());
  Buffer* raw = one.detach();
  EXPECT_FALSE(one);
  EXPECT_EQ(raw->references, 1u);
  drop_reference(*raw);
  EXPECT_EQ(pool.outstanding(), 0u);
}

TEST_F(BufferTest, AssignmentDropsWhatWasHeld) {
  BufferRef one = BufferRef::adopt(pool.allocate());
  one = BufferRef::adopt(pool.allocate());
  EXPECT_EQ(pool.outstanding(), 1u);
}

TEST_F(BufferTest, SharingABufferOfThePoolIsABug) {
  Buffer* gone = pool.allocate();
  drop_reference(*gone);
  EXPECT_DEATH(BufferRef::share(*gone), "cannot be shared");
  EXPECT_DEATH(drop_reference(*gone), "a reference too many");
}

}  // namespace
}  // namespace demi
