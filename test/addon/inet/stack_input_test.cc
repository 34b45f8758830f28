// What a stack drops, and answers, frame by frame.
#include "base/random.h"
#include "inet/stack_fixture.h"

namespace demi {
namespace {

class StackInputTest : public StackTest {
 protected:
  StackInputTest() { start(); }
  // The stack says nothing, and the only thing that has changed is this counter.
  void expect_dropped(const Octets& octets, uint64_t StackCounters::*counter) {
    const uint64_t before = stack->counters().*counter;
    in(octets);
    EXPECT_EQ(stack->counters().*counter, before + 1);
    EXPECT_TRUE(out().empty());
    EXPECT_TRUE(events().empty());
  }
  Octets from(const IpAddress& source, const IpAddress& destination = host(1)) {
    Ipv4Header header = ip(IpProtocol::kUdp);
    header.source = source;
    header.destination = destination;
    return from_peer(ip_packet(header, udp({1}, kPort, source, destination)));
  }
};

TEST_F(StackInputTest, FramesThatAreNotForUs) {
  expect_dropped(Octets(13), &StackCounters::frame_malformed);
  Octets foreign = udp_frame({1});
  station(9).store(foreign.data());
  expect_dropped(foreign, &StackCounters::frame_foreign);
  Octets group = udp_frame({1});
  MacAddress{{1, 0, 0x5e, 0, 0, 1}}.store(group.data());
  expect_dropped(group, &StackCounters::frame_group_unwanted);
  expect_dropped(ethernet_frame(station(1), station(2), static_cast<EtherType>(0x88b5), Octets(50)), &StackCounters::frame_unknown_type);
  expect_dropped(ethernet_frame(station(1), station(2), EtherType::kIPv6, Octets(50)), &StackCounters::frame_unknown_type);
}

TEST_F(StackInputTest, VlansAreOthersButForPriorityTags) {
  Octets tagged = udp_frame({1});
  const Octets tag = {0x81, 0x00, 0x00, 0x07};
  tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
  expect_dropped(tagged, &StackCounters::frame_tagged);
  Result<SocketHandle> socket = stack->udp_bind({host(1), kPort});
  ASSERT_TRUE(socket.ok());
  tagged[14] = 0xe0;  // priority 7
  tagged[15] = 0;     // VLAN 0
  in(tagged);
  EXPECT_EQ(stack->counters().udp_in, 1u);
}

TEST_F(StackInputTest, PacketsThatAreWrong) {
  Octets frame = udp_frame({1});
  expect_dropped(Octets(frame.begin(), frame.begin() + 30), &StackCounters::ip_malformed);
  frame[14 + 8] ^= 1;  // the time to live
  expect_dropped(frame, &StackCounters::ip_bad_checksum);
}

TEST_F(StackInputTest, SourcesThatNobodyHas) {
  for (const IpAddress& source : {IpAddress::ipv4(0, 0, 0, 0), IpAddress::ipv4(127, 0, 0, 1), IpAddress::ipv4(224, 0, 0, 1),
                                  IpAddress::ipv4(240, 0, 0, 1), IpAddress::limited_broadcast(), host(255), host(1)}) {
    expect_dropped(from(source), &StackCounters::ip_bad_source);
  }
}

TEST_F(StackInputTest, DestinationsThatAreNotOurs) {
  for (const IpAddress& destination : {host(3), IpAddress::ipv4(127, 0, 0, 1), IpAddress::ipv4(224, 0, 0, 1), IpAddress::ipv4(10, 0, 1, 255)}) {
    expect_dropped(from(host(2), destination), &StackCounters::ip_foreign);
  }
}

TEST_F(StackInputTest, AFrameForAllWithAPacketForOneIsDropped) {
  Octets frame = udp_frame({1});
  MacAddress::broadcast().store(frame.data());
  expect_dropped(frame, &StackCounters::ip_group_unwanted);
}

TEST_F(StackInputTest, FragmentsAreCounted) {
  Ipv4Header header = ip(IpProtocol::kUdp);
  header.more_fragments = true;
  expect_dropped(from_peer(ip_packet(header, udp(Octets(8)))), &StackCounters::ip_fragment);
  header.more_fragments = false;
  header.fragment_offset = 8;
  expect_dropped(from_peer(ip_packet(header, udp(Octets(8)))), &StackCounters::ip_fragment);
}

// RFC 1122 3.2.1.7 and 3.2.1.8.
TEST_F(StackInputTest, ATimeToLiveOfZeroAndOptionsAreFine) {
  ASSERT_TRUE(stack->udp_bind({host(1), kPort}).ok());
  Ipv4Header header = ip(IpProtocol::kUdp);
  header.time_to_live = 0;
  in(from_peer(ip_packet(header, udp({1}))));
  EXPECT_EQ(stack->counters().udp_in, 1u);
  Octets packet = ip_packet(ip(IpProtocol::kUdp), udp({1}));
  const Octets options = {0x94, 0x04, 0, 0};  // router alert
  packet.insert(packet.begin() + 20, options.begin(), options.end());
  packet[0] = 0x46;
  store_be16(packet.data() + 2, static_cast<uint16_t>(packet.size()));
  store_be16(packet.data() + 10, 0);
  Checksum sum;
  sum.add(Bytes(packet).first(24));
  store_be16(packet.data() + 10, sum.value());
  in(from_peer(packet));
  EXPECT_EQ(stack->counters().udp_in, 2u);
}

TEST_F(StackInputTest, AnUnknownProtocolIsAnsweredWithUnreachable) {
  in(from_peer(ip_packet(ip(static_cast<IpProtocol>(132)), Octets(20))));
  EXPECT_EQ(stack->counters().ip_unknown_protocol, 1u);
  const Octets packet = packet_out();
  const Parsed<IcmpV4View> message = IcmpV4View::parse(Ipv4View::parse(packet)->payload());
  ASSERT_TRUE(message.ok());
  EXPECT_TRUE(message->checksum_is_valid());
  EXPECT_EQ(message->header().type, IcmpV4Type::kDestinationUnreachable);
  EXPECT_EQ(message->header().code, 2);
}

// --- UDP ---

TEST_F(StackInputTest, DatagramsThatAreWrong) {
  ASSERT_TRUE(stack->udp_bind({host(1), kPort}).ok());
  Octets frame = udp_frame({1, 2, 3});
  frame.back() ^= 1;
  expect_dropped(frame, &StackCounters::udp_bad_checksum);
  expect_dropped(udp_frame({1}, 0), &StackCounters::udp_malformed);
  Octets lying = udp({1});
  store_be16(lying.data() + 4, 100);
  expect_dropped(from_peer(ip_packet(ip(IpProtocol::kUdp), lying)), &StackCounters::udp_malformed);
}

TEST_F(StackInputTest, TheVerdictOfTheDeviceStandsForTheChecksum) {
  ASSERT_TRUE(stack->udp_bind({host(1), kPort}).ok());
  Octets damaged = udp_frame({1, 2, 3});
  damaged.back() ^= 1;
  in(damaged, ChecksumVerdict::kGood);
  EXPECT_EQ(stack->counters().udp_in, 1u);
  in(udp_frame({1, 2, 3}), ChecksumVerdict::kBad);
  EXPECT_EQ(stack->counters().udp_bad_checksum, 1u);
  in(tcp_frame(segment(TcpFlags::kSyn, 1, 0)), ChecksumVerdict::kBad);
  EXPECT_EQ(stack->counters().tcp_bad_checksum, 1u);
}

TEST_F(StackInputTest, APortWithoutASocketIsUnreachable) {
  const Octets frame = udp_frame(Octets(1000, 7), 81);
  in(frame);
  const Octets packet = packet_out();
  const Ipv4View ip = *Ipv4View::parse(packet);
  EXPECT_EQ(ip.destination(), host(2));
  const Parsed<IcmpV4View> message = IcmpV4View::parse(ip.payload());
  ASSERT_TRUE(message.ok());
  EXPECT_TRUE(message->checksum_is_valid());
  EXPECT_EQ(message->header().code, static_cast<uint8_t>(IcmpV4Unreachable::kPort));
  // It quotes the packet, and not more than fits in 576 bytes (RFC 1812 4.3.2.3).
  EXPECT_EQ(packet.size(), 576u);
  EXPECT_TRUE(std::equal(message->data().begin(), message->data().end(), frame.begin() + EthernetView::kBytes));
  EXPECT_EQ(stack->counters().udp_without_socket, 1u);
}

TEST_F(StackInputTest, ErrorsAreLimited) {
  for (uint32_t i = 0; i < 2 * config.icmp_burst; ++i) in(udp_frame({1}, 81));
  uint32_t errors = 0;
  while (!out().empty()) ++errors;
  EXPECT_EQ(errors, config.icmp_burst);
  EXPECT_EQ(stack->counters().icmp_rate_limited, config.icmp_burst);
}

TEST_F(StackInputTest, ABroadcastReachesASocketOfAllAddressesAndCausesNoError) {
  Result<SocketHandle> socket = stack->udp_bind({IpAddress::unspecified(Family::kIPv4), kPort});
  ASSERT_TRUE(socket.ok());
  for (const IpAddress& destination : {host(255), IpAddress::limited_broadcast()}) {
    Octets frame = from(host(2), destination);
    MacAddress::broadcast().store(frame.data());
    in(frame);
    Result<UdpDatagram> received = stack->udp_receive(*socket);
    ASSERT_TRUE(received.ok());
    EXPECT_EQ(received->to, destination);
  }
  ASSERT_TRUE(stack->close(*socket, now).ok());
  Octets frame = from(host(2), host(255));
  MacAddress::broadcast().store(frame.data());
  in(frame);
  EXPECT_TRUE(out().empty());
}

// --- ICMP ---

TEST_F(StackInputTest, AnEchoComesBackWithItsData) {
  IcmpV4Header request;
  request.identifier = 7;
  request.sequence_number = 9;
  const Octets data(999, 0x42);
  in(icmp_frame(request, data));
  const Octets packet = packet_out();
  const Ipv4View ip = *Ipv4View::parse(packet);
  EXPECT_EQ(ip.source(), host(1));
  EXPECT_EQ(ip.destination(), host(2));
  const Parsed<IcmpV4View> reply = IcmpV4View::parse(ip.payload());
  ASSERT_TRUE(reply.ok());
  EXPECT_TRUE(reply->checksum_is_valid());
  EXPECT_EQ(reply->header().type, IcmpV4Type::kEchoReply);
  EXPECT_EQ(reply->header().identifier, 7);
  EXPECT_EQ(reply->header().sequence_number, 9);
  EXPECT_EQ(Octets(reply->data().begin(), reply->data().end()), data);
}

TEST_F(StackInputTest, EchoesOfACrowdAndWrongOnesAreNotAnswered) {
  Ipv4Header header = ip(IpProtocol::kIcmpV4);
  header.destination = host(255);
  Octets frame = from_peer(ip_packet(header, icmp(IcmpV4Header(), {1})));
  MacAddress::broadcast().store(frame.data());
  expect_dropped(frame, &StackCounters::ip_group_unwanted);
  frame = icmp_frame(IcmpV4Header(), {1, 2, 3});
  frame.back() ^= 1;
  expect_dropped(frame, &StackCounters::icmp_bad_checksum);
  expect_dropped(from_peer(ip_packet(ip(IpProtocol::kIcmpV4), Octets(7))), &StackCounters::icmp_malformed);
  IcmpV4Header unknown;
  unknown.type = static_cast<IcmpV4Type>(13);
  expect_dropped(icmp_frame(unknown, Octets(12)), &StackCounters::icmp_unknown);
}

// --- TCP ---

TEST_F(StackInputTest, ASegmentOfNoConnectionGetsAReset) {
  in(tcp_frame(segment(TcpFlags::kSyn, 1000, 0)));
  TcpHeader reset = segment_out();
  EXPECT_EQ(reset.flags.bits, TcpFlags::kRst | TcpFlags::kAck);
  EXPECT_EQ(reset.acknowledgment_number, SeqNumber(1001));
  in(tcp_frame(segment(TcpFlags::kAck, 1000, 77), {1, 2}));
  reset = segment_out();
  EXPECT_EQ(reset.flags.bits, TcpFlags::kRst);
  EXPECT_EQ(reset.sequence_number, SeqNumber(77));
  EXPECT_EQ(reset.source_port, kPort);
  EXPECT_EQ(reset.destination_port, kPeerPort);
  EXPECT_EQ(stack->counters().tcp_without_connection, 2u);
  EXPECT_EQ(stack->counters().tcp_resets_out, 2u);
}

TEST_F(StackInputTest, AResetNeverAnswersAReset) {
  expect_dropped(tcp_frame(segment(TcpFlags::kRst, 1000, 0)), &StackCounters::tcp_without_connection);
  expect_dropped(tcp_frame(segment(TcpFlags::kRst | TcpFlags::kAck, 1000, 5)), &StackCounters::tcp_without_connection);
}

TEST_F(StackInputTest, SegmentsThatAreWrong) {
  Octets frame = tcp_frame(segment(TcpFlags::kSyn, 1000, 0));
  frame.back() ^= 1;
  expect_dropped(frame, &StackCounters::tcp_bad_checksum);
  expect_dropped(tcp_frame(segment(TcpFlags::kSyn, 1000, 0, 0)), &StackCounters::tcp_malformed);
  TcpHeader from_zero = segment(TcpFlags::kSyn, 1000, 0);
  from_zero.source_port = 0;
  expect_dropped(tcp_frame(from_zero), &StackCounters::tcp_malformed);
  expect_dropped(from_peer(ip_packet(ip(IpProtocol::kTcp), Octets(19))), &StackCounters::tcp_malformed);
  Ipv4Header header = ip(IpProtocol::kTcp);
  header.destination = host(255);
  frame = from_peer(ip_packet(header, tcp(segment(TcpFlags::kSyn, 1000, 0))));
  MacAddress::broadcast().store(frame.data());
  expect_dropped(frame, &StackCounters::tcp_malformed);
}

// SYN+FIN, no flags at all, all flags, and a SYN that says it came from ourselves.
TEST_F(StackInputTest, OddSegmentsOpenNothing) {
  const SocketHandle listener = listening();
  in(tcp_frame(segment(TcpFlags::kSyn | TcpFlags::kFin, 1000, 0)));
  in(tcp_frame(segment(0, 1000, 0)));
  EXPECT_TRUE(out().empty());
  in(tcp_frame(segment(TcpFlags::kFin | TcpFlags::kPsh | TcpFlags::kUrg, 1000, 0)));
  EXPECT_TRUE(out().empty());
  Ipv4Header land = ip(IpProtocol::kTcp);
  land.source = host(1);
  expect_dropped(from_peer(ip_packet(land, tcp(segment(TcpFlags::kSyn, 1000, 0)))), &StackCounters::ip_bad_source);
  EXPECT_EQ(stack->connections(), 0u);
  EXPECT_EQ(stack->tcp_accept(listener).error(), Errno::kEAGAIN);
}

TEST_F(StackInputTest, ABurstIsProcessedInItsOrder) {
  const SocketHandle connection = accepted(listening());
  std::vector<Frame> frames;
  // More than are looked at together, among others that are dropped.
  for (uint32_t i = 0; i < 100; ++i) {
    frames.push_back(frame_of(tcp_frame(segment(TcpFlags::kAck, 1001 + i, iss + 1), {static_cast<uint8_t>(i)})));
    if (i % 3 == 0) frames.push_back(frame_of(Octets(10)));
  }
  stack->handle_frames(frames, now);
  Result<SgArray> text = stack->tcp_receive(connection, 1000, now);
  ASSERT_TRUE(text.ok());
  Octets received(text->bytes());
  text->copy_out(received);
  ASSERT_EQ(received.size(), 100u);
  for (uint8_t i = 0; i < 100; ++i) EXPECT_EQ(received[i], i);
  EXPECT_EQ(stack->counters().frame_malformed, 34u);
}

// Whatever comes is dropped, counted or answered: damaged frames of every kind, at sockets in several states.
TEST_F(StackInputTest, DamagedFramesOfAllKindsDoNoHarm) {
  Random random(1);
  const SocketHandle connection = accepted(listening());
  ASSERT_TRUE(stack->udp_bind({host(1), kPort}).ok());
  ASSERT_TRUE(stack->tcp_connect({IpAddress::unspecified(Family::kIPv4), 0}, {host(2), 5000}, now).ok());
  TcpHeader with_options = segment(TcpFlags::kAck, 1001, iss + 1);
  with_options.options.timestamps = TcpTimestamps{1, 2};
  Octets arp(ArpHeader::kBytes);
  ArpHeader{ArpOperation::kRequest, station(2), host(2), MacAddress(), host(1)}.emit(arp);
  IcmpV4Header unreachable;
  unreachable.type = IcmpV4Type::kDestinationUnreachable;
  const std::vector<Octets> seeds = {
      udp_frame(Octets(40, 1)),
      tcp_frame(with_options, Octets(40, 2)),
      tcp_frame(segment(TcpFlags::kSyn, 77, 0)),
      icmp_frame(IcmpV4Header(), Octets(40, 3)),
      icmp_frame(unreachable, ip_packet(ip(IpProtocol::kTcp), tcp(with_options))),
      ethernet_frame(station(1), station(2), EtherType::kArp, arp),
  };
  for (int i = 0; i < 30'000; ++i) {
    Octets octets = seeds[random.below(seeds.size())];
    for (uint64_t flips = random.below(4); flips > 0; --flips) octets[random.below(octets.size())] = static_cast<uint8_t>(random.next());
    if (random.below(4) == 0) octets.resize(random.below(octets.size()));
    // A verdict of the device brings it past the checksums.
    in(octets, random.below(2) == 0 ? ChecksumVerdict::kGood : ChecksumVerdict::kUnknown);
    if (random.below(8) == 0) {
      now = now + Duration::milliseconds(static_cast<int64_t>(random.below(500)));
      if (stack->poll_timeout() <= now) stack->handle_timeout(now);
      while (!out().empty()) {
      }
      events();
      (void)stack->tcp_receive(connection, UINT64_MAX, now);
    }
  }
  EXPECT_EQ(stack->counters().frames_in, 30'002u);
  EXPECT_LT(memory.buffers_outstanding(), 3000u);
}

}  // namespace
}  // namespace demi
