// StackTest: one stack at 10.0.0.1, a peer at 10.0.0.2 that is a list of literal frames, and a clock that is told.
//
// The peer is a static neighbor, so that no test but those of ARP sees ARP.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "inet/stack.h"
#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/icmpv4.h"

namespace demi {

using Octets = std::vector<uint8_t>;

constexpr MacAddress station(uint8_t number) { return {{0x02, 0, 0, 0, 0, number}}; }
constexpr IpAddress host(uint8_t number) { return IpAddress::ipv4(10, 0, 0, number); }
constexpr Instant at_ms(int64_t milliseconds) { return Instant() + Duration::milliseconds(milliseconds); }

inline const IpAddress kAny = IpAddress::unspecified(Family::kIPv4);

inline StackConfig stack_config(uint8_t number) {
  StackConfig config;
  config.mac = station(number);
  config.addresses = {Cidr(host(number), 24)};
  config.secret = {0x1234'5678 + uint64_t{number}, 0x9abc'def0};
  config.claims.announcements = 0;
  return config;
}

inline Octets ethernet_frame(const MacAddress& to, const MacAddress& from, EtherType type, const Octets& payload) {
  Octets octets(EthernetView::kBytes);
  EthernetHeader{to, from, type, false, 0}.emit(octets);
  octets.insert(octets.end(), payload.begin(), payload.end());
  return octets;
}

inline Octets ip_packet(Ipv4Header header, const Octets& payload) {
  Octets octets(Ipv4Header::kBytes);
  header.payload_bytes = static_cast<uint16_t>(payload.size());
  header.emit(octets);
  octets.insert(octets.end(), payload.begin(), payload.end());
  return octets;
}

inline Octets icmp_message(const IcmpV4Header& header, const Octets& data) {
  Checksum sum;
  sum.add(data);
  Octets octets(IcmpV4Header::kBytes);
  header.emit(octets, sum);
  octets.insert(octets.end(), data.begin(), data.end());
  return octets;
}

inline Frame frame_in(Memory& memory, const Octets& octets) {
  BufferRef room = memory.allocate_room(octets.size());
  const uint32_t first = room->headroom;
  Frame frame(std::move(room), first, static_cast<uint32_t>(octets.size()));
  std::copy(octets.begin(), octets.end(), frame.writable_head().begin());
  return frame;
}

class StackTest : public ::testing::Test {
 protected:
  static constexpr uint16_t kPort = 80;
  static constexpr uint16_t kPeerPort = 5000;

  StackTest() {
    config.neighbors = {{host(2), station(2)}};
  }
  ~StackTest() override {
    stack.reset();
    EXPECT_EQ(memory.buffers_outstanding(), 0u);
    EXPECT_EQ(memory.segments().live(), 0u);
  }
  void start() { stack = std::make_unique<Stack>(config, memory, now); }

  // --- what comes in ---

  Frame frame_of(const Octets& octets) { return frame_in(memory, octets); }
  void in(const Octets& octets, ChecksumVerdict verdict = ChecksumVerdict::kUnknown) {
    Frame frame = frame_of(octets);
    frame.verdict = verdict;
    stack->handle_frames({&frame, 1}, now);
    EXPECT_TRUE(frame.empty());
  }
  static Ipv4Header ip(IpProtocol protocol) {
    Ipv4Header header;
    header.protocol = protocol;
    header.source = host(2);
    header.destination = host(1);
    return header;
  }
  static Octets from_peer(const Octets& packet) { return ethernet_frame(station(1), station(2), EtherType::kIPv4, packet); }

  static Octets udp(const Octets& payload, uint16_t to = kPort, const IpAddress& source = host(2), const IpAddress& destination = host(1)) {
    const UdpHeader header{kPeerPort, to, static_cast<uint16_t>(payload.size())};
    Checksum rest = Checksum::pseudo_header(source, destination, IpProtocol::kUdp, static_cast<uint32_t>(UdpHeader::kBytes + payload.size()));
    rest.add(payload);
    Octets octets(UdpHeader::kBytes);
    header.emit(octets, rest);
    octets.insert(octets.end(), payload.begin(), payload.end());
    return octets;
  }
  static Octets udp_frame(const Octets& payload, uint16_t to = kPort) { return from_peer(ip_packet(ip(IpProtocol::kUdp), udp(payload, to))); }

  static Octets tcp(const TcpHeader& header, const Octets& text = {}) {
    Checksum rest = Checksum::pseudo_header(host(2), host(1), IpProtocol::kTcp, static_cast<uint32_t>(header.bytes() + text.size()));
    rest.add(text);
    Octets octets(header.bytes());
    header.emit(octets, rest);
    octets.insert(octets.end(), text.begin(), text.end());
    return octets;
  }
  static TcpHeader segment(uint16_t flags, uint32_t seq, uint32_t ack, uint16_t to = kPort) {
    TcpHeader header;
    header.source_port = kPeerPort;
    header.destination_port = to;
    header.sequence_number = SeqNumber(seq);
    header.acknowledgment_number = SeqNumber(ack);
    header.flags.bits = flags;
    header.window = 60'000;
    return header;
  }
  static Octets tcp_frame(const TcpHeader& header, const Octets& text = {}) { return from_peer(ip_packet(ip(IpProtocol::kTcp), tcp(header, text))); }

  static Octets icmp(const IcmpV4Header& header, const Octets& data) { return icmp_message(header, data); }
  static Octets icmp_frame(const IcmpV4Header& header, const Octets& data) { return from_peer(ip_packet(ip(IpProtocol::kIcmpV4), icmp(header, data))); }

  // --- what goes out ---

  // The next frame; empty if there is none.
  Octets out() {
    Frame frame = stack->poll_transmit(now);
    Octets octets(frame.bytes());
    frame.copy_out(octets);
    return octets;
  }
  // The next frame, which must be a packet to the peer with good checksums; only its IP packet.
  Octets packet_out() {
    const Octets octets = out();
    if (octets.empty()) return {};
    const Parsed<EthernetView> ethernet = EthernetView::parse(octets);
    EXPECT_TRUE(ethernet.ok() && ethernet->ether_type() == EtherType::kIPv4);
    EXPECT_EQ(ethernet->source(), station(1));
    EXPECT_EQ(ethernet->destination(), station(2));
    const Octets packet(octets.begin() + EthernetView::kBytes, octets.end());
    const Parsed<Ipv4View> ip = Ipv4View::parse(packet);
    EXPECT_TRUE(ip.ok() && ip->checksum_is_valid());
    EXPECT_EQ(ip->packet().size(), packet.size());
    return packet;
  }
  // The same of TCP: its header. Flags 0 when there is none.
  TcpHeader segment_out() {
    const Octets packet = packet_out();
    if (packet.empty()) return TcpHeader();
    const Ipv4View ip = *Ipv4View::parse(packet);
    EXPECT_EQ(ip.protocol(), IpProtocol::kTcp);
    EXPECT_TRUE(ip.dont_fragment());
    const Parsed<TcpView> view = TcpView::parse(ip.payload());
    EXPECT_TRUE(view.ok() && view->checksum_is_valid(ip.source(), ip.destination()));
    return view->header();
  }
  std::vector<SocketEvent> events() {
    std::vector<SocketEvent> all;
    for (SocketEvent event; stack->poll_event(event);) all.push_back(event);
    return all;
  }
  bool has_event(SocketHandle socket, SocketEventKind kind) {
    bool found = false;
    for (const SocketEvent& event : events()) found = found || event == SocketEvent{socket, kind};
    return found;
  }
  // Goes on to a time, with every timer on the way; what is sent meanwhile is dropped.
  void at(int64_t milliseconds) {
    for (;;) {
      while (!out().empty()) {
      }
      const Instant due = stack->poll_timeout();
      if (due > at_ms(milliseconds)) break;
      now = std::max(now, due);
      stack->handle_timeout(now);
    }
    now = at_ms(milliseconds);
  }

  SgArray bytes(size_t count) {
    SgArray array = memory.make_array();
    const Octets octets(count, 0x5a);
    EXPECT_TRUE(count == 0 || memory.copy_whole(octets, array));
    return array;
  }

  // --- usual beginnings ---

  // A listener at kPort, and a connection that the peer has opened: its handle. The peer's numbers begin with 1000.
  SocketHandle listening() {
    Result<SocketHandle> listener = stack->tcp_listen({IpAddress::unspecified(Family::kIPv4), kPort}, 8);
    EXPECT_TRUE(listener.ok());
    return *listener;
  }
  SocketHandle accepted(SocketHandle listener, uint32_t irs = 1000) {
    in(tcp_frame(segment(TcpFlags::kSyn, irs, 0)));
    const TcpHeader syn_ack = segment_out();
    EXPECT_TRUE(syn_ack.flags.has_all(TcpFlags::kSyn | TcpFlags::kAck));
    iss = syn_ack.sequence_number.value();
    in(tcp_frame(segment(TcpFlags::kAck, irs + 1, iss + 1)));
    Result<SocketHandle> accepted = stack->tcp_accept(listener);
    EXPECT_TRUE(accepted.ok());
    while (!out().empty()) {
    }
    return *accepted;
  }

  // The same from another port, as far as it goes without somebody who accepts.
  void open_from(uint16_t peer_port) {
    TcpHeader syn = segment(TcpFlags::kSyn, 1000, 0);
    syn.source_port = peer_port;
    in(tcp_frame(syn));
    TcpHeader ack = segment(TcpFlags::kAck, 1001, segment_out().sequence_number.value() + 1);
    ack.source_port = peer_port;
    in(tcp_frame(ack));
  }

  StackConfig config = stack_config(1);
  Memory memory;
  Instant now = at_ms(1000);
  std::unique_ptr<Stack> stack;
  uint32_t iss = 0;  // of the connection that was opened last
};

}  // namespace demi
