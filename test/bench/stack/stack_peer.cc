#include "stack_peer.h"

#include <algorithm>

#include "base/assert.h"
#include "wire/ethernet.h"

namespace demi {

namespace {
constexpr uint16_t kServerPort = 80;
constexpr uint16_t kFirstPort = 1024;
constexpr uint32_t kPortsPerHost = 1 << 14;
constexpr uint32_t kHosts = 64;
constexpr uint32_t kFirstSeq = 1000;
constexpr MacAddress kStackMac{{0x02, 0, 0, 0, 0, 1}};
constexpr MacAddress kPeerMac{{0x02, 0, 0, 0, 0, 2}};
constexpr IpAddress kStackAddress = IpAddress::ipv4(10, 0, 0, 1);

constexpr IpAddress host_address(uint32_t host) { return IpAddress::ipv4(0x0a000100 + host); }

StackConfig stack_config() {
  StackConfig config;
  config.mac = kStackMac;
  config.addresses = {Cidr(kStackAddress, 16)};
  config.secret = {0x0123'4567'89ab'cdef, 0xfedc'ba98'7654'3210};
  config.claims.announcements = 0;
  for (uint32_t host = 0; host < kHosts; ++host) config.neighbors.push_back({host_address(host), kPeerMac});
  return config;
}

MemoryConfig memory_config() {
  MemoryConfig config;
  config.limit_bytes = uint64_t{4} << 30;
  return config;
}
}  // namespace

TcpTuple StackPeer::tuple_of(uint32_t connection) {
  return {kStackAddress, host_address(connection / kPortsPerHost), kServerPort, static_cast<uint16_t>(kFirstPort + connection % kPortsPerHost)};
}

uint32_t StackPeer::number_of(const IpAddress& address, uint16_t port) {
  return (address.words[0] - host_address(0).words[0]) * kPortsPerHost + port - kFirstPort;
}

StackPeer::StackPeer(uint32_t connections) : now(Instant() + Duration::seconds(1)), memory_(memory_config()) {
  stack_ = std::make_unique<Stack>(stack_config(), memory_, now);
  Result<SocketHandle> listener = stack_->tcp_listen({IpAddress::unspecified(Family::kIPv4), kServerPort}, kBurst);
  DEMI_ASSERT(listener.ok(), "no listener");
  listener_ = *listener;
  ends_.resize(connections);
  for (uint32_t first = 0; first < connections; first += kBurst) open(first, std::min<uint32_t>(kBurst, connections - first));
}

StackPeer::~StackPeer() { stack_.reset(); }

Frame StackPeer::segment(uint32_t connection, uint16_t flags, uint32_t text_bytes) {
  const TcpTuple tuple = tuple_of(connection);
  End& end = ends_[connection];
  TcpHeader header;
  header.source_port = tuple.remote_port;
  header.destination_port = tuple.local_port;
  header.sequence_number = SeqNumber(end.seq);
  header.acknowledgment_number = SeqNumber(end.ack);
  header.flags.bits = flags;
  header.window = 60'000;
  header.options.timestamps = TcpTimestamps{static_cast<uint32_t>(now.nanoseconds() / 1'000'000), stamp_};
  if (header.flags.syn()) {
    header.options.maximum_segment_size = 1460;
    header.options.window_scale = 7;
    header.options.sack_permitted = true;
  }
  const auto segment_bytes = static_cast<uint32_t>(header.bytes() + text_bytes);
  const size_t frame_bytes = EthernetView::kBytes + Ipv4Header::kBytes + segment_bytes;
  BufferRef room = memory_.allocate_room(frame_bytes);
  DEMI_ASSERT(room, "no memory");
  const uint32_t first = room->headroom;
  Frame frame(std::move(room), first, static_cast<uint32_t>(frame_bytes));
  const MutableBytes bytes = frame.writable_head();
  EthernetHeader{kStackMac, kPeerMac, EtherType::kIPv4, false, 0}.emit(bytes);
  Ipv4Header ip;
  ip.dont_fragment = true;
  ip.source = tuple.remote_address;
  ip.destination = tuple.local_address;
  ip.payload_bytes = static_cast<uint16_t>(segment_bytes);
  ip.emit(bytes.subspan(EthernetView::kBytes));
  const MutableBytes text = bytes.last(text_bytes);
  std::fill(text.begin(), text.end(), static_cast<uint8_t>(connection + end.seq));
  Checksum rest = Checksum::pseudo_header(tuple.remote_address, tuple.local_address, IpProtocol::kTcp, segment_bytes);
  rest.add(text);
  header.emit(bytes.subspan(EthernetView::kBytes + Ipv4Header::kBytes), rest);
  end.seq += text_bytes + header.flags.syn();
  return frame;
}

void StackPeer::open(uint32_t first, uint32_t count) {
  Burst burst;
  for (uint32_t i = 0; i < count; ++i) {
    ends_[first + i] = {kFirstSeq, 0};
    burst[i] = segment(first + i, TcpFlags::kSyn, 0);
  }
  stack_->handle_frames(std::span(burst).first(count), now);
  for (uint32_t i = 0; i < count; ++i) {
    Frame answer = stack_->poll_transmit(now);
    const Parsed<Ipv4View> ip = Ipv4View::parse(answer.head_bytes().subspan(EthernetView::kBytes));
    DEMI_ASSERT(ip.ok(), "no SYN-ACK");
    const TcpHeader header = TcpView::parse(ip->payload())->header();
    DEMI_ASSERT(header.flags.has_all(TcpFlags::kSyn | TcpFlags::kAck), "another answer than a SYN-ACK");
    const uint32_t connection = number_of(ip->destination(), header.destination_port);
    ends_[connection].ack = header.sequence_number.value() + 1;
    stamp_ = header.options.timestamps->value;
    burst[i] = segment(connection, TcpFlags::kAck, 0);
  }
  stack_->handle_frames(std::span(burst).first(count), now);
  for (uint32_t i = 0; i < count; ++i) DEMI_ASSERT(stack_->tcp_accept(listener_).ok(), "a connection was not accepted");
  while (!stack_->poll_transmit(now).empty()) {
  }
  for (SocketEvent event; stack_->poll_event(event);) {
  }
}

void StackPeer::make_requests(std::span<const uint32_t> connections, Burst& out) {
  for (size_t i = 0; i < connections.size(); ++i) out[i] = segment(connections[i], TcpFlags::kAck | TcpFlags::kPsh, kTextBytes);
}

void StackPeer::take(std::span<Frame> frames) {
  for (Frame& frame : frames) {
    const Parsed<Ipv4View> ip = Ipv4View::parse_beginning(frame.head_bytes().subspan(EthernetView::kBytes));
    DEMI_ASSERT(ip.ok() && ip->checksum_is_valid(), "a bad packet");
    const Parsed<TcpView> tcp = TcpView::parse(ip->payload());
    DEMI_ASSERT(tcp.ok(), "a bad segment");
    const auto text_bytes = static_cast<uint32_t>(frame.payload.bytes());
    Checksum sum = Checksum::pseudo_header(ip->source(), ip->destination(), IpProtocol::kTcp,
                                           static_cast<uint32_t>(ip->payload().size()) + text_bytes);
    sum.add(ip->payload());
    for (const Segment& piece : frame.payload) sum.add({piece.data(), piece.length});
    DEMI_ASSERT(sum.is_valid(), "a bad checksum");
    End& end = ends_[number_of(ip->destination(), tcp->destination_port())];
    DEMI_ASSERT(tcp->sequence_number().value() == end.ack, "text that was not waited for");
    DEMI_ASSERT(tcp->acknowledgment_number().value() == end.seq, "a request is not acknowledged");
    end.ack += text_bytes;
    stamp_ = tcp->options().timestamps->value;
    ++(text_bytes > 0 ? answers_ : acks_);
    frame.clear();
  }
}

}  // namespace demi
