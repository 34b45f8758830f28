// In steady state nothing is taken from the heap, however much goes through a stack.
#include "heap_count.h"
#include "inet/stack_pair.h"

namespace demi {
namespace {

class StackSteadyStateTest : public ::testing::Test {
 protected:
  // Everything once, back and forth, without the conveniences of a test, which allocate.
  void turns() {
    for (int rounds = 0; rounds < 6; ++rounds) {
      for (PairedHost* each : {&pair.a, &pair.b}) {
        std::array<Frame, 32> burst;
        while (const size_t count = each->device->receive(burst, pair.now)) each->stack->handle_frames(std::span(burst).first(count), pair.now);
        if (each->stack->poll_timeout() <= pair.now) each->stack->handle_timeout(pair.now);
        for (SocketEvent event; each->stack->poll_event(event);) {
        }
        for (Frame frame = each->stack->poll_transmit(pair.now); !frame.empty(); frame = each->stack->poll_transmit(pair.now)) {
          each->device->transmit({&frame, 1}, pair.now);
        }
      }
    }
    pair.now = pair.now + Duration::microseconds(100);
  }
  static SgArray payload(PairedHost& from, size_t bytes) {
    Result<SgArray> made = from.memory.allocate(bytes);
    EXPECT_TRUE(made.ok());
    return std::move(*made);
  }

  StackPair pair{1};
};

TEST_F(StackSteadyStateTest, Tcp) {
  const SocketHandle listener = *pair.b.stack->tcp_listen({kAny, 80}, 4);
  const SocketHandle client = *pair.a.stack->tcp_connect({kAny, 0}, {host(2), 80}, pair.now);
  turns();
  turns();
  Result<SocketHandle> server = pair.b.stack->tcp_accept(listener);
  ASSERT_TRUE(server.ok());
  size_t before = 0;
  uint64_t received = 0;
  for (int round = 0; round < 1000; ++round) {
    if (round == 500) before = heap_allocations();
    SgArray there = payload(pair.a, 5000);
    ASSERT_TRUE(pair.a.stack->tcp_send(client, there, pair.now).ok());
    SgArray back = payload(pair.b, 64);
    ASSERT_TRUE(pair.b.stack->tcp_send(*server, back, pair.now).ok());
    turns();
    if (Result<SgArray> text = pair.b.stack->tcp_receive(*server, UINT64_MAX, pair.now); text.ok()) received += text->bytes();
    if (Result<SgArray> text = pair.a.stack->tcp_receive(client, UINT64_MAX, pair.now); text.ok()) received += text->bytes();
  }
  EXPECT_EQ(heap_allocations(), before);
  EXPECT_GT(received, 4'000'000u);
}

TEST_F(StackSteadyStateTest, ConnectionsThatComeAndGo) {
  const SocketHandle listener = *pair.b.stack->tcp_listen({kAny, 80}, 4);
  size_t before = 0;
  for (int round = 0; round < 200; ++round) {
    if (round == 100) before = heap_allocations();
    const SocketHandle client = *pair.a.stack->tcp_connect({kAny, 0}, {host(2), 80}, pair.now);
    turns();
    turns();
    Result<SocketHandle> server = pair.b.stack->tcp_accept(listener);
    ASSERT_TRUE(server.ok());
    // With a RST: otherwise TIME-WAIT fills up, which is no steady state.
    ASSERT_TRUE(pair.a.stack->tcp_abort(client, pair.now).ok());
    turns();
    ASSERT_TRUE(pair.b.stack->close(*server, pair.now).ok());
    EXPECT_EQ(pair.b.stack->connections(), 0u);
  }
  EXPECT_EQ(heap_allocations(), before);
}

TEST_F(StackSteadyStateTest, UdpAndAnswersToStrangers) {
  const SocketHandle sender = *pair.a.stack->udp_bind({kAny, 53}), receiver = *pair.b.stack->udp_bind({kAny, 53});
  size_t before = 0;
  uint64_t received = 0;
  for (int round = 0; round < 1000; ++round) {
    if (round == 500) before = heap_allocations();
    ASSERT_TRUE(pair.a.stack->udp_send(sender, payload(pair.a, 500), {host(2), 53}, pair.now).ok());
    // Port unreachable.
    ASSERT_TRUE(pair.a.stack->udp_send(sender, payload(pair.a, 500), {host(2), 54}, pair.now).ok());
    turns();
    while (pair.b.stack->udp_receive(receiver).ok()) ++received;
  }
  EXPECT_EQ(heap_allocations(), before);
  EXPECT_EQ(received, 1000u);
  EXPECT_GT(pair.b.stack->counters().icmp_errors_out, 0u);
}

TEST_F(StackSteadyStateTest, ToOurselves) {
  const SocketHandle socket = *pair.a.stack->udp_bind({kAny, 53});
  size_t before = 0;
  uint64_t received = 0;
  for (int round = 0; round < 100; ++round) {
    if (round == 50) before = heap_allocations();
    ASSERT_TRUE(pair.a.stack->udp_send(socket, payload(pair.a, 500), {host(1), 53}, pair.now).ok());
    turns();
    while (pair.a.stack->udp_receive(socket).ok()) ++received;
  }
  EXPECT_EQ(heap_allocations(), before);
  EXPECT_EQ(received, 100u);
}

}  // namespace
}  // namespace demi
