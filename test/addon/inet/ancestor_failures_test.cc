// Failures that other stacks of this kind are known for, each seen on whole stacks. Most have finer tests where the cause would be.
#include "inet/raw_options.h"
#include "inet/talker.h"

namespace demi {
namespace {

class AncestorFailuresTest : public StackTest {
 protected:
  void talk(StackPair& pair, const Connected& made, uint64_t bytes) {
    Talker client(pair.a, made.client, bytes), server(pair.b, made.server, bytes);
    EXPECT_TRUE(pair.run_until([&] {
      client.act(pair.now);
      server.act(pair.now);
      return client.is_done() && server.is_done();
    }));
  }
  static ImpairmentConfig delayed(int64_t milliseconds) {
    ImpairmentConfig link;
    link.delay = Duration::milliseconds(milliseconds);
    return link;
  }
  static bool send(PairedHost& from, SocketHandle socket, uint64_t place, uint64_t bytes, Instant now) {
    SgArray text = text_at(from.memory, place, bytes);
    Result<uint64_t> taken = from.stack->tcp_send(socket, text, now);
    return taken.ok() && *taken == bytes;
  }
  Octets arp(ArpOperation operation, uint8_t sender, const MacAddress& sender_mac, const MacAddress& to = station(1)) {
    Octets packet(ArpHeader::kBytes);
    ArpHeader{operation, sender_mac, host(sender), station(1), host(1)}.emit(packet);
    return ethernet_frame(to, sender_mac, EtherType::kArp, packet);
  }
  const TcpConnection& connection(SocketHandle socket) const { return *stack->tcp_connection(socket); }
};

TEST_F(AncestorFailuresTest, IdleForTenMinutesItStillReceives) {
  StackPair pair(1);
  const Connected made = connect(pair);
  pair.run_for(Duration::seconds(600));
  talk(pair, made, 100'000);
}

TEST_F(AncestorFailuresTest, EverythingStillRetransmitsAfterThePeersFin) {
  StackPair pair(1);
  const Connected made = connect(pair);
  ASSERT_TRUE(pair.b.stack->tcp_shutdown_send(made.server, pair.now).ok());
  pair.run_for(Duration::seconds(1));
  ASSERT_EQ(pair.a.stack->tcp_connection(made.client)->state(), TcpState::kCloseWait);
  // Everything that is sent now is lost, the FIN as well.
  ImpairmentConfig cut;
  cut.is_partitioned = true;
  pair.impair(cut);
  ASSERT_TRUE(send(pair.a, made.client, 0, 5000, pair.now));
  ASSERT_TRUE(pair.a.stack->tcp_shutdown_send(made.client, pair.now).ok());
  pair.run_for(Duration::seconds(20));
  pair.impair(ImpairmentConfig());
  uint64_t received = 0;
  EXPECT_TRUE(pair.run_until([&] {
    Result<SgArray> text = pair.b.stack->tcp_receive(made.server, UINT64_MAX, pair.now);
    if (text.ok()) received += text->bytes();
    return text.ok() && text->empty();
  }));
  EXPECT_EQ(received, 5000u);
  EXPECT_GT(pair.a.stack->tcp_counters().retransmitted, 1u);
}

TEST_F(AncestorFailuresTest, PingWorksAfterLongIdleness) {
  config.neighbors.clear();
  start();
  for (int round = 0; round < 3; ++round) {
    in(icmp_frame(IcmpV4Header(), {1, 2, 3}));
    // The neighbor is asked for, or the old address is used once more and checked meanwhile.
    bool was_answered = false;
    for (Octets octets = out(); !octets.empty(); octets = out()) {
      const EthernetView ethernet = *EthernetView::parse(octets);
      if (ethernet.ether_type() == EtherType::kArp) {
        in(arp(ArpOperation::kReply, 2, station(2)));
        continue;
      }
      was_answered = IcmpV4View::parse(Ipv4View::parse(ethernet.payload())->payload())->header().type == IcmpV4Type::kEchoReply;
      EXPECT_EQ(ethernet.destination(), station(2));
    }
    EXPECT_TRUE(was_answered) << "in round " << round;
    // Once until it is old, once until it is forgotten.
    at((round + 1) * 1'000'000 + round * 1'000'000);
  }
}

TEST_F(AncestorFailuresTest, AFrameForAForeignMacHasNoEffect) {
  config.neighbors.clear();
  start();
  ASSERT_TRUE(stack->udp_bind({kAny, kPort}).ok());
  listening();
  Octets echo = icmp_frame(IcmpV4Header(), {1}), syn = tcp_frame(segment(TcpFlags::kSyn, 1000, 0)), datagram = udp_frame({1});
  Octets request = arp(ArpOperation::kRequest, 2, station(2));
  for (Octets* each : {&echo, &syn, &datagram, &request}) {
    station(9).store(each->data());
    in(*each);
    EXPECT_TRUE(out().empty());
    EXPECT_TRUE(events().empty());
  }
  EXPECT_EQ(stack->counters().frame_foreign, 4u);
  EXPECT_EQ(stack->neighbors().size(), 0u);
  EXPECT_EQ(stack->connections(), 0u);
}

TEST_F(AncestorFailuresTest, AStaleAckCompletesNothingAndGrowsNothing) {
  start();
  const SocketHandle socket = accepted(listening());
  SgArray text = bytes(536 * 4);
  ASSERT_TRUE(stack->tcp_send(socket, text, now).ok());
  while (!out().empty()) {
  }
  in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 1 + 536 * 2)));
  events();
  const uint32_t cwnd = connection(socket).info().cwnd;
  const SeqNumber una = connection(socket).sender().una();
  for (int i = 0; i < 20; ++i) in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 1 + 536)));
  EXPECT_EQ(connection(socket).info().cwnd, cwnd);
  EXPECT_EQ(connection(socket).sender().una(), una);
  EXPECT_EQ(connection(socket).unacked_bytes(), 536u * 2);
  EXPECT_TRUE(events().empty());
  EXPECT_TRUE(out().empty()) << "nothing is retransmitted, and nothing answered";
}

TEST_F(AncestorFailuresTest, TwoStacksNeverAcknowledgeEachOthersPureAcks) {
  StackPair pair(1);
  const Connected made = connect(pair);
  ASSERT_TRUE(send(pair.a, made.client, 0, 1000, pair.now) && send(pair.b, made.server, 0, 1000, pair.now));
  pair.run_for(Duration::seconds(2));
  const auto frames = [&] { return pair.a.stack->counters().frames_out + pair.b.stack->counters().frames_out; };
  // Three each of the handshake, of ARP and text, and an ACK for each text.
  EXPECT_LE(frames(), 14u);
  const uint64_t before = frames();
  pair.run_for(Duration::seconds(3600));
  EXPECT_EQ(frames(), before);
}

TEST_F(AncestorFailuresTest, InFinWait1OnlyTheAckOfTheFinCounts) {
  start();
  const SocketHandle socket = accepted(listening());
  SgArray text = bytes(100);
  ASSERT_TRUE(stack->tcp_send(socket, text, now).ok());
  ASSERT_TRUE(stack->tcp_shutdown_send(socket, now).ok());
  EXPECT_TRUE(segment_out().flags.fin());
  in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 1)));
  EXPECT_EQ(connection(socket).state(), TcpState::kFinWait1);
  in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 1 + 100)));
  EXPECT_EQ(connection(socket).state(), TcpState::kFinWait1);
  in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 1 + 101)));
  EXPECT_EQ(connection(socket).state(), TcpState::kFinWait2);
}

TEST_F(AncestorFailuresTest, AWindowUpdateWithoutTextCounts) {
  start();
  const SocketHandle socket = accepted(listening());
  TcpHeader closed = segment(TcpFlags::kAck, 1001, iss + 1);
  closed.window = 0;
  in(tcp_frame(closed));
  SgArray text = bytes(100);
  ASSERT_TRUE(stack->tcp_send(socket, text, now).ok());
  EXPECT_TRUE(out().empty());
  in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 1)));
  EXPECT_EQ(Ipv4View::parse(packet_out())->payload().size(), TcpHeader::kBytesMin + 100);
}

TEST_F(AncestorFailuresTest, NeighborEntriesExpire) {
  StackPair pair(1);
  connect(pair);
  EXPECT_EQ(pair.a.stack->neighbors().size(), 1u);
  pair.run_for(Duration::seconds(1300));
  EXPECT_EQ(pair.a.stack->neighbors().size(), 0u);
  EXPECT_EQ(pair.a.stack->neighbors().counters().expired, 1u);
}

TEST_F(AncestorFailuresTest, UnsolicitedArpRepliesChangeNothing) {
  config.neighbors.clear();
  start();
  in(arp(ArpOperation::kReply, 2, station(2)));
  in(arp(ArpOperation::kReply, 3, station(2), MacAddress::broadcast()));
  EXPECT_EQ(stack->neighbors().size(), 0u);
  EXPECT_EQ(stack->neighbors().counters().unsolicited, 2u);
  // Nor do they turn away what is known.
  in(arp(ArpOperation::kRequest, 2, station(2)));
  EXPECT_FALSE(out().empty());
  in(arp(ArpOperation::kReply, 2, station(66)));
  in(icmp_frame(IcmpV4Header(), {1}));
  bool was_answered = false;
  for (Octets octets = out(); !octets.empty(); octets = out()) {
    EXPECT_EQ(EthernetView::parse(octets)->destination(), station(2));
    was_answered = was_answered || EthernetView::parse(octets)->ether_type() == EtherType::kIPv4;
  }
  EXPECT_TRUE(was_answered);
}

TEST_F(AncestorFailuresTest, ASegmentWithAnUnknownOptionIsProcessed) {
  start();
  const SocketHandle listener = listening();
  const Octets unknown = {253, 6, 1, 2, 3, 4};
  in(from_peer(ip_packet(ip(IpProtocol::kTcp), tcp_with_raw_options(segment(TcpFlags::kSyn, 1000, 0), unknown))));
  iss = segment_out().sequence_number.value();
  in(from_peer(ip_packet(ip(IpProtocol::kTcp), tcp_with_raw_options(segment(TcpFlags::kAck, 1001, iss + 1), unknown, {1, 2, 3}))));
  Result<SocketHandle> socket = stack->tcp_accept(listener);
  ASSERT_TRUE(socket.ok());
  EXPECT_EQ(stack->tcp_receive(*socket, 100, now)->bytes(), 3u);
}

TEST_F(AncestorFailuresTest, APeerWithoutTimestampsWorks) {
  StackPair pair(1, [](StackConfig& changed) { changed.tcp.timestamps = changed.mac == station(1); });
  pair.impair(delayed(5));
  const Connected made = connect(pair);
  EXPECT_FALSE(pair.a.stack->tcp_connection(made.client)->info().timestamps);
  talk(pair, made, 100'000);
}

// 12.5 MB have to be under way.
TEST_F(AncestorFailuresTest, APathOf100MillisecondsAndAGigabitIsFilled) {
  StackPair pair(1);
  ImpairmentConfig link = delayed(50);
  link.rate_bits_per_second = 1'000'000'000;
  link.queue_bytes = 12'500'000;
  pair.impair(link);
  const Connected made = connect(pair);
  constexpr uint64_t kBytes = 40'000'000;
  Talker client(pair.a, made.client, kBytes), server(pair.b, made.server, 0);
  client.largest_write = 4'000'000;
  const Instant begun = pair.now;
  uint32_t largest_flight = 0;
  EXPECT_TRUE(pair.run_until([&] {
    client.act(pair.now);
    Result<SgArray> text = pair.b.stack->tcp_receive(made.server, UINT64_MAX, pair.now);
    if (text.ok()) server.received += text->bytes();
    largest_flight = std::max(largest_flight, pair.a.stack->tcp_connection(made.client)->info().in_flight);
    return server.received == kBytes;
  }));
  EXPECT_GE(largest_flight, 12'000'000u);
  // Slow start takes some 13 round trips, and the bytes themselves 0.33 s.
  EXPECT_LE((pair.now - begun).count_nanoseconds(), 2'400'000'000);
}

TEST_F(AncestorFailuresTest, SackBlocksAreGenerated) {
  start();
  const SocketHandle listener = listening();
  TcpHeader syn = segment(TcpFlags::kSyn, 1000, 0);
  syn.options.sack_permitted = true;
  in(tcp_frame(syn));
  iss = segment_out().sequence_number.value();
  in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 1)));
  ASSERT_TRUE(stack->tcp_accept(listener).ok());
  in(tcp_frame(segment(TcpFlags::kAck, 1101, iss + 1), Octets(100)));
  const TcpHeader ack = segment_out();
  ASSERT_EQ(ack.options.sack_block_count, 1u);
  EXPECT_EQ(ack.options.sack_blocks[0], (SackBlock{SeqNumber(1101), SeqNumber(1201)}));
}

TEST_F(AncestorFailuresTest, SackBlocksAreUsed) {
  start();
  const SocketHandle listener = listening();
  TcpHeader syn = segment(TcpFlags::kSyn, 1000, 0);
  syn.options.sack_permitted = true;
  syn.options.maximum_segment_size = 100;
  in(tcp_frame(syn));
  iss = segment_out().sequence_number.value();
  in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 1)));
  const SocketHandle socket = *stack->tcp_accept(listener);
  SgArray text = bytes(1000);
  ASSERT_TRUE(stack->tcp_send(socket, text, now).ok());
  while (!out().empty()) {
  }
  // Of ten segments the first and the fifth are missing; they alone are sent again, without waiting for the timer.
  TcpHeader ack = segment(TcpFlags::kAck, 1001, iss + 1);
  ack.options.sack_blocks[0] = {SeqNumber(iss + 1 + 500), SeqNumber(iss + 1 + 1000)};
  ack.options.sack_blocks[1] = {SeqNumber(iss + 1 + 100), SeqNumber(iss + 1 + 400)};
  ack.options.sack_block_count = 2;
  in(tcp_frame(ack));
  std::vector<uint32_t> again;
  for (TcpHeader header = segment_out(); header.flags.bits != 0; header = segment_out()) again.push_back(header.sequence_number.value() - iss);
  EXPECT_EQ(again, (std::vector<uint32_t>{1, 401}));
}

TEST_F(AncestorFailuresTest, ConnectIsRefusedByAReset) {
  StackPair pair(1);
  const SocketHandle client = *pair.a.stack->tcp_connect({kAny, 0}, {host(2), 81}, pair.now);
  ASSERT_TRUE(pair.run_until([&] { return pair.a.saw(client, SocketEventKind::kClosed); }));
  EXPECT_EQ(pair.a.stack->tcp_connection(client)->error(), Errno::kECONNREFUSED);
  EXPECT_LT((pair.now - Instant()).count_nanoseconds(), 1'000'000'000) << "not only when a timer was up";
}

TEST_F(AncestorFailuresTest, TheNameOfAnAcceptedSocketIsTheLocalSide) {
  StackPair pair(1);
  const Connected made = connect(pair);
  EXPECT_EQ(*pair.b.stack->local_endpoint(made.server), (InetEndpoint{host(2), 80}));
  EXPECT_EQ(*pair.b.stack->remote_endpoint(made.server), *pair.a.stack->local_endpoint(made.client));
}

TEST_F(AncestorFailuresTest, AResetNeverAnswersAReset) {
  start();
  listening();
  for (const uint16_t port : {kPort, uint16_t{81}}) {
    for (const uint16_t with : {0, +TcpFlags::kAck, +TcpFlags::kSyn, +TcpFlags::kFin}) {
      in(tcp_frame(segment(static_cast<uint16_t>(TcpFlags::kRst | with), 1000, 5, port)));
      EXPECT_TRUE(out().empty()) << port << " " << with;
    }
  }
}

TEST_F(AncestorFailuresTest, AnOptionOfLengthZeroEndsTheParse) {
  start();
  const SocketHandle listener = listening();
  // An MSS that counts, an option of length 0, and an MSS that does not.
  const Octets options = {2, 4, 1, 0, 253, 0, 2, 4, 9, 9};
  in(from_peer(ip_packet(ip(IpProtocol::kTcp), tcp_with_raw_options(segment(TcpFlags::kSyn, 1000, 0), options))));
  iss = segment_out().sequence_number.value();
  in(tcp_frame(segment(TcpFlags::kAck, 1001, iss + 1)));
  Result<SocketHandle> socket = stack->tcp_accept(listener);
  ASSERT_TRUE(socket.ok());
  EXPECT_EQ(connection(*socket).info().mss, 256u);
}

}  // namespace
}  // namespace demi
