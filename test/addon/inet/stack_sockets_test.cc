// The calls of a stack's user, and what they do to a peer.
#include "inet/stack_fixture.h"

namespace demi {
namespace {

const InetEndpoint kPeer{host(2), 5000};

class StackSocketsTest : public StackTest {
 protected:
  StackSocketsTest() { start(); }
};

// --- addresses and ports ---

TEST_F(StackSocketsTest, OnlyOurAddressesCanBeBound) {
  EXPECT_TRUE(stack->tcp_listen({kAny, 80}, 1).ok());
  EXPECT_TRUE(stack->tcp_listen({host(1), 81}, 1).ok());
  EXPECT_TRUE(stack->tcp_listen({IpAddress::ipv4(127, 0, 0, 1), 81}, 1).ok());
  EXPECT_EQ(stack->tcp_listen({host(2), 82}, 1).error(), Errno::kEADDRNOTAVAIL);
  EXPECT_EQ(stack->tcp_listen({IpAddress::unspecified(Family::kIPv6), 82}, 1).error(), Errno::kEAFNOSUPPORT);
  EXPECT_EQ(stack->tcp_listen({host(1), 80}, 1).error(), Errno::kEADDRINUSE);
  EXPECT_EQ(stack->udp_bind({host(2), 82}).error(), Errno::kEADDRNOTAVAIL);
  // The ports of UDP are others.
  EXPECT_TRUE(stack->udp_bind({kAny, 80}).ok());
  EXPECT_EQ(stack->udp_bind({host(1), 80}).error(), Errno::kEADDRINUSE);
}

TEST_F(StackSocketsTest, PortZeroIsChosenAndGivenBack) {
  config.ephemeral_ports = {60'000, 60'001};
  start();
  std::vector<SocketHandle> sockets;
  for (int i = 0; i < 2; ++i) {
    Result<SocketHandle> socket = stack->udp_bind({kAny, 0});
    ASSERT_TRUE(socket.ok());
    EXPECT_GE(stack->local_endpoint(*socket)->port, 60'000);
    sockets.push_back(*socket);
  }
  EXPECT_EQ(stack->udp_bind({kAny, 0}).error(), Errno::kEADDRINUSE);
  ASSERT_TRUE(stack->close(sockets[0], now).ok());
  EXPECT_TRUE(stack->udp_bind({kAny, 0}).ok());
}

TEST_F(StackSocketsTest, AHandleThatWasClosedIsOfNoSocket) {
  const SocketHandle listener = listening();
  ASSERT_TRUE(stack->close(listener, now).ok());
  EXPECT_EQ(stack->close(listener, now).error(), Errno::kEBADF);
  EXPECT_EQ(stack->tcp_accept(listener).error(), Errno::kEBADF);
  EXPECT_EQ(stack->local_endpoint(listener).error(), Errno::kEBADF);
  EXPECT_EQ(stack->remote_endpoint(listener).error(), Errno::kEBADF);
  EXPECT_EQ(stack->udp_receive(listener).error(), Errno::kEBADF);
  EXPECT_EQ(stack->tcp_receive(listener, 1, now).error(), Errno::kEBADF);
  EXPECT_EQ(stack->sockets(), 0u);
  // Nor is the port taken any more.
  listening();
}

// --- an interface that is shared by several queues ---

TEST_F(StackSocketsTest, WhatComesBackComesToOurQueue) {
  for (uint16_t queue : {0, 1, 2}) {
    config.share = {.queues = 3, .queue = queue};
    start();
    for (int i = 0; i < 20; ++i) {
      Result<SocketHandle> socket = stack->tcp_connect({kAny, 0}, kPeer, now);
      ASSERT_TRUE(socket.ok());
      const uint16_t port = stack->local_endpoint(*socket)->port;
      FlowFold fold;
      fold.add32(host(1).words[0]).add32(kPeer.address.words[0]).add16(port).add16(kPeer.port);
      EXPECT_EQ(config.share.queue_of(fold.hash()), queue);
    }
  }
}

TEST_F(StackSocketsTest, APortWithWhichItWouldComeToAnotherIsRefused) {
  config.share = {.queues = 2, .queue = 1};
  start();
  int refused = 0;
  for (uint16_t port = 7000; port < 7020; ++port) {
    Result<SocketHandle> socket = stack->tcp_connect({kAny, port}, kPeer, now);
    if (!socket.ok()) {
      EXPECT_EQ(socket.error(), Errno::kEINVAL);
      ++refused;
    }
  }
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, 20);
  // To ourselves any port will do.
  listening();
  for (uint16_t port = 7100; port < 7110; ++port) EXPECT_TRUE(stack->tcp_connect({kAny, port}, {host(1), kPort}, now).ok());
}

TEST_F(StackSocketsTest, PortsOfDatagramsAreNobodyElses) {
  for (uint16_t queue : {0, 1}) {
    config.share = {.queues = 2, .queue = queue};
    start();
    for (int i = 0; i < 10; ++i) EXPECT_EQ(stack->local_endpoint(*stack->udp_bind({kAny, 0}))->port % 2, queue);
  }
}

// --- TCP, passive ---

TEST_F(StackSocketsTest, AConnectionIsAcceptedFromTheLocalSide) {
  const SocketHandle listener = listening();
  in(tcp_frame(segment(TcpFlags::kSyn, 1000, 0)));
  const TcpHeader syn_ack = segment_out();
  EXPECT_EQ(syn_ack.acknowledgment_number, SeqNumber(1001));
  EXPECT_EQ(syn_ack.options.maximum_segment_size, 1460);
  EXPECT_TRUE(events().empty());
  in(tcp_frame(segment(TcpFlags::kAck, 1001, syn_ack.sequence_number.value() + 1)));
  EXPECT_TRUE(has_event(listener, SocketEventKind::kAcceptable));
  Result<SocketHandle> connection = stack->tcp_accept(listener);
  ASSERT_TRUE(connection.ok());
  EXPECT_EQ(*stack->local_endpoint(*connection), (InetEndpoint{host(1), kPort}));
  EXPECT_EQ(*stack->remote_endpoint(*connection), kPeer);
  EXPECT_EQ(stack->remote_endpoint(listener).error(), Errno::kENOTCONN);
  EXPECT_EQ(stack->tcp_accept(listener).error(), Errno::kEAGAIN);
}

TEST_F(StackSocketsTest, AListenerHearsItsAddressOnly) {
  const SocketHandle of_all = listening();
  const InetEndpoint loopback{IpAddress::ipv4(127, 0, 0, 1), kPort};
  EXPECT_EQ(stack->tcp_listen(loopback, 1).error(), Errno::kEADDRINUSE);
  ASSERT_TRUE(stack->close(of_all, now).ok());
  ASSERT_TRUE(stack->tcp_listen(loopback, 1).ok());
  // Nobody listens at the address that the peer knows.
  in(tcp_frame(segment(TcpFlags::kSyn, 1000, 0)));
  EXPECT_TRUE(segment_out().flags.rst());
}

TEST_F(StackSocketsTest, ASynAckGoesOutAgain) {
  listening();
  in(tcp_frame(segment(TcpFlags::kSyn, 1000, 0)));
  const TcpHeader first = segment_out();
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(stack->poll_timeout(), now + Duration::seconds(1));
  now = stack->poll_timeout();
  stack->handle_timeout(now);
  const TcpHeader again = segment_out();
  EXPECT_TRUE(again.flags.has_all(TcpFlags::kSyn | TcpFlags::kAck));
  EXPECT_EQ(again.sequence_number, first.sequence_number);
}

TEST_F(StackSocketsTest, TextIsReadAndTheEndOfIt) {
  const SocketHandle connection = accepted(listening());
  EXPECT_EQ(stack->tcp_receive(connection, 100, now).error(), Errno::kEAGAIN);
  in(tcp_frame(segment(TcpFlags::kAck | TcpFlags::kFin, 1001, iss + 1), {1, 2, 3}));
  EXPECT_TRUE(has_event(connection, SocketEventKind::kReadable));
  EXPECT_EQ(segment_out().acknowledgment_number, SeqNumber(1005));
  Result<SgArray> text = stack->tcp_receive(connection, 2, now);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->bytes(), 2u);
  EXPECT_EQ(stack->tcp_receive(connection, 100, now)->bytes(), 1u);
  Result<SgArray> end = stack->tcp_receive(connection, 100, now);
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->empty());
}

TEST_F(StackSocketsTest, TextIsSentAndTheEndOfIt) {
  const SocketHandle connection = accepted(listening());
  SgArray text = bytes(3000);
  EXPECT_EQ(*stack->tcp_send(connection, text, now), 3000u);
  ASSERT_TRUE(stack->tcp_shutdown_send(connection, now).ok());
  uint32_t seq = iss + 1;
  // The peer has said nothing of what it takes: 536 bytes of text (RFC 9293 3.7.1).
  for (uint32_t left = 3000; left > 0;) {
    const Octets packet = packet_out();
    ASSERT_FALSE(packet.empty());
    const Parsed<TcpView> view = TcpView::parse(Ipv4View::parse(packet)->payload());
    EXPECT_EQ(view->sequence_number(), SeqNumber(seq));
    EXPECT_EQ(view->text().size(), std::min(left, 536u));
    left -= static_cast<uint32_t>(view->text().size());
    seq += static_cast<uint32_t>(view->text().size());
    EXPECT_EQ(view->flags().fin(), left == 0);
  }
  in(tcp_frame(segment(TcpFlags::kAck, 1001, seq + 1)));
  EXPECT_TRUE(has_event(connection, SocketEventKind::kDelivered));
  SgArray more = bytes(1);
  EXPECT_EQ(stack->tcp_send(connection, more, now).error(), Errno::kEPIPE);
}

TEST_F(StackSocketsTest, AResetEndsTheConnectionAndIsTold) {
  const SocketHandle connection = accepted(listening());
  events();
  in(tcp_frame(segment(TcpFlags::kRst, 1001, 0)));
  EXPECT_TRUE(has_event(connection, SocketEventKind::kClosed));
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(stack->tcp_receive(connection, 1, now).error(), Errno::kECONNRESET);
  SgArray text = bytes(1);
  EXPECT_EQ(stack->tcp_send(connection, text, now).error(), Errno::kECONNRESET);
  EXPECT_EQ(stack->connections(), 1u);
  ASSERT_TRUE(stack->close(connection, now).ok());
  EXPECT_EQ(stack->connections(), 0u);
}

TEST_F(StackSocketsTest, AnAbortSendsAResetAndNothingIsLeft) {
  const SocketHandle connection = accepted(listening());
  ASSERT_TRUE(stack->tcp_abort(connection, now).ok());
  const TcpHeader reset = segment_out();
  EXPECT_TRUE(reset.flags.rst());
  EXPECT_EQ(reset.sequence_number, SeqNumber(iss + 1));
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(stack->connections(), 0u);
}

TEST_F(StackSocketsTest, AListenerThatClosesResetsWhatNobodyHasAccepted) {
  const SocketHandle listener = listening();
  in(tcp_frame(segment(TcpFlags::kSyn, 1000, 0)));
  const TcpHeader syn_ack = segment_out();
  in(tcp_frame(segment(TcpFlags::kAck, 1001, syn_ack.sequence_number.value() + 1)));
  EXPECT_EQ(stack->connections(), 1u);
  ASSERT_TRUE(stack->close(listener, now).ok());
  EXPECT_TRUE(segment_out().flags.rst());
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(stack->connections(), 0u);
}

TEST_F(StackSocketsTest, AConnectionThatFailsBeforeItIsAcceptedSaysSo) {
  const SocketHandle listener = listening();
  in(tcp_frame(segment(TcpFlags::kSyn, 1000, 0)));
  const TcpHeader syn_ack = segment_out();
  in(tcp_frame(segment(TcpFlags::kAck, 1001, syn_ack.sequence_number.value() + 1)));
  in(tcp_frame(segment(TcpFlags::kRst, 1001, 0)));
  EXPECT_TRUE(out().empty());
  Result<SocketHandle> connection = stack->tcp_accept(listener);
  ASSERT_TRUE(connection.ok());
  EXPECT_EQ(stack->tcp_receive(*connection, 1, now).error(), Errno::kECONNRESET);
}

TEST_F(StackSocketsTest, BeyondTheBoundConnectionsAreRefused) {
  config.connections_max = 1;
  start();
  const SocketHandle listener = listening();
  accepted(listener);
  open_from(6000);
  EXPECT_TRUE(segment_out().flags.rst());
  EXPECT_EQ(stack->counters().tcp_connections_full, 1u);
  EXPECT_EQ(stack->tcp_connect({kAny, 0}, kPeer, now).error(), Errno::kENOMEM);
}

// --- TCP, active ---

TEST_F(StackSocketsTest, ConnectsFromAnEphemeralPort) {
  Result<SocketHandle> connection = stack->tcp_connect({kAny, 0}, kPeer, now);
  ASSERT_TRUE(connection.ok());
  const TcpHeader syn = segment_out();
  EXPECT_EQ(syn.flags.bits, TcpFlags::kSyn);
  EXPECT_GE(syn.source_port, 49'152);
  EXPECT_EQ(syn.destination_port, 5000);
  in(tcp_frame(segment(TcpFlags::kSyn | TcpFlags::kAck, 7, syn.sequence_number.value() + 1, syn.source_port)));
  EXPECT_TRUE(has_event(*connection, SocketEventKind::kConnected));
  EXPECT_EQ(segment_out().flags.bits, TcpFlags::kAck);
  EXPECT_EQ(*stack->local_endpoint(*connection), (InetEndpoint{host(1), syn.source_port}));
}

TEST_F(StackSocketsTest, AResetRefusesAConnection) {
  Result<SocketHandle> connection = stack->tcp_connect({kAny, 0}, kPeer, now);
  const TcpHeader syn = segment_out();
  in(tcp_frame(segment(TcpFlags::kRst | TcpFlags::kAck, 0, syn.sequence_number.value() + 1, syn.source_port)));
  EXPECT_TRUE(has_event(*connection, SocketEventKind::kClosed));
  EXPECT_EQ(stack->tcp_connection(*connection)->error(), Errno::kECONNREFUSED);
  EXPECT_EQ(stack->tcp_receive(*connection, 1, now).error(), Errno::kECONNREFUSED);
}

TEST_F(StackSocketsTest, WhereNobodyCanBeReachedNobodyIsAsked) {
  EXPECT_EQ(stack->tcp_connect({kAny, 0}, {IpAddress::ipv4(8, 8, 8, 8), 80}, now).error(), Errno::kENETUNREACH);
  EXPECT_EQ(stack->tcp_connect({kAny, 0}, {host(255), 80}, now).error(), Errno::kENETUNREACH);
  EXPECT_EQ(stack->tcp_connect({kAny, 0}, {IpAddress::ipv4(224, 0, 0, 1), 80}, now).error(), Errno::kENETUNREACH);
  EXPECT_EQ(stack->tcp_connect({kAny, 0}, {kAny, 80}, now).error(), Errno::kENETUNREACH);
  EXPECT_EQ(stack->tcp_connect({IpAddress::ipv4(127, 0, 0, 1), 0}, kPeer, now).error(), Errno::kENETUNREACH);
  EXPECT_EQ(stack->tcp_connect({kAny, 0}, {host(2), 0}, now).error(), Errno::kEINVAL);
  EXPECT_EQ(stack->tcp_connect({host(9), 0}, kPeer, now).error(), Errno::kEADDRNOTAVAIL);
  EXPECT_EQ(stack->tcp_connect({kAny, 0}, {IpAddress::ipv6(1, 2, 3, 4), 80}, now).error(), Errno::kEAFNOSUPPORT);
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(stack->connections(), 0u);
}

TEST_F(StackSocketsTest, OneTupleIsOneConnection) {
  ASSERT_TRUE(stack->tcp_connect({kAny, 4000}, kPeer, now).ok());
  EXPECT_EQ(stack->tcp_connect({kAny, 4000}, kPeer, now).error(), Errno::kEADDRINUSE);
}

TEST_F(StackSocketsTest, WhenAllPortsAreInUseThereIsNone) {
  config.ephemeral_ports = {60'000, 60'002};
  start();
  ASSERT_TRUE(stack->tcp_listen({host(1), 60'001}, 1).ok());
  EXPECT_TRUE(stack->tcp_connect({kAny, 0}, kPeer, now).ok());
  EXPECT_TRUE(stack->tcp_connect({kAny, 0}, kPeer, now).ok());
  EXPECT_EQ(stack->tcp_connect({kAny, 0}, kPeer, now).error(), Errno::kEADDRNOTAVAIL);
  // To somebody else there are as many again.
  EXPECT_TRUE(stack->tcp_connect({kAny, 0}, {host(2), 5001}, now).ok());
}

// --- TIME-WAIT ---

// The connection is closed from our side, and the peer's FIN has come.
class StackTimeWaitTest : public StackSocketsTest {
 protected:
  void time_wait(SocketHandle listener) {
    const SocketHandle connection = accepted(listener);
    ASSERT_TRUE(stack->close(connection, now).ok());
    EXPECT_TRUE(segment_out().flags.fin());
    in(tcp_frame(segment(TcpFlags::kAck | TcpFlags::kFin, 1001, iss + 2)));
    EXPECT_EQ(segment_out().acknowledgment_number, SeqNumber(1002));
    EXPECT_TRUE(out().empty());
    ASSERT_EQ(stack->time_waits(), 1u);
    ASSERT_EQ(stack->connections(), 1u);
  }
};

TEST_F(StackTimeWaitTest, LastsTwoSegmentLifetimes) {
  time_wait(listening());
  at(1000 + 59'999);
  EXPECT_EQ(stack->connections(), 1u);
  at(1000 + 60'000);
  EXPECT_EQ(stack->connections(), 0u);
  EXPECT_EQ(stack->time_waits(), 0u);
}

TEST_F(StackTimeWaitTest, ANewConnectionOfTheSameTupleTakesItsPlace) {
  const SocketHandle listener = listening();
  time_wait(listener);
  const uint32_t old = iss;
  in(tcp_frame(segment(TcpFlags::kSyn, 5000, 0)));
  const TcpHeader syn_ack = segment_out();
  EXPECT_TRUE(syn_ack.flags.has_all(TcpFlags::kSyn | TcpFlags::kAck));
  EXPECT_GT(syn_ack.sequence_number, SeqNumber(old + 2));
  EXPECT_EQ(stack->counters().tcp_time_wait_reused, 1u);
  EXPECT_EQ(stack->time_waits(), 0u);
}

TEST_F(StackTimeWaitTest, ASynThatOpensNothingDoesNot) {
  const SocketHandle listener = listening();
  time_wait(listener);
  in(tcp_frame(segment(TcpFlags::kSyn | TcpFlags::kFin, 5000, 0)));
  EXPECT_EQ(stack->time_waits(), 1u);
  for (uint16_t port = 6000; port < 6008; ++port) open_from(port);
  in(tcp_frame(segment(TcpFlags::kSyn, 5000, 0)));
  EXPECT_EQ(stack->time_waits(), 1u) << "the accept queue is full";
}

TEST_F(StackTimeWaitTest, AnOldSynDoesNot) {
  const SocketHandle listener = listening();
  time_wait(listener);
  in(tcp_frame(segment(TcpFlags::kSyn, 900, 0)));
  EXPECT_EQ(segment_out().flags.bits, TcpFlags::kAck);
  EXPECT_EQ(stack->time_waits(), 1u);
  ASSERT_TRUE(stack->close(listener, now).ok());
  in(tcp_frame(segment(TcpFlags::kSyn, 5000, 0)));
  EXPECT_FALSE(segment_out().flags.syn());
  EXPECT_EQ(stack->time_waits(), 1u);
}

TEST_F(StackTimeWaitTest, ThereAreAsManyAsThereMayBe) {
  config.time_wait_max = 0;
  start();
  const SocketHandle listener = listening();
  const SocketHandle connection = accepted(listener);
  ASSERT_TRUE(stack->close(connection, now).ok());
  segment_out();
  in(tcp_frame(segment(TcpFlags::kAck | TcpFlags::kFin, 1001, iss + 2)));
  segment_out();
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(stack->connections(), 0u);
  EXPECT_EQ(stack->counters().tcp_time_wait_overflow, 1u);
}

// RFC 6191 2, from our side: the port was asked for again, and the timestamps of the peer's memory go on.
TEST_F(StackTimeWaitTest, WeMayTakeItsPlaceOurselvesASecondLater) {
  Result<SocketHandle> first = stack->tcp_connect({kAny, 4000}, kPeer, now);
  ASSERT_TRUE(first.ok());
  const TcpHeader syn = segment_out();
  TcpHeader syn_ack = segment(TcpFlags::kSyn | TcpFlags::kAck, 7, syn.sequence_number.value() + 1, 4000);
  syn_ack.options.timestamps = TcpTimestamps{500, syn.options.timestamps->value};
  in(tcp_frame(syn_ack));
  segment_out();
  ASSERT_TRUE(stack->close(*first, now).ok());
  const TcpHeader fin = segment_out();
  ASSERT_TRUE(fin.flags.fin());
  TcpHeader last = segment(TcpFlags::kFin | TcpFlags::kAck, 8, fin.sequence_number.value() + 1, 4000);
  last.options.timestamps = TcpTimestamps{501, fin.options.timestamps->value};
  in(tcp_frame(last));
  segment_out();
  EXPECT_TRUE(out().empty());
  ASSERT_EQ(stack->time_waits(), 1u);
  EXPECT_EQ(stack->tcp_connect({kAny, 4000}, kPeer, now).error(), Errno::kEADDRINUSE);
  now = now + Duration::milliseconds(1001);
  ASSERT_TRUE(stack->tcp_connect({kAny, 4000}, kPeer, now).ok());
  const TcpHeader again = segment_out();
  EXPECT_TRUE(again.flags.syn());
  EXPECT_GT(again.sequence_number, fin.sequence_number);
  EXPECT_EQ(again.options.timestamps->value - fin.options.timestamps->value, 1001u);
  EXPECT_EQ(stack->counters().tcp_time_wait_reused, 1u);
  EXPECT_EQ(stack->connections(), 1u);
}

// --- UDP ---

TEST_F(StackSocketsTest, DatagramsGoBothWays) {
  Result<SocketHandle> socket = stack->udp_bind({kAny, kPort});
  ASSERT_TRUE(socket.ok());
  ASSERT_TRUE(stack->udp_send(*socket, bytes(3), kPeer, now).ok());
  const Octets packet = packet_out();
  const Ipv4View ip = *Ipv4View::parse(packet);
  const Parsed<UdpView> udp = UdpView::parse(ip.payload());
  ASSERT_TRUE(udp.ok());
  EXPECT_TRUE(udp->checksum_is_valid(ip.source(), ip.destination()));
  EXPECT_EQ(udp->source_port(), kPort);
  EXPECT_EQ(udp->destination_port(), 5000);
  EXPECT_EQ(udp->payload().size(), 3u);
  in(udp_frame({}));
  in(udp_frame({7}));
  EXPECT_TRUE(has_event(*socket, SocketEventKind::kReadable));
  EXPECT_EQ(stack->udp_receive(*socket)->payload.bytes(), 0u);
  EXPECT_EQ(stack->udp_receive(*socket)->from, kPeer);
  EXPECT_EQ(stack->udp_receive(*socket).error(), Errno::kEAGAIN);
}

TEST_F(StackSocketsTest, AnEmptyDatagramIsSent) {
  Result<SocketHandle> socket = stack->udp_bind({kAny, kPort});
  ASSERT_TRUE(stack->udp_send(*socket, SgArray(), kPeer, now).ok());
  EXPECT_EQ(packet_out().size(), 28u);
}

TEST_F(StackSocketsTest, WhatCannotBeSentIsRefused) {
  Result<SocketHandle> socket = stack->udp_bind({kAny, kPort});
  ASSERT_TRUE(socket.ok());
  EXPECT_EQ(stack->udp_send(*socket, bytes(1), {}, now).error(), Errno::kEDESTADDRREQ);
  EXPECT_EQ(stack->udp_send(*socket, bytes(1473), kPeer, now).error(), Errno::kEMSGSIZE);
  EXPECT_TRUE(stack->udp_send(*socket, bytes(1472), kPeer, now).ok());
  EXPECT_EQ(stack->udp_send(*socket, bytes(1), {IpAddress::ipv4(8, 8, 8, 8), 53}, now).error(), Errno::kENETUNREACH);
  EXPECT_EQ(stack->udp_send(*socket, bytes(1), {IpAddress::ipv6(1, 2, 3, 4), 53}, now).error(), Errno::kEAFNOSUPPORT);
  EXPECT_EQ(stack->udp_connect(*socket, {host(2), 0}).error(), Errno::kEINVAL);
  EXPECT_EQ(stack->udp_connect(*socket, {IpAddress::ipv4(8, 8, 8, 8), 53}).error(), Errno::kENETUNREACH);
}

TEST_F(StackSocketsTest, AConnectedSocketHearsItsPeerOnlyAndItsErrors) {
  Result<SocketHandle> socket = stack->udp_bind({kAny, kPort});
  ASSERT_TRUE(stack->udp_connect(*socket, {host(2), 5001}).ok());
  in(udp_frame({1}));
  EXPECT_EQ(stack->counters().udp_without_socket, 1u);
  EXPECT_FALSE(out().empty());
  ASSERT_TRUE(stack->udp_send(*socket, bytes(1), {}, now).ok());
  const Octets sent = packet_out();
  events();
  IcmpV4Header unreachable;
  unreachable.type = IcmpV4Type::kDestinationUnreachable;
  unreachable.code = static_cast<uint8_t>(IcmpV4Unreachable::kPort);
  in(icmp_frame(unreachable, sent));
  EXPECT_TRUE(has_event(*socket, SocketEventKind::kReadable));
  EXPECT_EQ(stack->udp_receive(*socket).error(), Errno::kECONNREFUSED);
  EXPECT_EQ(stack->udp_receive(*socket).error(), Errno::kEAGAIN);
}

TEST_F(StackSocketsTest, AnErrorAboutWhatWeNeverSentIsIgnored) {
  Result<SocketHandle> socket = stack->udp_bind({kAny, kPort});
  ASSERT_TRUE(stack->udp_connect(*socket, {host(2), 5001}).ok());
  ASSERT_TRUE(stack->udp_send(*socket, bytes(1), {}, now).ok());
  const Octets sent = packet_out();
  IcmpV4Header unreachable;
  unreachable.type = IcmpV4Type::kDestinationUnreachable;
  unreachable.code = static_cast<uint8_t>(IcmpV4Unreachable::kPort);
  Octets other_port = sent, other_source = sent;
  other_port[20 + 3] ^= 1;
  other_source[12 + 3] ^= 2;
  in(icmp_frame(unreachable, other_port));
  in(icmp_frame(unreachable, other_source));
  in(icmp_frame(unreachable, Octets(sent.begin(), sent.begin() + 27)));
  EXPECT_EQ(stack->counters().icmp_ignored, 3u);
  EXPECT_EQ(stack->udp_receive(*socket).error(), Errno::kEAGAIN);
}

TEST_F(StackSocketsTest, ASocketThatIsNotReadDrops) {
  config.udp_receive_bytes = 1000;
  start();
  Result<SocketHandle> socket = stack->udp_bind({kAny, kPort});
  for (int i = 0; i < 10; ++i) in(udp_frame({1}));
  EXPECT_GT(stack->counters().udp_queue_full, 0u);
  EXPECT_EQ(stack->udp_socket(*socket)->dropped(), stack->counters().udp_queue_full);
}

TEST_F(StackSocketsTest, WhenTheQueueIsFullTheSenderIsTold) {
  Result<SocketHandle> socket = stack->udp_bind({kAny, kPort});
  for (size_t i = 0; i < kTransmitQueueFrames; ++i) ASSERT_TRUE(stack->udp_send(*socket, bytes(1), kPeer, now).ok());
  EXPECT_EQ(stack->udp_send(*socket, bytes(1), kPeer, now).error(), Errno::kEAGAIN);
  EXPECT_TRUE(events().empty());
  for (size_t i = 0; i < kTransmitQueueFrames; ++i) EXPECT_FALSE(out().empty());
  EXPECT_TRUE(has_event(*socket, SocketEventKind::kWritable));
  EXPECT_TRUE(stack->udp_send(*socket, bytes(1), kPeer, now).ok());
}

// --- ICMP and TCP ---

class StackIcmpTest : public StackSocketsTest {
 protected:
  // An error of a kind about a segment that we have sent.
  void error_about(const Octets& sent, IcmpV4Unreachable code, uint16_t mtu = 0) {
    IcmpV4Header message;
    message.type = IcmpV4Type::kDestinationUnreachable;
    message.code = static_cast<uint8_t>(code);
    message.next_hop_mtu = mtu;
    in(icmp_frame(message, Octets(sent.begin(), sent.begin() + 28)));
  }
};

TEST_F(StackIcmpTest, AHardErrorEndsWhatIsOpening) {
  Result<SocketHandle> connection = stack->tcp_connect({kAny, 0}, kPeer, now);
  error_about(packet_out(), IcmpV4Unreachable::kPort);
  EXPECT_TRUE(has_event(*connection, SocketEventKind::kClosed));
  EXPECT_EQ(stack->tcp_connection(*connection)->error(), Errno::kECONNREFUSED);
}

// RFC 5927 4.1 and 5.2.
TEST_F(StackIcmpTest, NoErrorEndsWhatStandsNorWhatIsNotInFlight) {
  Result<SocketHandle> opening = stack->tcp_connect({kAny, 0}, kPeer, now);
  Octets syn = packet_out();
  store_be32(syn.data() + 24, load_be32(syn.data() + 24) + 1000);
  error_about(syn, IcmpV4Unreachable::kPort);
  EXPECT_EQ(stack->tcp_connection(*opening)->state(), TcpState::kSynSent);
  EXPECT_EQ(stack->tcp_counters().icmp_ignored, 1u);
  const SocketHandle standing = accepted(listening());
  SgArray text = bytes(100);
  ASSERT_TRUE(stack->tcp_send(standing, text, now).ok());
  error_about(packet_out(), IcmpV4Unreachable::kPort);
  EXPECT_EQ(stack->tcp_connection(standing)->state(), TcpState::kEstablished);
}

TEST_F(StackIcmpTest, ASmallerPathMakesSmallerSegments) {
  const SocketHandle listener = listening();
  TcpHeader syn = segment(TcpFlags::kSyn, 1000, 0);
  syn.options.maximum_segment_size = 1460;
  in(tcp_frame(syn));
  iss = segment_out().sequence_number.value();
  in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 1)));
  Result<SocketHandle> connection = stack->tcp_accept(listener);
  ASSERT_TRUE(connection.ok());
  SgArray text = bytes(1460);
  ASSERT_TRUE(stack->tcp_send(*connection, text, now).ok());
  const Octets sent = packet_out();
  ASSERT_EQ(sent.size(), 1500u);
  error_about(sent, IcmpV4Unreachable::kFragmentationNeeded, 1000);
  EXPECT_EQ(packet_out().size(), 1000u);
}

}  // namespace
}  // namespace demi
