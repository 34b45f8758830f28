// The life of a stack: time, what it says to itself, and how it ends.
#include "inet/stack.h"

#include "inet/stack_fixture.h"

namespace demi {
namespace {

const IpAddress kLocalhost = IpAddress::ipv4(127, 0, 0, 1);

class StackLoopbackTest : public StackTest {
 protected:
  StackLoopbackTest() { start(); }
  // Lets what the stack says to itself come to rest. Nothing of it reaches a device.
  void settle() {
    for (int rounds = 0; rounds < 1000; ++rounds) {
      EXPECT_TRUE(out().empty());
      if (stack->poll_timeout() > now) return;
      stack->handle_timeout(now);
    }
    ADD_FAILURE() << "it never comes to rest";
  }
};

TEST_F(StackLoopbackTest, TcpToOurselves) {
  for (const IpAddress& own : {kLocalhost, host(1)}) {
    Result<SocketHandle> listener = stack->tcp_listen({own, 90}, 4);
    ASSERT_TRUE(listener.ok());
    Result<SocketHandle> client = stack->tcp_connect({kAny, 0}, {own, 90}, now);
    ASSERT_TRUE(client.ok());
    settle();
    Result<SocketHandle> server = stack->tcp_accept(*listener);
    ASSERT_TRUE(server.ok());
    EXPECT_EQ(stack->local_endpoint(*client)->address, own);
    EXPECT_EQ(*stack->remote_endpoint(*server), *stack->local_endpoint(*client));
    SgArray text = bytes(100'000);
    uint64_t received = 0;
    while (received < 100'000) {
      ASSERT_TRUE(stack->tcp_send(*client, text, now).ok());
      settle();
      Result<SgArray> some = stack->tcp_receive(*server, UINT64_MAX, now);
      // What was held back for a full segment, or for an ACK, comes with time.
      if (!some.ok()) {
        now = stack->poll_timeout();
        ASSERT_FALSE(now.is_never());
        stack->handle_timeout(now);
        continue;
      }
      received += some->bytes();
    }
    for (const SocketHandle socket : {*client, *server, *listener}) ASSERT_TRUE(stack->close(socket, now).ok());
    settle();
  }
  EXPECT_EQ(stack->counters().frames_out, 0u);
}

TEST_F(StackLoopbackTest, UdpToOurselvesAndARefusal) {
  Result<SocketHandle> socket = stack->udp_bind({kAny, 90});
  ASSERT_TRUE(stack->udp_connect(*socket, {kLocalhost, 90}).ok());
  ASSERT_TRUE(stack->udp_send(*socket, bytes(5), {}, now).ok());
  settle();
  EXPECT_EQ(stack->udp_receive(*socket)->payload.bytes(), 5u);
  ASSERT_TRUE(stack->udp_connect(*socket, {kLocalhost, 91}).ok());
  ASSERT_TRUE(stack->udp_send(*socket, bytes(5), {}, now).ok());
  settle();
  EXPECT_EQ(stack->udp_receive(*socket).error(), Errno::kECONNREFUSED);
}

TEST_F(StackLoopbackTest, ItsQueueIsBounded) {
  Result<SocketHandle> socket = stack->udp_bind({kAny, 90});
  for (size_t i = 0; i < kLoopbackQueueFrames + 5; ++i) ASSERT_TRUE(stack->udp_send(*socket, bytes(1), {kLocalhost, 90}, now).ok());
  EXPECT_EQ(stack->counters().loopback_queue_full, 5u);
}

TEST_F(StackTest, WhileSomethingIsLeftToDoItIsTime) {
  start();
  EXPECT_EQ(stack->poll_timeout(), Instant::never());
  ASSERT_TRUE(stack->tcp_connect({kAny, 0}, {host(2), 5000}, now).ok());
  EXPECT_EQ(stack->poll_timeout(), Instant());
  EXPECT_TRUE(segment_out().flags.syn());
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(stack->poll_timeout(), now + Duration::seconds(1));
}

TEST_F(StackTest, ASynIsSentAgainAndThenGivenUp) {
  config.tcp.syn_retries = 2;
  start();
  Result<SocketHandle> connection = stack->tcp_connect({kAny, 0}, {host(2), 5000}, now);
  uint32_t syns = 0;
  for (int rounds = 0; rounds < 10; ++rounds) {
    while (segment_out().flags.syn()) ++syns;
    if (stack->poll_timeout().is_never()) break;
    now = stack->poll_timeout();
    stack->handle_timeout(now);
  }
  EXPECT_EQ(syns, 3u);
  EXPECT_TRUE(has_event(*connection, SocketEventKind::kClosed));
  EXPECT_EQ(stack->tcp_connection(*connection)->error(), Errno::kETIMEDOUT);
}

TEST_F(StackTest, ConnectionsTakeTurns) {
  start();
  const SocketHandle listener = listening();
  std::vector<SocketHandle> sockets;
  for (uint16_t i = 0; i < 2; ++i) {
    open_from(static_cast<uint16_t>(6000 + i));
    sockets.push_back(*stack->tcp_accept(listener));
  }
  while (!out().empty()) {
  }
  for (const SocketHandle socket : sockets) {
    SgArray text = bytes(536 * 10);
    ASSERT_EQ(*stack->tcp_send(socket, text, now), 536u * 10);
  }
  std::vector<uint16_t> to;
  for (TcpHeader header = segment_out(); header.destination_port != 0; header = segment_out()) to.push_back(header.destination_port);
  ASSERT_EQ(to.size(), 20u);
  EXPECT_EQ(std::count(to.begin(), to.begin() + kSegmentsPerTurn, 6000), kSegmentsPerTurn);
  EXPECT_EQ(std::count(to.begin() + kSegmentsPerTurn, to.begin() + 2 * kSegmentsPerTurn, 6001), kSegmentsPerTurn);
}

TEST_F(StackTest, ItsEndTakesEverythingWithIt) {
  start();
  const SocketHandle listener = listening();
  accepted(listener);
  Result<SocketHandle> udp = stack->udp_bind({kAny, 90});
  ASSERT_TRUE(udp.ok());
  open_from(6000);
  ASSERT_TRUE(stack->tcp_connect({kAny, 0}, {host(9), 5000}, now).ok());
  in(from_peer(ip_packet(ip(IpProtocol::kUdp), StackTest::udp({1}, 90))));
  EXPECT_EQ(stack->connections(), 3u);
  EXPECT_GT(memory.buffers_outstanding(), 0u);
  // ~StackTest sees that nothing is left.
}

TEST_F(StackTest, WhenMemoryRunsOutFramesAreLostAndCounted) {
  MemoryConfig small;
  small.limit_bytes = 64 * 1024;
  Memory little(small);
  config.claims.announcements = 1;
  Stack poor(config, little, now);
  std::vector<BufferRef> all;
  while (BufferRef room = little.allocate_any_room(1)) all.push_back(std::move(room));
  EXPECT_TRUE(poor.poll_transmit(now).empty());
  EXPECT_EQ(poor.counters().out_without_memory, 1u);
}

// Whoever closes needs nobody to wait with it, but not without a bound.
TEST_F(StackTest, OneOrphanTooManyIsReset) {
  config.orphans_max = 1;
  config.tcp.fin_wait_2_timeout = Duration::seconds(5);
  start();
  const SocketHandle listener = listening();
  const SocketHandle first = accepted(listener);
  const uint32_t first_iss = iss;
  ASSERT_TRUE(stack->close(first, now).ok());
  EXPECT_TRUE(segment_out().flags.fin());
  EXPECT_EQ(stack->orphans(), 1u);
  open_from(6000);
  Result<SocketHandle> second = stack->tcp_accept(listener);
  ASSERT_TRUE(second.ok());
  ASSERT_TRUE(stack->close(*second, now).ok());
  EXPECT_TRUE(segment_out().flags.rst());
  EXPECT_EQ(stack->counters().tcp_orphans_refused, 1u);
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(stack->orphans(), 1u);
  // The first one goes on, and is none any more in TIME-WAIT.
  in(tcp_frame(segment(TcpFlags::kFin | TcpFlags::kAck, 1001, first_iss + 2)));
  while (!out().empty()) {
  }
  EXPECT_EQ(stack->orphans(), 0u);
  EXPECT_EQ(stack->time_waits(), 1u);
}

}  // namespace
}  // namespace demi
