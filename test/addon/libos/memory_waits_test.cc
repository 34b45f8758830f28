// Operations that meet an exhausted buffer pool: they wait, go on in order when memory comes back, and never keep each other from it.
#include <gtest/gtest.h>

#include "libos/loopback_tokens.h"

namespace demi {
namespace {

class MemoryWaitsTest : public SmallMemoryFixture {
 protected:
  static constexpr size_t kMemory = 256 * 1024;
  Token push_text(Host& host, QDesc queue, size_t length) { return host.push_bytes(queue, callers_bytes(pattern(length))); }
};

TEST_F(MemoryWaitsTest, AMessageLargerThanTheMemoryIsRefusedAtTheCall) {
  const QDesc queue = a.memory_queue(4);
  EXPECT_EQ(push_text(a, queue, kMemory + 1).came_to(), "thrown EMSGSIZE");
  const uint64_t largest = memory->largest_whole_bytes();
  EXPECT_EQ(push_text(a, queue, largest + 1).came_to(), "thrown EMSGSIZE");
  EXPECT_EQ(memory->buffers_outstanding(), 0u);
  EXPECT_EQ(push_text(a, queue, largest).came_to(), "ok");
  EXPECT_EQ(a.pop(queue).text(), pattern(largest));
}

TEST_F(MemoryWaitsTest, AFullQueueRefusesWhatCanNeverFitAllTheSame) {
  const QDesc queue = a.memory_queue(1);
  a.push(queue, "x");
  EXPECT_TRUE(a.push(queue, "y").pending());
  EXPECT_EQ(push_text(a, queue, kMemory + 1).came_to(), "thrown EMSGSIZE");
}

TEST_F(MemoryWaitsTest, AStreamTakesMoreThanTheMemoryInParts) {
  const Connection made = established();
  const Token pushed = push_text(a, made.client, kMemory * 2);
  std::string got;
  while (pushed.pending()) {
    got += b.pop(made.server).text();
    settle();
  }
  while (got.size() < kMemory * 2) got += b.pop(made.server).text();
  EXPECT_EQ(got, pattern(kMemory * 2));
}

TEST_F(MemoryWaitsTest, TwoLargeMessagesDoNotKeepEachOtherWaiting) {
  const QDesc queues[] = {a.memory_queue(1), a.memory_queue(1), b.memory_queue(1)};
  std::vector<SgArray> taken = exhaust();
  const Token pushes[] = {push_text(a, queues[0], 150000), push_text(a, queues[1], 200000), push_text(b, queues[2], 180000)};
  while (!taken.empty()) {
    taken.pop_back();
    settle();
  }
  EXPECT_EQ(pushes[0].came_to(), "ok");
  EXPECT_EQ(a.pop(queues[0]).text(), pattern(150000));
  settle();
  EXPECT_EQ(pushes[1].came_to(), "ok");
  EXPECT_EQ(a.pop(queues[1]).text(), pattern(200000));
  settle();
  EXPECT_EQ(b.pop(queues[2]).text(), pattern(180000));
}

TEST_F(MemoryWaitsTest, AMessageThatWaitsHoldsNothing) {
  const QDesc queue = a.memory_queue(1);
  std::vector<SgArray> taken = exhaust();
  const Token pushed = push_text(a, queue, 200000);
  taken.resize(taken.size() / 2);
  const size_t held = memory->buffers_outstanding();
  settle();
  EXPECT_TRUE(pushed.pending());
  EXPECT_EQ(memory->buffers_outstanding(), held);
  a.cancel(pushed);
  EXPECT_FALSE(a.libos().waits_for_memory());
}

TEST_F(MemoryWaitsTest, ALargeMessageDoesNotHoldUpSmallOnes) {
  const QDesc large_queue = a.memory_queue(1), small_queue = a.memory_queue(1), other = b.memory_queue(1);
  std::vector<SgArray> taken = exhaust();
  const Token large = push_text(a, large_queue, 200000), small = push_text(a, small_queue, 100), others = push_text(b, other, 100);
  while (taken.size() > 1 && others.pending()) {
    taken.pop_back();
    settle();
  }
  EXPECT_EQ(small.came_to(), "ok");
  EXPECT_EQ(others.came_to(), "ok") << "what one libOS waits for does not hide what the other waits for";
  EXPECT_TRUE(large.pending());
  EXPECT_FALSE(a.libos().has_work()) << "nothing to do before more has come back";
  taken.clear();
  settle();
  EXPECT_EQ(large.came_to(), "ok");
}

TEST_F(MemoryWaitsTest, MemoryGoesToThoseWhoCameFirst) {
  std::vector<SgArray> taken = exhaust();
  std::vector<QDesc> queues;
  std::vector<Token> pushes;
  for (int i = 0; i < 20; ++i) {
    queues.push_back(a.memory_queue(1));
    pushes.push_back(push_text(a, queues.back(), 100));
  }
  // Rooms of the smallest kind are the last in the list, and a push takes one.
  for (int done = 0; done < 20; ++done) {
    EXPECT_TRUE(pushes[done].pending());
    const uint64_t waits = a.counters().memory_waits;
    while (memory->available_bytes() == 0) taken.pop_back();
    settle();
    EXPECT_EQ(pushes[done].came_to(), "ok") << done;
    EXPECT_EQ(a.counters().memory_waits, waits) << "nobody was woken in vain";
    if (done < 19) { EXPECT_TRUE(pushes[done + 1].pending()); }
  }
}

TEST_F(MemoryWaitsTest, DatagramsWaitAndGoOn) {
  const QDesc server = b.datagram(), client = a.datagram();
  b.bind(server, localhost(53));
  const Endpoint to = localhost(53);
  std::vector<SgArray> taken = exhaust();
  const Token first = a.push_bytes(client, callers_bytes(pattern(60000)), &to), second = a.push_bytes(client, callers_bytes("x"), &to);
  EXPECT_TRUE(first.pending());
  taken.pop_back();
  settle();
  EXPECT_TRUE(second.pending()) << "datagrams of one socket keep their order";
  taken.clear();
  settle();
  EXPECT_EQ(b.pop(server).text(), pattern(60000));
  EXPECT_EQ(b.pop(server).text(), "x");
}

TEST_F(MemoryWaitsTest, BytesThatWereDetachedMeanwhileFailThePush) {
  const QDesc queue = a.memory_queue(1);
  std::vector<SgArray> taken = exhaust();
  const auto bytes = callers_bytes("gone");
  const Token pushed = a.push_bytes(queue, bytes);
  bytes->detached = true;
  taken.clear();
  settle();
  EXPECT_EQ(pushed.came_to(), "EFAULT");
  EXPECT_EQ(bytes->kept, 0);
  EXPECT_TRUE(a.pop(queue).pending());
}

TEST_F(MemoryWaitsTest, ACanceledPushLeavesTheMemoryToTheNext) {
  const QDesc queue = a.memory_queue(2);
  std::vector<SgArray> taken = exhaust();
  const Token first = push_text(a, queue, 100), second = push_text(a, queue, 50);
  taken.clear();
  a.cancel(first);
  settle();
  EXPECT_EQ(first.came_to(), "ECANCELED");
  EXPECT_EQ(first.bytes_accepted(), 0u);
  EXPECT_EQ(second.came_to(), "ok");
  EXPECT_EQ(a.pop(queue).text(), pattern(50));
}

TEST_F(MemoryWaitsTest, TheEndOfALibOSMayComeMeanwhile) {
  const QDesc queue = a.memory_queue(1);
  std::vector<SgArray> taken = exhaust();
  const Token pushed = push_text(a, queue, 200000);
  EXPECT_EQ(a.stop().came_to(), "ok");
  a.collect();
  EXPECT_EQ(pushed.came_to(), "ECANCELED");
  EXPECT_FALSE(a.libos().waits_for_memory());
}

}  // namespace
}  // namespace demi
