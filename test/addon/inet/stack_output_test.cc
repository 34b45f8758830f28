// How frames leave a stack: ARP before them, checksums in them, and which way they go.
#include "inet/stack_fixture.h"

namespace demi {
namespace {

class StackOutputTest : public StackTest {
 protected:
  StackOutputTest() { config.neighbors.clear(); }
  void start_with_socket() {
    start();
    Result<SocketHandle> bound = stack->udp_bind({kAny, kPort});
    ASSERT_TRUE(bound.ok());
    socket = *bound;
  }
  void send_to(const IpAddress& address, size_t count = 1) { ASSERT_TRUE(stack->udp_send(socket, bytes(count), {address, 53}, now).ok()); }
  // The next frame, which must be ARP, and where it goes.
  ArpHeader arp_out(MacAddress* to = nullptr) {
    const Octets octets = out();
    const Parsed<EthernetView> ethernet = EthernetView::parse(octets);
    if (!ethernet || ethernet->ether_type() != EtherType::kArp) {
      ADD_FAILURE() << "no ARP";
      return {};
    }
    if (to != nullptr) *to = ethernet->destination();
    return *ArpHeader::parse(ethernet->payload());
  }
  void arp_in(const ArpHeader& header, const MacAddress& to = station(1)) {
    Octets packet(ArpHeader::kBytes);
    header.emit(packet);
    in(ethernet_frame(to, header.sender_mac, EtherType::kArp, packet));
  }
  MacAddress destination_out() {
    const Octets octets = out();
    return octets.empty() ? MacAddress() : EthernetView::parse(octets)->destination();
  }
  SocketHandle socket;
};

TEST_F(StackOutputTest, ANeighborIsAskedForFirst) {
  start_with_socket();
  send_to(host(2));
  MacAddress to;
  const ArpHeader request = arp_out(&to);
  EXPECT_TRUE(to.is_broadcast());
  EXPECT_EQ(request.operation, ArpOperation::kRequest);
  EXPECT_EQ(request.sender_ip, host(1));
  EXPECT_EQ(request.sender_mac, station(1));
  EXPECT_EQ(request.target_ip, host(2));
  EXPECT_TRUE(out().empty());
  arp_in({ArpOperation::kReply, station(2), host(2), station(1), host(1)});
  EXPECT_EQ(stack->poll_timeout(), Instant());
  EXPECT_EQ(destination_out(), station(2));
  send_to(host(2));
  EXPECT_EQ(destination_out(), station(2));
}

// A connection remembers where its frames go, and that is no reason not to ask.
TEST_F(StackOutputTest, AConnectionAsksAgainForANeighborThatHasGrownOld) {
  start();
  Result<SocketHandle> client = stack->tcp_connect({kAny, 0}, {host(2), kPort}, now);
  ASSERT_TRUE(client.ok());
  arp_out();
  arp_in({ArpOperation::kReply, station(2), host(2), station(1), host(1)});
  const TcpHeader syn = segment_out();
  const auto from_server = [&](uint16_t flags, uint32_t seq, uint32_t ack) {
    TcpHeader header = segment(flags, seq, ack, syn.source_port);
    header.source_port = kPort;
    in(tcp_frame(header));
  };
  const uint32_t first = syn.sequence_number.value() + 1;
  from_server(TcpFlags::kSyn | TcpFlags::kAck, 1000, first);
  EXPECT_TRUE(segment_out().flags.ack());
  for (uint32_t sent = 0; sent < 3; ++sent) {
    // Twice at once, then a neighbor's lifetime later.
    if (sent == 2) now = now + Duration::seconds(31);
    stack->handle_timeout(now);
    SgArray text = bytes(1);
    ASSERT_TRUE(stack->tcp_send(*client, text, now).ok());
    EXPECT_EQ(segment_out().sequence_number.value(), first + sent);
    // An answer to the last one would say that the neighbor is still there.
    if (sent == 2) break;
    from_server(TcpFlags::kAck, 1001, first + sent + 1);
    EXPECT_TRUE(out().empty());
  }
  MacAddress to;
  EXPECT_EQ(arp_out(&to).target_ip, host(2));
  EXPECT_EQ(to, station(2));
}

TEST_F(StackOutputTest, OthersAreReachedByTheGateway) {
  config.routes = {{Cidr(IpAddress::ipv4(0, 0, 0, 0), 0), host(254)}};
  config.neighbors = {{host(254), station(254)}};
  start_with_socket();
  send_to(IpAddress::ipv4(8, 8, 8, 8));
  EXPECT_EQ(destination_out(), station(254));
}

TEST_F(StackOutputTest, BroadcastsAndMulticastsNeedNoNeighbor) {
  start_with_socket();
  for (const IpAddress& all : {host(255), IpAddress::limited_broadcast()}) {
    send_to(all);
    EXPECT_EQ(destination_out(), MacAddress::broadcast());
  }
  send_to(IpAddress::ipv4(224, 0, 0, 251));
  EXPECT_EQ(destination_out(), (MacAddress{{1, 0, 0x5e, 0, 0, 251}}));
}

TEST_F(StackOutputTest, WeAnswerWhoAsksForUs) {
  start_with_socket();
  arp_in({ArpOperation::kRequest, station(2), host(2), MacAddress(), host(1)}, MacAddress::broadcast());
  MacAddress to;
  EXPECT_EQ(arp_out(&to), (ArpHeader{ArpOperation::kReply, station(1), host(1), station(2), host(2)}));
  EXPECT_EQ(to, station(2));
  // And know him now.
  send_to(host(2));
  EXPECT_EQ(destination_out(), station(2));
  arp_in({ArpOperation::kRequest, station(3), host(3), MacAddress(), host(9)}, MacAddress::broadcast());
  EXPECT_EQ(stack->neighbors().state(host(3)), NeighborState::kNone);
}

// One address, and everybody on the same link: as where no network is configured.
TEST_F(StackOutputTest, NeighborsBehindARouteWithoutAGatewayAreHeard) {
  const IpAddress far = IpAddress::ipv4(192, 0, 2, 7);
  config.addresses = {Cidr(host(1), 32)};
  config.routes = {{Cidr(kAny, 0), std::nullopt}};
  config.neighbors = {{host(3), station(3)}};
  start_with_socket();
  send_to(far);
  EXPECT_EQ(arp_out().target_ip, far);
  arp_in({ArpOperation::kReply, station(2), far, station(1), host(1)});
  EXPECT_EQ(destination_out(), station(2));
  EXPECT_EQ(stack->counters().arp_bad_sender, 0u);
  send_to(host(3));
  EXPECT_EQ(destination_out(), station(3));
}

// RFC 5227 1.1 and 2.1.1: somebody asks whether an address is free; he has none himself.
TEST_F(StackOutputTest, AProbeIsAnsweredAndTeachesNothing) {
  start();
  arp_in({ArpOperation::kRequest, station(2), kAny, MacAddress(), host(1)}, MacAddress::broadcast());
  EXPECT_EQ(arp_out().operation, ArpOperation::kReply);
  EXPECT_EQ(stack->neighbors().size(), 0u);
}

TEST_F(StackOutputTest, ArpThatCannotBeTrueIsCounted) {
  start();
  arp_in({ArpOperation::kRequest, MacAddress::broadcast(), host(2), MacAddress(), host(1)});
  arp_in({ArpOperation::kRequest, station(2), IpAddress::ipv4(8, 8, 8, 8), MacAddress(), host(1)});
  arp_in({ArpOperation::kRequest, station(2), host(255), MacAddress(), host(1)});
  EXPECT_EQ(stack->counters().arp_bad_sender, 3u);
  in(ethernet_frame(station(1), station(2), EtherType::kArp, Octets(27)));
  EXPECT_EQ(stack->counters().arp_malformed, 1u);
  EXPECT_EQ(stack->neighbors().size(), 0u);
  EXPECT_TRUE(out().empty());
}

TEST_F(StackOutputTest, OurAddressesAreAnnouncedAndDefended) {
  config.claims.announcements = 2;
  start();
  MacAddress to;
  const ArpHeader announced = arp_out(&to);
  EXPECT_TRUE(announced.is_announcement());
  EXPECT_EQ(announced.sender_ip, host(1));
  EXPECT_TRUE(to.is_broadcast());
  EXPECT_TRUE(out().empty());
  EXPECT_EQ(stack->poll_timeout(), now + Duration::seconds(2));
  now = now + Duration::seconds(2);
  EXPECT_TRUE(arp_out().is_announcement());
  arp_in({ArpOperation::kReply, station(9), host(1), station(9), host(1)}, MacAddress::broadcast());
  EXPECT_EQ(stack->claims().conflicts(), 1u);
  EXPECT_TRUE(arp_out().is_announcement());
  EXPECT_TRUE(out().empty());
  stack->handle_link(false, now);
  EXPECT_TRUE(out().empty());
  stack->handle_link(true, now);
  EXPECT_TRUE(arp_out().is_announcement());
}

TEST_F(StackOutputTest, WhoDoesNotAnswerCannotBeReached) {
  start_with_socket();
  Result<SocketHandle> connection = stack->tcp_connect({kAny, 0}, {host(7), 80}, now);
  ASSERT_TRUE(connection.ok());
  ASSERT_TRUE(stack->udp_connect(socket, {host(7), 53}).ok());
  send_to(host(7));
  at(1000 + 3'000);
  EXPECT_EQ(stack->tcp_connection(*connection)->error(), Errno::kEHOSTUNREACH);
  EXPECT_EQ(stack->udp_receive(socket).error(), Errno::kEHOSTUNREACH);
  EXPECT_TRUE(has_event(*connection, SocketEventKind::kClosed));
}

// Nobody has sent an ICMP message, so none was ignored.
TEST_F(StackOutputTest, WhatAnUnconnectedSocketSendsToNobodyIsNoIcmpMessage) {
  start_with_socket();
  send_to(host(7));
  at(1000 + 3'000);
  EXPECT_EQ(stack->neighbors().counters().unanswered, 1u);
  EXPECT_EQ(stack->counters().icmp_ignored, 0u);
}

TEST_F(StackOutputTest, ADeviceFinishesTheChecksum) {
  config.finishes_checksums = true;
  config.neighbors = {{host(2), station(2)}};
  start_with_socket();
  send_to(host(2), 9);
  ASSERT_TRUE(stack->tcp_connect({kAny, 0}, {host(2), 80}, now).ok());
  for (int i = 0; i < 2; ++i) {
    Frame frame = stack->poll_transmit(now);
    ASSERT_FALSE(frame.empty());
    EXPECT_EQ(frame.checksum_start, 34);
    Octets octets(frame.bytes());
    frame.copy_out(octets);
    // What the device does.
    Checksum sum;
    sum.add(Bytes(octets).subspan(frame.checksum_start));
    store_be16(octets.data() + frame.checksum_start + frame.checksum_offset, sum.value());
    const Ipv4View ip = *Ipv4View::parse(Bytes(octets).subspan(14));
    if (ip.protocol() == IpProtocol::kUdp) {
      EXPECT_TRUE(UdpView::parse(ip.payload())->checksum_is_valid(ip.source(), ip.destination()));
    } else {
      EXPECT_TRUE(TcpView::parse(ip.payload())->checksum_is_valid(ip.source(), ip.destination()));
    }
  }
}

TEST_F(StackOutputTest, ThePayloadOfAUserIsNotCopied) {
  config.neighbors = {{host(2), station(2)}};
  start_with_socket();
  SgArray payload = bytes(1000);
  const uint8_t* at = payload.front()->data();
  ASSERT_TRUE(stack->udp_send(socket, std::move(payload), {host(2), 53}, now).ok());
  const Frame frame = stack->poll_transmit(now);
  EXPECT_EQ(frame.payload.front()->data(), at);
}

TEST_F(StackOutputTest, AnswersBeyondTheQueueAreDropped) {
  config.neighbors = {{host(2), station(2)}};
  start();
  for (size_t i = 0; i < kTransmitQueueFrames + 3; ++i) in(tcp_frame(segment(TcpFlags::kSyn, 1, 0)));
  EXPECT_EQ(stack->counters().out_queue_full, 3u);
}

TEST_F(StackTest, NoIcmpErrorIsLargerThanTheLink) {
  config.mtu_bytes = 100;
  start();
  in(udp_frame(Octets(500, 1), 81));
  EXPECT_EQ(packet_out().size(), 100u);
}

// --- segments ---

// RFC 791 3.2: the least that a link may carry. Options have to make room then, and no peer can ask for more.
// RFC 1122 3.2.2.6: a reply that would have to be fragmented is cut short.
TEST_F(StackTest, NoEchoIsLargerThanTheLink) {
  config.mtu_bytes = 576;
  start();
  in(icmp_frame({IcmpV4Type::kEchoRequest, 0, 7, 8}, Octets(1000, 0x5a)));
  const Octets packet = packet_out();
  EXPECT_EQ(packet.size(), 576u);
  const Parsed<IcmpV4View> reply = IcmpV4View::parse(Ipv4View::parse(packet)->payload());
  ASSERT_TRUE(reply.ok());
  EXPECT_TRUE(reply->checksum_is_valid());
  EXPECT_EQ(reply->header().type, IcmpV4Type::kEchoReply);
}

TEST_F(StackTest, NoSegmentIsLargerThanTheLink) {
  for (uint32_t mtu : {kMtuMin, 80u, 100u, 200u}) {
    SCOPED_TRACE(mtu);
    config.mtu_bytes = mtu;
    start();
    const SocketHandle listener = listening();
    TcpHeader syn = segment(TcpFlags::kSyn, 1000, 0);
    syn.options.maximum_segment_size = 1460;
    syn.options.sack_permitted = true;
    syn.options.timestamps = TcpTimestamps{1, 0};
    in(tcp_frame(syn));
    const Octets syn_ack = packet_out();
    EXPECT_LE(syn_ack.size(), mtu);
    const uint32_t our_iss = TcpView::parse(Ipv4View::parse(syn_ack)->payload())->sequence_number().value();
    const auto with_timestamp = [](TcpHeader header) {
      header.options.timestamps = TcpTimestamps{2, 0};
      return header;
    };
    in(tcp_frame(with_timestamp(segment(TcpFlags::kAck, 1001, our_iss + 1))));
    const SocketHandle socket = *stack->tcp_accept(listener);
    // Holes, to be reported beside text.
    for (uint32_t hole = 1; hole <= 4; ++hole) in(tcp_frame(with_timestamp(segment(TcpFlags::kAck, 1001 + 10 * hole, our_iss + 1)), {1, 2}));
    SgArray text = bytes(300);
    ASSERT_TRUE(stack->tcp_send(socket, text, now).ok());
    size_t packets = 0;
    for (Octets packet = packet_out(); !packet.empty(); packet = packet_out(), ++packets) EXPECT_LE(packet.size(), mtu);
    EXPECT_GT(packets, 0u);
    stack.reset();
  }
}

}  // namespace
}  // namespace demi
