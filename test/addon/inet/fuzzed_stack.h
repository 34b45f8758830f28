// FuzzedStack: a small stack with everything that it is connected to, in virtual time: peers that a program moves, and what must hold after each
// step. What it finds wrong ends the process. The same calls give the same run.
//
// DEMI_FUZZ_TRACE=1 prints each segment that is sent or arrives.
//
// Read wire_peer.h and sent_frame.h first. stack_states.h fills it with sockets in every state; stack_program.h moves it by a tape.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "inet/sent_frame.h"
#include "inet/stack.h"
#include "inet/tcp/segment_text.h"
#include "inet/tcp/tcp_invariants.h"
#include "inet/wire_peer.h"

namespace demi {

// What differs from one run to another beside the program.
struct FuzzedStackSettings {
  bool new_reno = false;
  bool nagle = true;
  bool header_prediction = true;
  bool finishes_checksums = false;
  bool small_mtu = false;
  bool small_memory = false;
  bool announces = false;
  bool closes_politely = false;  // at the end; otherwise it aborts
};

class FuzzedStack {
 public:
  static constexpr uint16_t kPort = 80;
  static constexpr size_t kPeersMax = 48;
  static constexpr size_t kBurstMax = 40;  // more than the stack takes at once

  // A TCP socket that the application holds.
  struct Held {
    SocketHandle socket;
    TcpTuple tuple;
    SeqNumber next_text;      // the place of the next octet that is given to it
    SeqNumber edge;           // the farthest that its peer's windows have reached
    TcpInvariants invariants;
  };

  explicit FuzzedStack(const FuzzedStackSettings& its_settings)
      : settings(its_settings),
        own_memory_(its_settings.small_memory ? std::make_unique<Memory>(small_memory_config()) : nullptr),
        memory_(own_memory_ ? *own_memory_ : shared_memory()),
        config_(stack_config(its_settings)),
        stack_(config_, memory_, now_) {
    memory_.set_poison(true);
    peers_.reserve(kPeersMax);
  }

  static constexpr IpAddress host(uint8_t number) { return IpAddress::ipv4(10, 0, 0, number); }
  static constexpr MacAddress station(uint8_t number) { return {{0x02, 0, 0, 0, 0, number}}; }

  // --- what comes in ---

  // Puts a frame into the burst. A frame that there is no memory for is lost, as by a device.
  void receive(Bytes octets, ChecksumVerdict verdict = ChecksumVerdict::kUnknown) {
    if (octets.empty()) return;
    if (burst_.size() >= kBurstMax) deliver();
    BufferRef room = memory_.allocate_room(octets.size());
    if (!room) return;
    const uint32_t first = room->headroom;
    Frame frame(std::move(room), first, static_cast<uint32_t>(octets.size()));
    std::copy(octets.begin(), octets.end(), frame.writable_head().begin());
    frame.verdict = verdict;
    burst_.push_back(std::move(frame));
    note(octets);
  }
  void receive(WirePeer& peer, const TcpHeader& header, uint32_t text_bytes) {
    peer.emit(header, text_bytes, octets_);
    // Of what is acceptable: the next text of an honest peer begins behind it.
    if (header.flags.ack()) peer.told = SeqNumber::later_of(peer.told, SeqNumber::earlier_of(header.acknowledgment_number, peer.seen_end));
    trace("gets ", header, text_bytes);
    receive(octets_);
  }

  // Hands the burst to the stack, and looks at what it answers at once.
  void deliver() {
    if (burst_.empty()) return;
    answers_ = {};
    const uint64_t parked_resets = stack_.counters().tcp_parked_reset;
    stack_.handle_frames(burst_, now_);
    for (const Frame& frame : burst_) DEMI_ASSERT(frame.empty(), "a frame was not taken");
    frames_in_ += burst_.size();
    drain();
    const uint64_t frames = burst_.size();
    const uint64_t resets_of_memory = stack_.counters().tcp_parked_reset - parked_resets;
    // An answer for each, and a request for the neighbor that it goes to. A neighbor that is found gets what has waited for it.
    DEMI_ASSERT(answers_.bare <= frames + resets_of_memory + arps_in_burst_ * kNeighborQueueFrames, "more answers than questions");
    DEMI_ASSERT(answers_.requests <= 2 * frames + live_peers(), "more requests for neighbors than reasons");
    if (is_burst_of_resets_) DEMI_ASSERT(answers_.resets <= resets_of_memory, "a RST answers a RST");
    if (is_burst_of_errors_) DEMI_ASSERT(answers_.errors == 0, "an ICMP error answers an ICMP error");
    burst_.clear();
    arps_in_burst_ = 0;
    is_burst_of_resets_ = is_burst_of_errors_ = true;
    settle();
  }

  // --- time ---

  // All that is due by now, and what comes of it.
  void settle() {
    drain();
    for (uint32_t rounds = 0; stack_.poll_timeout() <= now_; ++rounds) {
      DEMI_ASSERT(rounds < kRoundsMax, "the stack never comes to rest");
      stack_.handle_timeout(now_);
      drain();
    }
    check();
  }
  // Time passes, with every timer on the way, as long as these are not too many.
  void wait(Duration length) {
    const Instant end = now_ + length;
    for (uint32_t steps = 0; steps < kTimersMax; ++steps) {
      const Instant due = stack_.poll_timeout();
      if (due > end) break;
      now_ = std::max(now_, due);
      settle();
    }
    now_ = std::max(now_, end);
    settle();
  }
  // The next timer, if there is one in less than a day.
  void wait_until_due() {
    const Instant due = stack_.poll_timeout();
    if (due > now_ + Duration::seconds(86'400)) return;
    now_ = std::max(now_, due);
    settle();
  }
  // The same as wait(), by a user who comes late.
  void oversleep(Duration length) {
    now_ = now_ + length;
    settle();
  }

  // --- peers ---

  // nullptr if there are too many.
  WirePeer* add_peer(const InetEndpoint& local, const InetEndpoint& remote, const MacAddress& mac) {
    if (WirePeer* known = find_peer(local.address, local.port, remote.address, remote.port)) return known;
    if (peers_.size() >= kPeersMax) return nullptr;
    WirePeer peer;
    peer.local = local;
    peer.remote = remote;
    peer.mac = mac;
    peer.stack_mac = config_.mac;
    peer.iss = SeqNumber(0xffff'f000u + static_cast<uint32_t>(peers_.size()) * 0x1000'0100u);
    peer.wanted = peer.iss;
    peers_.push_back(peer);
    return &peers_.back();
  }
  std::vector<WirePeer>& peers() { return peers_; }

  // --- the application ---

  Held* hold(SocketHandle socket) {
    const TcpConnection* connection = stack_.tcp_connection(socket);
    DEMI_ASSERT(connection != nullptr, "a socket that is none was given");
    const InetEndpoint local = *stack_.local_endpoint(socket);
    const InetEndpoint remote = *stack_.remote_endpoint(socket);
    Held held;
    held.socket = socket;
    held.tuple = {local.address, remote.address, local.port, remote.port};
    // SND.UNA is the ISS until the SYN is acknowledged. That is so, too, if the connection does not take what the listener took for the ACK.
    held.next_text = connection->sender().una() + (is_synchronized(connection->state()) ? 0 : 1);
    held.edge = connection->sender().una() + connection->sender().window();
    held_.push_back(held);
    if (!remote.address.is_loopback() && !(remote.address == host(1))) add_peer(local, remote, station(static_cast<uint8_t>(remote.address.words[0])));
    return &held_.back();
  }
  std::vector<Held>& held() { return held_; }

  Held* accept(SocketHandle listener) {
    Result<SocketHandle> socket = stack_.tcp_accept(listener);
    return socket.ok() ? hold(*socket) : nullptr;
  }
  void send(Held& held, uint32_t bytes) {
    Result<SgArray> text = memory_.allocate(bytes);
    if (!text.ok()) return;
    SeqNumber place = held.next_text;
    for (const Segment& segment : *text) {
      fill_text({segment.data(), segment.length}, place);
      place += segment.length;
    }
    Result<uint64_t> taken = stack_.tcp_send(held.socket, *text, now_);
    if (!taken.ok()) return;
    DEMI_ASSERT(*taken + text->bytes() == bytes, "text was lost between the application and the send queue");
    held.next_text += static_cast<uint32_t>(*taken);
  }
  void read(Held& held, uint64_t limit) {
    const TcpConnection& connection = *stack_.tcp_connection(held.socket);
    const uint64_t readable = connection.readable_bytes();
    const Receiver& receiver = connection.receiver();
    const SeqNumber first = receiver.nxt() - receiver.fin_is_received() - static_cast<uint32_t>(readable);
    Result<SgArray> text = stack_.tcp_receive(held.socket, limit, now_);
    if (!text.ok()) return;
    DEMI_ASSERT(text->bytes() == std::min(limit, readable), "more or less text than was readable");
    SeqNumber place = first;
    for (const Segment& segment : *text) {
      DEMI_ASSERT(has_foreign_text_ || is_text({segment.data(), segment.length}, place), "other text is read than was sent");
      place += segment.length;
    }
    DEMI_ASSERT(connection.readable_bytes() + text->bytes() == readable, "text was read that is still readable");
  }
  // The socket is gone; the connection may go on.
  void close(Held& held, bool politely) {
    (void)(politely ? stack_.close(held.socket, now_) : stack_.tcp_abort(held.socket, now_));
    const auto index = static_cast<size_t>(&held - held_.data());
    held_.erase(held_.begin() + static_cast<ptrdiff_t>(index));
  }
  // The program takes so many rooms of 2 KiB away from the stack, if it has a memory of its own.
  void take_memory(uint32_t rooms) {
    if (!own_memory_) return;
    for (uint32_t i = 0; i < rooms; ++i) {
      BufferRef room = memory_.allocate_room(kRoomBytes[1]);
      if (!room) return;
      taken_.push_back(std::move(room));
    }
  }
  void give_memory_back(size_t rooms) { taken_.resize(taken_.size() - std::min(rooms, taken_.size())); }

  Stack& stack() { return stack_; }
  Memory& memory() { return memory_; }
  const StackConfig& config() const { return config_; }
  Instant now() const { return now_; }
  // The last frame that was sent.
  Bytes last_sent() const { return sent_octets_; }

  // Text has come in that does not follow text_octet(): what is read is not compared any more.
  void note_foreign_text() { has_foreign_text_ = true; }

  // --- the end ---

  // Everybody leaves; then nothing may be left.
  void finish() {
    deliver();
    taken_.clear();
    settle();
    while (!held_.empty()) close(held_.back(), settings.closes_politely);
    for (SocketHandle socket : others) (void)stack_.close(socket, now_);
    settle();
    DEMI_ASSERT(stack_.sockets() == 0, "a socket is left");
    for (uint32_t timers = 0; stack_.connections() > 0 || !stack_.poll_timeout().is_never(); ++timers) {
      DEMI_ASSERT(timers < kLastTimersMax && !stack_.poll_timeout().is_never(), "a connection without an end");
      now_ = std::max(now_, stack_.poll_timeout());
      settle();
    }
    DEMI_ASSERT(stack_.time_waits() == 0 && stack_.orphans() == 0 && stack_.draining() == 0, "a connection is counted that is gone");
    DEMI_ASSERT(stack_.neighbors().frames_waiting() == 0, "a frame waits for a neighbor for ever");
    DEMI_ASSERT(memory_.buffers_outstanding() == 0 && memory_.segments().live() == 0, "memory is missing");
  }

  const FuzzedStackSettings settings;
  std::vector<SocketHandle> others;  // listeners and UDP sockets
  bool is_built = false;             // the states are made: from now on everything is checked after each step

 private:
  struct Answers {
    uint64_t bare = 0;      // without text, SYN or FIN; ARP requests do not count
    uint64_t requests = 0;  // of ARP
    uint64_t resets = 0;
    uint64_t errors = 0;    // of ICMP
  };
  static constexpr uint32_t kRoundsMax = 2'000;      // two ends here may send each other a full window of small segments
  static constexpr uint32_t kFramesAtOnceMax = 20'000;
  static constexpr uint32_t kTimersMax = 64;
  static constexpr uint32_t kLastTimersMax = 20'000;

  // What is mapped stays mapped, so who runs short of memory has to have it to himself: otherwise a run would depend on those before. All others
  // share one that is never short, because to map it takes longer than a run.
  static MemoryConfig small_memory_config() {
    MemoryConfig config;
    config.limit_bytes = 768 << 10;
    return config;
  }
  static Memory& shared_memory() {
    static Memory memory;
    return memory;
  }
  // Bounds are low, so that programs reach them.
  static StackConfig stack_config(const FuzzedStackSettings& settings) {
    StackConfig config;
    config.mac = station(1);
    config.addresses = {Cidr(host(1), 24)};
    config.neighbors = {{host(2), station(2)}};
    config.secret = {0x0123'4567'89ab'cdef, 0xfedc'ba98'7654'3210};
    config.claims.announcements = settings.announces ? 2 : 0;
    config.mtu_bytes = settings.small_mtu ? 576 : 1500;
    config.finishes_checksums = settings.finishes_checksums;
    config.connections_max = 40;
    config.time_wait_max = 4;
    config.orphans_max = 6;
    config.udp_receive_bytes = 8 << 10;
    config.icmp_per_second = 20;
    config.icmp_burst = 10;
    TcpConfig& tcp = config.tcp;
    tcp.syn_queue_entries = 8;
    tcp.send_buffer_bytes = 16 << 10;
    tcp.send_buffer_max_bytes = 64 << 10;
    tcp.receive_buffer_bytes = 8 << 10;
    tcp.receive_buffer_max_bytes = 32 << 10;
    tcp.nagle = settings.nagle;
    tcp.header_prediction = settings.header_prediction;
    if (settings.new_reno) tcp.congestion = CongestionAlgorithm::kNewReno;
    return config;
  }

  WirePeer* find_peer(const IpAddress& local, uint16_t local_port, const IpAddress& remote, uint16_t remote_port) {
    for (WirePeer& peer : peers_) {
      if (peer.is_of(local, local_port, remote, remote_port)) return &peer;
    }
    return nullptr;
  }
  size_t live_peers() const { return peers_.size() + stack_.neighbors().size(); }

  // What kind of frame joins the burst.
  void note(Bytes octets) {
    bool is_reset = false, is_error = false;
    const Parsed<EthernetView> ethernet = EthernetView::parse(octets);
    if (ethernet && ethernet->ether_type() == EtherType::kArp) ++arps_in_burst_;
    if (ethernet && ethernet->ether_type() == EtherType::kIPv4) {
      if (const Parsed<Ipv4View> ip = Ipv4View::parse(ethernet->payload())) {
        const Bytes payload = ip->payload();
        if (ip->protocol() == IpProtocol::kTcp && payload.size() >= TcpHeader::kBytesMin) is_reset = (payload[13] & TcpFlags::kRst) != 0;
        if (ip->protocol() == IpProtocol::kIcmpV4) {
          const Parsed<IcmpV4View> message = IcmpV4View::parse(payload);
          is_error = message && message->header().is_error();
        }
      }
    }
    is_burst_of_resets_ = is_burst_of_resets_ && is_reset;
    is_burst_of_errors_ = is_burst_of_errors_ && is_error;
  }

  void trace(const char* verb, const TcpHeader& header, uint32_t text_bytes) const {
    if (!is_traced_) return;
    std::fprintf(stderr, "%14.6f %s port %u to %u: %s\n", static_cast<double>(now_.nanoseconds()) / 1e9, verb, header.source_port, header.destination_port,
                text_of(header, text_bytes, SeqNumber(), SeqNumber()).c_str());
  }

  // --- what goes out ---

  void drain() {
    for (uint32_t frames = 0;; ++frames) {
      DEMI_ASSERT(frames < kFramesAtOnceMax, "the stack sends without an end");
      for (Held& held : held_) note_edge(held);
      const Frame frame = stack_.poll_transmit(now_);
      if (frame.empty()) break;
      ++frames_out_;
      see(SentFrame::read(config_, frame, sent_octets_));
    }
    for (SocketEvent event; stack_.poll_event(event);) {
      DEMI_ASSERT(stack_.local_endpoint(event.socket).ok(), "an event of a socket that is gone");
    }
  }

  void note_edge(Held& held) {
    const TcpConnection* connection = stack_.tcp_connection(held.socket);
    if (connection == nullptr || !is_synchronized(connection->state())) return;
    held.edge = SeqNumber::later_of(held.edge, connection->sender().una() + connection->sender().window());
  }

  void see(const SentFrame& sent) {
    switch (sent.kind) {
      case SentFrame::Kind::kArpRequest:
        ++answers_.requests;
        return;
      case SentFrame::Kind::kIcmp:
        answers_.errors += sent.message.is_error();
        ++answers_.bare;
        return;
      case SentFrame::Kind::kArpReply:
        ++answers_.bare;
        return;
      case SentFrame::Kind::kUdp:
        return;
      case SentFrame::Kind::kTcp:
        see_segment(sent);
        return;
    }
  }

  void see_segment(const SentFrame& sent) {
    const TcpHeader& header = sent.segment;
    const auto length = static_cast<uint32_t>(sent.text.size()) + header.flags.fin();
    if (length == 0 && !header.flags.syn()) ++answers_.bare;
    if (header.flags.rst()) ++answers_.resets;
    trace("sends", header, static_cast<uint32_t>(sent.text.size()));
    DEMI_ASSERT(is_text(sent.text, header.sequence_number), "other text is sent than was given");
    WirePeer* peer = find_peer(sent.source, header.source_port, sent.destination, header.destination_port);
    if (peer != nullptr) peer->see(header, static_cast<uint32_t>(sent.text.size()));
    if (length == 0) return;
    for (const Held& held : held_) {
      const TcpTuple& tuple = held.tuple;
      // One that is over may be held beside a new one of the same tuple.
      const TcpState state = stack_.tcp_connection(held.socket)->state();
      if (state == TcpState::kClosed || state == TcpState::kTimeWait || tuple.remote_port != header.destination_port ||
          tuple.local_port != header.source_port || !(tuple.remote_address == sent.destination)) {
        continue;
      }
      // What has waited for its neighbor may be older than the connection.
      if (!(sent.destination == host(2))) continue;
      // One octet beyond is a probe of a zero window.
      DEMI_ASSERT(header.sequence_number + length <= held.edge + 1, "a segment beyond the window");
    }
  }

  // --- what must hold ---

  void check() {
    DEMI_ASSERT(stack_.poll_timeout() > now_, "something is due that was just done");
    if (!is_built) return;
    const StackCounters& counters = stack_.counters();
    DEMI_ASSERT(counters.frames_in == frames_in_ && counters.frames_out == frames_out_, "frames are counted that there were not");
    DEMI_ASSERT(dropped(counters) <= counters.frames_in + counters.looped_back, "a frame was dropped twice");
    for (Held& held : held_) {
      TcpConnection* connection = stack_.tcp_connection(held.socket);
      DEMI_ASSERT(connection != nullptr, "a socket that the application holds is gone");
      check_connection(held, *connection);
    }
  }

  static uint64_t dropped(const StackCounters& counters) {
    return counters.frame_malformed + counters.frame_foreign + counters.frame_group_unwanted + counters.frame_tagged +
           counters.frame_unknown_type + counters.arp_malformed + counters.arp_bad_sender + counters.ip_malformed +
           counters.ip_bad_checksum + counters.ip_bad_source + counters.ip_foreign + counters.ip_fragment + counters.ip_unknown_protocol +
           counters.ip_group_unwanted + counters.icmp_malformed + counters.icmp_bad_checksum + counters.icmp_unknown +
           counters.icmp_ignored + counters.udp_malformed + counters.udp_bad_checksum + counters.udp_without_socket +
           counters.udp_queue_full + counters.tcp_malformed + counters.tcp_bad_checksum + counters.tcp_without_connection;
  }

  void check_connection(Held& held, const TcpConnection& connection) {
    const Sender& sender = connection.sender();
    const Receiver& receiver = connection.receiver();
    const TcpState state = connection.state();
    DEMI_ASSERT(sender.una() <= sender.nxt(), "SND.UNA is beyond SND.NXT");
    DEMI_ASSERT(sender.sacked_bytes() + sender.lost_bytes() <= sender.flight_bytes() + 1, "more is known of the flight than there is");
    DEMI_ASSERT(sender.mss() >= 1 && sender.mss() <= config_.mtu_bytes, "a segment that the link does not carry");
    DEMI_ASSERT(connection.unacked_bytes() >= sender.unsent_bytes(), "text is unsent that nobody has given");
    // One in TIME-WAIT may have given its place to another connection, and its user still holds it: then nobody looks at its timer any more.
    DEMI_ASSERT(state == TcpState::kTimeWait || connection.timers().earliest() > now_, "a timer is over, and nothing has happened");
    DEMI_ASSERT(receiver.readable_bytes() <= kReadableMax, "more is kept than was ever promised");
    if (state != TcpState::kClosed && state != TcpState::kTimeWait) {
      const char* wrong = held.invariants.check_rest(connection, 0);
      DEMI_ASSERT(wrong == nullptr, wrong);
    }
    const ReassemblyQueue* reassembly = receiver.reassembly();
    if (reassembly != nullptr) {
      DEMI_ASSERT(!reassembly->empty() && reassembly->count() <= kReassemblyBlocksMax, "a reassembly queue without a reason");
      DEMI_ASSERT(reassembly->text_bytes() <= kReadableMax, "more is kept behind a hole than was ever promised");
    }
    (void)connection.info();
  }

  // As large as the buffer may become, and the window that was promised before it was read.
  static constexpr uint64_t kReadableMax = 64 << 10;

  Instant now_ = Instant() + Duration::seconds(1);
  const std::unique_ptr<Memory> own_memory_;
  Memory& memory_;
  const StackConfig config_;
  Stack stack_;
  std::vector<WirePeer> peers_;
  std::vector<Held> held_;
  std::vector<BufferRef> taken_;
  std::vector<Frame> burst_;
  Octets octets_;
  Octets sent_octets_;
  Answers answers_;
  uint64_t frames_in_ = 0;
  uint64_t frames_out_ = 0;
  uint64_t arps_in_burst_ = 0;
  bool is_burst_of_resets_ = true;
  bool is_burst_of_errors_ = true;
  bool has_foreign_text_ = false;
  const bool is_traced_ = std::getenv("DEMI_FUZZ_TRACE") != nullptr;
};

}  // namespace demi
