// The calls of a stack's user. Read stack.h first.
#include <utility>

#include "base/assert.h"
#include "inet/stack.h"

namespace demi {

Connection* Stack::connection_of(SocketHandle socket) const {
  return static_cast<Connection*>(sockets_.get(socket, SocketKind::kTcpConnection));
}

Stack::Listener* Stack::listener_of(SocketHandle socket) const {
  return static_cast<Listener*>(sockets_.get(socket, SocketKind::kTcpListener));
}

UdpSocket* Stack::udp_of(SocketHandle socket) const { return static_cast<UdpSocket*>(sockets_.get(socket, SocketKind::kUdp)); }

// --- addresses and ports ---

// What a socket can be bound to: one of ours, or all of them.
Errno Stack::check_local(const IpAddress& address) const {
  // IPv6 comes with files of its own.
  if (!address.is_ipv4()) return Errno::kEAFNOSUPPORT;
  return address.is_unspecified() || is_local(address) ? Errno::kOk : Errno::kEADDRNOTAVAIL;
}

Result<InetEndpoint> Stack::claim_port(PortNumbers& ports, const InetEndpoint& local) {
  InetEndpoint claimed = local;
  if (local.port == 0) {
    // Ports of others who share our addresses are theirs: what is sent to them tells of no flow.
    const FlowShare& share = config_.share;
    Result<uint16_t> port = ports.claim_any(local.address, [&share](uint16_t candidate) { return candidate % share.queues == share.queue; });
    if (!port.ok()) return port.error();
    claimed.port = *port;
    return claimed;
  }
  const Result<void> taken = ports.claim(local);
  if (!taken.ok()) return taken.error();
  return claimed;
}

// --- TCP ---

Result<InetEndpoint> Stack::tcp_bind(const InetEndpoint& local) {
  if (const Errno wrong = check_local(local.address); wrong != Errno::kOk) return wrong;
  return claim_port(tcp_ports_, local);
}

void Stack::tcp_unbind(const InetEndpoint& claimed) { tcp_ports_.release(claimed); }

Result<SocketHandle> Stack::tcp_listen(const InetEndpoint& local, uint32_t backlog, PortOwner owner, uint16_t mss_max) {
  const bool claims = owner == PortOwner::kStack;
  Result<InetEndpoint> claimed = claims ? tcp_bind(local) : Result<InetEndpoint>(local);
  if (!claimed.ok()) return claimed.error();
  auto* listener = new Listener(*this, *claimed, backlog, claims, mss_max);
  listener->socket = sockets_.add(SocketKind::kTcpListener, listener);
  listeners_.insert(*listener);
  return listener->socket;
}

Result<void> Stack::tcp_set_backlog(SocketHandle socket, uint32_t backlog) {
  Listener* listener = listener_of(socket);
  if (listener == nullptr) return Errno::kEBADF;
  listener->tcp.set_backlog(backlog);
  return {};
}

Result<SocketHandle> Stack::tcp_accept(SocketHandle socket) {
  Listener* listener = listener_of(socket);
  if (listener == nullptr) return Errno::kEBADF;
  auto* connection = static_cast<Connection*>(listener->tcp.accept());
  if (connection == nullptr) return Errno::kEAGAIN;
  connection->awaits_accept = false;
  connection->socket = sockets_.add(SocketKind::kTcpConnection, connection);
  return connection->socket;
}

size_t Stack::tcp_acceptable(SocketHandle socket) const {
  const Listener* listener = listener_of(socket);
  return listener == nullptr ? 0 : listener->tcp.acceptable();
}

// What is ours at both ends does not leave.
bool Stack::comes_to_us(const TcpTuple& tuple) const {
  if (config_.share.queues == 1 || is_local(tuple.remote_address)) [[likely]] return true;
  FlowFold fold;
  fold.add_address(tuple.local_address.words).add_address(tuple.remote_address.words).add16(tuple.local_port).add16(tuple.remote_port);
  return config_.share.queue_of(fold.hash()) == config_.share.queue;
}

// The local port of an active open: the one that was asked for, or an ephemeral one that makes a new tuple. A tuple in TIME-WAIT that may be used
// again (RFC 6191) counts as free only if it was asked for.
Result<uint16_t> Stack::choose_port(const IpAddress& source, const InetEndpoint& local, const InetEndpoint& remote) {
  if (local.port == 0) {
    const uint16_t port = tcp_ports_.pick(source, remote, [&](uint16_t candidate) {
      const TcpTuple tuple{source, remote.address, candidate, remote.port};
      return comes_to_us(tuple) && !tcp_ports_.is_claimed(candidate) && connections_.find(tuple) == nullptr;
    });
    if (port == 0) return Errno::kEADDRNOTAVAIL;
    return port;
  }
  const TcpTuple tuple{source, remote.address, local.port, remote.port};
  if (!comes_to_us(tuple)) return Errno::kEINVAL;
  const Connection* other = connections_.find(tuple);
  if (other != nullptr && !other->yields_to_active_open(now_)) return Errno::kEADDRINUSE;
  return local.port;
}

Result<SocketHandle> Stack::tcp_connect(const InetEndpoint& local, const InetEndpoint& remote, Instant now, PortOwner owner,
                                        uint16_t mss_max) {
  now_ = now;
  if (const Errno wrong = check_local(local.address); wrong != Errno::kOk) return wrong;
  if (remote.address.family != local.address.family) return Errno::kEAFNOSUPPORT;
  if (remote.port == 0) return Errno::kEINVAL;
  // RFC 9293 3.9.2 (MUST-46): to one host.
  if (!remote.address.is_unicast() || routes_.is_broadcast(remote.address)) return Errno::kENETUNREACH;
  const std::optional<NextHop> hop = routes_.find(remote.address);
  if (!hop) return Errno::kENETUNREACH;
  if (connection_pool_.live() >= config_.connections_max) return Errno::kENOMEM;
  const IpAddress source = local.address.is_unspecified() ? hop->source : local.address;
  // RFC 1122 3.2.1.3 g: a loopback address does not leave us.
  if (source.is_loopback() && !is_local(remote.address)) return Errno::kENETUNREACH;
  Result<uint16_t> port = choose_port(source, local, remote);
  if (!port.ok()) return port.error();
  const bool claims_port = local.port != 0 && owner == PortOwner::kStack;
  if (claims_port) {
    const Result<void> claimed = tcp_ports_.claim({source, *port});
    if (!claimed.ok()) return claimed.error();
  }
  const TcpTuple tuple{source, remote.address, *port, remote.port};
  TcpOpen open;
  open.local_port = *port;
  open.remote_port = remote.port;
  open.iss = initial_sequence_number(tuple, config_.secret, now);
  open.entropy = draw();
  open.path_mss = path_mss(source.family, mss_max);
  open.family = source.family;
  if (Connection* old = connections_.find(tuple)) {
    // RFC 6191 2 and RFC 9293 3.6.1: above everything that it has sent, and its timestamps go on.
    if (open.iss <= old->sent_end()) open.iss = old->sent_end() + 1;
    open.entropy = (open.entropy >> 32 << 32) | old->timestamp_offset();
    ++counters_.tcp_time_wait_reused;
    retire(*old);
  }
  Connection& connection = make_connection(open, tuple);
  connection.claims_port = claims_port;
  connection.socket = sockets_.add(SocketKind::kTcpConnection, &connection);
  connection.connect(now);
  touch_connection(connection);
  return connection.socket;
}

Result<uint64_t> Stack::tcp_send(SocketHandle socket, SgArray& text, Instant now) {
  Connection* connection = connection_of(socket);
  if (connection == nullptr) return Errno::kEBADF;
  Result<uint64_t> taken = connection->send(text, now);
  touch_connection(*connection);
  return taken;
}

Result<SgArray> Stack::tcp_receive(SocketHandle socket, uint64_t limit, Instant now) {
  Connection* connection = connection_of(socket);
  if (connection == nullptr) return Errno::kEBADF;
  if (connection->readable_bytes() == 0 || limit == 0) {
    if (connection->error() != Errno::kOk) return connection->error();
    if (!connection->is_ended()) return Errno::kEAGAIN;
    return SgArray();
  }
  SgArray text = connection->receive(limit, now);
  // The window may have grown.
  touch_connection(*connection);
  if (text.empty()) return Errno::kEAGAIN;
  return text;
}

Result<void> Stack::tcp_shutdown_send(SocketHandle socket, Instant now) {
  Connection* connection = connection_of(socket);
  if (connection == nullptr) return Errno::kEBADF;
  connection->shutdown_send(now);
  touch_connection(*connection);
  return {};
}

TcpConnection* Stack::tcp_connection(SocketHandle socket) const { return connection_of(socket); }

void Stack::touch(SocketHandle socket) {
  if (Connection* connection = connection_of(socket)) touch_connection(*connection);
}

Result<void> Stack::tcp_abort(SocketHandle socket, Instant now) {
  Connection* connection = connection_of(socket);
  if (connection == nullptr) return Errno::kEBADF;
  close_connection(*connection, false, now);
  return {};
}

// The user is done with it. It goes at once if its tuple is free already, and otherwise when it has said what it must.
void Stack::close_connection(Connection& connection, bool politely, Instant now) {
  if (politely && connection.is_in_table && !connection.is_time_wait && orphan_count_ >= config_.orphans_max) {
    ++counters_.tcp_orphans_refused;
    politely = false;
  }
  if (politely) {
    connection.close(now);
  } else {
    connection.abort(now);
  }
  if (connection.claims_port) tcp_ports_.release({connection.local_address(), connection.local_port()});
  connection.claims_port = false;
  if (connection.socket) sockets_.remove(connection.socket);
  connection.socket = SocketHandle();
  connection.awaits_accept = false;
  if (!connection.is_in_table) {
    retire(connection);
    return;
  }
  if (!connection.is_time_wait && !connection.is_orphan) {
    connection.is_orphan = true;
    if (connection.is_parked) set_parked(connection, false);
    orphans_.push_back(work_of(connection));
    ++orphan_count_;
  }
  connection.is_draining = politely && !connection.has_delivered();
  if (connection.is_draining) ++draining_;
  touch_connection(connection);
}

void Stack::delete_listener(Listener& listener) {
  // Nobody will ever accept them (RFC 9293 3.10.4 says the same of connections in SYN-RECEIVED).
  while (TcpConnection* waiting = listener.tcp.accept()) close_connection(static_cast<Connection&>(*waiting), false, now_);
  listeners_.remove(listener);
  if (listener.claims_port) tcp_ports_.release(listener.endpoint);
  delete &listener;
}

// --- UDP ---

Result<SocketHandle> Stack::udp_bind(const InetEndpoint& local) {
  const bool is_broadcast = local.address.is_ipv4() && routes_.is_broadcast(local.address);
  if (const Errno wrong = check_local(local.address); wrong != Errno::kOk && !is_broadcast) return wrong;
  Result<InetEndpoint> claimed = claim_port(udp_ports_, local);
  if (!claimed.ok()) return claimed.error();
  auto* socket = new UdpSocket(*claimed, config_.udp_receive_bytes);
  socket->handle = sockets_.add(SocketKind::kUdp, socket);
  udp_sockets_.insert(*socket);
  return socket->handle;
}

Result<void> Stack::udp_connect(SocketHandle handle, const InetEndpoint& remote) {
  UdpSocket* socket = udp_of(handle);
  if (socket == nullptr) return Errno::kEBADF;
  if (remote.port == 0 || remote.address.family != socket->local().address.family) return Errno::kEINVAL;
  const std::optional<NextHop> hop = routes_.find(remote.address);
  if (!hop || remote.address.is_unspecified()) return Errno::kENETUNREACH;
  const IpAddress& bound = socket->local().address;
  socket->connect(remote, bound.is_unspecified() ? hop->source : bound);
  return {};
}

Result<void> Stack::udp_send(SocketHandle handle, SgArray payload, const InetEndpoint& remote, Instant now) {
  UdpSocket* socket = udp_of(handle);
  if (socket == nullptr) return Errno::kEBADF;
  if (const Errno error = socket->take_error(); error != Errno::kOk) return error;
  const InetEndpoint& to = remote.port != 0 ? remote : socket->remote();
  if (to.port == 0) return Errno::kEDESTADDRREQ;
  if (to.address.family != socket->local().address.family) return Errno::kEAFNOSUPPORT;
  const std::optional<NextHop> hop = routes_.find(to.address);
  if (!hop || to.address.is_unspecified()) return Errno::kENETUNREACH;
  const uint64_t datagram_bytes = UdpHeader::kBytes + payload.bytes();
  if (Ipv4Header::kBytes + datagram_bytes > config_.mtu_bytes) return Errno::kEMSGSIZE;
  if (ready_.size() >= kTransmitQueueFrames) {
    if (!std::exchange(socket->waits_to_send, true)) udp_senders_.push_back(handle);
    return Errno::kEAGAIN;
  }
  // Nothing comes from a broadcast address, even if it is received there.
  const IpAddress& bound = socket->source();
  const IpAddress source = bound.is_unspecified() || routes_.is_broadcast(bound) ? hop->source : bound;
  if (source.is_loopback() && !is_local(to.address)) return Errno::kENETUNREACH;
  Checksum rest = Checksum::pseudo_header(source, to.address, IpProtocol::kUdp, static_cast<uint32_t>(datagram_bytes));
  const UdpHeader header{socket->local().port, to.port, static_cast<uint16_t>(payload.bytes())};
  Frame frame = make_packet(source, to.address, IpProtocol::kUdp, UdpHeader::kBytes, std::move(payload), false);
  if (frame.empty()) return Errno::kENOMEM;
  const MutableBytes into = frame.writable_head().last(UdpHeader::kBytes);
  if (config_.finishes_checksums) {
    header.emit(into);
    store_be16(into.data() + UdpHeader::kChecksumOffset, rest.folded());
    frame.checksum_start = static_cast<uint16_t>(frame.length - UdpHeader::kBytes);
    frame.checksum_offset = UdpHeader::kChecksumOffset;
  } else {
    for (const Segment& segment : frame.payload) rest.add({segment.data(), segment.length});
    header.emit(into, rest);
  }
  ++counters_.udp_out;
  send_later(std::move(frame), to.address, now);
  return {};
}

Result<UdpDatagram> Stack::udp_receive(SocketHandle handle) {
  UdpSocket* socket = udp_of(handle);
  if (socket == nullptr) return Errno::kEBADF;
  return socket->receive();
}

Errno Stack::udp_take_error(SocketHandle handle) {
  UdpSocket* socket = udp_of(handle);
  return socket == nullptr ? Errno::kOk : socket->take_error();
}

Result<void> Stack::udp_set_receive_buffer(SocketHandle handle, uint32_t bytes) {
  UdpSocket* socket = udp_of(handle);
  if (socket == nullptr) return Errno::kEBADF;
  socket->set_receive_buffer(bytes);
  return {};
}

const UdpSocket* Stack::udp_socket(SocketHandle handle) const { return udp_of(handle); }

// --- any socket ---

Result<void> Stack::close(SocketHandle handle, Instant now) {
  now_ = now;
  switch (sockets_.kind(handle)) {
    case SocketKind::kNone:
      return Errno::kEBADF;
    case SocketKind::kTcpConnection:
      close_connection(*connection_of(handle), true, now);
      return {};
    case SocketKind::kTcpListener: {
      Listener* listener = listener_of(handle);
      sockets_.remove(handle);
      delete_listener(*listener);
      return {};
    }
    case SocketKind::kUdp: {
      UdpSocket* socket = udp_of(handle);
      sockets_.remove(handle);
      udp_sockets_.remove(*socket);
      udp_ports_.release(socket->local());
      delete socket;
      return {};
    }
  }
  return Errno::kEBADF;
}

Result<InetEndpoint> Stack::local_endpoint(SocketHandle handle) const {
  if (const Connection* connection = connection_of(handle)) return InetEndpoint{connection->local_address(), connection->local_port()};
  if (const Listener* listener = listener_of(handle)) return listener->endpoint;
  if (const UdpSocket* socket = udp_of(handle)) return InetEndpoint{socket->source(), socket->local().port};
  return Errno::kEBADF;
}

Result<InetEndpoint> Stack::remote_endpoint(SocketHandle handle) const {
  if (const Connection* connection = connection_of(handle)) return InetEndpoint{connection->remote_address(), connection->remote_port()};
  const UdpSocket* socket = udp_of(handle);
  if (socket == nullptr && sockets_.kind(handle) == SocketKind::kNone) return Errno::kEBADF;
  if (socket == nullptr || !socket->is_connected()) return Errno::kENOTCONN;
  return socket->remote();
}

}  // namespace demi
