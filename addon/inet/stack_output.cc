// What a stack sends: how packets are made, which way they go, and who is asked for the next one. Read stack.h first.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "inet/stack.h"
#include "inet/tcp/reset.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/icmpv4.h"

namespace demi {

namespace {
constexpr size_t kHeadersBeforeUpper = EthernetView::kBytes + Ipv4Header::kBytes;

// The destination of a frame that was made without one.
void address_to(Frame& frame, const MacAddress& to) { to.store(frame.writable_head().data()); }

void add_payload(Checksum& checksum, const SgArray& payload) {
  for (const Segment& segment : payload) checksum.add({segment.data(), segment.length});
}
}  // namespace

// --- packets ---

// Everything but the header of the upper layer, which is the last `header_bytes` of the head, and the neighbor that it goes to. Empty when there is no
// memory for the head.
Frame Stack::make_packet(const IpAddress& source, const IpAddress& destination, IpProtocol protocol, size_t header_bytes, SgArray&& payload,
                         bool dont_fragment) {
  const size_t head_bytes = kHeadersBeforeUpper + header_bytes;
  BufferRef room = memory_.allocate_room(head_bytes);
  if (!room) {
    ++counters_.out_without_memory;
    return Frame();
  }
  const uint32_t first = room->headroom;
  Frame frame(std::move(room), first, static_cast<uint32_t>(head_bytes));
  EthernetHeader{config_.mac, config_.mac, EtherType::kIPv4, false, 0}.emit(frame.writable_head());
  Ipv4Header ip;
  ip.dont_fragment = dont_fragment;
  // RFC 6864 4.1: what is never fragmented needs no number, and a zero tells nobody how much we send.
  ip.identification = dont_fragment ? 0 : identification_++;
  ip.time_to_live = config_.time_to_live;
  ip.protocol = protocol;
  ip.source = source;
  ip.destination = destination;
  ip.payload_bytes = static_cast<uint16_t>(header_bytes + payload.bytes());
  ip.emit(frame.writable_head().subspan(EthernetView::kBytes));
  frame.payload = std::move(payload);
  return frame;
}

// As make_packet(), and the segment in it, which the device is to cut into such of `cut_bytes` of text unless that is 0; `out` is empty. False when there is
// no memory for the head.
bool Stack::make_segment(const TcpTuple& tuple, const TcpHeader& header, SgArray&& text, Frame& out, uint32_t cut_bytes) {
  const size_t header_bytes = header.bytes();
  const auto segment_bytes = static_cast<uint32_t>(header_bytes + text.bytes());
  BufferRef room = memory_.allocate_room(kHeadersBeforeUpper + header_bytes);
  if (!room) {
    ++counters_.out_without_memory;
    text.clear();
    return false;
  }
  out.offset = room->headroom;
  out.length = static_cast<uint32_t>(kHeadersBeforeUpper + header_bytes);
  out.head = std::move(room);
  const MutableBytes head = out.writable_head();
  EthernetHeader{config_.mac, config_.mac, EtherType::kIPv4, false, 0}.emit(head);
  segment_header_.emit(head.subspan(EthernetView::kBytes), tuple.local_address, tuple.remote_address, static_cast<uint16_t>(segment_bytes));
  const MutableBytes into = head.subspan(kHeadersBeforeUpper);
  Checksum rest = Checksum::pseudo_header(tuple.local_address, tuple.remote_address, IpProtocol::kTcp, segment_bytes);
  if (config_.finishes_checksums || cut_bytes > 0) {
    header.emit(into);
    store_be16(into.data() + TcpHeader::kChecksumOffset, rest.folded());
    out.checksum_start = kHeadersBeforeUpper;
    out.checksum_offset = TcpHeader::kChecksumOffset;
    out.segment_bytes = static_cast<uint16_t>(cut_bytes);
  } else {
    add_payload(rest, text);
    header.emit(into, rest);
  }
  out.payload = std::move(text);
  return true;
}

Frame Stack::make_arp(const ArpHeader& header, const MacAddress& to) {
  BufferRef room = memory_.allocate_room(EthernetView::kBytes + ArpHeader::kBytes);
  if (!room) {
    ++counters_.out_without_memory;
    return Frame();
  }
  const uint32_t first = room->headroom;
  Frame frame(std::move(room), first, EthernetView::kBytes + ArpHeader::kBytes);
  EthernetHeader{to, config_.mac, EtherType::kArp, false, 0}.emit(frame.writable_head());
  header.emit(frame.writable_head().subspan(EthernetView::kBytes));
  return frame;
}

// --- the way ---

// Whether the frame is complete and leaves now. Otherwise it has gone elsewhere: to ourselves, into the queue of a neighbor, or nowhere.
bool Stack::depart(Frame& frame, const IpAddress& destination, Instant now) {
  const std::optional<NextHop> hop = routes_.find(destination);
  if (!hop) {
    ++counters_.out_without_route;
    frame.clear();
    return false;
  }
  if (is_local(destination)) {
    loop_back(std::move(frame));
    return false;
  }
  if (routes_.is_broadcast(destination)) {
    address_to(frame, MacAddress::broadcast());
    return true;
  }
  if (destination.is_multicast()) {
    address_to(frame, destination.multicast_mac());
    return true;
  }
  if (const std::optional<MacAddress> mac = neighbors_.use(hop->address, now)) {
    address_to(frame, *mac);
    return true;
  }
  neighbors_.wait_for(hop->address, std::move(frame), now);
  return false;
}

void Stack::send_later(Frame frame, const IpAddress& destination, Instant now) {
  if (ready_.size() >= kTransmitQueueFrames) {
    ++counters_.out_queue_full;
    return;
  }
  if (depart(frame, destination, now)) ready_.push_back(std::move(frame));
}

// What goes to ourselves never sees a device. It is copied, as by a wire: what comes in belongs to nobody else, and lies in one piece.
void Stack::loop_back(Frame frame) {
  if (loopback_.size() >= kLoopbackQueueFrames) {
    ++counters_.loopback_queue_full;
    return;
  }
  Frame copy = frame.copied_into(memory_);
  if (copy.empty()) {
    ++counters_.out_without_memory;
    return;
  }
  copy.verdict = ChecksumVerdict::kGood;
  copy.checksum_start = copy.checksum_offset = copy.segment_bytes = 0;
  ++counters_.looped_back;
  loopback_.push_back(std::move(copy));
}

// --- answers ---

void Stack::send_reset(const TcpTuple& tuple, const TcpHeader& header, uint32_t length, Instant now) {
  const std::optional<TcpHeader> reset = reset_for(header, length);
  if (!reset) return;
  Frame frame;
  if (!make_segment(tuple, *reset, memory_.make_array(), frame)) return;
  ++counters_.tcp_resets_out;
  send_later(std::move(frame), tuple.remote_address, now);
}

void Stack::send_icmp_error(const IpPacket& ip, Frame& frame, IcmpV4Unreachable code, Instant now) {
  const Parsed<Ipv4View> packet = Ipv4View::parse(ip.packet);
  if (!packet || !may_cause_error(*packet, ip.to_group)) return;
  if (!icmp_limit_.take(now)) {
    ++counters_.icmp_rate_limited;
    return;
  }
  // As much as our link carries: an error is never fragmented.
  const size_t link_limit = config_.mtu_bytes - Ipv4Header::kBytes - IcmpV4Header::kBytes;
  const Bytes quoted = ip.packet.first(std::min({ip.packet.size(), kIcmpQuoteBytesMax, link_limit}));
  Checksum data;
  data.add(quoted);
  Frame out = make_packet(ip.destination, ip.source, IpProtocol::kIcmpV4, IcmpV4Header::kBytes, part_of(frame, quoted), false);
  if (out.empty()) return;
  IcmpV4Header header;
  header.type = IcmpV4Type::kDestinationUnreachable;
  header.code = static_cast<uint8_t>(code);
  header.emit(out.writable_head().last(IcmpV4Header::kBytes), data);
  ++counters_.icmp_errors_out;
  send_later(std::move(out), ip.source, now);
}

// --- the next frame ---

Frame Stack::poll_transmit(Instant now) {
  now_ = now;
  Frame frame;
  // What connections have just said may have to ask for a neighbor first: hence the second time.
  const bool found = poll_ready(frame) || poll_arp(frame, now) || poll_listeners(frame, now) || poll_connections(frame, now) || poll_arp(frame, now);
  if (found) ++counters_.frames_out;
  return frame;
}

bool Stack::poll_ready(Frame& out) {
  if (ready_.empty()) return false;
  out = ready_.pop_front();
  if (!udp_senders_.empty() && ready_.size() < kTransmitQueueFrames / 2) wake_udp_senders();
  return true;
}

bool Stack::poll_arp(Frame& out, Instant now) {
  if (!neighbors_.has_output() && claims_.poll_timeout() > now) [[likely]] return false;
  IpAddress own;
  if (claims_.poll_announcement(own, now)) {
    // RFC 5227 2.3: a request for our own address, which nobody answers.
    out = make_arp({ArpOperation::kRequest, config_.mac, own, MacAddress(), own}, MacAddress::broadcast());
    return !out.empty();
  }
  MacAddress to;
  if (neighbors_.poll_frame(out, to)) {
    address_to(out, to);
    return true;
  }
  NeighborRequest request;
  while (neighbors_.poll_request(request)) {
    const std::optional<NextHop> hop = routes_.find(request.target);
    if (!hop) continue;
    out = make_arp({ArpOperation::kRequest, config_.mac, hop->source, MacAddress(), request.target}, request.to);
    return !out.empty();
  }
  return false;
}

bool Stack::poll_listeners(Frame& out, Instant now) {
  while (Listener* listener = transmit_listeners_.front()) {
    TcpTuple tuple;
    while (listener->tcp.poll_transmit(outgoing_, tuple, now)) {
      if (make_segment(tuple, outgoing_.header, std::move(outgoing_.text), out) && depart(out, tuple.remote_address, now)) return true;
    }
    listener->transmit_hook.unlink();
    const Instant due = listener->tcp.poll_timeout();
    if (!due.is_never() && (!listener->armed() || due < listener->due())) wheel_.arm(*listener, due);
  }
  return false;
}

// Connections take turns, a few segments each.
bool Stack::poll_connections(Frame& out, Instant now) {
  while (ConnectionWork* work = loopback_.size() < kLoopbackQueueFrames ? transmit_local_.front() : nullptr) {
    if (poll_connection(*work, out, now)) return true;
  }
  while (ConnectionWork* work = transmit_.front()) {
    if (segments_this_turn_ >= kSegmentsPerTurn) {
      segments_this_turn_ = 0;
      work->transmit_hook.unlink();
      transmit_.push_back(*work);
      continue;
    }
    ++segments_this_turn_;
    if (poll_connection(*work, out, now)) return true;
  }
  return false;
}

// Takes the next segment of a connection, if it has one, and the connection from the list if that was the last. Returns whether there is a
// frame for the device.
bool Stack::poll_connection(ConnectionWork& work, Frame& out, Instant now) {
  Connection& connection = work.connection;
  bool departs = false;
  if (connection.poll_transmit(outgoing_, now)) {
    if (outgoing_.segment_bytes > 0 && !connection.is_local) segments_this_turn_ += outgoing_.segments() - 1;
    departs = make_segment(connection.tuple(), outgoing_.header, std::move(outgoing_.text), out, outgoing_.segment_bytes) &&
              depart_on(work, out, now);
    if (connection.may_transmit()) return departs;
  }
  work.transmit_hook.unlink();
  if (!connection.is_local) segments_this_turn_ = 0;
  settle(connection);
  return departs;
}

// As depart(), but the way is remembered: routes never change, and neighbors seldom.
bool Stack::depart_on(ConnectionWork& work, Frame& frame, Instant now) {
  if (work.neighbors_version == neighbors_.version()) [[likely]] {
    address_to(frame, work.next_mac);
    return true;
  }
  if (!depart(frame, work.connection.remote_address(), now)) return false;
  work.next_mac = MacAddress::load(frame.head_bytes().data());
  work.neighbors_version = neighbors_.version();
  return true;
}

// A neighbor does not answer: that is known here, and nobody has to be believed. So it ends what is opening, as an error of a host would.
void Stack::report_unreachable() {
  if (!neighbors_.has_unreachable()) return;
  Frame frame;
  while (neighbors_.poll_unreachable(frame)) {
    const Parsed<QuotedDatagram> sent = QuotedDatagram::parse_ipv4(frame.head_bytes().subspan(EthernetView::kBytes));
    frame.clear();
    if (sent) (void)tell_sender(*sent, {IcmpErrorKind::kHard, Errno::kEHOSTUNREACH});
  }
}

void Stack::wake_udp_senders() {
  while (!udp_senders_.empty()) {
    const SocketHandle handle = udp_senders_.pop_front();
    UdpSocket* socket = udp_of(handle);
    if (socket == nullptr) continue;
    socket->waits_to_send = false;
    sockets_.raise(handle, SocketEventKind::kWritable);
  }
}

}  // namespace demi
