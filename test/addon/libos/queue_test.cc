#include "libos/queue.h"

#include "libos/loopback_fixture.h"

namespace demi {
namespace {

class QueueTest : public LoopbackFixture {
 protected:
  Queue& queue = at(*one->memory_queue(1));
};

TEST_F(QueueTest, WhatIsNotOverriddenIsNotSupported) {
  EXPECT_EQ(queue.bind(here(1)).error(), Errno::kENOTSUP);
  EXPECT_EQ(queue.listen(1).error(), Errno::kENOTSUP);
  EXPECT_EQ(queue.local_endpoint().error(), Errno::kENOTSUP);
  EXPECT_EQ(queue.peer_endpoint().error(), Errno::kENOTSUP);
  EXPECT_EQ(queue.set_option(kSolSocket, kSoLinger, {}).error(), Errno::kENOPROTOOPT);
  EXPECT_EQ(queue.get_option(kSolSocket, kSoLinger).error(), Errno::kENOPROTOOPT);
  EXPECT_EQ(refusal(one->connect(queue, here(1))), Errno::kENOTSUP);
  EXPECT_EQ(refusal(one->accept(queue)), Errno::kEINVAL);
}

TEST_F(QueueTest, OnlyTheFrontOfALineIsWoken) {
  pending(one->pop(queue, kAll));
  pending(one->pop(queue, kAll));
  EXPECT_FALSE(one->has_work());
  queue.wake_reader();
  EXPECT_EQ(one->scheduler().ready_count(), 1u);
  queue.wake_reader();
  EXPECT_EQ(one->scheduler().ready_count(), 1u);
  queue.wake_writer();
  EXPECT_EQ(one->scheduler().ready_count(), 1u);
  run();
  EXPECT_TRUE(nothing_done(*one));
}

}  // namespace
}  // namespace demi
