// The calls of the user, the timers and the getters of a connection. Read the header first.
#include "inet/tcp/tcp_connection.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "inet/tcp/tcp_limits.h"

namespace demi {

namespace {
Duration milliseconds_or(uint32_t ms, Duration otherwise) { return ms == 0 ? otherwise : Duration::milliseconds(ms); }
uint32_t whole_milliseconds(Duration length) {
  return static_cast<uint32_t>(std::clamp<int64_t>(length.count_nanoseconds() / 1'000'000, 0, UINT32_MAX));
}
}  // namespace

TcpConnection::TcpConnection(TcpResources& resources, const TcpOpen& open)
    : core_(resources),
      sender_(core_),
      receiver_(core_),
      challenges_(static_cast<uint32_t>(open.entropy >> 32)),
      family_(open.family),
      iss_(open.iss),
      local_port_(open.local_port),
      remote_port_(open.remote_port),
      path_mss_(open.path_mss) {
  const TcpConfig& config = resources.config;
  core_.timestamp_offset = static_cast<uint32_t>(open.entropy);
  core_.timestamps = config.timestamps;
  core_.sack = config.sack;
  core_.window_scale = config.window_scale;
  keepalive_ = config.keepalive;
}

// --- opening ---

void TcpConnection::connect(Instant now) {
  step(TcpStateEvent::kActiveOpen);
  is_active_ = true;
  ++core_.counters().active_opens;
  sender_.open(iss_, now);
  settle();
}

void TcpConnection::accept(const TcpHeader& syn, SgArray text, Instant now) {
  step(TcpStateEvent::kListen);
  step(TcpStateEvent::kSynArrives);
  ++core_.counters().passive_opens;
  ++segments_in_;
  last_heard_ = now;
  sender_.open(iss_, now);
  agree(PeerSyn::of(syn, core_.config(), family_ == Family::kIPv6 ? kDefaultMssIPv6 : kDefaultMssIPv4), now);
  // RFC 9293 3.10.7.2, third: text in the SYN is kept.
  if (!text.empty()) receiver_.handle_text(syn.sequence_number + 1, std::move(text), false, now);
  settle();
}

void TcpConnection::resume(const PeerSyn& syn, SgArray text, uint32_t transmissions, Instant answered, Instant now) {
  step(TcpStateEvent::kListen);
  step(TcpStateEvent::kSynArrives);
  ++core_.counters().passive_opens;
  last_heard_ = now;
  sender_.open(iss_, now);
  agree(syn, now);
  for (uint32_t sent = 0; sent < transmissions; ++sent) sender_.handle_syn_sent(answered);
  if (!text.empty()) receiver_.handle_text(syn.irs + 1, std::move(text), false, now);
  receiver_.handle_ack_sent();
  settle();
}

// What the SYNs of both sides have in common holds from now on.
void TcpConnection::agree(const PeerSyn& syn, Instant now) {
  core_.timestamps = syn.timestamps;
  core_.sack = syn.sack;
  core_.window_scale = syn.has_window_scale;
  ts_recent_ = syn.timestamp;
  ts_recent_at_ = now;
  receiver_.open(syn.irs);
  // RFC 7323 2.2: our scale counts only if the peer sent one.
  receiver_.agree(core_.window_scale ? receiver_.offered_scale() : 0, path_mss_);
  sender_.agree(syn.mss, path_mss_, syn.window_scale);
}

void TcpConnection::establish(SeqNumber seq, uint32_t window, Instant now) {
  step(TcpStateEvent::kSynAcknowledged);
  sender_.handle_established(seq, window, now);
  if (keepalive_) core_.timers.arm(TcpTimer::kKeepalive, now + keepalive_idle());
  raise(TcpEvent::kConnected);
  if (receiver_.readable_bytes() > 0) raise(TcpEvent::kReadable);
  raise(TcpEvent::kWritable);
  send_fin_if_asked();
}

// RFC 9293 3.10.4: a CLOSE that came before ESTABLISHED waits for it.
void TcpConnection::send_fin_if_asked() {
  if (sender_.fin_is_queued()) step(TcpStateEvent::kClose);
}

// --- text ---

Result<uint64_t> TcpConnection::send(SgArray& text, Instant now) {
  if (!accepts_send(state_) || sender_.fin_is_queued()) return error_ != Errno::kOk ? error_ : Errno::kEPIPE;
  const uint64_t taken = sender_.append(text, now);
  settle();
  return taken;
}

SgArray TcpConnection::receive(uint64_t limit, Instant now) {
  // RFC 9293 3.10.3: before ESTABLISHED what came with a SYN is not for the user yet.
  if (state_ == TcpState::kSynReceived || state_ == TcpState::kSynSent) return SgArray();
  return receiver_.read(limit, sender_.rtt().srtt(), now);
}

// --- closing ---

void TcpConnection::shutdown_send(Instant now) {
  if (!accepts_send(state_) || sender_.fin_is_queued()) return;
  sender_.finish(now);
  if (state_ == TcpState::kEstablished || state_ == TcpState::kCloseWait) step(TcpStateEvent::kClose);
  settle();
}

void TcpConnection::shutdown_receive() {
  receiver_.discard();
  if (is_synchronized(state_)) receiver_.need_ack_if_window_opened();
}

void TcpConnection::close(Instant now) {
  if (is_orphan_) return;
  is_orphan_ = true;
  if (state_ == TcpState::kClosed) return;
  if (state_ == TcpState::kSynSent) {
    end(Errno::kOk);
    return;
  }
  // RFC 2525 2.17: what was not read is lost, and the peer should know.
  if (receiver_.readable_bytes() > 0 && state_ != TcpState::kTimeWait) {
    receiver_.discard();
    // RFC 9293 3.10.5 has an abort say nothing there; but this is none, and what is in flight will not be sent again.
    if (state_ == TcpState::kClosing || state_ == TcpState::kLastAck) {
      reset_is_due_ = reset_has_ack_ = true;
      reset_seq_ = sender_.nxt();
    }
    end_with_reset(Errno::kOk);
    return;
  }
  receiver_.discard();
  sender_.begin_user_timeout(now);
  shutdown_send(now);
  settle();
  wait_for_fin_if_orphaned(now);
}

void TcpConnection::abort(Instant now) {
  (void)now;
  is_orphan_ = true;
  end_with_reset(Errno::kECONNABORTED);
}

void TcpConnection::give_up(Errno error) {
  end_with_reset(error);
  settle();
}

// RFC 9293 3.6.1: a half-closed connection whose user is gone cannot wait for ever.
void TcpConnection::wait_for_fin_if_orphaned(Instant now) {
  if (is_orphan_ && state_ == TcpState::kFinWait2 && !core_.timers.is_armed(TcpTimer::kWait)) {
    core_.timers.arm(TcpTimer::kWait, now + core_.config().fin_wait_2_timeout);
  }
}

void TcpConnection::enter_time_wait(Instant now) {
  core_.timers.cancel_all();
  sender_.drop_everything();
  keepalive_ = false;
  core_.timers.arm(TcpTimer::kWait, now + core_.config().msl * 2);
  raise(TcpEvent::kClosed);
}

// CLOSED without a segment.
void TcpConnection::end(Errno error) {
  if (state_ == TcpState::kClosed) return;
  if (state_ == TcpState::kSynSent || state_ == TcpState::kSynReceived) ++core_.counters().failed_opens;
  step(TcpStateEvent::kAbort);
  error_ = error;
  core_.timers.cancel_all();
  sender_.drop_everything();
  raise(TcpEvent::kClosed);
}

// RFC 9293 3.10.5.
void TcpConnection::end_with_reset(Errno error) {
  switch (state_) {
    case TcpState::kSynReceived:
    case TcpState::kEstablished:
    case TcpState::kFinWait1:
    case TcpState::kFinWait2:
    case TcpState::kCloseWait:
      reset_is_due_ = true;
      reset_has_ack_ = true;
      reset_seq_ = sender_.nxt();
      break;
    case TcpState::kClosed:
    case TcpState::kListen:
    case TcpState::kSynSent:
    case TcpState::kClosing:
    case TcpState::kLastAck:
    case TcpState::kTimeWait:
      break;
  }
  end(error);
}

// --- time ---

void TcpConnection::set_user_timeout(Duration timeout) {
  user_timeout_ms_ = whole_milliseconds(timeout + Duration::nanoseconds(999'999));
  settle();
}

Duration TcpConnection::user_timeout_in_force() const {
  const Duration timeout = user_timeout_ms_ > 0 ? user_timeout() : core_.config().user_timeout;
  return is_orphan_ ? std::min(timeout, core_.config().orphan_timeout) : timeout;
}

Duration TcpConnection::keepalive_idle() const { return milliseconds_or(keepalive_idle_ms_, core_.config().keepalive_idle); }
Duration TcpConnection::keepalive_interval() const { return milliseconds_or(keepalive_interval_ms_, core_.config().keepalive_interval); }
uint32_t TcpConnection::keepalive_probes() const { return keepalive_probes_ == 0 ? core_.config().keepalive_probes : keepalive_probes_; }

void TcpConnection::set_keepalive(bool on, Instant now) {
  keepalive_ = on;
  keepalives_sent_ = 0;
  if (!on) {
    core_.timers.cancel(TcpTimer::kKeepalive);
  } else if (is_synchronized(state_) && state_ != TcpState::kTimeWait) {
    core_.timers.arm(TcpTimer::kKeepalive, now + keepalive_idle());
  }
}

void TcpConnection::set_keepalive_times(Duration idle, Duration interval, uint8_t probes) {
  keepalive_idle_ms_ = whole_milliseconds(idle);
  keepalive_interval_ms_ = whole_milliseconds(interval);
  keepalive_probes_ = probes;
  if (keepalives_sent_ == 0 && core_.timers.is_armed(TcpTimer::kKeepalive)) {
    core_.timers.arm(TcpTimer::kKeepalive, last_heard_ + keepalive_idle());
  }
}

// Arms what depends on several things at once. Called at the end of every call that may have changed one of them.
void TcpConnection::settle() {
  if (state_ == TcpState::kClosed || state_ == TcpState::kTimeWait) return;
  // A timeout that the user has chosen ends zero windows, too; and nobody is left to choose for an orphan.
  const bool answers_count = user_timeout_ms_ == 0 && !is_orphan_;
  core_.timers.arm(TcpTimer::kUserTimeout, sender_.user_deadline(user_timeout_in_force(), answers_count));
}

void TcpConnection::handle_timeout(Instant now) {
  TcpTimers& timers = core_.timers;
  if (timers.take_if_due(TcpTimer::kWait, now)) {
    if (state_ == TcpState::kTimeWait) {
      step(TcpStateEvent::kTimeWaitOver);
    } else {
      end(Errno::kETIMEDOUT);
    }
    return;
  }
  if (timers.take_if_due(TcpTimer::kUserTimeout, now)) {
    ++core_.counters().user_timeouts;
    end_with_reset(soft_error_ != Errno::kOk ? soft_error_ : Errno::kETIMEDOUT);
    return;
  }
  if (timers.take_if_due(TcpTimer::kDelayedAck, now)) receiver_.handle_delayed_ack_timeout();
  if (timers.take_if_due(TcpTimer::kPersist, now)) sender_.handle_persist_timeout(now);
  if (timers.take_if_due(TcpTimer::kRetransmit, now)) handle_retransmission_timeout(now);
  if (timers.take_if_due(TcpTimer::kKeepalive, now)) handle_keepalive_timeout(now);
}

void TcpConnection::handle_retransmission_timeout(Instant now) {
  const uint8_t retries = is_active_ ? core_.config().syn_retries : core_.config().syn_ack_retries;
  const bool is_opening = state_ == TcpState::kSynSent || state_ == TcpState::kSynReceived;
  // RFC 9293 3.8.3 (R2) for a SYN.
  if (is_opening && sender_.rtt().back_offs() >= retries) {
    end(soft_error_ != Errno::kOk ? soft_error_ : Errno::kETIMEDOUT);
    return;
  }
  sender_.handle_retransmission_timeout(now);
  suspect_black_hole();
}

// RFC 8899 4.3, RFC 4821 7.7: full segments that vanish again and again may be too large for the path, and nobody says so (RFC 2923 2.1).
void TcpConnection::suspect_black_hole() {
  const TcpConfig& config = core_.config();
  // Text and options, as both are counted: one segment alone may be only by its timestamps longer than the path takes.
  const uint32_t in_flight = sender_.flight_bytes() + (core_.timestamps ? TcpOptions::kTimestampsBytes : 0);
  // Each time from then on: what was lost until now may have been short.
  const bool is_suspect = is_synchronized(state_) && sender_.rtt().back_offs() >= config.black_hole_timeouts &&
                          path_mss_ > config.black_hole_mss && in_flight > config.black_hole_mss &&
                          sender_.window() > 0;  // or the peer takes nothing, whatever the path does
  if (!is_suspect) return;
  path_mss_ = config.black_hole_mss;
  if (sender_.lower_mss(path_mss_)) ++core_.counters().black_holes;
}

// RFC 9293 3.8.4.
void TcpConnection::handle_keepalive_timeout(Instant now) {
  const Instant idle_since = last_heard_ + keepalive_idle();
  // Text in flight has timers of its own.
  if (keepalives_sent_ == 0 && (idle_since > now || sender_.flight_bytes() > 0)) {
    core_.timers.arm(TcpTimer::kKeepalive, idle_since > now ? idle_since : now + keepalive_interval());
    return;
  }
  if (keepalives_sent_ >= keepalive_probes()) {
    ++core_.counters().keepalive_timeouts;
    end_with_reset(soft_error_ != Errno::kOk ? soft_error_ : Errno::kETIMEDOUT);
    return;
  }
  ++keepalives_sent_;
  keepalive_is_due_ = true;
  core_.timers.arm(TcpTimer::kKeepalive, now + keepalive_interval());
}

// --- ICMP (RFC 5927, RFC 9293 3.9.2.2) ---

void TcpConnection::handle_icmp_error(IcmpErrorKind kind, Errno error, SeqNumber quoted) {
  // RFC 5927 4.1: only about something that is in flight.
  if (!quoted.in_window(sender_.una(), sender_.sent_end().distance_from(sender_.una())) || state_ == TcpState::kClosed) {
    ++core_.counters().icmp_ignored;
    return;
  }
  // RFC 5927 5.2: once the connection stands no message of others ends it.
  if (kind == IcmpErrorKind::kHard && (state_ == TcpState::kSynSent || state_ == TcpState::kSynReceived)) {
    end(error);
    return;
  }
  soft_error_ = error;
}

void TcpConnection::handle_path_mss(uint32_t mss, SeqNumber quoted) {
  const bool is_in_flight = quoted.in_window(sender_.una(), sender_.sent_end().distance_from(sender_.una()));
  if (!is_in_flight || mss >= path_mss_ || state_ == TcpState::kClosed) {
    ++core_.counters().icmp_ignored;
    return;
  }
  path_mss_ = static_cast<uint16_t>(std::min<uint32_t>(path_mss_, std::max(mss, kPathMssMin)));
  if (state_ != TcpState::kSynSent && sender_.lower_mss(path_mss_)) ++core_.counters().path_mss_lowered;
}

// --- events and getters ---

bool TcpConnection::yields_to(const TcpHeader& syn) const {
  if (state_ != TcpState::kTimeWait || !syn.flags.syn() || syn.flags.rst() || syn.flags.ack()) return false;
  // RFC 6191 2: a later timestamp, or if it is the same (or there is none) a later sequence number.
  if (core_.timestamps && syn.options.timestamps) {
    const auto later = static_cast<int32_t>(syn.options.timestamps->value - ts_recent_);
    if (later != 0) return later > 0;
  }
  return syn.sequence_number > receiver_.nxt();
}

bool TcpConnection::yields_to_active_open(Instant now) const {
  return state_ == TcpState::kTimeWait && core_.timestamps && now - last_heard_ > Duration::seconds(1);
}

TcpConnectionInfo TcpConnection::info() const {
  TcpConnectionInfo info;
  info.state = state_;
  info.congestion = sender_.congestion().algorithm();
  info.timestamps = core_.timestamps;
  info.sack = core_.sack;
  info.window_scaling = core_.window_scale;
  info.peer_window_scale = sender_.window_scale();
  info.back_offs = sender_.rtt().back_offs();
  info.zero_window_probes = sender_.probes();
  info.srtt = sender_.rtt().srtt();
  info.rttvar = sender_.rtt().rttvar();
  info.min_rtt = sender_.rtt().min_rtt();
  info.rto = sender_.rtt().rto(core_.config());
  info.mss = sender_.mss();
  info.peer_segment_size = receiver_.segment_size();
  info.cwnd = sender_.congestion().cwnd();
  info.ssthresh = sender_.congestion().ssthresh();
  info.in_flight = sender_.flight_bytes();
  info.pipe = sender_.pipe();
  info.sacked = sender_.sacked_bytes();
  info.lost = sender_.lost_bytes();
  info.repeated = sender_.repeated_bytes();
  info.send_window = sender_.window();
  info.receive_window = receiver_.window();
  info.receive_buffer = receiver_.buffer();
  info.unsent = sender_.unsent_bytes();
  info.send_queue = sender_.queued_bytes();
  info.bytes_acked = sender_.totals().bytes_acked;
  info.bytes_received = receiver_.bytes_received();
  info.bytes_sent = sender_.totals().bytes_sent;
  info.bytes_retransmitted = sender_.totals().bytes_retransmitted;
  info.segments_retransmitted = sender_.totals().segments_retransmitted;
  info.segments_in = segments_in_;
  info.segments_out = segments_out_;
  info.data_segments_in = receiver_.data_segments();
  info.data_segments_out = sender_.totals().data_segments;
  return info;
}

}  // namespace demi
