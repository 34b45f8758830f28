// What a stack does when its memory runs short: who is reset, and what is not kept.
#include <gtest/gtest.h>

#include "inet/stack_fixture.h"

namespace demi {
namespace {

class StackMemoryTest : public StackTest {
 protected:
  StackMemoryTest() {
    config.tcp.timestamps = false;
    start();
    listener = listening();
  }
  // Somebody holds all but 1/`share` of the memory.
  void take_all_but(uint64_t share) {
    while (memory.has(memory.limit_bytes() / share)) {
      taken.push_back(memory.allocate_room(kLargestRoomBytes));
      ASSERT_TRUE(taken.back());
    }
  }
  // The peer at that port has closed its window, and text waits behind it.
  SocketHandle parked(uint16_t port) {
    TcpHeader header = segment(TcpFlags::kSyn, 1000, 0);
    header.source_port = port;
    header.window = 0;
    in(tcp_frame(header));
    const uint32_t first = segment_out().sequence_number.value() + 1;
    header = segment(TcpFlags::kAck, 1001, first);
    header.source_port = port;
    header.window = 0;
    in(tcp_frame(header));
    Result<SocketHandle> socket = stack->tcp_accept(listener);
    EXPECT_TRUE(socket.ok());
    SgArray text = bytes(1000);
    EXPECT_EQ(*stack->tcp_send(*socket, text, now), 1000u);
    while (!out().empty()) {
    }
    return *socket;
  }
  void at_next_deadline() {
    now = std::max(now, stack->poll_timeout());
    stack->handle_timeout(now);
  }

  SocketHandle listener;
  std::vector<BufferRef> taken;
};

TEST_F(StackMemoryTest, WhoHasWaitedLongestBehindAClosedWindowIsReset) {
  const SocketHandle first = parked(1), second = parked(2);
  for (int64_t ms = 1000; ms < 5000; ms += 500) at(ms);
  EXPECT_EQ(stack->tcp_connection(first)->state(), TcpState::kEstablished);
  take_all_but(8);
  EXPECT_EQ(stack->tcp_connection(first)->state(), TcpState::kEstablished);
  at_next_deadline();
  EXPECT_EQ(stack->tcp_connection(first)->error(), Errno::kENOBUFS);
  EXPECT_EQ(stack->tcp_connection(second)->error(), Errno::kOk);
  EXPECT_TRUE(has_event(first, SocketEventKind::kClosed));
  EXPECT_TRUE(segment_out().flags.rst());
  EXPECT_EQ(stack->counters().tcp_parked_reset, 1u);
  at_next_deadline();
  EXPECT_EQ(stack->tcp_connection(second)->error(), Errno::kENOBUFS);
}

TEST_F(StackMemoryTest, WhoseWindowOpensAgainIsLeftAlone) {
  const SocketHandle socket = parked(1);
  at(2000);
  TcpHeader open = segment(TcpFlags::kAck, 1001, stack->tcp_connection(socket)->sender().una().value());
  open.source_port = 1;
  in(tcp_frame(open));
  while (!out().empty()) {
  }
  take_all_but(8);
  at_next_deadline();
  EXPECT_EQ(stack->tcp_connection(socket)->error(), Errno::kOk);
  EXPECT_EQ(stack->counters().tcp_parked_reset, 0u);
}

TEST_F(StackMemoryTest, AParkedConnectionThatIsClosedIsAnOrphanLikeOthers) {
  const SocketHandle socket = parked(1);
  at(2000);
  ASSERT_TRUE(stack->close(socket, now).ok());
  EXPECT_EQ(stack->draining(), 1u);
  take_all_but(8);
  at_next_deadline();
  EXPECT_EQ(stack->counters().tcp_parked_reset, 0u);
  EXPECT_EQ(stack->draining(), 1u);
}

TEST_F(StackMemoryTest, InTheLastPartNoTextIsKeptAndAcknowledgmentsGetIn) {
  const SocketHandle socket = accepted(listener);
  SgArray text = bytes(100);
  ASSERT_TRUE(stack->tcp_send(socket, text, now).ok());
  segment_out();
  take_all_but(32);
  const Octets octets(500, 1);
  in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 101), octets));
  EXPECT_EQ(stack->tcp_connection(socket)->readable_bytes(), 0u);
  EXPECT_EQ(stack->tcp_connection(socket)->unacked_bytes(), 0u);
  EXPECT_EQ(segment_out().acknowledgment_number, SeqNumber(1001));
  // Behind a hole neither.
  in(tcp_frame(segment(TcpFlags::kAck, 2001, iss + 101), octets));
  EXPECT_EQ(stack->tcp_counters().text_without_memory, 2u);
  // When there is memory again the peer's next try is kept.
  taken.clear();
  in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 101), octets));
  EXPECT_EQ(stack->tcp_connection(socket)->readable_bytes(), 500u);
}

}  // namespace
}  // namespace demi
