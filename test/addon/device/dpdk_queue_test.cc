#include "device/dpdk_queue.h"

#include <gtest/gtest.h>

#include "device/fake_dpdk.h"

namespace demi {
namespace {

class DpdkQueueTest : public ::testing::Test {
 protected:
  std::shared_ptr<DpdkQueue> open() {
    DpdkQueue::Opened opened = DpdkQueue::open(dpdk.plugin(), mappings, {});
    EXPECT_EQ(opened.problem, "");
    return std::move(opened.queue);
  }

  FakeDpdk dpdk;
  std::shared_ptr<EalMappings> mappings = std::make_shared<EalMappings>(dpdk.plugin());
  Memory memory{MemoryConfig{.limit_bytes = 4 << 20}};
};

TEST_F(DpdkQueueTest, IsOpenWhileSomebodyHoldsIt) {
  std::shared_ptr<DpdkQueue> queue = open();
  EXPECT_TRUE(dpdk.is_open);
  EXPECT_EQ(dpdk.threads, 1);
  EXPECT_EQ(queue->info().room_bytes, FakeDpdk::kRoomBytes);
  queue.reset();
  EXPECT_FALSE(dpdk.is_open);
  EXPECT_EQ(dpdk.threads, 0);
}

TEST_F(DpdkQueueTest, RoomsAreBuffersOfTheMemory) {
  std::ignore = memory.allocate(10);  // it has windows already
  const uint32_t windows = memory.windows().size();
  const std::shared_ptr<DpdkQueue> queue = open();
  const std::shared_ptr<RoomPool> pool = RoomPool::make(queue, memory);
  ASSERT_NE(pool, nullptr);
  EXPECT_EQ(pool->rooms(), FakeDpdk::kRooms);
  EXPECT_EQ(memory.windows().size(), windows + 1);
  // Nobody allocates them.
  EXPECT_EQ(pool->allocate(), nullptr);

  dpdk.arrive({1, 2, 3});
  demi_dpdk_received received{};
  ASSERT_EQ(dpdk.plugin().receive(queue->get(), &received, 1), 1u);
  Buffer* const buffer = pool->take(received.note);
  EXPECT_EQ(buffer->references, 1u);
  EXPECT_EQ(buffer->window, windows);
  EXPECT_EQ(buffer->room, memory.windows().at(windows)->data() + buffer->window_offset);
  EXPECT_EQ(buffer->capacity, FakeDpdk::kRoomBytes);
  EXPECT_EQ(buffer->room[received.offset], 1);
  EXPECT_EQ(memory.buffers_outstanding(), 1u);
  const uint32_t generation = buffer->generation;
  drop_reference(*buffer);
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
  EXPECT_EQ(buffer->generation, generation + 1);
}

TEST_F(DpdkQueueTest, AMemoryThatIsPoisonedPoisonsTheRoomsToo) {
  memory.set_poison(true);
  const std::shared_ptr<DpdkQueue> queue = open();
  const std::shared_ptr<RoomPool> pool = RoomPool::make(queue, memory);
  dpdk.arrive({1, 2, 3});
  demi_dpdk_received received{};
  ASSERT_EQ(dpdk.plugin().receive(queue->get(), &received, 1), 1u);
  Buffer* const buffer = pool->take(received.note);
  drop_reference(*buffer);
  EXPECT_EQ(buffer->room[received.offset], BufferPool::kPoison);
}

}  // namespace
}  // namespace demi
