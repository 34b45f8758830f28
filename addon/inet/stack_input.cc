// What a stack does with the frames that come. Read stack.h first.
//
// A burst goes in steps. First all frames are looked at: is it for us, well-formed, of which connection? Meanwhile the memory of those is on its
// way. Then one after the other is processed. What the first look finds wrong is counted and not seen again.
#include <algorithm>
#include <utility>

#include "inet/stack.h"
#include "wire/ethernet.h"
#include "wire/icmpv4.h"

namespace demi {

void Stack::handle_frames(std::span<Frame> frames, Instant now) {
  now_ = now;
  look_at_memory();
  while (!frames.empty()) {
    const size_t count = std::min(frames.size(), kInputBurst);
    counters_.frames_in += count;
    handle_burst(frames.first(count), false, now);
    frames = frames.subspan(count);
  }
}

void Stack::handle_burst(std::span<Frame> frames, bool from_ourselves, Instant now) {
  for (size_t i = 0; i < frames.size(); ++i) {
    arrivals_[i].kind = ArrivalKind::kNothing;
    look_at(frames[i], from_ourselves, arrivals_[i]);
    if (arrivals_[i].kind == ArrivalKind::kTcp) connections_.prefetch_bucket(arrivals_[i].hash);
  }
  for (size_t i = 0; i < frames.size(); ++i) {
    if (arrivals_[i].kind == ArrivalKind::kTcp) connections_.prefetch_connection(arrivals_[i].hash);
  }
  if (connections_.size() > kConnectionsInCache) prefetch_behind_connections(frames.size());
  for (size_t i = 0; i < frames.size(); ++i) {
    process(arrivals_[i], frames[i], now);
    frames[i].clear();
  }
}

// What the connections of a burst refer to, one step for all of them after the other.
void Stack::prefetch_behind_connections(size_t count) {
  const auto for_each = [&](auto&& prefetch) {
    for (size_t i = 0; i < count; ++i) {
      if (arrivals_[i].kind != ArrivalKind::kTcp) continue;
      if (const Connection* connection = connections_.first_in_bucket(arrivals_[i].hash)) prefetch(*connection);
    }
  };
  for_each([this](const Connection& connection) {
    sockets_.prefetch(connection.socket);
    connection.sender().prefetch_flight();
    connection.prefetch_work();
  });
  for_each([](const Connection& connection) { connection.sender().prefetch_text(); });
  for_each([](const Connection& connection) { connection.sender().prefetch_buffer(); });
}

// --- the first look ---

void Stack::look_at(const Frame& frame, bool from_ourselves, Arrival& arrival) {
  const Parsed<EthernetView> ethernet = EthernetView::parse(frame.head_bytes());
  if (!ethernet) {
    ++counters_.frame_malformed;
    return;
  }
  const MacAddress to = ethernet->destination();
  // What a switch floods is for somebody else (RFC 1122 2.2 has nothing to say; hosts have always done so).
  if (!to.is_group() && !(to == config_.mac)) {
    ++counters_.frame_foreign;
    return;
  }
  if (to.is_group() && !to.is_broadcast()) {
    ++counters_.frame_group_unwanted;
    return;
  }
  // A frame of a VLAN is not for who is on none; priority tags say VLAN 0 (IEEE 802.1Q 9.6).
  if (ethernet->is_tagged() && ethernet->header().vlan() != 0) {
    ++counters_.frame_tagged;
    return;
  }
  switch (ethernet->ether_type()) {
    case EtherType::kIPv4:
      look_at_ipv4(ethernet->payload(), to.is_group(), from_ourselves, arrival);
      return;
    case EtherType::kArp:
      arrival.kind = ArrivalKind::kArp;
      arrival.arp = ethernet->payload();
      return;
    case EtherType::kIPv6:
    case EtherType::kVlanTag:
      break;
  }
  ++counters_.frame_unknown_type;
}

// RFC 1122 3.2.1.3: what no host sends from. And nothing comes from the link that says it came from us: it is an echo, or a lie (LAND).
bool Stack::is_acceptable_source(const IpAddress& source, bool from_ourselves) const {
  if (from_ourselves) return true;
  return source.is_unicast() && !source.is_loopback() && !is_local(source) && !routes_.is_broadcast(source) && !routes_.is_network(source);
}

// Whether a packet between these two may be for us; what is not is counted.
bool Stack::check_addresses(IpPacket& ip, bool to_link_group, bool from_ourselves) {
  if (!is_acceptable_source(ip.source, from_ourselves)) {
    ++counters_.ip_bad_source;
    return false;
  }
  // A loopback address outside of a host is a lie (RFC 1122 3.2.1.3 g).
  const bool is_for_us = routes_.is_ours(ip.destination) || (from_ourselves && ip.destination.is_loopback());
  ip.to_group = !is_for_us && routes_.is_broadcast(ip.destination);
  if (!is_for_us && !ip.to_group) {
    ++counters_.ip_foreign;
    return false;
  }
  // RFC 1122 3.3.6: a frame for all with a packet for one is somebody's mistake.
  if (to_link_group && !ip.to_group) {
    ++counters_.ip_group_unwanted;
    return false;
  }
  return true;
}

void Stack::look_at_ipv4(Bytes bytes, bool to_link_group, bool from_ourselves, Arrival& arrival) {
  const Parsed<Ipv4View> ip = Ipv4View::parse(bytes);
  if (!ip) {
    ++counters_.ip_malformed;
    return;
  }
  if (!ip->checksum_is_valid()) {
    ++counters_.ip_bad_checksum;
    return;
  }
  // The time to live is for routers: RFC 1122 3.2.1.7 forbids a host to drop what has reached it.
  arrival.ip = {ip->source(), ip->destination(), ip->protocol(), ip->packet(), ip->payload(), false};
  if (ip->protocol() == IpProtocol::kTcp && !ip->is_fragment() && !to_link_group && look_at_tcp(from_ourselves, arrival)) return;
  if (!check_addresses(arrival.ip, to_link_group, from_ourselves)) return;
  if (ip->is_fragment()) {
    ++counters_.ip_fragment;
    return;
  }
  if (ip->protocol() == IpProtocol::kTcp) {
    ++counters_.tcp_malformed;
    return;
  }
  arrival.kind = ArrivalKind::kIp;
}

// Whether it is well-formed. Its addresses are not looked at yet: those of a connection are good.
bool Stack::look_at_tcp(bool from_ourselves, Arrival& arrival) {
  arrival.segment = TcpView::parse(arrival.ip.payload);
  if (!arrival.segment || arrival.segment->source_port() == 0 || arrival.segment->destination_port() == 0) return false;
  arrival.kind = ArrivalKind::kTcp;
  arrival.is_from_ourselves = from_ourselves;
  arrival.tuple = {arrival.ip.destination, arrival.ip.source, arrival.segment->destination_port(), arrival.segment->source_port()};
  arrival.hash = connections_.hash(arrival.tuple);
  return true;
}

// --- one after the other ---

void Stack::process(Arrival& arrival, Frame& frame, Instant now) {
  switch (arrival.kind) {
    case ArrivalKind::kNothing:
      return;
    case ArrivalKind::kArp:
      process_arp(arrival.arp, now);
      return;
    case ArrivalKind::kTcp:
      process_tcp(arrival, frame, now);
      return;
    case ArrivalKind::kIp:
      break;
  }
  if (arrival.ip.protocol == IpProtocol::kUdp) {
    process_udp(arrival.ip, frame, now);
  } else if (arrival.ip.protocol == IpProtocol::kIcmpV4) {
    process_icmp(arrival.ip, frame, now);
  } else {
    ++counters_.ip_unknown_protocol;
    send_icmp_error(arrival.ip, frame, IcmpV4Unreachable::kProtocol, now);  // RFC 1122 3.2.2.1
  }
}

// A part of a frame that was received, without a copy. The frame's head stays where it is.
SgArray Stack::part_of(Frame& frame, Bytes part) {
  SgArray array = memory_.make_array();
  array.append_segment(frame.head, static_cast<uint32_t>(part.data() - frame.head->room), static_cast<uint32_t>(part.size()));
  return array;
}

void Stack::process_arp(Bytes packet, Instant now) {
  const Parsed<ArpHeader> arp = ArpHeader::parse(packet);
  if (!arp) {
    ++counters_.arp_malformed;
    return;
  }
  if (!arp->sender_mac.is_unicast()) {
    ++counters_.arp_bad_sender;
    return;
  }
  // Our own, come back.
  if (arp->sender_mac == config_.mac) return;
  const bool for_us = routes_.is_ours(arp->target_ip);
  if (routes_.is_ours(arp->sender_ip)) {
    claims_.handle_conflict(arp->sender_ip, now);
    return;
  }
  if (!arp->is_probe()) {
    // Who is on no link of ours is nobody's neighbor, whatever he says.
    if (!routes_.is_on_link(arp->sender_ip) || !arp->sender_ip.is_unicast() || routes_.is_broadcast(arp->sender_ip)) {
      ++counters_.arp_bad_sender;
      return;
    }
    if (arp->operation == ArpOperation::kRequest) {
      neighbors_.handle_request(arp->sender_ip, arp->sender_mac, for_us, now);
    } else if (arp->operation == ArpOperation::kReply) {
      neighbors_.handle_reply(arp->sender_ip, arp->sender_mac, now);
    }
  }
  if (arp->operation != ArpOperation::kRequest || !for_us) return;
  if (ready_.size() >= kTransmitQueueFrames) {
    ++counters_.out_queue_full;
    return;
  }
  // RFC 826, Packet Reception: the fields are swapped, and it goes back to who has asked.
  Frame reply = make_arp({ArpOperation::kReply, config_.mac, arp->target_ip, arp->sender_mac, arp->sender_ip}, arp->sender_mac);
  if (!reply.empty()) ready_.push_back(std::move(reply));
}

// --- ICMP ---

void Stack::process_icmp(const IpPacket& ip, Frame& frame, Instant now) {
  const Parsed<IcmpV4View> message = IcmpV4View::parse(ip.payload);
  if (!message) {
    ++counters_.icmp_malformed;
    return;
  }
  if (frame.verdict != ChecksumVerdict::kGood && !message->checksum_is_valid()) {
    ++counters_.icmp_bad_checksum;
    return;
  }
  if (message->header().type == IcmpV4Type::kEchoRequest) {
    process_echo(ip, *message, frame, now);
  } else if (message->header().is_error()) {
    process_icmp_error(*message);
  } else {
    ++counters_.icmp_unknown;
  }
}

// RFC 1122 3.2.2.6: with the same data, or as much of it as fits, since nothing is fragmented here. Not to requests for all, which make a crowd
// answer.
void Stack::process_echo(const IpPacket& ip, const IcmpV4View& request, Frame& frame, Instant now) {
  if (ip.to_group) {
    ++counters_.ip_group_unwanted;
    return;
  }
  if (!icmp_limit_.take(now)) {
    ++counters_.icmp_rate_limited;
    return;
  }
  IcmpV4Header reply = request.header();
  reply.type = IcmpV4Type::kEchoReply;
  const size_t link_limit = config_.mtu_bytes - Ipv4Header::kBytes - IcmpV4Header::kBytes;
  const Bytes data = request.data().first(std::min(request.data().size(), link_limit));
  Checksum sum;
  sum.add(data);
  Frame out = make_packet(ip.destination, ip.source, IpProtocol::kIcmpV4, IcmpV4Header::kBytes, part_of(frame, data), false);
  if (out.empty()) return;
  reply.emit(out.writable_head().last(IcmpV4Header::kBytes), sum);
  ++counters_.icmp_echo_replies;
  send_later(std::move(out), ip.source, now);
}

// RFC 5927 4: whoever sends an error can lie. It must be about something that we have sent, and what ends a connection must be about a
// segment in flight: the connection looks at that.
void Stack::process_icmp_error(const IcmpV4View& message) {
  const Parsed<QuotedDatagram> quoted = QuotedDatagram::parse_ipv4(message.data());
  if (!quoted || !is_local(quoted->source)) {
    ++counters_.icmp_ignored;
    return;
  }
  const IcmpV4Header header = message.header();
  if (const std::optional<IcmpErrorMeaning> meaning = meaning_of(header)) {
    if (!tell_sender(*quoted, *meaning)) ++counters_.icmp_ignored;
    return;
  }
  Connection* connection = nullptr;
  if (quoted->protocol == IpProtocol::kTcp) {
    connection = connections_.find({quoted->source, quoted->destination, quoted->source_port, quoted->destination_port});
  }
  if (!header.is_fragmentation_needed() || connection == nullptr) {
    ++counters_.icmp_ignored;
    return;
  }
  // RFC 1191 3. A router from before it says 0; the least that we go down to is an answer to that, too.
  constexpr uint32_t kHeaders = Ipv4Header::kBytes + TcpHeader::kBytesMin;
  connection->handle_path_mss(header.next_hop_mtu > kHeaders ? header.next_hop_mtu - kHeaders : 0, quoted->sequence_number);
  touch_connection(*connection);
}

// What was sent does not arrive. False if nobody of ours has sent it.
bool Stack::tell_sender(const QuotedDatagram& quoted, const IcmpErrorMeaning& meaning) {
  if (quoted.protocol == IpProtocol::kUdp) return tell_udp_sender(quoted, meaning.error);
  Connection* connection = nullptr;
  if (quoted.protocol == IpProtocol::kTcp) {
    connection = connections_.find({quoted.source, quoted.destination, quoted.source_port, quoted.destination_port});
  }
  if (connection == nullptr) return false;
  connection->handle_icmp_error(meaning.kind, meaning.error, quoted.sequence_number);
  touch_connection(*connection);
  return true;
}

bool Stack::tell_udp_sender(const QuotedDatagram& quoted, Errno error) {
  const InetEndpoint remote{quoted.destination, quoted.destination_port};
  for (UdpSocket* socket = udp_sockets_.first(quoted.source_port); socket != nullptr; socket = udp_sockets_.next(*socket)) {
    if (!socket->is_connected() || socket->match(quoted.source, remote) == 0 || !socket->fail(error)) continue;
    sockets_.raise(socket->handle, SocketEventKind::kReadable);
    sockets_.raise(socket->handle, SocketEventKind::kWritable);
    return true;
  }
  return false;
}

// --- UDP ---

void Stack::process_udp(const IpPacket& ip, Frame& frame, Instant now) {
  const Parsed<UdpView> udp = UdpView::parse(ip.payload);
  if (!udp || udp->destination_port() == 0) {
    ++counters_.udp_malformed;
    return;
  }
  const bool is_bad = frame.verdict == ChecksumVerdict::kBad ||
                      (frame.verdict == ChecksumVerdict::kUnknown && !udp->checksum_is_valid(ip.source, ip.destination));
  if (is_bad) {
    ++counters_.udp_bad_checksum;
    return;
  }
  const InetEndpoint from{ip.source, udp->source_port()};
  UdpSocket* best = nullptr;
  int best_match = 0;
  for (UdpSocket* socket = udp_sockets_.first(udp->destination_port()); socket != nullptr; socket = udp_sockets_.next(*socket)) {
    const int match = socket->match(ip.destination, from);
    if (match <= best_match) continue;
    best = socket;
    best_match = match;
  }
  if (best == nullptr) {
    ++counters_.udp_without_socket;
    send_icmp_error(ip, frame, IcmpV4Unreachable::kPort, now);  // RFC 1122 4.1.3.1
    return;
  }
  if (!best->deliver({part_of(frame, udp->payload()), from, ip.destination})) {
    ++counters_.udp_queue_full;
    return;
  }
  ++counters_.udp_in;
  sockets_.raise(best->handle, SocketEventKind::kReadable);
}

// --- TCP ---

Stack::Listener* Stack::find_listener(const InetEndpoint& local) const {
  Listener* of_all = nullptr;
  for (Listener* listener = listeners_.first(local.port); listener != nullptr; listener = listeners_.next(*listener)) {
    if (listener->endpoint.address == local.address) return listener;
    if (listener->endpoint.address.is_unspecified() && listener->endpoint.address.family == local.address.family) of_all = listener;
  }
  return of_all;
}

void Stack::process_tcp(Arrival& arrival, Frame& frame, Instant now) {
  const TcpView& segment = *arrival.segment;
  Connection* connection = connections_.find(arrival.tuple, arrival.hash);
  // Addresses that a connection has were looked at when it was opened. Only that it comes from where its host is remains to be seen.
  if (connection == nullptr || connection->is_local != arrival.is_from_ourselves) {
    if (!check_addresses(arrival.ip, false, arrival.is_from_ourselves)) return;
    // RFC 9293 3.9.2 (MUST-57): nothing but one host speaks TCP.
    if (arrival.ip.to_group) {
      ++counters_.tcp_malformed;
      return;
    }
  }
  const bool is_bad = frame.verdict == ChecksumVerdict::kBad ||
                      (frame.verdict == ChecksumVerdict::kUnknown && !segment.checksum_is_valid(arrival.ip.source, arrival.ip.destination));
  if (is_bad) {
    ++counters_.tcp_bad_checksum;
    return;
  }
  const TcpHeader header = segment.header();
  const TcpTuple& tuple = arrival.tuple;
  SgArray text = part_of(frame, segment.text());
  SynContext context;
  Listener* listener = nullptr;
  if (connection != nullptr) {
    // RFC 9293 3.6.1 and RFC 6191: a new connection may take the place of one in TIME-WAIT, if somebody is there to have it.
    if (connection->state() == TcpState::kTimeWait && connection->yields_to(header)) listener = find_listener({tuple.local_address, tuple.local_port});
    if (listener != nullptr && !listener->tcp.would_take_syn(header)) listener = nullptr;
    if (listener == nullptr) {
      const SeqNumber una = connection->sender().una();
      connection->handle_segment(header, std::move(text), now);
      if (connection->sender().una() != una && !connection->is_local) confirm_neighbor(tuple.remote_address, now);
      touch_connection(*connection);
      return;
    }
    ++counters_.tcp_time_wait_reused;
    context.previous_end = connection->sent_end();
    retire(*connection);
  } else {
    listener = find_listener({tuple.local_address, tuple.local_port});
  }
  if (listener == nullptr) {
    ++counters_.tcp_without_connection;
    send_reset(tuple, header, segment.segment_length(), now);
    return;
  }
  context.entropy = draw();
  context.path_mss = path_mss(tuple.remote_address.family, listener->mss_max);
  switch (listener->tcp.handle_segment(tuple, header, text, context, now)) {
    case TcpListener::Verdict::kNothing:
      touch_listener(*listener);
      return;
    case TcpListener::Verdict::kReset:
      send_reset(tuple, header, segment.segment_length(), now);
      return;
    case TcpListener::Verdict::kEstablished:
      open_passively(*listener, tuple, header, std::move(text), now);
      return;
  }
}

// RFC 4861 7.3.1: what we have sent has arrived, so the neighbor that it went by is there. Said once in a while for each host: a segment should not
// cost a look at routes and neighbors, however many connections there are.
void Stack::confirm_neighbor(const IpAddress& remote, Instant now) {
  const uint32_t mixed = (remote.words[0] ^ remote.words[1] ^ remote.words[2] ^ remote.words[3]) * 0x9e3779b1u;
  Confirmation& last = confirmations_[(mixed >> 16) % confirmations_.size()];
  if (last.remote == remote && now - last.at < config_.neighbor.reachable / 8) return;
  last = {remote, now};
  if (const std::optional<NextHop> hop = routes_.find(remote)) neighbors_.confirm(hop->address, now);
}

void Stack::open_passively(Listener& listener, const TcpTuple& tuple, const TcpHeader& header, SgArray text, Instant now) {
  TcpListener::Opened opened = listener.tcp.take();
  touch_listener(listener);
  if (connection_pool_.live() >= config_.connections_max) {
    ++counters_.tcp_connections_full;
    send_reset(tuple, header, static_cast<uint32_t>(text.bytes()) + header.flags.fin(), now);
    return;
  }
  Connection& connection = make_connection(opened.open, tuple);
  connection.awaits_accept = true;
  connection.resume(opened.peer, std::move(opened.text), opened.transmissions, opened.answered, now);
  connection.handle_segment(header, std::move(text), now);
  listener.tcp.enqueue(connection);
  sockets_.raise(listener.socket, SocketEventKind::kAcceptable);
  touch_connection(connection);
}

}  // namespace demi
