// What StackConfig, TcpConfig and single sockets choose about the packets that leave, seen in the packets.
#include <gtest/gtest.h>

#include "inet/stack_fixture.h"

namespace demi {
namespace {

constexpr IpAddress kAny = IpAddress::ipv4(0, 0, 0, 0);
constexpr InetEndpoint kPeer{host(2), 5000};

class StackTuningTest : public StackTest {
 protected:
  TcpHeader syn_out(uint16_t mss_max = 0) {
    EXPECT_TRUE(stack->tcp_connect({kAny, 0}, kPeer, now, Stack::PortOwner::kStack, mss_max).ok());
    return segment_out();
  }
  TcpHeader syn_ack_out(uint16_t mss_max = 0) {
    EXPECT_TRUE(stack->tcp_listen({kAny, kPort}, 8, Stack::PortOwner::kStack, mss_max).ok());
    in(tcp_frame(segment(TcpFlags::kSyn, 1000, 0)));
    return segment_out();
  }
};

TEST_F(StackTuningTest, PacketsLiveForSixtyFourHopsUnlessToldOtherwise) {
  start();
  EXPECT_TRUE(stack->tcp_connect({kAny, 0}, kPeer, now).ok());
  EXPECT_EQ(Ipv4View::parse(packet_out())->time_to_live(), 64);
  config.time_to_live = 3;
  start();
  EXPECT_TRUE(stack->tcp_connect({kAny, 0}, kPeer, now).ok());
  EXPECT_EQ(Ipv4View::parse(packet_out())->time_to_live(), 3);
}

TEST_F(StackTuningTest, TheLinkSaysHowLargeSegmentsAre) {
  start();
  EXPECT_EQ(syn_out().options.maximum_segment_size, 1460);
  EXPECT_EQ(syn_ack_out().options.maximum_segment_size, 1460);
}

TEST_F(StackTuningTest, TheSmallestBoundOfSegmentsCounts) {
  config.tcp.mss_max = 1000;
  start();
  EXPECT_EQ(syn_out().options.maximum_segment_size, 1000);
  EXPECT_EQ(syn_out(900).options.maximum_segment_size, 900);
  EXPECT_EQ(syn_out(1200).options.maximum_segment_size, 1000);
  EXPECT_EQ(syn_ack_out(800).options.maximum_segment_size, 800);
}

TEST_F(StackTuningTest, SegmentsThatAreSentHaveThatBoundToo) {
  start();
  const SocketHandle listener = *stack->tcp_listen({kAny, kPort}, 8, Stack::PortOwner::kStack, 500);
  const SocketHandle socket = accepted(listener);
  SgArray text = bytes(1200);
  ASSERT_TRUE(stack->tcp_send(socket, text, now).ok());
  const Octets packet = packet_out();
  EXPECT_EQ(TcpView::parse(Ipv4View::parse(packet)->payload())->text().size(), 500u);
}

TEST_F(StackTuningTest, BothKindsOfSynHaveTheirOptionsInTheOrderThatWasChosen) {
  for (const SynOption option : {SynOption::kNoOperation, SynOption::kWindowScale, SynOption::kMaximumSegmentSize}) {
    ASSERT_TRUE(config.tcp.syn_option_order.append(option));
  }
  config.tcp.timestamps = config.tcp.sack = false;
  start();
  ASSERT_TRUE(stack->tcp_connect({kAny, 0}, kPeer, now).ok());
  Octets packet = packet_out();
  EXPECT_EQ(packet.size(), Ipv4Header::kBytes + TcpHeader::kBytesMin + 8);
  EXPECT_EQ(packet[Ipv4Header::kBytes + TcpHeader::kBytesMin], 1);
  // A peer that does not scale gets no scale, and no padding for one.
  ASSERT_TRUE(stack->tcp_listen({kAny, kPort}, 8).ok());
  in(tcp_frame(segment(TcpFlags::kSyn, 1000, 0)));
  packet = packet_out();
  EXPECT_EQ(packet.size(), Ipv4Header::kBytes + TcpHeader::kBytesMin + 4);
  EXPECT_EQ(packet[Ipv4Header::kBytes + TcpHeader::kBytesMin], 2);
}

TEST_F(StackTuningTest, WhatWaitsToBeAcceptedIsCounted) {
  start();
  const SocketHandle listener = listening();
  EXPECT_EQ(stack->tcp_acceptable(listener), 0u);
  in(tcp_frame(segment(TcpFlags::kSyn, 1000, 0)));
  in(tcp_frame(segment(TcpFlags::kAck, 1001, segment_out().sequence_number.value() + 1)));
  EXPECT_EQ(stack->tcp_acceptable(listener), 1u);
  EXPECT_TRUE(stack->tcp_accept(listener).ok());
  EXPECT_EQ(stack->tcp_acceptable(listener), 0u);
  EXPECT_EQ(stack->tcp_acceptable(SocketHandle()), 0u);
}

TEST_F(StackTuningTest, WhatCanBeReadCanBeLookedAt) {
  start();
  const SocketHandle socket = accepted(listening());
  in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 1), {1, 2, 3}));
  Octets seen(2);
  EXPECT_EQ(stack->tcp_connection(socket)->receiver().readable_text().copy_out(seen), 2u);
  EXPECT_EQ(seen, (Octets{1, 2}));
  EXPECT_EQ(stack->tcp_receive(socket, 10, now)->bytes(), 3u);
  const SocketHandle udp_socket = *stack->udp_bind({kAny, 90});
  EXPECT_EQ(stack->udp_socket(udp_socket)->oldest(), nullptr);
  in(udp_frame({7, 8}, 90));
  ASSERT_NE(stack->udp_socket(udp_socket)->oldest(), nullptr);
  EXPECT_EQ(stack->udp_socket(udp_socket)->oldest()->payload.bytes(), 2u);
  EXPECT_EQ(stack->udp_receive(udp_socket)->payload.bytes(), 2u);
}

}  // namespace
}  // namespace demi
