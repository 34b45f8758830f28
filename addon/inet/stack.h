// Stack: TCP, UDP and ICMP over IPv4 and Ethernet, for one thread, without a clock, a device or randomness: frames and the time are arguments.
// Read tcp/tcp_connection.h, routes.h and neighbor_cache.h first. Its sources: stack.cc (life, time, events), stack_input.cc, stack_output.cc,
// stack_sockets.cc (calls of the user).
//
// How to drive it, in one turn:
//   1. handle_frames(what the device has received, now); handle_timeout(now) if poll_timeout() has come;
//   2. poll_event() until it returns false, each to the user, who makes calls;
//   3. poll_transmit(now) until it returns an empty frame, each to the device;
//   4. poll_timeout(): when the next turn is due at the latest. Instant() while something is left to be done at once.
// `now` never runs backwards.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "base/errno.h"
#include "base/result.h"
#include "base/ring_queue.h"
#include "base/timer_wheel.h"
#include "inet/address_claims.h"
#include "inet/connection_table.h"
#include "inet/icmp.h"
#include "inet/inet_endpoint.h"
#include "inet/neighbor_cache.h"
#include "inet/port_numbers.h"
#include "inet/port_table.h"
#include "inet/routes.h"
#include "inet/socket_table.h"
#include "inet/stack_config.h"
#include "inet/stack_counters.h"
#include "inet/tcp/tcp_listener.h"
#include "inet/udp_socket.h"
#include "memory/frame.h"
#include "memory/memory.h"
#include "wire/arp.h"
#include "wire/ipv4.h"
#include "wire/quoted_datagram.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace demi {

class Stack {
 public:
  // problem_with(config) is empty. `memory` is that of the device, and outlives the stack.
  Stack(const StackConfig& config, Memory& memory, Instant now);
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  // Connections end without a word: who wants to be polite closes them first.
  ~Stack();

  // --- what comes in ---

  // Frames as a device gives them; they are empty afterwards.
  void handle_frames(std::span<Frame> frames, Instant now);
  void handle_timeout(Instant now);
  // The link of the device has come up, or gone down: who was at its other end may not be there any more, and who is there now hears of us.
  // Connections outlive that as they outlive a peer that is silent.
  void handle_link(bool is_up, Instant now);

  // --- what goes out ---

  // The next frame; empty when there is none now.
  Frame poll_transmit(Instant now);
  Instant poll_timeout();
  bool poll_event(SocketEvent& out) { return sockets_.poll_event(out); }

  // --- TCP ---

  // Claims a local endpoint, for who wants to know his port before he listens or connects. EADDRNOTAVAIL when the address is not ours,
  // EADDRINUSE. With port 0 one is chosen.
  Result<InetEndpoint> tcp_bind(const InetEndpoint& local);
  void tcp_unbind(const InetEndpoint& claimed);
  // Who claims the local endpoint of a socket, and gives it back when the socket is gone.
  enum class PortOwner : uint8_t { kStack, kUser };
  // Errors as tcp_bind(). `mss_max`: as in TcpConfig, for its connections; 0: no other bound than that.
  Result<SocketHandle> tcp_listen(const InetEndpoint& local, uint32_t backlog, PortOwner owner = PortOwner::kStack, uint16_t mss_max = 0);
  // EBADF. What waits beyond a smaller backlog stays.
  Result<void> tcp_set_backlog(SocketHandle listener, uint32_t backlog);
  // The next connection; EAGAIN while there is none (kAcceptable tells when).
  Result<SocketHandle> tcp_accept(SocketHandle listener);
  // How many connections wait to be accepted.
  size_t tcp_acceptable(SocketHandle listener) const;
  // Begins to connect; kConnected or kClosed tells the outcome. An unspecified address and port 0 of `local` are chosen, so that what comes back comes
  // to us (StackConfig::share). ENETUNREACH, EADDRNOTAVAIL, EADDRINUSE, EINVAL (a port that was asked for and would have it come to another, too), ENOMEM
  // when there are connections_max.
  Result<SocketHandle> tcp_connect(const InetEndpoint& local, const InetEndpoint& remote, Instant now, PortOwner owner = PortOwner::kStack,
                                   uint16_t mss_max = 0);
  // The first bytes of `text` that fit, as TcpConnection::send.
  Result<uint64_t> tcp_send(SocketHandle socket, SgArray& text, Instant now);
  // At most `limit` bytes. EAGAIN when there are none; an empty array at the end; what ended the connection, if it did not end well.
  Result<SgArray> tcp_receive(SocketHandle socket, uint64_t limit, Instant now);
  Result<void> tcp_shutdown_send(SocketHandle socket, Instant now);
  // With a RST, and the socket is gone.
  Result<void> tcp_abort(SocketHandle socket, Instant now);
  // For getters and options, and touch() after whatever may have armed a timer or given it something to say. nullptr if it is no connection.
  TcpConnection* tcp_connection(SocketHandle socket) const;
  void touch(SocketHandle socket);

  // --- UDP ---

  // As tcp_listen; the address may be a broadcast one as well.
  Result<SocketHandle> udp_bind(const InetEndpoint& local);
  // The only peer from now on. ENETUNREACH, EINVAL.
  Result<void> udp_connect(SocketHandle socket, const InetEndpoint& remote);
  // All of the payload or nothing. `remote` of port 0: the peer that it is connected to. EAGAIN while too much waits to be transmitted
  // (kWritable tells when not), EMSGSIZE, EDESTADDRREQ, ENETUNREACH, ENOMEM, or what ICMP has said.
  Result<void> udp_send(SocketHandle socket, SgArray payload, const InetEndpoint& remote, Instant now);
  // EAGAIN while there is none, or what ICMP has said.
  Result<UdpDatagram> udp_receive(SocketHandle socket);
  const UdpSocket* udp_socket(SocketHandle socket) const;
  bool has_udp_port(uint16_t port) const { return udp_ports_.is_claimed(port); }
  // What ICMP has said of what was sent, once; kOk if nothing, or there is no such socket.
  Errno udp_take_error(SocketHandle socket);
  // What waits in it to be read takes so much memory at most. EBADF.
  Result<void> udp_set_receive_buffer(SocketHandle socket, uint32_t bytes);

  // --- any socket ---

  // The socket is gone; a connection ends in its own time.
  Result<void> close(SocketHandle socket, Instant now);
  Result<InetEndpoint> local_endpoint(SocketHandle socket) const;
  Result<InetEndpoint> remote_endpoint(SocketHandle socket) const;

  // --- getters ---

  const StackConfig& config() const { return config_; }
  const Routes& routes() const { return routes_; }
  const NeighborCache& neighbors() const { return neighbors_; }
  const AddressClaims& claims() const { return claims_; }
  const StackCounters& counters() const { return counters_; }
  const TcpCounters& tcp_counters() const { return tcp_resources_.counters; }
  size_t connections() const { return connection_pool_.live(); }
  size_t time_waits() const { return time_waits_; }
  // Connections whose users are gone; those in TIME-WAIT do not count.
  size_t orphans() const { return orphan_count_; }
  // Connections whose users are gone, and that still deliver what was sent, or its end.
  size_t draining() const { return draining_; }
  // Resets all connections whose users are gone, those included that only wait for the peer's end.
  void abort_orphans(Instant now);
  size_t sockets() const { return sockets_.live(); }

 private:
  struct Listener final : Timer {
    Listener(Stack& its_stack, const InetEndpoint& its_local, uint32_t backlog, bool claims, uint16_t its_mss_max);
    const InetEndpoint& local() const { return endpoint; }

    Stack& stack;
    const InetEndpoint endpoint;
    const bool claims_port;  // as in Connection
    const uint16_t mss_max;
    TcpListener tcp;
    SocketHandle socket;
    Listener* next_in_bucket = nullptr;
    ListHook transmit_hook;
  };

  // A packet that was received, of whichever version.
  struct IpPacket {
    IpAddress source;
    IpAddress destination;
    IpProtocol protocol;
    Bytes packet;
    Bytes payload;
    bool to_group;  // the frame, or the packet, was for several hosts
  };
  // When a host last confirmed the neighbor that it is reached by.
  struct Confirmation {
    IpAddress remote;
    Instant at;
  };
  static constexpr size_t kConfirmations = 64;
  enum class ArrivalKind : uint8_t { kNothing, kArp, kIp, kTcp };
  // What the first look at a frame has found.
  struct Arrival {
    ArrivalKind kind = ArrivalKind::kNothing;
    Bytes arp{};
    IpPacket ip{};
    Parsed<TcpView> segment = ParseError::kTruncated;
    bool is_from_ourselves = false;
    TcpTuple tuple{};
    uint64_t hash = 0;
  };

  // stack.cc
  uint64_t draw();
  uint16_t path_mss(Family family, uint16_t mss_max) const;
  bool is_local(const IpAddress& destination) const { return destination.is_loopback() || routes_.is_ours(destination); }
  static void fire_connection(Timer& timer);
  // Made if it has none.
  ConnectionWork& work_of(Connection& connection) {
    if (connection.work == nullptr) connection.work = work_pool_.make(*this, connection, &Stack::fire_connection);
    return *connection.work;
  }
  void release_work(Connection& connection) { work_pool_.release(std::exchange(connection.work, nullptr)); }
  static void fire_listener(Timer& timer);
  Connection& make_connection(const TcpOpen& open, const TcpTuple& tuple);
  // Something has happened to it: it may have something to say, and its deadlines may be others.
  void touch_connection(Connection& connection) {
    if (connection.has_events()) take_events(connection);
    if (!connection.is_in_table) return;
    ConnectionWork& work = work_of(connection);
    if (!work.transmit_hook.linked()) (connection.is_local ? transmit_local_ : transmit_).push_back(work);
  }
  void touch_listener(Listener& listener);
  void take_events(Connection& connection);
  void settle(Connection& connection);
  void settle_time_wait(Connection& connection);
  void look_at_memory();
  void set_parked(Connection& connection, bool parked);
  void retire(Connection& connection);
  void handle_loopback(Instant now);

  // stack_input.cc
  void handle_burst(std::span<Frame> frames, bool from_ourselves, Instant now);
  void prefetch_behind_connections(size_t count);
  void look_at(const Frame& frame, bool from_ourselves, Arrival& arrival);
  void look_at_ipv4(Bytes bytes, bool to_link_group, bool from_ourselves, Arrival& arrival);
  bool look_at_tcp(bool from_ourselves, Arrival& arrival);
  bool is_acceptable_source(const IpAddress& source, bool from_ourselves) const;
  bool check_addresses(IpPacket& ip, bool to_link_group, bool from_ourselves);
  void process(Arrival& arrival, Frame& frame, Instant now);
  void process_arp(Bytes packet, Instant now);
  void process_icmp(const IpPacket& ip, Frame& frame, Instant now);
  void process_echo(const IpPacket& ip, const IcmpV4View& request, Frame& frame, Instant now);
  void process_icmp_error(const IcmpV4View& message);
  bool tell_sender(const QuotedDatagram& quoted, const IcmpErrorMeaning& meaning);
  bool tell_udp_sender(const QuotedDatagram& quoted, Errno error);
  void process_udp(const IpPacket& ip, Frame& frame, Instant now);
  void process_tcp(Arrival& arrival, Frame& frame, Instant now);
  void confirm_neighbor(const IpAddress& remote, Instant now);
  void open_passively(Listener& listener, const TcpTuple& tuple, const TcpHeader& header, SgArray text, Instant now);
  Listener* find_listener(const InetEndpoint& local) const;
  SgArray part_of(Frame& frame, Bytes part);

  // stack_output.cc
  Frame make_packet(const IpAddress& source, const IpAddress& destination, IpProtocol protocol, size_t header_bytes, SgArray&& payload,
                    bool dont_fragment);
  bool make_segment(const TcpTuple& tuple, const TcpHeader& header, SgArray&& text, Frame& out, uint32_t cut_bytes = 0);
  Frame make_arp(const ArpHeader& header, const MacAddress& to);
  bool depart(Frame& frame, const IpAddress& destination, Instant now);
  void send_later(Frame frame, const IpAddress& destination, Instant now);
  void send_reset(const TcpTuple& tuple, const TcpHeader& header, uint32_t length, Instant now);
  void send_icmp_error(const IpPacket& ip, Frame& frame, IcmpV4Unreachable code, Instant now);
  void loop_back(Frame frame);
  bool poll_ready(Frame& out);
  bool poll_arp(Frame& out, Instant now);
  bool poll_connections(Frame& out, Instant now);
  bool poll_connection(ConnectionWork& work, Frame& out, Instant now);
  bool depart_on(ConnectionWork& work, Frame& frame, Instant now);
  bool poll_listeners(Frame& out, Instant now);
  void report_unreachable();
  void wake_udp_senders();

  // stack_sockets.cc
  Connection* connection_of(SocketHandle socket) const;
  Listener* listener_of(SocketHandle socket) const;
  UdpSocket* udp_of(SocketHandle socket) const;
  Errno check_local(const IpAddress& address) const;
  Result<InetEndpoint> claim_port(PortNumbers& ports, const InetEndpoint& local);
  bool comes_to_us(const TcpTuple& tuple) const;
  Result<uint16_t> choose_port(const IpAddress& source, const InetEndpoint& local, const InetEndpoint& remote);
  void close_connection(Connection& connection, bool politely, Instant now);
  void delete_listener(Listener& listener);

  const StackConfig config_;
  Memory& memory_;
  StackCounters counters_;
  TcpResources tcp_resources_;
  Routes routes_;
  NeighborCache neighbors_;
  AddressClaims claims_;
  PortNumbers tcp_ports_;
  PortNumbers udp_ports_;
  RateLimit icmp_limit_;
  SocketTable sockets_;
  TimerWheel wheel_;
  Instant now_;                          // of the present call
  uint64_t draws_ = 0;
  uint16_t identification_;              // RFC 6864: of the next packet that may be fragmented

  HalfOpenPool half_open_pool_;
  ObjectPool<Connection> connection_pool_;
  ObjectPool<ConnectionWork> work_pool_;
  ConnectionTable connections_;
  PortTable<Listener> listeners_;
  PortTable<UdpSocket> udp_sockets_;
  IntrusiveList<ConnectionWork, &ConnectionWork::transmit_hook> transmit_;
  IntrusiveList<ConnectionWork, &ConnectionWork::transmit_hook> transmit_local_;  // those to ourselves wait for room in loopback_
  IntrusiveList<ConnectionWork, &ConnectionWork::ending_hook> time_wait_;
  IntrusiveList<ConnectionWork, &ConnectionWork::ending_hook> parked_;   // who has waited longest comes first
  IntrusiveList<ConnectionWork, &ConnectionWork::ending_hook> orphans_;  // closed by their users, and not in TIME-WAIT yet
  IntrusiveList<Listener, &Listener::transmit_hook> transmit_listeners_;
  size_t time_waits_ = 0;
  size_t orphan_count_ = 0;
  size_t draining_ = 0;
  uint32_t segments_this_turn_ = 0;      // of the connection at the front of transmit_
  OutgoingSegment outgoing_;             // empty between calls
  const Ipv4Template segment_header_;    // of every segment

  RingQueue<Frame> ready_;               // complete, and at most kTransmitQueueFrames
  RingQueue<Frame> loopback_;
  RingQueue<SocketHandle> udp_senders_;  // who found ready_ full
  std::array<Arrival, kInputBurst> arrivals_;
  std::array<Confirmation, kConfirmations> confirmations_;
};

}  // namespace demi
