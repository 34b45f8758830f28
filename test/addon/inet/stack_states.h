// StackStates: fills a FuzzedStack with sockets in every state of RFC 9293, and in the situations within ESTABLISHED that have code of their own;
// with UDP sockets of each kind; and with neighbors in each state of their cache.
#pragma once

#include "base/assert.h"
#include "inet/fuzzed_stack.h"
#include "wire/arp.h"
#include "wire/udp.h"

namespace demi {

class StackStates {
 public:
  // The peers of the connections that are made, in this order, each from port kFirstPeerPort on. Those that the stack opens have other ports.
  enum Situation : uint8_t {
    kIdle,
    kOutstanding,       // text is not acknowledged
    kReceived,          // text waits to be read, and some behind a hole
    kPeerWindowZero,    // text waits for the peer's window
    kOwnWindowZero,     // the receive buffer is full
    kFinWait1,
    kFinWait2,
    kClosing,
    kCloseWait,
    kLastAck,
    kTimeWait,
    kLossy,             // the peer says by SACK that text is missing
    kWithoutOptions,    // of a peer that knows none; keepalive is on
    kByNeighbor,        // of a peer that ARP has found
    kOrphan,            // closed by its user, text is not acknowledged
    kSituations,
    kHalfOpen = kSituations,  // in the SYN queue
    kAcceptable,              // in the accept queue
    kSynSent,                 // opened by the stack
    kSynReceived,             // the same, and the peer has opened at the same time
    kAll,                     // how many of these there are
  };
  static constexpr uint16_t kFirstPeerPort = 5000;
  static constexpr uint16_t kSynSentPort = 9000;
  static constexpr uint16_t kSynReceivedPort = 9001;
  static constexpr uint16_t kWildcardPort = 53;
  static constexpr uint16_t kBoundPort = 54;
  static constexpr uint16_t kConnectedPort = 55;
  static constexpr uint16_t kUdpPeerPort = 7;

  static constexpr uint8_t kStaticHost = 2;
  static constexpr uint8_t kKnownHost = 3;
  static constexpr uint8_t kMissingHost = 4;
  static constexpr uint8_t kStaleHost = 5;
  static constexpr uint8_t kProbedHost = 6;

  explicit StackStates(FuzzedStack& world) : world_(world) {}

  void build() {
    begin();
    for (uint8_t i = 0; i < kSituations; ++i) bring_into(static_cast<Situation>(i));
    open_actively(kSynSentPort);
    open_actively(kSynReceivedPort);
    // Those that nobody accepts come last.
    leave_half_open();
    shake_hands(kAcceptable, kStaticHost, true);
    end();
  }
  // One of them alone, which is sooner done: a situation, or kHalfOpen, kAcceptable, kSynSent, kSynReceived.
  void build_only(uint8_t which) {
    begin();
    if (which < kSituations) {
      bring_into(static_cast<Situation>(which));
    } else if (which == kHalfOpen) {
      leave_half_open();
    } else if (which == kAcceptable) {
      shake_hands(kAcceptable, kStaticHost, true);
    } else {
      open_actively(which == kSynSent ? kSynSentPort : kSynReceivedPort);
    }
    end();
  }

  // Of the situation that was built last; nullptr if the application does not hold it.
  FuzzedStack::Held* held_of(Situation situation) {
    for (FuzzedStack::Held& held : world_.held()) {
      if (held.tuple.remote_port == kFirstPeerPort + situation) return &held;
    }
    return nullptr;
  }

  SocketHandle listener;
  SocketHandle wildcard;
  SocketHandle bound;
  SocketHandle connected;

 private:
  static inline const IpAddress kAny = IpAddress::unspecified(Family::kIPv4);

  WirePeer* peer_from(Situation situation, uint8_t host) {
    return world_.add_peer({FuzzedStack::host(1), FuzzedStack::kPort}, {FuzzedStack::host(host), static_cast<uint16_t>(kFirstPeerPort + situation)},
                           FuzzedStack::station(host));
  }
  void say(WirePeer& peer, const TcpHeader& header, uint32_t text_bytes) {
    world_.receive(peer, header, text_bytes);
    world_.deliver();
  }
  void acknowledge(WirePeer& peer) { say(peer, peer.acknowledgment(), 0); }
  // The next text, or text behind a hole.
  void say_text(WirePeer& peer, uint32_t bytes, uint32_t ahead = 0) {
    TcpHeader header = peer.acknowledgment();
    header.sequence_number += ahead;
    say(peer, header, bytes);
  }
  void say_end(WirePeer& peer, bool acknowledges) {
    TcpHeader header = peer.acknowledgment();
    header.flags.bits |= TcpFlags::kFin;
    if (!acknowledges) header.acknowledgment_number = peer.told;
    say(peer, header, 0);
  }

  WirePeer& shake_hands(Situation situation, uint8_t host, bool with_options) {
    WirePeer& peer = *peer_from(situation, host);
    say(peer, peer.syn(with_options), 0);
    acknowledge(peer);
    return peer;
  }

  void begin() {
    meet_neighbors();
    make_datagram_sockets();
    listener = *world_.stack().tcp_listen({kAny, FuzzedStack::kPort}, 4);
    world_.others.push_back(listener);
  }
  void end() {
    world_.is_built = true;
    world_.settle();
  }

  void meet_neighbors() {
    for (const uint8_t number : {kKnownHost, kStaleHost, kProbedHost}) {
      // Who asks for us, tells who he is.
      Octets octets(EthernetView::kBytes + ArpHeader::kBytes);
      EthernetHeader{MacAddress::broadcast(), FuzzedStack::station(number), EtherType::kArp, false, 0}.emit(octets);
      ArpHeader{ArpOperation::kRequest, FuzzedStack::station(number), FuzzedStack::host(number), MacAddress(), FuzzedStack::host(1)}.emit(
          MutableBytes(octets).subspan(EthernetView::kBytes));
      world_.receive(octets);
    }
    world_.deliver();
  }

  void make_datagram_sockets() {
    Stack& stack = world_.stack();
    wildcard = *stack.udp_bind({kAny, kWildcardPort});
    bound = *stack.udp_bind({FuzzedStack::host(1), kBoundPort});
    connected = *stack.udp_bind({kAny, kConnectedPort});
    (void)stack.udp_connect(connected, {FuzzedStack::host(kStaticHost), kUdpPeerPort});
    for (SocketHandle socket : {wildcard, bound, connected}) world_.others.push_back(socket);
    for (const uint8_t number : {kMissingHost, kProbedHost}) {
      Result<SgArray> payload = world_.memory().allocate(20);
      if (payload.ok()) (void)stack.udp_send(bound, std::move(*payload), {FuzzedStack::host(number), kUdpPeerPort}, world_.now());
    }
    world_.settle();
  }

  void open_actively(uint16_t port) {
    Result<SocketHandle> socket = world_.stack().tcp_connect({kAny, port}, {FuzzedStack::host(kStaticHost), port}, world_.now());
    DEMI_ASSERT(socket.ok(), "nothing is in the way of a connection");
    world_.hold(*socket);
    world_.settle();
    if (port != kSynReceivedPort) return;
    WirePeer& crossing = world_.peers().back();
    say(crossing, crossing.syn(true), 0);
  }
  void leave_half_open() {
    WirePeer& peer = *peer_from(kHalfOpen, kStaticHost);
    say(peer, peer.syn(true), 0);
  }

  void bring_into(Situation situation) {
    const uint8_t host = situation == kByNeighbor ? kKnownHost : kStaticHost;
    WirePeer& peer = shake_hands(situation, host, situation != kWithoutOptions);
    FuzzedStack::Held* held = world_.accept(listener);
    DEMI_ASSERT(held != nullptr, "a handshake does not open a connection");
    Stack& stack = world_.stack();
    switch (situation) {
      case kOutstanding:
        world_.send(*held, 3'000);
        break;
      case kReceived:
        say_text(peer, 500);
        say_text(peer, 300, 1'000);
        say_text(peer, 300, 2'000);
        break;
      case kPeerWindowZero: {
        TcpHeader closed = peer.acknowledgment();
        closed.window = 0;
        say(peer, closed, 0);
        world_.send(*held, 2'000);
        break;
      }
      case kOwnWindowZero:
        fill_window(peer);
        break;
      case kLossy:
        lose_text(peer, *held);
        break;
      case kWithoutOptions:
        stack.tcp_connection(held->socket)->set_keepalive(true, world_.now());
        stack.touch(held->socket);
        break;
      case kByNeighbor:
        // What is acknowledged shows that the neighbor is there.
        world_.send(*held, 100);
        world_.settle();
        acknowledge(peer);
        world_.send(*held, 100);
        break;
      case kOrphan:
        world_.send(*held, 1'000);
        world_.close(*held, true);
        break;
      default:
        close(situation, peer, *held);
        break;
    }
    world_.settle();
  }

  void fill_window(WirePeer& peer) {
    for (int i = 0; i < 64 && peer.edge > peer.wanted; ++i) {
      say_text(peer, std::min<uint32_t>(peer.edge.distance_from(peer.wanted), 1'400));
    }
  }

  // The first segment is missing, and what follows is not.
  void lose_text(WirePeer& peer, FuzzedStack::Held& held) {
    world_.send(held, 8'000);
    world_.settle();
    TcpHeader header = peer.acknowledgment();
    header.acknowledgment_number = peer.told;
    for (uint32_t i = 2; i <= 4; ++i) {
      header.options.sack_block_count = 1;
      header.options.sack_blocks[0] = {peer.told + 1'000, peer.told + 1'000 * i};
      say(peer, header, 0);
    }
  }

  void close(Situation situation, WirePeer& peer, FuzzedStack::Held& held) {
    const bool we_begin = situation == kFinWait1 || situation == kFinWait2 || situation == kClosing || situation == kTimeWait;
    const bool they_begin = situation == kCloseWait || situation == kLastAck;
    if (!we_begin && !they_begin) return;
    if (situation == kFinWait1) world_.send(held, 1'000);
    if (they_begin) say_end(peer, true);
    if (situation != kCloseWait) (void)world_.stack().tcp_shutdown_send(held.socket, world_.now());
    world_.settle();
    if (situation == kFinWait2 || situation == kTimeWait) acknowledge(peer);
    if (situation == kClosing) say_end(peer, false);
    if (situation == kTimeWait) say_end(peer, true);
  }

  FuzzedStack& world_;
};

}  // namespace demi
