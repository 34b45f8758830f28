// The sender as the peer and time drive it. What it sends is in sender_output.cc.
#include "inet/tcp/sender.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "inet/tcp/tcp_limits.h"

namespace demi {

namespace {
// RFC 7323 3.2: 10 bytes of option and 2 of padding, in every segment.
constexpr uint32_t kTimestampOptionBytes = 12;
// Zero-window probes and SYNs are not counted beyond this.
constexpr uint8_t kMostProbes = 255;
}  // namespace

Sender::Sender(TcpCore& core)
    : core_(core),
      congestion_(core.config().congestion),
      nagle_(core.config().nagle),
      mss_(kDefaultMssIPv4),
      send_buffer_bytes_(core.config().send_buffer_bytes) {}

Sender::~Sender() { drop_everything(); }

Flight& Sender::need_flight(Instant now) {
  if (flight_ == nullptr) {
    const SeqNumber text = syn_is_unacknowledged_ ? una_ + 1 : una_;
    flight_ = core_.resources.flights.make(una_, text, now);
  }
  return *flight_;
}

void Sender::release_flight_if_done() {
  if (flight_ == nullptr || una_ != nxt_ || flight_->queue.bytes() > 0 || syn_is_due_) return;
  if (fin_is_queued_ && !fin_is_sent()) return;
  end_flight();
}

void Sender::end_flight() {
  core_.resources.flights.release(std::exchange(flight_, nullptr));
  core_.timers.cancel(TcpTimer::kPersist);
  core_.timers.cancel(TcpTimer::kRetransmit);
  core_.timers.cancel(TcpTimer::kUserTimeout);
}

void Sender::drop_everything() {
  if (flight_ != nullptr) core_.resources.flights.release(std::exchange(flight_, nullptr));
  syn_is_due_ = probe_is_due_ = false;
}

// --- opening ---

void Sender::open(SeqNumber iss, Instant now) {
  una_ = nxt_ = iss;
  syn_is_due_ = syn_is_unacknowledged_ = true;
  need_flight(now);
}

void Sender::handle_syn_sent(Instant now) {
  syn_is_due_ = false;
  Flight& flight = need_flight(now);
  if (nxt_ == una_) {
    nxt_ = una_ + 1;
    flight.timed_end = nxt_;
    flight.timed_at = now;
  } else {
    // Karn's algorithm, RFC 6298 3
    flight.timed_at = Instant::never();
    if (!syn_is_answer_) {
      syn_was_lost_ = true;
      ++totals_.segments_retransmitted;
      ++core_.counters().retransmitted;
    }
    syn_is_answer_ = false;
  }
  core_.timers.arm(TcpTimer::kRetransmit, now + rtt_.rto(core_.config()));
}

void Sender::agree(uint32_t peer_mss, uint32_t path_mss, uint8_t window_scale) {
  window_scale_ = window_scale;
  // However little a peer asks for; but our own link carries what it carries.
  const uint32_t mss = std::min(std::max(peer_mss, kSendMssMin), path_mss);
  // RFC 6691: what the MSS option says counts no options, so they come off the text.
  mss_ = core_.timestamps ? mss - kTimestampOptionBytes : mss;
}

void Sender::handle_established(SeqNumber seq, uint32_t window, Instant now) {
  is_quiet_ = false;
  wnd_ = window;
  max_wnd_ = window;
  wl1_ = seq;
  wl2_ = una_;
  last_sent_ = now;
  // RFC 6298 5.7: when text begins, not while SYNs are sent again: those back off from 1 s (5.5).
  if (syn_was_lost_) rtt_.handle_syn_loss();
  congestion_.handle_established(mss_, core_.config().initial_window_segments, syn_was_lost_);
}

// --- from the user ---

// The buffer holds two windows at least, so that it is never what holds a fast path back, unless the user wants it so.
uint32_t Sender::room() const {
  const uint32_t for_two_windows = std::min(2 * std::min(congestion_.cwnd(), kWindowMax), core_.config().send_buffer_max_bytes);
  const uint32_t limit = send_buffer_is_chosen_ ? send_buffer_bytes_ : std::max(send_buffer_bytes_, for_two_windows);
  const uint32_t queued = queued_bytes();
  return queued >= limit ? 0 : limit - queued;
}

uint32_t Sender::unsent_bytes() const {
  if (flight_ == nullptr) return 0;
  const SeqNumber from = SeqNumber::later_of(nxt_, flight_->queue.begin());
  return from >= text_end() ? 0 : text_end().distance_from(from);
}

uint64_t Sender::append(SgArray& text, Instant now) {
  DEMI_ASSERT(!fin_is_queued_, "text behind the FIN");
  is_quiet_ = false;
  const uint64_t taken = std::min<uint64_t>(text.bytes(), room());
  if (taken == 0) return 0;
  Flight& flight = need_flight(now);
  // The user timeout measures from when something began to wait.
  if (una_ == nxt_ && flight.queue.bytes() == 0) flight.progress = now;
  flight.queue.append(text.split_front(taken));
  return taken;
}

void Sender::finish(Instant now) {
  if (fin_is_queued_) return;
  is_quiet_ = false;
  need_flight(now);
  fin_is_queued_ = true;
}

// --- from the peer ---

uint32_t Sender::take_sack_blocks(const TcpOptions& options, LossEvidence& evidence) {
  uint32_t fresh = 0;
  for (size_t i = 0; i < options.sack_block_count; ++i) {
    const SackBlock& block = options.sack_blocks[i];
    // RFC 2883 4: the first block reports a duplicate if it lies below the acknowledgment or within the second block.
    const bool is_duplicate =
        i == 0 && block.begin < block.end &&
        (block.end <= una_ || (options.sack_block_count > 1 && options.sack_blocks[1].begin <= block.begin &&
                               block.end <= options.sack_blocks[1].end));
    if (is_duplicate) {
      ++core_.counters().duplicate_sacks;
      evidence.is_duplicate_sack = true;
      evidence.duplicate_end = block.end;
    }
    // What is old news, of text never sent, or upside down is ignored. The FIN is not text, but it has a place.
    if (!(block.begin < block.end) || block.begin < una_ || block.end > nxt_) {
      if (!is_duplicate) ++core_.counters().sack_invalid;
      continue;
    }
    if (block.begin == una_) continue;  // a receiver that has this would have acknowledged it
    const uint32_t refused = flight_->recovery.refused_ranges();
    fresh += flight_->recovery.add_sack(block, core_.resources.scoreboards);
    core_.counters().sack_refused += flight_->recovery.refused_ranges() - refused;
  }
  return fresh;
}

// RFC 7323 4.1: with timestamps text that was sent again can be measured, to the millisecond. Zero: there is no measurement.
Duration Sender::echoed_rtt(const TcpHeader& header, Instant now) const {
  if (!core_.timestamps || !header.options.timestamps || header.options.timestamps->echo_reply == 0) return Duration();
  const uint32_t elapsed = core_.timestamp(now) - header.options.timestamps->echo_reply;
  // An echo from the future, or of long ago, is not ours.
  return elapsed > 600'000 ? Duration() : Duration::milliseconds(std::max(elapsed, 1u));
}

void Sender::take_rtt(const TcpHeader& header, uint32_t acked, Instant now) {
  if (acked == 0) return;
  if (!flight_->timed_at.is_never()) {
    if (una_ < flight_->timed_end) return;
    rtt_.sample(now - flight_->timed_at);
    flight_->timed_at = Instant::never();
    return;
  }
  const Duration rtt = echoed_rtt(header, now);
  if (rtt > Duration()) rtt_.sample(rtt, std::max(flight_bytes() / (2 * mss_), 1u));
}

void Sender::grow_window(const TcpHeader& header, uint32_t acked, bool was_limited, Instant now) {
  uint32_t divisor = 1;
  if (congestion_.in_first_slow_start()) {
    HyStart& hystart = flight_->hystart;
    if (hystart.handle_ack(una_, nxt_, echoed_rtt(header, now)) == HyStart::Phase::kOver) congestion_.end_slow_start();
    divisor = hystart.growth_divisor();
  }
  congestion_.handle_ack(acked, mss_, was_limited, rtt_.srtt(), now, divisor);
}

void Sender::update_window(const TcpHeader& header, Instant now) {
  const SeqNumber seq = header.sequence_number;
  const SeqNumber ack = header.acknowledgment_number;
  // RFC 9293 3.10.7.4, fifth: not by an old segment, and the window counts from SND.UNA.
  if (ack < una_ || !(wl1_ < seq || (wl1_ == seq && wl2_ <= ack))) return;
  const uint32_t window = uint32_t{header.window} << window_scale_;
  const bool opens = wnd_ == 0 && window > 0;
  wnd_ = window;
  max_wnd_ = std::max(max_wnd_, window);
  wl1_ = seq;
  wl2_ = ack;
  if (opens) {
    core_.timers.cancel(TcpTimer::kPersist);
    probes_ = 0;
    rtt_.reset_back_off();
    if (flight_ != nullptr) flight_->progress = now;
  }
}

// Whether the acknowledgment ends the flight, of text alone, and there was no loss to be learnt about.
bool Sender::acknowledges_everything(const TcpHeader& header) const {
  return header.acknowledgment_number == nxt_ && una_ < nxt_ && !syn_is_unacknowledged_ && !fin_is_queued_ && text_end() == nxt_ &&
         header.options.sack_block_count == 0 && flight_->recovery.is_untroubled();
}

// What handle_ack() comes to then: what it would note of the flight goes with the flight.
Sender::AckResult Sender::handle_ack_of_everything(const TcpHeader& header, Instant now) {
  AckResult result;
  result.acked_bytes = flight_->queue.bytes();
  const uint32_t flight_before = flight_bytes();
  una_ = nxt_;
  wnd_ -= std::min(wnd_, flight_before);
  probe_is_out_ = false;
  totals_.bytes_acked += result.acked_bytes;
  take_rtt(header, flight_before, now);
  rtt_.reset_back_off();
  update_window(header, now);
  const bool was_limited = is_limited_by_cwnd_ || flight_before >= congestion_.cwnd() / 2;
  congestion_.handle_ack(flight_before, mss_, was_limited, rtt_.srtt(), now);
  is_limited_by_cwnd_ = false;
  end_flight();
  return result;
}

Sender::AckResult Sender::handle_ack(const TcpHeader& header, uint32_t segment_length, Instant now) {
  AckResult result;
  const SeqNumber ack = header.acknowledgment_number;
  if (flight_ == nullptr) {
    update_window(header, now);
    return result;
  }
  if (core_.config().header_prediction && acknowledges_everything(header)) {
    is_quiet_ = false;
    return handle_ack_of_everything(header, now);
  }
  is_quiet_ = false;
  LossEvidence evidence;
  evidence.acked = ack > una_ ? ack.distance_from(una_) : 0;
  // RFC 5681 2: outstanding text, no text or FIN in it, the same ACK, the same window.
  evidence.is_duplicate = evidence.acked == 0 && ack == una_ && una_ != nxt_ && segment_length == 0 &&
                          (uint32_t{header.window} << window_scale_) == wnd_;
  if (core_.timestamps && header.options.timestamps) {
    evidence.has_echo = true;
    evidence.echo = header.options.timestamps->echo_reply;
  }
  const uint32_t flight_before = flight_bytes();
  if (evidence.acked > 0) {
    if (ack > nxt_) nxt_ = ack;  // a probe of a zero window was taken
    probe_is_out_ = false;
    una_ = ack;
    // The window counts from SND.UNA, and its right edge stands where the peer put it.
    wnd_ -= std::min(wnd_, evidence.acked);
    syn_is_unacknowledged_ = syn_is_due_ = false;
    result.fin_acknowledged = fin_is_queued_ && una_ > text_end();
    const SeqNumber text_una = SeqNumber::earlier_of(una_, text_end());
    const SeqNumber text_before = flight_->queue.begin();
    result.acked_bytes = text_una > text_before ? text_una.distance_from(text_before) : 0;
    totals_.bytes_acked += result.acked_bytes;
    flight_->queue.drop_below(text_una);
    flight_->progress = now;
    take_rtt(header, evidence.acked, now);
    rtt_.reset_back_off();
  } else if (probes_ > 0 || wnd_ == 0) {
    // RFC 9293 3.8.6.1: a peer that answers probes is there, and so is one that has taken back the window that text was sent into (3.8.6).
    flight_->answered = now;
  }
  if (core_.sack) evidence.sacked = take_sack_blocks(header.options, evidence);
  update_window(header, now);
  const bool was_in_fast_recovery = flight_->recovery.phase() == LossRecovery::Phase::kFastRecovery;
  const bool was_in_recovery = flight_->recovery.in_recovery();
  const uint16_t undone = flight_->recovery.undone();
  const bool sends_once_more = flight_->recovery.handle_ack(space(), evidence, congestion_, now);
  core_.counters().spurious_recoveries += static_cast<uint16_t>(flight_->recovery.undone() - undone);
  if (!was_in_recovery && flight_->recovery.in_recovery()) ++core_.counters().fast_recoveries;
  if (evidence.acked > 0 && !was_in_fast_recovery && !flight_->recovery.in_recovery()) {
    // RFC 7661 4.3: half of the window in use is use enough.
    const bool was_limited = is_limited_by_cwnd_ || flight_before >= congestion_.cwnd() / 2;
    grow_window(header, evidence.acked, was_limited, now);
  } else if (evidence.acked > 0 && flight_->recovery.phase() == LossRecovery::Phase::kTimeoutRecovery) {
    congestion_.handle_ack(evidence.acked, mss_, true, rtt_.srtt(), now);
  }
  if (evidence.acked > 0) is_limited_by_cwnd_ = false;
  rearm_after_ack(evidence.acked, now);
  // The timer that ran for the retransmission that is lost says nothing about the next one (RFC 6675 6).
  if (sends_once_more) core_.timers.arm(TcpTimer::kRetransmit, now + rtt_.rto(core_.config()));
  release_flight_if_done();
  return result;
}

void Sender::rearm_after_ack(uint32_t acked, Instant now) {
  if (una_ == nxt_) {
    core_.timers.cancel(TcpTimer::kRetransmit);  // RFC 6298 5.2
  } else if (acked > 0) {
    core_.timers.arm(TcpTimer::kRetransmit, now + rtt_.rto(core_.config()));  // RFC 6298 5.3
  }
}

// --- time ---

void Sender::handle_retransmission_timeout(Instant now) {
  if (flight_ == nullptr || una_ == nxt_) return;
  ++core_.counters().retransmission_timeouts;
  is_quiet_ = false;
  rtt_.back_off();  // RFC 6298 5.5
  core_.timers.arm(TcpTimer::kRetransmit, now + rtt_.rto(core_.config()));
  if (syn_is_unacknowledged_) {
    syn_is_due_ = true;
    return;
  }
  flight_->recovery.handle_timeout(space(), core_.timestamps, congestion_, now);
}

void Sender::handle_persist_timeout(Instant now) {
  if (flight_ == nullptr || una_ != nxt_) return;
  is_quiet_ = false;
  if (wnd_ > 0) {
    // RFC 9293 3.8.6.2.1: the window stays small; better a small segment than none.
    overrides_silly_window_ = true;
    return;
  }
  probe_is_due_ = true;
  if (probes_ < kMostProbes) ++probes_;
  rtt_.back_off();
  core_.timers.arm(TcpTimer::kPersist, now + rtt_.rto(core_.config()));
}

Instant Sender::user_deadline(Duration user_timeout, bool answers_count) const {
  if (flight_ == nullptr) return Instant::never();
  return (answers_count ? std::max(flight_->progress, flight_->answered) : flight_->progress) + user_timeout;
}

void Sender::begin_user_timeout(Instant now) {
  if (flight_ != nullptr) flight_->progress = now;
}

void Sender::handle_syn_window(uint32_t window) {
  is_quiet_ = false;
  wnd_ = max_wnd_ = window;
}

bool Sender::lower_mss(uint32_t mss) {
  const uint32_t text = std::max(mss, kSendMssMin) - (core_.timestamps ? kTimestampOptionBytes : 0);
  if (text >= mss_) return false;
  is_quiet_ = false;
  congestion_.handle_mss(mss_, text);
  mss_ = text;
  if (flight_ != nullptr && una_ != nxt_ && !syn_is_unacknowledged_) flight_->recovery.handle_too_big(space());
  return true;
}

}  // namespace demi
