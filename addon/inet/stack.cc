// The life of a stack, of its connections, and the passing of time. Read the header first.
#include "inet/stack.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace demi {

namespace {
// RFC 1191 3: TCP finds out what the path carries, so nobody on the way may cut.
Ipv4Header header_of_segments(uint8_t time_to_live) {
  Ipv4Header header;
  header.time_to_live = time_to_live;
  header.dont_fragment = true;
  header.protocol = IpProtocol::kTcp;
  return header;
}

SocketEventKind event_of(TcpEvent event) {
  switch (event) {
    case TcpEvent::kConnected:
      return SocketEventKind::kConnected;
    case TcpEvent::kNone:
    case TcpEvent::kReadable:
      return SocketEventKind::kReadable;
    case TcpEvent::kWritable:
      return SocketEventKind::kWritable;
    case TcpEvent::kDelivered:
      return SocketEventKind::kDelivered;
    case TcpEvent::kClosed:
      return SocketEventKind::kClosed;
  }
  return SocketEventKind::kReadable;
}
}  // namespace

Stack::Listener::Listener(Stack& its_stack, const InetEndpoint& its_local, uint32_t backlog, bool claims, uint16_t its_mss_max)
    : Timer(&Stack::fire_listener),
      stack(its_stack),
      endpoint(its_local),
      claims_port(claims),
      mss_max(its_mss_max),
      tcp(its_stack.tcp_resources_, its_stack.half_open_pool_, its_stack.config_.secret, backlog) {}

Stack::Stack(const StackConfig& config, Memory& memory, Instant now)
    : config_(config),
      memory_(memory),
      tcp_resources_(config_.tcp, memory),
      neighbors_(config.neighbor, config.secret),
      claims_(config.claims, config.addresses, now),
      tcp_ports_(config.ephemeral_ports, {config.secret.k0 ^ 0x746370, config.secret.k1}),
      udp_ports_(config.ephemeral_ports, {config.secret.k0 ^ 0x756470, config.secret.k1}),
      icmp_limit_(config.icmp_per_second, config.icmp_burst),
      wheel_(now),
      now_(now),
      identification_(static_cast<uint16_t>(draw())),
      connections_(config.secret),
      segment_header_(header_of_segments(config.time_to_live)) {
  DEMI_ASSERT(problem_with(config).empty(), "a stack with a wrong configuration");
  const std::string problem = routes_.configure(config.addresses, config.routes);
  DEMI_ASSERT(problem.empty(), "routes were right a moment ago");
  for (const StaticNeighbor& neighbor : config.neighbors) neighbors_.add_static(neighbor.address, neighbor.mac);
}

Stack::~Stack() {
  sockets_.for_each(SocketKind::kTcpListener, [this](void* object) { delete_listener(*static_cast<Listener*>(object)); });
  sockets_.for_each(SocketKind::kUdp, [](void* object) { delete static_cast<UdpSocket*>(object); });
  sockets_.for_each(SocketKind::kTcpConnection, [this](void* object) {
    auto& connection = *static_cast<Connection*>(object);
    connection.socket = SocketHandle();
    retire(connection);
  });
  // Those whose users are gone already.
  while (Connection* connection = connections_.any()) retire(*connection);
}

// A number that nobody can guess who does not know the secret: a keyed hash of a counter. The stack has no other randomness.
uint64_t Stack::draw() {
  std::array<uint8_t, 8> counter;
  store_be32(counter.data(), static_cast<uint32_t>(draws_ >> 32));
  store_be32(counter.data() + 4, static_cast<uint32_t>(draws_));
  ++draws_;
  return siphash24({config_.secret.k0 ^ 0x64726177, config_.secret.k1}, counter);
}

// What a packet has left for text and TCP options, and what was chosen if that is less.
uint16_t Stack::path_mss(Family family, uint16_t mss_max) const {
  constexpr uint32_t kIpv6HeaderBytes = 40;
  const uint32_t headers = TcpHeader::kBytesMin + (family == Family::kIPv6 ? kIpv6HeaderBytes : Ipv4Header::kBytes);
  uint32_t mss = config_.mtu_bytes > headers ? config_.mtu_bytes - headers : 1;
  if (config_.tcp.mss_max != 0) mss = std::min<uint32_t>(mss, config_.tcp.mss_max);
  if (mss_max != 0) mss = std::min<uint32_t>(mss, mss_max);
  return static_cast<uint16_t>(mss);
}

// --- connections ---

Connection& Stack::make_connection(const TcpOpen& open, const TcpTuple& tuple) {
  Connection& connection = *connection_pool_.make(tcp_resources_, open, tuple);
  connection.is_local = is_local(tuple.remote_address);
  connections_.insert(connection);
  return connection;
}

void Stack::touch_listener(Listener& listener) {
  if (!listener.transmit_hook.linked()) transmit_listeners_.push_back(listener);
}

void Stack::take_events(Connection& connection) {
  for (TcpEvent event = connection.poll_event(); event != TcpEvent::kNone; event = connection.poll_event()) {
    sockets_.raise(connection.socket, event_of(event));
  }
}

// It has said everything for now. Its timer may stand earlier than it must: then it fires for nothing, which is rarer, and cheaper, than
// arming it anew with each segment.
void Stack::settle(Connection& connection) {
  if (connection.has_events()) take_events(connection);
  if (connection.is_finished()) {
    retire(connection);
    return;
  }
  const Instant due = connection.poll_timeout();
  if (!due.is_never()) {
    ConnectionWork& work = work_of(connection);
    if (!work.armed() || due < work.due()) wheel_.arm(work, due);
  }
  // Those whose users are gone have a time limit of their own.
  const bool parked = connection.sender().probes() > 0 && !connection.is_orphan && !connection.is_time_wait;
  if (parked != connection.is_parked) set_parked(connection, parked);
  if (connection.is_draining && connection.has_delivered()) {
    connection.is_draining = false;
    --draining_;
  }
  if (connection.state() == TcpState::kTimeWait) {
    settle_time_wait(connection);
  } else if (connection.work != nullptr && connection.work->is_done()) {
    release_work(connection);
    connection.rest();
  }
}

void Stack::settle_time_wait(Connection& connection) {
  if (connection.is_time_wait) return;
  connection.is_time_wait = true;
  connection.is_parked = false;
  ConnectionWork& work = work_of(connection);
  work.ending_hook.unlink();
  if (connection.is_orphan) --orphan_count_;
  connection.is_orphan = false;
  time_wait_.push_back(work);
  ++time_waits_;
  if (time_waits_ <= config_.time_wait_max) return;
  ++counters_.tcp_time_wait_overflow;
  retire(time_wait_.front()->connection);
}

// Its tuple is free from now on. The user may still hold it, to read what is left and how it ended.
void Stack::retire(Connection& connection) {
  if (connection.is_in_table) connections_.remove(connection);
  if (connection.work != nullptr) release_work(connection);
  connection.is_parked = false;
  if (connection.is_time_wait) --time_waits_;
  connection.is_time_wait = false;
  if (connection.is_draining) --draining_;
  connection.is_draining = false;
  if (connection.is_orphan) --orphan_count_;
  connection.is_orphan = false;
  if (!connection.socket && !connection.awaits_accept) connection_pool_.release(&connection);
}

void Stack::abort_orphans(Instant now) {
  now_ = now;
  while (ConnectionWork* work = orphans_.pop_front()) {
    Connection& connection = work->connection;
    if (connection.is_draining) --draining_;
    connection.is_draining = false;
    connection.abort(now);
    touch_connection(connection);
  }
}

// --- time ---

void Stack::fire_connection(Timer& timer) {
  auto& work = static_cast<ConnectionWork&>(timer);
  work.connection.handle_timeout(work.stack.now_);
  work.stack.touch_connection(work.connection);
}

void Stack::fire_listener(Timer& timer) {
  auto& listener = static_cast<Listener&>(timer);
  listener.tcp.handle_timeout(listener.stack.now_);
  listener.stack.touch_listener(listener);
}

// Windows do not grow while less than an eighth is left, and what arrives moves into small rooms; nothing is kept in the last part of all. Text
// that a peer's closed window holds up could wait there for ever (RFC 9293 3.8.6.1), so while memory is short who has waited longest is reset.
void Stack::look_at_memory() {
  tcp_resources_.memory_is_short = !memory_.has(memory_.limit_bytes() / 8);
  if (!tcp_resources_.memory_is_short) [[likely]] {
    tcp_resources_.memory_is_reserved = false;
    return;
  }
  tcp_resources_.memory_is_reserved = !memory_.has(memory_.limit_bytes() / kMemoryReserveShare);
  // One at a time: its text has to come back before it is known whether that was enough.
  ConnectionWork* waiting = parked_.front();
  if (waiting == nullptr) return;
  Connection* oldest = &waiting->connection;
  ++counters_.tcp_parked_reset;
  oldest->give_up(Errno::kENOBUFS);
  set_parked(*oldest, false);
  touch_connection(*oldest);
}

void Stack::set_parked(Connection& connection, bool parked) {
  connection.is_parked = parked;
  if (parked) {
    parked_.push_back(work_of(connection));
  } else if (connection.work != nullptr) {
    connection.work->ending_hook.unlink();
  }
}

void Stack::handle_timeout(Instant now) {
  now_ = now;
  look_at_memory();
  handle_loopback(now);
  wheel_.expire(now);
  neighbors_.handle_timeout(now);
  report_unreachable();
}

void Stack::handle_link(bool is_up, Instant now) {
  if (is_up) {
    claims_.announce_again(now);
  } else {
    neighbors_.handle_link_loss();
  }
}

// As many as there are now: what they cause has its turn next.
void Stack::handle_loopback(Instant now) {
  if (loopback_.empty()) return;
  std::array<Frame, kInputBurst> burst;
  for (size_t left = loopback_.size(); left > 0;) {
    const size_t count = std::min(left, burst.size());
    for (size_t i = 0; i < count; ++i) burst[i] = loopback_.pop_front();
    handle_burst(std::span(burst).first(count), true, now);
    left -= count;
  }
}

Instant Stack::poll_timeout() {
  const bool has_frames = !ready_.empty() || !loopback_.empty() || neighbors_.has_output();
  if (has_frames || !transmit_.empty() || !transmit_local_.empty() || !transmit_listeners_.empty()) return Instant();
  return std::min({wheel_.next_deadline(), neighbors_.poll_timeout(), claims_.poll_timeout()});
}

}  // namespace demi
