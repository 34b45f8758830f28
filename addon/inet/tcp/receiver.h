// Receiver: the receiving half of a connection: what is waited for, the window that is offered, and when to acknowledge (RFC 9293 3.8.6).
// Read reassembly_queue.h first.
//
// The right edge of the window never moves back. What the window leaves free counts text; what text keeps from the pools counts rooms, and a
// peer that fills large rooms with small segments finds them copied together, and then refused.
#pragma once

#include <cstdint>

#include "inet/tcp/tcp_core.h"
#include "wire/tcp.h"

namespace demi {

class Receiver {
 public:
  explicit Receiver(TcpCore& core);
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  ~Receiver();

  // The peer's SYN came: RCV.NXT = IRS + 1.
  void open(SeqNumber irs);
  // What a SYN of ours says of windows to come: the scale (RFC 7323 2.2) for the largest buffer that this connection may get.
  uint8_t offered_scale() const { return scale_for(core_.config(), buffer_bytes_); }
  static uint8_t scale_for(const TcpConfig& config, uint32_t buffer_bytes);
  // `mss`: what we said that we take, text and options.
  void agree(uint8_t window_scale, uint32_t mss);

  // --- from the peer ---

  // RFC 9293 3.4: whether something of the segment is in the window. `length` is SEG.LEN.
  bool accepts(SeqNumber seq, uint32_t length) const { return is_acceptable(seq, length, nxt_, window()); }
  // Whether text that begins with RCV.NXT is all that is waited for: it is whole within the window, and nothing is here already behind it.
  bool waits_for(uint32_t length) const {
    return length <= window() && reassembly() == nullptr && !fin_is_known_ && !fin_is_received_ && !discards_;
  }
  // That text. Returns whether there was memory for it.
  bool handle_next_text(SgArray&& text, Instant now);
  // The text of an acceptable segment, and whether a FIN is behind it.
  void handle_text(SeqNumber seq, SgArray&& text, bool fin, Instant now);
  // Text that has been acknowledged came again, whole: RFC 2883 tells the peer.
  void handle_duplicate(SeqNumber seq, uint32_t length);

  // --- to the user ---

  // The first bytes, at most `limit`. `rtt`: of the path, zero if unknown.
  SgArray read(uint64_t limit, Duration rtt, Instant now);
  // The connection is idle: what holds no text goes back to its pool.
  void rest() {
    if (text_ != nullptr && text_->is_idle()) release_text();
  }
  uint64_t readable_bytes() const { return text_ == nullptr ? 0 : text_->queue.bytes(); }
  // What read() would bring, for who wants to look without taking it.
  const SgArray& readable_text() const;
  // Nobody reads any more: what comes is acknowledged and dropped.
  void discard();
  bool fin_is_received() const { return fin_is_received_; }
  // What the user has chosen does not grow by itself.
  void set_buffer(uint32_t bytes);

  // --- to the network ---

  // An acknowledgment has to leave now, not later.
  bool ack_is_due() const { return ack_is_due_; }
  void need_ack() { ack_is_due_ = true; }
  // The user has taken text or given it up: the peer hears of the window that this has opened, if it is worth a segment.
  void need_ack_if_window_opened();
  // The window field of a segment that leaves; moves the right edge if that is worth it.
  uint16_t window_field(bool is_syn);
  // `path_mss`: bytes of text and options that the path carries.
  void fill_sack_blocks(TcpOptions& options, uint32_t path_mss) const;
  // What they take of a segment.
  uint32_t sack_option_bytes(uint32_t path_mss) const;
  // A segment with ACK left.
  void handle_ack_sent();
  void handle_delayed_ack_timeout() { ack_is_due_ = true; }

  // --- getters ---

  SeqNumber nxt() const { return nxt_; }
  SeqNumber irs() const { return irs_; }
  uint32_t window() const { return edge_ > nxt_ ? edge_.distance_from(nxt_) : 0; }
  SeqNumber last_ack_sent() const { return last_ack_sent_; }
  uint32_t buffer() const { return buffer_bytes_; }
  uint32_t segment_size() const { return segment_size_; }
  uint64_t charged_bytes() const;
  const ReassemblyQueue* reassembly() const { return text_ == nullptr ? nullptr : text_->reassembly; }
  uint64_t bytes_received() const { return bytes_received_; }
  uint32_t data_segments() const { return data_segments_; }

 private:
  bool keep_in_order(SgArray&& text);
  bool keep_behind_hole(SeqNumber seq, SgArray&& text);
  bool append_compact(const SgArray& text);
  bool make_compact(SgArray& text);
  void take_reassembled();
  void drop_reassembly_if_empty();
  ReceivedText& need_text();
  void release_text();
  void drop_reassembly();
  void acknowledge_in_order(bool filled_hole, Instant now);
  uint32_t free_bytes() const;
  // A window below one unit of the scale would be told as none, and the peer would wait for ever.
  uint32_t least_scaled_buffer() const { return uint32_t{4} << window_scale_; }
  uint64_t charge_limit() const { return 2 * uint64_t{buffer_bytes_}; }
  void tune_buffer(uint64_t read, Duration rtt, Instant now);

  TcpCore& core_;
  ReceivedText* text_ = nullptr;      // of the pool; none of an idle connection
  SeqNumber irs_;
  SeqNumber nxt_;
  SeqNumber edge_;                    // the right edge, as far as the peer was ever told
  SeqNumber last_ack_sent_;
  SeqNumber fin_seq_;                 // the place of a FIN that has come, perhaps before its text
  uint32_t buffer_bytes_;
  uint32_t mss_;                      // what we said
  uint32_t segment_size_;             // bytes of text that the peer's full segments seem to have
  uint32_t tuned_bytes_ = 0;          // read since tuned_at_
  Instant tuned_at_ = Instant::never();
  uint64_t bytes_received_ = 0;
  uint32_t data_segments_ = 0;
  uint8_t window_scale_ : 4 = 0;      // 14 at most
  uint8_t quick_acks_ : 4 = 0;        // segments that are acknowledged at once, since there was trouble a moment ago
  bool fin_is_known_ : 1 = false;     // bits: a whole word less in each connection
  bool fin_is_received_ : 1 = false;
  bool ack_is_due_ : 1 = false;
  bool discards_ : 1 = false;
  bool buffer_is_chosen_ : 1 = false;
};

}  // namespace demi
