// Sender: the sending half of a connection: what may be sent when (RFC 9293 3.8, RFC 5681), what is lost, and until when an acknowledgment is
// waited for. Read send_queue.h and loss_recovery.h first.
//
// It decides; the connection makes the segment. Text of the user waits in the Flight, which exists only while there is something to send or
// to be acknowledged.
#pragma once

#include <cstdint>

#include "inet/tcp/congestion_control.h"
#include "inet/tcp/flight.h"
#include "inet/tcp/rtt_estimator.h"
#include "inet/tcp/tcp_core.h"
#include "wire/tcp.h"

namespace demi {

// A segment that is to leave now.
struct Transmission {
  SeqNumber seq;
  uint32_t length = 0;  // bytes of text: more than sender.mss() only for a device that cuts
  bool fin = false;
  bool push = false;
  bool again = false;   // it was sent before
};

class Sender {
 public:
  explicit Sender(TcpCore& core);
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;
  ~Sender();

  // --- opening ---

  // SND.UNA = SND.NXT = ISS; the SYN is due.
  void open(SeqNumber iss, Instant now);
  bool syn_is_due() const { return syn_is_due_; }
  void handle_syn_sent(Instant now);
  void repeat_syn() { syn_is_due_ = syn_is_unacknowledged_; }
  // A simultaneous open: ours again, with an ACK, which is no loss.
  void answer_syn() {
    repeat_syn();
    syn_is_answer_ = true;
  }
  // The peer's SYN said what segments it takes and how it counts its window. An MSS is text and TCP options.
  void agree(uint32_t peer_mss, uint32_t path_mss, uint8_t window_scale);
  // Our SYN was acknowledged by a segment with `seq` and a window in bytes.
  void handle_established(SeqNumber seq, uint32_t window, Instant now);

  // The window beside the peer's SYN, if it came with the ACK of ours.
  void handle_syn_window(uint32_t window);

  // --- from the user ---

  // Takes the first bytes of `text`, as many as the send buffer has room for, and returns how many.
  uint64_t append(SgArray& text, Instant now);
  // A FIN behind everything.
  void finish(Instant now);
  // Whatever was not sent or not acknowledged is given up.
  void drop_everything();

  // --- from the peer ---

  // SND.UNA =< SEG.ACK =< SND.NXT was checked, by is_acceptable_ack(); `window` is in bytes. Returns whether anything changed for the user.
  struct AckResult {
    uint32_t acked_bytes = 0;  // of text
    bool fin_acknowledged = false;
  };
  AckResult handle_ack(const TcpHeader& header, uint32_t segment_length, Instant now);
  // Whether it says that all or some of what was sent has arrived, or nothing new, and there is no probe whose answer it may be.
  bool waits_for(SeqNumber ack) const { return ack >= una_ && ack <= nxt_ && !probe_is_out_; }
  // RFC 9293 3.10.7.4, fifth: neither old nor of something that was never sent.
  bool acknowledges_unsent(SeqNumber ack) const { return ack > sent_end(); }

  // --- time ---

  void handle_retransmission_timeout(Instant now);
  void handle_persist_timeout(Instant now);
  // The user timeout is counted from now on.
  void begin_user_timeout(Instant now);
  // When text has waited for too long: never if there is none. `answers_count`: a peer that answers probes of its zero window may take its time.
  Instant user_deadline(Duration user_timeout, bool answers_count) const;

  // --- to the network ---

  // The next segment, with at most `text_limit` bytes of text; false if there is none now. What is returned counts as sent.
  bool poll(Transmission& out, uint32_t text_limit, Instant now);
  // False as long as poll() has nothing new to find out.
  bool may_transmit() const { return flight_ != nullptr && !is_quiet_; }
  // Its text, shared with the send queue.
  void share_text(const Transmission& transmission, SgArray& out);

  // The path carries `mss` bytes of text and options at most. Returns whether that is news.
  bool lower_mss(uint32_t mss);

  // What an acknowledgment will touch, in the order in which each step needs the one before: for who has several connections at hand.
  void prefetch_flight() const {
    const auto* bytes = reinterpret_cast<const char*>(flight_);
    if (flight_ == nullptr) return;
    for (size_t line = 0; line < sizeof(Flight); line += 64) __builtin_prefetch(bytes + line, 1);
  }
  void prefetch_text() const {
    if (flight_ != nullptr) __builtin_prefetch(flight_->queue.front(), 1);
  }
  void prefetch_buffer() const {
    if (flight_ != nullptr && flight_->queue.front() != nullptr) __builtin_prefetch(flight_->queue.front()->buffer, 1);
  }

  // --- getters ---

  SeqNumber una() const { return una_; }
  SeqNumber nxt() const { return nxt_; }
  // One behind everything that left, a probe of a zero window included.
  SeqNumber sent_end() const { return probe_is_out_ ? nxt_ + 1 : nxt_; }
  uint32_t window() const { return wnd_; }
  uint32_t max_window() const { return max_wnd_; }
  uint8_t window_scale() const { return window_scale_; }
  // Bytes of text in a full segment.
  uint32_t mss() const { return mss_; }
  uint32_t flight_bytes() const { return nxt_.distance_from(una_); }
  uint32_t pipe() const { return flight_ == nullptr ? 0 : flight_->recovery.pipe(space()); }
  // Accepted and not acknowledged, and of that, not sent.
  uint32_t queued_bytes() const { return flight_ == nullptr ? 0 : flight_->queue.bytes(); }
  uint32_t unsent_bytes() const;
  uint32_t room() const;
  uint32_t sacked_bytes() const { return flight_ == nullptr ? 0 : flight_->recovery.sacked_bytes(); }
  uint32_t lost_bytes() const { return flight_ == nullptr ? 0 : flight_->recovery.lost_bytes(space()); }
  uint32_t repeated_bytes() const { return flight_ == nullptr ? 0 : flight_->recovery.repeated_bytes(space()); }
  bool fin_is_queued() const { return fin_is_queued_; }
  // Everything that was given, FIN included, is acknowledged.
  bool is_drained() const { return flight_ == nullptr; }
  const Flight* flight() const { return flight_; }
  const CongestionControl& congestion() const { return congestion_; }
  CongestionControl& congestion() {
    is_quiet_ = false;
    return congestion_;
  }
  const RttEstimator& rtt() const { return rtt_; }
  bool nagle() const { return nagle_; }
  void set_nagle(bool nagle) {
    nagle_ = nagle;
    is_quiet_ = false;
  }
  // What the user has chosen does not grow by itself, even if that holds a fast path back.
  void set_send_buffer(uint32_t bytes) {
    send_buffer_bytes_ = bytes;
    send_buffer_is_chosen_ = true;
  }
  uint32_t send_buffer() const { return send_buffer_bytes_; }
  uint8_t probes() const { return probes_; }

  // What TCP_INFO counts.
  struct Totals {
    uint64_t bytes_acked = 0;
    uint64_t bytes_sent = 0;           // the repeated ones, too
    uint64_t bytes_retransmitted = 0;
    uint32_t segments_retransmitted = 0;
    uint32_t data_segments = 0;
  };
  const Totals& totals() const { return totals_; }

 private:
  SendSpace space() const { return {una_, nxt_, mss_, core_.sack}; }
  Flight& need_flight(Instant now);
  void release_flight_if_done();
  void end_flight();
  SeqNumber text_end() const { return flight_->queue.end(); }
  bool fin_is_sent() const { return fin_is_queued_ && nxt_ > text_end(); }

  bool acknowledges_everything(const TcpHeader& header) const;
  AckResult handle_ack_of_everything(const TcpHeader& header, Instant now);
  uint32_t take_sack_blocks(const TcpOptions& options, LossEvidence& evidence);
  Duration echoed_rtt(const TcpHeader& header, Instant now) const;
  void take_rtt(const TcpHeader& header, uint32_t acked, Instant now);
  void grow_window(const TcpHeader& header, uint32_t acked, bool was_limited, Instant now);
  void update_window(const TcpHeader& header, Instant now);
  void rearm_after_ack(uint32_t acked, Instant now);

  bool poll_repeated(Transmission& out, uint32_t text_limit, Instant now);
  bool poll_doubtful(Transmission& out, uint32_t text_limit, Instant now);
  bool poll_fresh(Transmission& out, uint32_t text_limit, Instant now);
  bool poll_probe(Transmission& out, Instant now);
  uint32_t left_to_device(uint32_t length);
  uint32_t congestion_allows(uint32_t length);
  bool is_worth_sending(uint32_t length, uint32_t available, bool with_fin) const;
  void wait_for_window(Instant now);
  void repeat(Transmission& out, SackBlock range, bool is_rescue, Instant now);

  TcpCore& core_;
  Flight* flight_ = nullptr;
  [[no_unique_address]] CongestionControl congestion_;
  // In the last word of it.
  uint8_t window_scale_ = 0;            // of the peer's windows
  uint8_t probes_ = 0;                  // zero-window probes since the window was last open
  bool is_limited_by_cwnd_ = false;     // since the last acknowledgment
  bool probe_is_due_ = false;
  bool is_quiet_ = false;               // poll() had nothing, and nothing has happened since
  bool probe_is_out_ = false;           // one byte behind nxt was sent, and nxt stayed
  bool nagle_ : 1;
  bool syn_is_due_ : 1 = false;
  bool syn_is_unacknowledged_ : 1 = false;
  bool syn_was_lost_ : 1 = false;
  bool syn_is_answer_ : 1 = false;    // the next one is a SYN-ACK that answers the peer's SYN, where ours had none
  bool fin_is_queued_ : 1 = false;
  bool send_buffer_is_chosen_ : 1 = false;
  bool overrides_silly_window_ : 1 = false;
  RttEstimator rtt_;
  Instant last_sent_;
  SeqNumber una_;
  SeqNumber nxt_;
  SeqNumber wl1_;                       // SEG.SEQ of the last window update
  SeqNumber wl2_;                       // SEG.ACK of it
  uint32_t wnd_ = 0;                    // bytes from una
  uint32_t max_wnd_ = 0;                // bytes: the largest that was ever offered
  uint32_t mss_;                        // bytes of text
  uint32_t send_buffer_bytes_;
  Totals totals_;
};

}  // namespace demi
