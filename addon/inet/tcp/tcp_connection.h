// TcpConnection: one connection of TCP (RFC 9293), without a clock, a network or addresses: segments and the time are arguments, and what it
// has to say is asked for. Read tcp_state.h, sender.h and receiver.h first; segment_arrives.cc is 3.10.7 of the RFC, step by step.
//
// How to drive it. Calls of the user and the handle_* functions only take note. After any of them, or a burst of them:
//   1. poll_transmit(now) until it returns false, each segment to the network;
//   2. poll_event() until it returns kNone, each event to the user;
//   3. poll_timeout(): when to call handle_timeout(now) at the latest.
// It is over when is_finished(): the state is CLOSED and nothing is left to transmit. It may be destroyed at any time.
#pragma once

#include <cstdint>

#include "base/errno.h"
#include "base/family.h"
#include "base/time.h"
#include "inet/tcp/challenge_limit.h"
#include "inet/tcp/peer_syn.h"
#include "inet/tcp/receiver.h"
#include "inet/tcp/sender.h"
#include "inet/tcp/tcp_connection_info.h"
#include "inet/tcp/tcp_core.h"
#include "inet/tcp/tcp_state.h"
#include "wire/tcp.h"

namespace demi {

struct TcpOpen {
  uint16_t local_port = 0;
  uint16_t remote_port = 0;
  SeqNumber iss;              // isn.h
  uint64_t entropy = 0;       // not to be guessed: begins the timestamps and bounds the challenge ACKs
  uint16_t path_mss = 1460;   // bytes of text and TCP options that the path carries in a packet: its MTU without IP and TCP headers
  Family family = Family::kIPv4;
};

enum class TcpEvent : uint8_t {
  kNone,
  kConnected,  // ESTABLISHED was reached
  kReadable,   // there is text, or its end, to receive()
  kWritable,   // text was acknowledged: there is room, or nothing waits any more
  kDelivered,  // everything that was sent, the end of it included, is acknowledged
  kClosed,     // the connection is over for the user; error() says why, kOk if it ended as it should
};

struct OutgoingSegment {
  TcpHeader header;
  SgArray text;  // shared with the send queue
  // More than 0: a device is to cut it into segments of so many bytes of text.
  uint32_t segment_bytes = 0;

  uint32_t segments() const { return segment_bytes == 0 ? 1 : (static_cast<uint32_t>(text.bytes()) + segment_bytes - 1) / segment_bytes; }
};

enum class IcmpErrorKind : uint8_t { kSoft, kHard };  // RFC 9293 3.9.2.2: unreachable net, host, time exceeded / unreachable port, protocol

class TcpConnection {
 public:
  TcpConnection(TcpResources& resources, const TcpOpen& open);
  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;

  // --- calls of the user (RFC 9293 3.9.1) ---

  // OPEN, active.
  void connect(Instant now);
  // OPEN, passive, with the SYN that came and the text in it.
  void accept(const TcpHeader& syn, SgArray text, Instant now);
  // The same for a SYN that a listener has answered already, `transmissions` times, the last time at `answered`. What comes next is the ACK.
  void resume(const PeerSyn& syn, SgArray text, uint32_t transmissions, Instant answered, Instant now);
  // SEND: takes the first bytes of `text` for which the send buffer has room and returns how many. EPIPE after shutdown or close, or what
  // ended the connection.
  Result<uint64_t> send(SgArray& text, Instant now);
  // RECEIVE: at most `limit` bytes; an empty array if there are none, and then is_ended() tells whether ever more will come.
  SgArray receive(uint64_t limit, Instant now);
  // CLOSE of the sending half: a FIN behind what was sent.
  void shutdown_send(Instant now);
  // What comes from now on is acknowledged and dropped.
  void shutdown_receive();
  // CLOSE: as both, and text that comes, or was not read, is answered by a RST (RFC 9293 3.6.1, RFC 2525 2.17). To linger is to wait for
  // kDelivered, and to abort() when that takes too long.
  void close(Instant now);
  // ABORT: the peer is told by a RST.
  void abort(Instant now);
  // The same, but it is not the user who wants it: `error` tells him why.
  void give_up(Errno error);

  // --- options of the user ---

  void set_nagle(bool nagle) { sender_.set_nagle(nagle); }
  void set_send_buffer(uint32_t bytes) { sender_.set_send_buffer(bytes); }
  void set_receive_buffer(uint32_t bytes) { receiver_.set_buffer(bytes); }
  void set_congestion(CongestionAlgorithm algorithm) { sender_.congestion().set_algorithm(algorithm); }
  // RFC 5482 without the option: zero is what TcpConfig says, for text that is not acknowledged. Anything else bounds zero windows, too.
  // In whole milliseconds, rounded up.
  void set_user_timeout(Duration timeout);
  // Nothing is under way: what is only needed then goes back to its pools.
  void rest() {
    core_.timers.rest();
    receiver_.rest();
  }
  void set_keepalive(bool on, Instant now);
  // Zero: what TcpConfig says.
  void set_keepalive_times(Duration idle, Duration interval, uint8_t probes);

  // --- what comes in ---

  void handle_segment(const TcpHeader& header, SgArray&& text, Instant now);
  void handle_timeout(Instant now);
  // `quoted` is the sequence number in the segment that the message is about (RFC 5927 4.1).
  void handle_icmp_error(IcmpErrorKind kind, Errno error, SeqNumber quoted);
  // The path carries at most so much text and TCP options in a packet.
  void handle_path_mss(uint32_t mss, SeqNumber quoted);

  // --- what goes out ---

  // False when it is known that there is nothing: mostly so after a segment.
  bool may_transmit() const {
    return sender_.may_transmit() || receiver_.ack_is_due() || challenge_is_due_ || reset_is_due_ || keepalive_is_due_ || sender_.syn_is_due();
  }
  // The next segment; false if there is none now.
  bool poll_transmit(OutgoingSegment& out, Instant now);
  Instant poll_timeout() const { return core_.timers.earliest(); }
  bool has_events() const { return events_ != 0; }
  TcpEvent poll_event() {
    if (events_ == 0) return TcpEvent::kNone;
    const auto first = static_cast<uint8_t>(__builtin_ctz(events_));
    events_ &= static_cast<uint8_t>(~(1u << first));
    return static_cast<TcpEvent>(first);
  }

  // --- getters ---

  TcpState state() const { return state_; }
  bool is_finished() const { return state_ == TcpState::kClosed && !reset_is_due_; }
  // Of one that was closed: whether the peer has all that was sent, and its end, as far as can be known.
  bool has_delivered() const { return state_ == TcpState::kFinWait2 || state_ == TcpState::kTimeWait || state_ == TcpState::kClosed; }
  Errno error() const { return error_; }
  uint16_t local_port() const { return local_port_; }
  uint16_t remote_port() const { return remote_port_; }
  Family family() const { return family_; }
  uint64_t readable_bytes() const { return receiver_.readable_bytes(); }
  // No text will come any more beyond what is readable.
  bool is_ended() const { return receiver_.fin_is_received() || state_ == TcpState::kClosed; }
  uint64_t writable_bytes() const { return accepts_send(state_) && !sender_.fin_is_queued() ? sender_.room() : 0; }
  // Of all text that was ever sent.
  uint64_t acked_bytes() const { return sender_.totals().bytes_acked; }
  uint64_t unacked_bytes() const { return sender_.queued_bytes(); }
  bool nagle() const { return sender_.nagle(); }
  CongestionAlgorithm congestion() const { return sender_.congestion().algorithm(); }
  bool keepalive() const { return keepalive_; }
  Duration user_timeout() const { return Duration::milliseconds(user_timeout_ms_); }
  TcpConnectionInfo info() const;
  const Sender& sender() const { return sender_; }
  const Receiver& receiver() const { return receiver_; }
  const TcpTimers& timers() const { return core_.timers; }

  // RFC 6191 and RFC 9293 3.6.1: whether the tuple of this connection, in TIME-WAIT, may be used again for a SYN that came. The new ISS must
  // then be above sent_end().
  bool yields_to(const TcpHeader& syn) const;
  // The same for a SYN of our own: the peer will know it as new if its timestamps go on (RFC 6191 2), which takes a tick of our clock.
  bool yields_to_active_open(Instant now) const;
  SeqNumber sent_end() const { return sender_.sent_end(); }
  uint32_t timestamp_offset() const { return core_.timestamp_offset; }

 protected:
  TcpResources& resources() const { return core_.resources; }

 private:
  // segment_arrives.cc
  bool is_expected(const TcpHeader& header, uint32_t text_length) const;
  void arrives_as_expected(const TcpHeader& header, SgArray&& text, Instant now);
  void arrives_in_syn_sent(const TcpHeader& header, SgArray&& text, Instant now);
  void arrives_in_other_states(const TcpHeader& header, SgArray&& text, Instant now);
  void arrives_again_as_syn(const TcpHeader& header, SgArray&& text, Instant now);
  bool check_timestamp(const TcpHeader& header, uint32_t length, Instant now);
  bool check_sequence(const TcpHeader& header, uint32_t text_length, Instant now);
  bool check_rst(const TcpHeader& header, Instant now);
  bool check_syn(const TcpHeader& header, Instant now);
  bool check_ack(const TcpHeader& header, uint32_t length, Instant now);
  bool check_ack_of_syn(const TcpHeader& header, Instant now);
  void process_text(const TcpHeader& header, SgArray&& text, Instant now);
  void process_fin(Instant now);
  void note_timestamp(const TcpHeader& header, Instant now);
  void challenge(Instant now);
  void fin_was_acknowledged(Instant now);

  // output.cc
  bool poll_syn(OutgoingSegment& out, Instant now);
  bool poll_text(OutgoingSegment& out, Instant now);
  bool poll_ack(OutgoingSegment& out, Instant now);
  bool poll_keepalive(OutgoingSegment& out, Instant now);
  bool poll_reset(OutgoingSegment& out);
  void begin_segment(OutgoingSegment& out, SeqNumber seq, uint16_t flags, Instant now);
  void count_out(const OutgoingSegment& out);

  void step(TcpStateEvent event) { state_ = next_state(state_, event); }
  void agree(const PeerSyn& syn, Instant now);
  void establish(SeqNumber seq, uint32_t window, Instant now);
  void send_fin_if_asked();
  void enter_time_wait(Instant now);
  void wait_for_fin_if_orphaned(Instant now);
  void end(Errno error);
  void end_with_reset(Errno error);
  void settle();
  Duration user_timeout_in_force() const;
  Duration keepalive_idle() const;
  Duration keepalive_interval() const;
  uint32_t keepalive_probes() const;
  void handle_keepalive_timeout(Instant now);
  void handle_retransmission_timeout(Instant now);
  void suspect_black_hole();
  void raise(TcpEvent event) { events_ |= static_cast<uint8_t>(1u << static_cast<uint8_t>(event)); }

  // Small ones stand where a word is not full.
  [[no_unique_address]] TcpCore core_;
  [[no_unique_address]] Sender sender_;
  [[no_unique_address]] Receiver receiver_;
  uint8_t keepalives_sent_ = 0;        // without an answer
  uint8_t keepalive_probes_ = 0;       // 0: as configured
  [[no_unique_address]] ChallengeLimit challenges_;
  Family family_;
  TcpState state_ = TcpState::kClosed;
  uint8_t events_ = 0;                 // a bit for each TcpEvent that nobody has polled
  SeqNumber iss_;
  SeqNumber reset_seq_;                // of the RST that is due
  uint16_t local_port_;
  uint16_t remote_port_;
  uint16_t path_mss_;                  // bytes of text and TCP options
  Errno error_ = Errno::kOk;
  Errno soft_error_ = Errno::kOk;      // what ICMP said; tells more than a timeout, if one comes
  bool is_active_ : 1 = false;         // opened by connect()
  bool reset_is_due_ : 1 = false;
  bool reset_has_ack_ : 1 = false;
  bool challenge_is_due_ : 1 = false;
  bool is_orphan_ : 1 = false;         // closed by the user: nobody reads
  bool keepalive_ : 1 = false;
  bool keepalive_is_due_ : 1 = false;
  uint32_t keepalive_idle_ms_ = 0;     // 0: as configured
  uint32_t keepalive_interval_ms_ = 0;
  uint32_t segments_in_ = 0;
  uint32_t segments_out_ = 0;
  uint32_t ts_recent_ = 0;             // RFC 7323 4.3
  Instant ts_recent_at_;
  Instant last_heard_;
  uint32_t user_timeout_ms_ = 0;       // 0: as configured
};

}  // namespace demi
