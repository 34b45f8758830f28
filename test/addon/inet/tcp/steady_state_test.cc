// In steady state no segment takes anything from the heap, lost ones and those behind a hole included. operator new is counted.
#include <gtest/gtest.h>

#include "heap_count.h"
#include "inet/tcp/connection_pair.h"

namespace demi {
namespace {

class TcpSteadyStateTest : public testing::Test {
 protected:
  void push(TcpConnection& connection, uint64_t bytes) {
    SgArray text = std::move(*memory.allocate(bytes));
    const Result<uint64_t> taken = connection.send(text, pair.now);
    ASSERT_TRUE(taken.ok());
  }

  TcpConfig config;
  Memory memory;
  TcpResources resources{config, memory};
  ConnectionPair pair{resources};
};

TEST_F(TcpSteadyStateTest, AnEchoTakesNothingFromTheHeap) {
  size_t before = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (i == 1000) before = heap_allocations();
    push(*pair.a, 64);
    pair.exchange();
    push(*pair.b, pair.b->receive(1000, pair.now).bytes());
    pair.exchange();
    ASSERT_EQ(pair.a->receive(1000, pair.now).bytes(), 64u);
    pair.now = pair.now + Duration::microseconds(10);
  }
  EXPECT_EQ(heap_allocations() - before, 0u);
}

TEST_F(TcpSteadyStateTest, LossesTakeNothingFromTheHeap) {
  size_t before = 0;
  uint64_t received = 0;
  for (int i = 0; i < 4'000; ++i) {
    if (i == 2000) before = heap_allocations();
    if (pair.a->writable_bytes() >= 50'000) push(*pair.a, 50'000);
    pair.exchange(40);
    received += pair.b->receive(1'000'000, pair.now).bytes();
    pair.now = pair.now + Duration::milliseconds(10);
    pair.a->handle_timeout(pair.now);
    pair.b->handle_timeout(pair.now);
  }
  EXPECT_EQ(heap_allocations() - before, 0u);
  EXPECT_GT(received, 1'000'000u) << "a " << tcp_state_name(pair.a->state()) << " in flight " << pair.a->info().in_flight << " cwnd "
                                  << pair.a->info().cwnd << " timeouts " << resources.counters.retransmission_timeouts << " lost "
                                  << pair.a->info().lost << " retransmitted " << resources.counters.retransmitted;
  EXPECT_GT(resources.counters.fast_recoveries, 10u);
}

}  // namespace
}  // namespace demi
