// Connections whose users are gone: what they still deliver, how long they try, and how they are ended; and ports that users claim themselves.
#include <gtest/gtest.h>

#include "inet/stack_fixture.h"

namespace demi {
namespace {

const InetEndpoint kLocal{host(1), 80};
const InetEndpoint kRemote{host(2), 5000};

class StackOrphansTest : public StackTest {
 protected:
  StackOrphansTest() { start(); }
  // Accepted, with 100 bytes on their way, and closed.
  void closed_with_text_in_flight() {
    const SocketHandle socket = accepted(listening());
    SgArray text = bytes(100);
    ASSERT_TRUE(stack->tcp_send(socket, text, now).ok());
    ASSERT_TRUE(stack->close(socket, now).ok());
    while (!out().empty()) {
    }
  }
};

TEST_F(StackOrphansTest, DrainsUntilItsEndIsAcknowledged) {
  closed_with_text_in_flight();
  EXPECT_EQ(stack->draining(), 1u);
  in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 101)));
  EXPECT_EQ(stack->draining(), 1u);
  in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 102)));
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(stack->draining(), 0u);
  // It waits for the peer's end, and then for old segments.
  EXPECT_EQ(stack->connections(), 1u);
  in(tcp_frame(segment(TcpFlags::kFin | TcpFlags::kAck, 1001, iss + 102)));
  EXPECT_FALSE(out().empty());
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(stack->time_waits(), 1u);
}

TEST_F(StackOrphansTest, WhoDeliveredEverythingBeforeHeLeftDrainsNothing) {
  const SocketHandle socket = accepted(listening());
  ASSERT_TRUE(stack->tcp_shutdown_send(socket, now).ok());
  segment_out();
  in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 2)));
  EXPECT_TRUE(out().empty());
  ASSERT_TRUE(stack->close(socket, now).ok());
  EXPECT_EQ(stack->draining(), 0u);
  EXPECT_EQ(stack->connections(), 1u);
}

TEST_F(StackOrphansTest, TimeWaitIsNone) {
  // RFC 9293 3.6: it lasts for 2 MSL, however many there are of those whose users are gone.
  config.orphans_max = 1;
  start();
  const SocketHandle listener = listening();
  const SocketHandle first = accepted(listener);
  ASSERT_TRUE(stack->tcp_shutdown_send(first, now).ok());
  const TcpHeader fin = segment_out();
  in(tcp_frame(segment(TcpFlags::kFin | TcpFlags::kAck, 1001, fin.sequence_number.value() + 1)));
  while (!out().empty()) {
  }
  ASSERT_EQ(stack->time_waits(), 1u);
  // The one orphan is another.
  TcpHeader syn = segment(TcpFlags::kSyn, 1000, 0);
  syn.source_port = 5001;
  in(tcp_frame(syn));
  TcpHeader ack = segment(TcpFlags::kAck, 1001, segment_out().sequence_number.value() + 1);
  ack.source_port = 5001;
  in(tcp_frame(ack));
  Result<SocketHandle> second = stack->tcp_accept(listener);
  ASSERT_TRUE(second.ok());
  ASSERT_TRUE(stack->close(*second, now).ok());
  while (!out().empty()) {
  }
  ASSERT_EQ(stack->orphans(), 1u);
  ASSERT_TRUE(stack->close(first, now).ok());
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(stack->time_waits(), 1u);
}

TEST_F(StackOrphansTest, AResetEndsTheDraining) {
  closed_with_text_in_flight();
  in(tcp_frame(segment(TcpFlags::kRst | TcpFlags::kAck, 1001, iss + 1)));
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(stack->draining(), 0u);
  EXPECT_EQ(stack->connections(), 0u);
}

TEST_F(StackOrphansTest, GivesUpAfterTheOrphanTimeout) {
  closed_with_text_in_flight();
  at(60'999);
  EXPECT_EQ(stack->draining(), 1u);
  at(61'000);
  while (!out().empty()) {
  }
  EXPECT_EQ(stack->draining(), 0u);
  EXPECT_EQ(stack->connections(), 0u);
  EXPECT_EQ(stack->tcp_counters().user_timeouts, 1u);
}

TEST_F(StackOrphansTest, AreResetTogether) {
  closed_with_text_in_flight();
  // And one that only waits for the peer's end.
  Result<SocketHandle> waiting = stack->tcp_connect({IpAddress::unspecified(Family::kIPv4), 0}, {host(2), 81}, now);
  ASSERT_TRUE(waiting.ok());
  const TcpHeader syn = segment_out();
  TcpHeader answer = segment(TcpFlags::kSyn | TcpFlags::kAck, 7000, syn.sequence_number.value() + 1, syn.source_port);
  answer.source_port = 81;
  in(tcp_frame(answer));
  ASSERT_TRUE(stack->close(*waiting, now).ok());
  while (!out().empty()) {
  }
  answer.flags.bits = TcpFlags::kAck;
  answer.sequence_number = SeqNumber(7001);
  answer.acknowledgment_number = syn.sequence_number + 2;
  in(tcp_frame(answer));
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(stack->draining(), 1u);
  EXPECT_EQ(stack->connections(), 2u);
  stack->abort_orphans(now);
  EXPECT_EQ(stack->draining(), 0u);
  EXPECT_TRUE(segment_out().flags.rst());
  EXPECT_TRUE(segment_out().flags.rst());
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(stack->connections(), 0u);
}

// --- ports that users claim ---

TEST_F(StackOrphansTest, AClaimOfTheUserOutlastsItsSockets) {
  Result<InetEndpoint> claimed = stack->tcp_bind(kLocal);
  ASSERT_TRUE(claimed.ok());
  EXPECT_EQ(stack->tcp_bind(kLocal).error(), Errno::kEADDRINUSE);
  EXPECT_EQ(stack->tcp_listen(kLocal, 1).error(), Errno::kEADDRINUSE);
  EXPECT_EQ(stack->tcp_bind({host(9), 80}).error(), Errno::kEADDRNOTAVAIL);
  Result<SocketHandle> listener = stack->tcp_listen(*claimed, 1, Stack::PortOwner::kUser);
  ASSERT_TRUE(listener.ok());
  ASSERT_TRUE(stack->close(*listener, now).ok());
  EXPECT_EQ(stack->tcp_bind(kLocal).error(), Errno::kEADDRINUSE);
  Result<SocketHandle> connection = stack->tcp_connect(*claimed, kRemote, now, Stack::PortOwner::kUser);
  ASSERT_TRUE(connection.ok());
  EXPECT_EQ(segment_out().source_port, 80);
  ASSERT_TRUE(stack->tcp_abort(*connection, now).ok());
  EXPECT_EQ(stack->tcp_bind(kLocal).error(), Errno::kEADDRINUSE);
  stack->tcp_unbind(*claimed);
  EXPECT_TRUE(stack->tcp_bind(kLocal).ok());
}

TEST_F(StackOrphansTest, AListenerTakesAsManyAsItsBacklogSaysNow) {
  Result<SocketHandle> listener = stack->tcp_listen(kLocal, 1);
  ASSERT_TRUE(listener.ok());
  const auto arrives = [&](uint16_t port) {
    TcpHeader syn = segment(TcpFlags::kSyn, 1000, 0);
    syn.source_port = port;
    in(tcp_frame(syn));
    const TcpHeader syn_ack = segment_out();
    if (!syn_ack.flags.syn()) return false;
    TcpHeader ack = segment(TcpFlags::kAck, 1001, syn_ack.sequence_number.value() + 1);
    ack.source_port = port;
    in(tcp_frame(ack));
    while (!out().empty()) {
    }
    return true;
  };
  EXPECT_TRUE(arrives(1));
  EXPECT_FALSE(arrives(2));
  ASSERT_TRUE(stack->tcp_set_backlog(*listener, 2).ok());
  EXPECT_TRUE(arrives(2));
  EXPECT_FALSE(arrives(3));
  // What waits beyond a smaller backlog stays.
  ASSERT_TRUE(stack->tcp_set_backlog(*listener, 0).ok());
  EXPECT_TRUE(stack->tcp_accept(*listener).ok());
  EXPECT_FALSE(arrives(3));
  EXPECT_TRUE(stack->tcp_accept(*listener).ok());
  EXPECT_TRUE(arrives(3));
  EXPECT_EQ(stack->tcp_set_backlog(SocketHandle(), 2).error(), Errno::kEBADF);
}

TEST_F(StackOrphansTest, WhatADatagramSocketKeepsCanBeChosen) {
  Result<SocketHandle> socket = stack->udp_bind(kLocal);
  ASSERT_TRUE(socket.ok());
  ASSERT_TRUE(stack->udp_set_receive_buffer(*socket, 1).ok());
  in(udp_frame(Octets(100)));
  in(udp_frame(Octets(100)));
  EXPECT_EQ(stack->udp_socket(*socket)->readable(), 1u);
  EXPECT_EQ(stack->udp_set_receive_buffer(SocketHandle(), 1).error(), Errno::kEBADF);
  EXPECT_EQ(stack->udp_take_error(*socket), Errno::kOk);
  EXPECT_EQ(stack->udp_take_error(SocketHandle()), Errno::kOk);
}

}  // namespace
}  // namespace demi
