// Bad input at a whole stack: each frame is dropped and counted by its cause, and nothing else changes; or it is answered as the RFC says.
#include <cstring>

#include "inet/raw_options.h"

namespace demi {
namespace {

class BadInputTest : public StackTest {
 protected:
  BadInputTest() { config.neighbors.clear(); }
  // A listener and a bound UDP socket at kPort, a connection from kPeerPort, and a neighbor that is known.
  void start_with_sockets() {
    config.neighbors = {{host(2), station(2)}};
    start();
    udp_socket = *stack->udp_bind({kAny, kPort});
    listener = listening();
    connection = accepted(listener);
    events();
  }
  struct Totals {
    StackCounters stack;
    TcpCounters tcp;
    size_t connections;
    size_t neighbors;
    size_t buffers;
  };
  Totals totals() const {
    return {stack->counters(), stack->tcp_counters(), stack->connections(), stack->neighbors().size(), memory.buffers_outstanding()};
  }
  // Nothing has changed since but frames_in, and one counter by one.
  void expect_only(const Totals& before, uint64_t StackCounters::*counter) {
    Totals now_are = totals();
    EXPECT_EQ(now_are.stack.*counter, before.stack.*counter + 1) << "the counter of this cause";
    now_are.stack.*counter = before.stack.*counter;
    now_are.stack.frames_in = before.stack.frames_in;
    EXPECT_EQ(std::memcmp(&now_are.stack, &before.stack, sizeof(StackCounters)), 0) << "another counter has moved";
    EXPECT_EQ(std::memcmp(&now_are.tcp, &before.tcp, sizeof(TcpCounters)), 0) << "a counter of TCP has moved";
    EXPECT_EQ(now_are.connections, before.connections);
    EXPECT_EQ(now_are.neighbors, before.neighbors);
    EXPECT_EQ(now_are.buffers, before.buffers);
    EXPECT_TRUE(out().empty());
    EXPECT_TRUE(events().empty());
  }
  void expect_dropped(const Octets& octets, uint64_t StackCounters::*counter) {
    const Totals before = totals();
    in(octets);
    expect_only(before, counter);
  }
  Octets tcp_packet(const TcpHeader& header, const Octets& text = {}) { return ip_packet(ip(IpProtocol::kTcp), tcp(header, text)); }
  // With a header checksum that is right again.
  static Octets with_ip_checksum(Octets packet) {
    store_be16(packet.data() + 10, 0);
    Checksum sum;
    sum.add(Bytes(packet).first(Ipv4Header::kBytes));
    store_be16(packet.data() + 10, sum.value());
    return packet;
  }

  SocketHandle udp_socket;
  SocketHandle listener;
  SocketHandle connection;
};

// --- lengths ---

TEST_F(BadInputTest, ATruncatedFrameIsDroppedWhereverItEnds) {
  start_with_sockets();
  const Octets whole = tcp_frame(segment(TcpFlags::kAck | TcpFlags::kPsh, 1001, iss + 1), {1, 2, 3});
  for (size_t length = 1; length < whole.size(); ++length) {
    SCOPED_TRACE(length);
    const Octets cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
    expect_dropped(cut, length < EthernetView::kBytes ? &StackCounters::frame_malformed : &StackCounters::ip_malformed);
  }
  EXPECT_EQ(stack->tcp_receive(connection, 10, now).error(), Errno::kEAGAIN);
}

TEST_F(BadInputTest, AHeaderThatIsCutWithinItsPacketIsDropped) {
  start_with_sockets();
  const auto cut = [&](IpProtocol protocol, Octets payload, size_t length) {
    payload.resize(length);
    return from_peer(ip_packet(ip(protocol), payload));
  };
  for (size_t length = 0; length < TcpHeader::kBytesMin; ++length) {
    expect_dropped(cut(IpProtocol::kTcp, tcp(segment(TcpFlags::kSyn, 1, 0)), length), &StackCounters::tcp_malformed);
  }
  for (size_t length = 0; length < UdpHeader::kBytes; ++length) {
    expect_dropped(cut(IpProtocol::kUdp, udp({1}), length), &StackCounters::udp_malformed);
  }
  for (size_t length = 0; length < IcmpV4Header::kBytes; ++length) {
    expect_dropped(cut(IpProtocol::kIcmpV4, icmp(IcmpV4Header(), {1}), length), &StackCounters::icmp_malformed);
  }
  Octets request(ArpHeader::kBytes);
  ArpHeader{ArpOperation::kRequest, station(3), host(3), MacAddress(), host(1)}.emit(request);
  for (size_t length = 0; length < ArpHeader::kBytes; ++length) {
    const Octets short_one(request.begin(), request.begin() + static_cast<ptrdiff_t>(length));
    expect_dropped(ethernet_frame(station(1), station(3), EtherType::kArp, short_one), &StackCounters::arp_malformed);
  }
}

TEST_F(BadInputTest, LengthsOfIpThatLie) {
  start_with_sockets();
  const Octets good = tcp_packet(segment(TcpFlags::kAck, 1001, iss + 1), {1, 2, 3});
  // The header: less than the least, and more than there is. Another version.
  for (const uint8_t first : {0x40, 0x44, 0x4f, 0x55, 0x65}) {
    SCOPED_TRACE(int{first});
    Octets packet = good;
    packet[0] = first;
    expect_dropped(from_peer(with_ip_checksum(packet)), &StackCounters::ip_malformed);
  }
  // The packet: more than has come, and less than its header.
  for (const uint16_t total : {good.size() + 1, size_t{0xffff}, size_t{19}, size_t{0}}) {
    SCOPED_TRACE(total);
    Octets packet = good;
    store_be16(packet.data() + 2, total);
    expect_dropped(from_peer(with_ip_checksum(packet)), &StackCounters::ip_malformed);
  }
}

TEST_F(BadInputTest, DataOffsetsOfTcpThatLie) {
  start_with_sockets();
  for (const uint8_t words : {0, 1, 4, 7, 15}) {
    SCOPED_TRACE(int{words});
    Octets octets = tcp(segment(TcpFlags::kAck, 1001, iss + 1), {1, 2, 3, 4});
    octets[12] = static_cast<uint8_t>(words << 4);
    expect_dropped(from_peer(ip_packet(ip(IpProtocol::kTcp), octets)), &StackCounters::tcp_malformed);
  }
}

TEST_F(BadInputTest, LengthsOfUdpThatLie) {
  start_with_sockets();
  for (const uint16_t length : {0, 7, 12, 0xffff}) {
    SCOPED_TRACE(length);
    Octets octets = udp({1, 2, 3});
    store_be16(octets.data() + 4, length);
    expect_dropped(from_peer(ip_packet(ip(IpProtocol::kUdp), octets)), &StackCounters::udp_malformed);
  }
}

TEST_F(BadInputTest, LengthsAndTypesOfArpThatLie) {
  start_with_sockets();
  for (const size_t field : {0, 1, 2, 3, 4, 5}) {  // hardware type, protocol type, lengths of their addresses
    SCOPED_TRACE(field);
    Octets request(ArpHeader::kBytes);
    ArpHeader{ArpOperation::kRequest, station(3), host(3), MacAddress(), host(1)}.emit(request);
    request[field] ^= 0x10;
    expect_dropped(ethernet_frame(station(1), station(3), EtherType::kArp, request), &StackCounters::arp_malformed);
  }
}

// --- TCP options ---

// RFC 9293 3.2 and MUST-7: a length of 0 or 1, or beyond the end of the header, whatever the kind: what was read before counts, the rest does not,
// and the segment is processed.
TEST_F(BadInputTest, MalformedOptionsOfEveryKindEndTheParseAndNothingElse) {
  start_with_sockets();
  uint32_t next = 1001;
  for (uint32_t kind = 2; kind < 256; ++kind) {
    for (const uint8_t length : {0, 1, 7, 40, 255}) {
      SCOPED_TRACE("kind " + std::to_string(kind) + " length " + std::to_string(length));
      // 7 and more reach past the end of the word that they stand in.
      const Octets options = {1, 1, static_cast<uint8_t>(kind), length};
      const Totals before = totals();
      in(from_peer(ip_packet(ip(IpProtocol::kTcp), tcp_with_raw_options(segment(TcpFlags::kAck, next, iss + 1), options, {42}))));
      ++next;
      EXPECT_EQ(stack->counters().tcp_malformed, before.stack.tcp_malformed);
      Result<SgArray> text = stack->tcp_receive(connection, 10, now);
      ASSERT_TRUE(text.ok());
      EXPECT_EQ(text->bytes(), 1u);
    }
  }
  EXPECT_EQ(stack->tcp_connection(connection)->state(), TcpState::kEstablished);
}

TEST_F(BadInputTest, MalformedOptionsInASynOpenAPlainConnection) {
  start_with_sockets();
  uint16_t port = 6000;
  for (const uint8_t kind : {2, 3, 4, 5, 8, 34, 253}) {
    for (const uint8_t length : {0, 1, 9, 255}) {
      SCOPED_TRACE("kind " + std::to_string(kind) + " length " + std::to_string(length));
      TcpHeader syn = segment(TcpFlags::kSyn, 1000, 0);
      syn.source_port = port++;
      in(from_peer(ip_packet(ip(IpProtocol::kTcp), tcp_with_raw_options(syn, {kind, length, 0xff, 0xff}))));
      const TcpHeader answer = segment_out();
      ASSERT_TRUE(answer.flags.has_all(TcpFlags::kSyn | TcpFlags::kAck));
      EXPECT_FALSE(answer.options.timestamps);
      EXPECT_FALSE(answer.options.sack_permitted);
      EXPECT_FALSE(answer.options.window_scale);
    }
  }
}

// --- checksums ---

TEST_F(BadInputTest, ABitThatIsTurnedOverAnywhereIsSeen) {
  start_with_sockets();
  const Octets segment_frame = tcp_frame(segment(TcpFlags::kAck, 1001, iss + 1), {1, 2, 3});
  const Octets datagram = udp_frame({1, 2, 3});
  const Octets echo = icmp_frame(IcmpV4Header(), {1, 2, 3});
  for (const auto& [good, bad_checksum] : {std::pair{&segment_frame, &StackCounters::tcp_bad_checksum},
                                           std::pair{&datagram, &StackCounters::udp_bad_checksum},
                                           std::pair{&echo, &StackCounters::icmp_bad_checksum}}) {
    const auto dropped = [&] {
      const StackCounters& all = stack->counters();
      return all.ip_malformed + all.ip_bad_checksum + all.tcp_malformed + all.udp_malformed + all.icmp_malformed + all.*bad_checksum;
    };
    for (size_t bit = 8 * EthernetView::kBytes; bit < 8 * good->size(); ++bit) {
      Octets damaged = *good;
      damaged[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      const uint64_t before = dropped();
      in(damaged);
      EXPECT_EQ(dropped(), before + 1) << "bit " << bit;
      EXPECT_TRUE(out().empty()) << "bit " << bit;
      EXPECT_TRUE(events().empty()) << "bit " << bit;
    }
    EXPECT_GT(stack->counters().*bad_checksum, 0u);
  }
}

// --- protocols ---

// RFC 1122 3.2.2.1: of each but ours the sender is told, as often as the limit allows.
TEST_F(BadInputTest, EveryUnknownProtocolIsUnreachable) {
  config.icmp_burst = 1000;
  start_with_sockets();
  uint64_t unknown = 0;
  for (uint32_t protocol = 0; protocol < 256; ++protocol) {
    if (protocol == 1 || protocol == 6 || protocol == 17) continue;
    SCOPED_TRACE(protocol);
    in(from_peer(ip_packet(ip(static_cast<IpProtocol>(protocol)), Octets(20, 1))));
    EXPECT_EQ(stack->counters().ip_unknown_protocol, ++unknown);
    const Octets packet = packet_out();
    ASSERT_FALSE(packet.empty());
    const Parsed<IcmpV4View> message = IcmpV4View::parse(Ipv4View::parse(packet)->payload());
    EXPECT_EQ(message->header().type, IcmpV4Type::kDestinationUnreachable);
    EXPECT_EQ(message->header().code, static_cast<uint8_t>(IcmpV4Unreachable::kProtocol));
    EXPECT_TRUE(out().empty());
  }
  EXPECT_TRUE(events().empty());
}

// --- flags ---

// To a listener only a SYN alone says something; to a port without one each gets the RST of RFC 9293 3.10.7.1; none of them shakes a connection.
TEST_F(BadInputTest, FlagsThatNoSanePeerSends) {
  start_with_sockets();
  constexpr uint16_t kNull = 0;
  constexpr uint16_t kXmas = TcpFlags::kFin | TcpFlags::kPsh | TcpFlags::kUrg;
  constexpr uint16_t kSynFin = TcpFlags::kSyn | TcpFlags::kFin;
  for (const uint16_t flags : {kNull, kXmas, kSynFin, static_cast<uint16_t>(kSynFin | kXmas)}) {
    SCOPED_TRACE(flags);
    TcpHeader header = segment(flags, 1001, iss + 1);
    header.source_port = 6000;
    const size_t connections = stack->connections();
    in(tcp_frame(header));
    EXPECT_TRUE(out().empty()) << "the listener is silent";
    EXPECT_EQ(stack->connections(), connections);
    header.destination_port = 81;
    in(tcp_frame(header));
    const TcpHeader reset = segment_out();
    EXPECT_EQ(reset.flags.bits, TcpFlags::kRst | TcpFlags::kAck);
    EXPECT_EQ(reset.sequence_number, SeqNumber(0));
    EXPECT_EQ(reset.acknowledgment_number, SeqNumber(1001 + ((flags & TcpFlags::kSyn) != 0) + ((flags & TcpFlags::kFin) != 0)));
    // RFC 9293 3.10.7.4, fifth: without ACK it is dropped; RFC 5961 4.2: a SYN is challenged.
    in(tcp_frame(segment(flags, 1001, iss + 1)));
    EXPECT_EQ(segment_out().flags.bits, (flags & TcpFlags::kSyn) != 0 ? TcpFlags::kAck : 0);
    EXPECT_EQ(stack->tcp_connection(connection)->state(), TcpState::kEstablished);
    EXPECT_EQ(stack->tcp_receive(connection, 10, now).error(), Errno::kEAGAIN);
  }
  EXPECT_EQ(stack->tcp_accept(listener).error(), Errno::kEAGAIN);
}

// --- sources ---

TEST_F(BadInputTest, LandIsNoSource) {
  start_with_sockets();
  for (const IpAddress& own : {host(1), IpAddress::ipv4(127, 0, 0, 1)}) {
    TcpHeader syn = segment(TcpFlags::kSyn, 1000, 0);
    syn.source_port = kPort;
    Ipv4Header header = ip(IpProtocol::kTcp);
    header.source = own;
    expect_dropped(from_peer(ip_packet(header, tcp_with_raw_options(syn, {}, {}, own))), &StackCounters::ip_bad_source);
  }
}

TEST_F(BadInputTest, GroupsAreNoSource) {
  start_with_sockets();
  for (const IpAddress& source : {IpAddress::limited_broadcast(), host(255), host(0), IpAddress::ipv4(224, 0, 0, 1), IpAddress::ipv4(239, 1, 2, 3),
                                  IpAddress::ipv4(240, 0, 0, 1), IpAddress::ipv4(0, 0, 0, 0)}) {
    SCOPED_TRACE(text_of(source));
    for (const IpProtocol protocol : {IpProtocol::kTcp, IpProtocol::kUdp, IpProtocol::kIcmpV4}) {
      Ipv4Header header = ip(protocol);
      header.source = source;
      const Octets payload = protocol == IpProtocol::kTcp   ? tcp_with_raw_options(segment(TcpFlags::kSyn, 1, 0), {}, {}, source)
                             : protocol == IpProtocol::kUdp ? udp({1}, kPort, source)
                                                            : icmp(IcmpV4Header(), {1});
      expect_dropped(from_peer(ip_packet(header, payload)), &StackCounters::ip_bad_source);
    }
  }
}

TEST_F(BadInputTest, NobodyWithTheAddressOfAGroupIsANeighbor) {
  start_with_sockets();
  const std::vector<std::pair<MacAddress, IpAddress>> senders = {{MacAddress::broadcast(), host(3)},
                                                                 {MacAddress{{1, 0, 0x5e, 0, 0, 1}}, host(3)},
                                                                 {station(3), host(255)},
                                                                 {station(3), IpAddress::ipv4(224, 0, 0, 1)},
                                                                 {station(3), IpAddress::ipv4(10, 9, 9, 9)}};
  for (const auto& [mac, address] : senders) {
    SCOPED_TRACE(text_of(address));
    Octets request(ArpHeader::kBytes);
    ArpHeader{ArpOperation::kRequest, mac, address, MacAddress(), host(1)}.emit(request);
    expect_dropped(ethernet_frame(station(1), station(3), EtherType::kArp, request), &StackCounters::arp_bad_sender);
  }
}

// --- configuration ---

TEST_F(BadInputTest, AWrongConfigurationIsOneSentenceThatSaysWhatToDo) {
  const std::vector<std::pair<const char*, std::function<void(StackConfig&)>>> all = {
      {"overlapping routes", [](StackConfig& c) { c.routes = {{Cidr(host(0), 8), host(2)}, {Cidr(host(0), 8), host(3)}}; }},
      {"a route over our own network", [](StackConfig& c) { c.routes = {{Cidr(host(0), 24), host(2)}}; }},
      {"no prefix", [](StackConfig& c) { c.addresses = {Cidr(host(1), 0)}; }},
      {"nothing of an address", [](StackConfig& c) { c.addresses = {Cidr()}; }},
      {"an MTU below 68", [](StackConfig& c) { c.mtu_bytes = 67; }},
      {"a gateway on no network", [](StackConfig& c) { c.routes = {{Cidr(IpAddress::ipv4(0, 0, 0, 0), 0), IpAddress::ipv4(10, 9, 9, 9)}}; }},
  };
  for (const auto& [what, spoil] : all) {
    StackConfig wrong = stack_config(1);
    ASSERT_EQ(problem_with(wrong), "");
    spoil(wrong);
    const std::string problem = problem_with(wrong);
    EXPECT_NE(problem, "") << what;
    // One sentence: what is wrong, a colon, what to do.
    EXPECT_EQ(std::count(problem.begin(), problem.end(), '\n'), 0) << problem;
    EXPECT_NE(problem.find(": "), std::string::npos) << problem;
    EXPECT_EQ(problem.empty() ? '.' : problem.back(), '.') << problem;
  }
}

}  // namespace
}  // namespace demi
