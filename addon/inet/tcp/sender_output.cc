// What a sender sends next: RFC 9293 3.8.6, RFC 5681, RFC 6675 5. Read sender.h first.
#include <algorithm>

#include "base/assert.h"
#include "inet/tcp/sender.h"
#include "inet/tcp/tcp_limits.h"

namespace demi {

bool Sender::poll(Transmission& out, uint32_t text_limit, Instant now) {
  if (flight_ == nullptr || syn_is_unacknowledged_) return false;
  text_limit = std::min(text_limit, mss_);
  const bool is_untroubled = flight_->recovery.is_untroubled();
  if (!is_untroubled && poll_repeated(out, text_limit, now)) return true;
  if (poll_fresh(out, text_limit, now)) {
    // What the next call would find, for who asks after each segment.
    const bool fin_is_due = fin_is_queued_ && !fin_is_sent();
    is_quiet_ = is_untroubled && nxt_ >= text_end() && !fin_is_due;
    return true;
  }
  // That there is no new text may have settled what is lost (F-RTO).
  if (flight_->recovery.in_recovery() && (poll_repeated(out, text_limit, now) || poll_doubtful(out, text_limit, now))) return true;
  if (poll_probe(out, now)) return true;
  is_quiet_ = true;
  return false;
}

void Sender::share_text(const Transmission& transmission, SgArray& out) {
  if (transmission.length > 0) flight_->queue.share(transmission.seq, transmission.length, transmission.again, out);
}

// --- again ---

bool Sender::poll_repeated(Transmission& out, uint32_t text_limit, Instant now) {
  SackBlock range;
  bool must = false;
  if (!flight_->recovery.next_lost(space(), range, must)) return false;
  range.end = SeqNumber::earlier_of(range.end, range.begin + text_limit);
  // RFC 6675 5 (C): as long as cwnd allows; the first one always (4.3).
  if (!must && uint64_t{pipe()} + range.end.distance_from(range.begin) > congestion_.cwnd()) return false;
  repeat(out, range, false, now);
  return true;
}

bool Sender::poll_doubtful(Transmission& out, uint32_t text_limit, Instant now) {
  SackBlock range;
  bool is_rescue = false;
  if (!flight_->recovery.next_doubtful(space(), range, is_rescue)) return false;
  if (uint64_t{pipe()} + range.end.distance_from(range.begin) > congestion_.cwnd()) return false;
  range.end = SeqNumber::earlier_of(range.end, range.begin + text_limit);
  repeat(out, range, is_rescue, now);
  return true;
}

void Sender::repeat(Transmission& out, SackBlock range, bool is_rescue, Instant now) {
  flight_->recovery.handle_retransmitted(space(), range, is_rescue, core_.timestamp(now));
  const SeqNumber text_end_here = SeqNumber::earlier_of(range.end, text_end());
  out.seq = range.begin;
  out.length = text_end_here > range.begin ? text_end_here.distance_from(range.begin) : 0;
  out.fin = range.end > text_end();
  out.push = out.length > 0 && text_end_here == text_end();
  out.again = true;
  flight_->timed_at = Instant::never();  // Karn's algorithm, RFC 6298 3
  last_sent_ = now;
  totals_.bytes_sent += out.length;
  totals_.bytes_retransmitted += out.length;
  ++totals_.segments_retransmitted;
  if (out.length > 0) ++totals_.data_segments;
  ++core_.counters().retransmitted;
  if (!core_.timers.is_armed(TcpTimer::kRetransmit)) core_.timers.arm(TcpTimer::kRetransmit, now + rtt_.rto(core_.config()));
}

// --- for the first time ---

// How much of `length`, which is more than a segment, goes into one: whole segments, for a device that cuts them.
uint32_t Sender::left_to_device(uint32_t length) {
  const TcpConfig& config = core_.config();
  if (config.segment_offload_bytes < 2 * mss_ || mss_ < kOffloadedMssMin) return mss_;
  const uint32_t most = flight_->queue.bytes_in_pieces(nxt_, std::min(length, config.segment_offload_bytes), config.segment_offload_pieces);
  return std::max(most / mss_, 1u) * mss_;
}

// How much of `length` may leave: all, whole segments of it, or nothing.
uint32_t Sender::congestion_allows(uint32_t length) {
  if (flight_->recovery.wants_new_text()) return std::min(length, mss_);
  const uint32_t in_network = pipe();
  const uint32_t cwnd = congestion_.cwnd();
  const uint32_t room = in_network >= cwnd ? 0 : cwnd - in_network;
  if (length <= room) return length;
  is_limited_by_cwnd_ = true;
  return room / mss_ * mss_;
}

// RFC 9293 3.8.6.2.1 and 3.7.4.
bool Sender::is_worth_sending(uint32_t length, uint32_t available, bool with_fin) const {
  if (length >= mss_) return true;
  const bool everything = length == available;
  if (everything && with_fin) return true;
  // Nagle: a small segment only if nothing is unacknowledged.
  if (everything && (!nagle_ || nxt_ == una_)) return true;
  // Half of the largest window that the peer ever had.
  if (length >= max_wnd_ / 2) return true;
  return overrides_silly_window_;
}

bool Sender::poll_fresh(Transmission& out, uint32_t text_limit, Instant now) {
  const bool fin_is_due = fin_is_queued_ && !fin_is_sent();
  const uint32_t available = fin_is_sent() ? 0 : text_end().distance_from(nxt_);
  if (available == 0 && !fin_is_due) {
    flight_->recovery.handle_no_new_text(space());
    return false;
  }
  const SeqNumber right_edge = una_ + wnd_;
  const uint32_t usable = right_edge > nxt_ ? right_edge.distance_from(nxt_) : 0;
  // RFC 5681 4.1, before the window is looked at.
  if (nxt_ == una_ && now - last_sent_ > rtt_.base_rto(core_.config())) {
    congestion_.handle_idle(mss_, core_.config().initial_window_segments, last_sent_);
  }
  uint32_t length = std::min(available, usable);
  if (length > text_limit) length = text_limit < mss_ ? text_limit : left_to_device(length);
  const bool fin_fits = fin_is_due && length == available && usable > length;
  // A segment cut short by options is full.
  const bool is_full = length == text_limit;
  if (!is_full && !(length > 0 && is_worth_sending(length, available, fin_fits)) && !(length == 0 && fin_fits)) {
    flight_->recovery.handle_no_new_text(space());
    wait_for_window(now);
    return false;
  }
  const uint32_t allowed = congestion_allows(length);
  if (allowed < length && allowed == 0) return false;
  out.seq = nxt_;
  out.length = allowed;
  out.fin = fin_fits && allowed == length;
  out.push = allowed > 0 && allowed == available;
  out.again = false;
  flight_->recovery.handle_new_text_sent(allowed);
  nxt_ += allowed + out.fin;
  probe_is_out_ = probe_is_due_ = false;
  overrides_silly_window_ = false;
  last_sent_ = now;
  if (flight_->timed_at.is_never() && !flight_->recovery.in_recovery()) {
    // Of what a device cuts, the first segment.
    flight_->timed_end = allowed > mss_ ? out.seq + mss_ : nxt_;
    flight_->timed_at = now;
  }
  totals_.bytes_sent += allowed;
  if (allowed > 0) totals_.data_segments += allowed > mss_ ? (allowed + mss_ - 1) / mss_ : 1;
  core_.timers.cancel(TcpTimer::kPersist);
  // RFC 6298 5.1
  if (!core_.timers.is_armed(TcpTimer::kRetransmit)) core_.timers.arm(TcpTimer::kRetransmit, now + rtt_.rto(core_.config()));
  return true;
}

// Nothing is in flight whose acknowledgment would bring news of the window, so it is asked for.
void Sender::wait_for_window(Instant now) {
  if (nxt_ != una_ || core_.timers.is_armed(TcpTimer::kPersist)) return;
  core_.timers.arm(TcpTimer::kPersist, now + rtt_.rto(core_.config()));
}

// RFC 9293 3.8.6.1 (MUST-36): one byte, or the FIN, beyond the window. It does not move SND.NXT: our own segments stay acceptable to
// a peer that has no window.
bool Sender::poll_probe(Transmission& out, Instant now) {
  if (!probe_is_due_) return false;
  probe_is_due_ = false;
  probe_is_out_ = true;
  ++core_.counters().zero_window_probes;
  out.seq = nxt_;
  out.length = unsent_bytes() > 0 ? 1 : 0;
  out.fin = out.length == 0;
  out.push = out.length > 0;
  out.again = true;
  last_sent_ = now;
  totals_.bytes_sent += out.length;
  return true;
}

}  // namespace demi
