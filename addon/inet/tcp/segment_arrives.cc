// SEGMENT ARRIVES: RFC 9293 3.10.7, in its order: 3.10.7.3 for SYN-SENT, 3.10.7.4 for the states behind it. CLOSED is reset.h and LISTEN is
// listener.h. The checks return whether the segment goes on to the next step. The segment that is waited for, in an established
// connection, takes a short way before all that.
#include <algorithm>
#include <utility>

#include "inet/tcp/tcp_connection.h"
#include "inet/tcp/tcp_limits.h"

namespace demi {

namespace {
// RFC 7323 5.5: a timestamp that was not renewed for so long may be from before the clock wrapped.
constexpr Duration kTimestampValid = Duration::seconds(24 * 24 * 3600);
}  // namespace

void TcpConnection::handle_segment(const TcpHeader& header, SgArray&& text, Instant now) {
  if (state_ == TcpState::kClosed) return;
  ++segments_in_;
  ++core_.counters().segments_in;
  if (is_expected(header, static_cast<uint32_t>(text.bytes()))) [[likely]] {
    arrives_as_expected(header, std::move(text), now);
  } else if (state_ == TcpState::kSynSent) {
    arrives_in_syn_sent(header, std::move(text), now);
  } else {
    arrives_in_other_states(header, std::move(text), now);
  }
  settle();
}

// --- header prediction (V. Jacobson, "4BSD Header Prediction") ---

// Whether no step of 3.10.7.4 has anything to find: nothing but an ACK, and perhaps a PSH, in ESTABLISHED, with the next text or none, an
// acknowledgment of what was sent, and of the options timestamps alone.
bool TcpConnection::is_expected(const TcpHeader& header, uint32_t text_length) const {
  constexpr uint16_t kControls = TcpFlags::kFin | TcpFlags::kSyn | TcpFlags::kRst | TcpFlags::kAck;
  if (state_ != TcpState::kEstablished || (header.flags.bits & kControls) != TcpFlags::kAck) return false;
  if (is_orphan_ || header.options.sack_block_count > 0 || !core_.config().header_prediction) return false;
  if (core_.timestamps) {
    const bool is_present = header.options.timestamps.has_value();
    if (!is_present || static_cast<int32_t>(header.options.timestamps->value - ts_recent_) < 0) return false;
  }
  return header.sequence_number == receiver_.nxt() && receiver_.waits_for(text_length) && sender_.waits_for(header.acknowledgment_number);
}

// What is left of the steps then.
void TcpConnection::arrives_as_expected(const TcpHeader& header, SgArray&& text, Instant now) {
  ++core_.counters().segments_expected;
  last_heard_ = now;
  keepalives_sent_ = 0;
  // RFC 7323 4.3 (2).
  if (core_.timestamps && header.sequence_number <= receiver_.last_ack_sent()) {
    ts_recent_ = header.options.timestamps->value;
    ts_recent_at_ = now;
  }
  const auto text_length = static_cast<uint32_t>(text.bytes());
  if (sender_.handle_ack(header, text_length, now).acked_bytes > 0) raise(TcpEvent::kWritable);
  if (text_length > 0 && receiver_.handle_next_text(std::move(text), now)) raise(TcpEvent::kReadable);
}

// --- 3.10.7.3 ---

void TcpConnection::arrives_in_syn_sent(const TcpHeader& header, SgArray&& text, Instant now) {
  const SeqNumber ack = header.acknowledgment_number;
  const bool has_ack = header.flags.ack();
  // First, the ACK bit: of our SYN and nothing else.
  if (has_ack && !ack.is_after_up_to(sender_.una(), sender_.nxt())) {
    ++core_.counters().ack_of_unsent;
    if (header.flags.rst()) return;
    // <SEQ=SEG.ACK><CTL=RST>; the connection stays as it is.
    reset_is_due_ = true;
    reset_has_ack_ = false;
    reset_seq_ = ack;
    return;
  }
  // Second, the RST bit (RFC 5961 3.2 asks for an acceptable ACK here, too).
  if (header.flags.rst()) {
    ++core_.counters().resets_in;
    if (has_ack) end(Errno::kECONNREFUSED);
    return;
  }
  // Fourth, the SYN bit. (Third is security, which nobody has.)
  if (!header.flags.syn()) return;
  last_heard_ = now;
  const PeerSyn peer = PeerSyn::of(header, core_.config(), family_ == Family::kIPv6 ? kDefaultMssIPv6 : kDefaultMssIPv4);
  agree(peer, now);
  if (has_ack) {
    sender_.handle_ack(header, 1, now);
    establish(header.sequence_number, header.window, now);
    receiver_.need_ack();
  } else {
    // Simultaneous open: our SYN goes out again, with an ACK.
    step(TcpStateEvent::kSynArrives);
    sender_.answer_syn();
  }
  // Text and controls beside the SYN are processed as in the state that is reached now. A FIN beside a SYN is no FIN of a sane peer; if it
  // is one, it comes again.
  if (!text.empty()) {
    receiver_.handle_text(header.sequence_number + 1, std::move(text), false, now);
    if (state_ != TcpState::kSynReceived && receiver_.readable_bytes() > 0) raise(TcpEvent::kReadable);
  }
}

// --- 3.10.7.4 ---

void TcpConnection::arrives_in_other_states(const TcpHeader& header, SgArray&& text, Instant now) {
  const auto text_length = static_cast<uint32_t>(text.bytes());
  const bool is_syn_again = state_ == TcpState::kSynReceived && header.flags.syn() && header.sequence_number == receiver_.irs();
  if (is_syn_again && !header.flags.rst()) {
    arrives_again_as_syn(header, std::move(text), now);
    return;
  }
  const uint32_t length = text_length + header.flags.syn() + header.flags.fin();
  if (!check_timestamp(header, length, now)) return;
  if (!check_sequence(header, text_length, now)) return;
  if (!check_rst(header, now)) return;
  if (!check_syn(header, now)) return;
  if (!check_ack(header, length, now)) return;
  // RFC 7323 4.3 has it behind the sequence number; then whoever guesses that, and no acknowledgment, makes PAWS refuse the peer (RFC 5961 5.2).
  note_timestamp(header, now);
  // Sixth, the URG bit: what is urgent is text like any other (RFC 6093 3.2), and the pointer means nothing.
  process_text(header, std::move(text), now);
  process_fin(now);
}

// The SYN that was answered comes again: its acknowledgment was lost, or it opens from its side at the same time (RFC 9293 figure 8). The
// answer is the SYN-ACK again; what stands beside the SYN is a segment like others.
void TcpConnection::arrives_again_as_syn(const TcpHeader& header, SgArray&& text, Instant now) {
  if (!header.flags.ack()) {
    sender_.repeat_syn();
    return;
  }
  TcpHeader rest = header;
  rest.flags.bits &= static_cast<uint16_t>(~TcpFlags::kSyn);
  rest.sequence_number += 1;
  // RFC 7323 2.2: the window beside a SYN is not scaled. What was rounded off comes back when the segment has opened the connection.
  rest.window = static_cast<uint16_t>(header.window >> sender_.window_scale());
  arrives_in_other_states(rest, std::move(text), now);
  if (is_synchronized(state_)) sender_.handle_syn_window(header.window);
}

// RFC 7323 5.3 (R1): protection against wrapped sequence numbers.
bool TcpConnection::check_timestamp(const TcpHeader& header, uint32_t length, Instant now) {
  if (!core_.timestamps || header.flags.rst()) return true;
  if (!header.options.timestamps) {
    // RFC 7323 3.2: once agreed they are in every segment.
    ++core_.counters().without_timestamp;
    return false;
  }
  const bool is_older = static_cast<int32_t>(header.options.timestamps->value - ts_recent_) < 0;
  if (!is_older || now - ts_recent_at_ > kTimestampValid) return true;
  ++core_.counters().paws_rejected;
  if (length > 0) {
    receiver_.need_ack();
  } else {
    challenge(now);  // an ACK for a pure ACK, which two stacks must not exchange for ever
  }
  return false;
}

// First, the sequence number.
bool TcpConnection::check_sequence(const TcpHeader& header, uint32_t text_length, Instant now) {
  const SeqNumber seq = header.sequence_number;
  const uint32_t length = text_length + header.flags.syn() + header.flags.fin();
  if (receiver_.accepts(seq, length)) return true;
  ++core_.counters().outside_window;
  if (header.flags.rst()) return false;
  // RFC 9293 3.10.7.4, eighth: the FIN again: its ACK was lost.
  if (state_ == TcpState::kTimeWait && header.flags.fin()) enter_time_wait(now);
  if (length == 0) {
    // A keepalive, or an old ACK. RFC 9293 asks for an ACK; without a bound two stacks that disagree would never stop.
    challenge(now);
    // One that is one behind may be of a peer that does not know yet that we have taken its probe of our zero window. What it acknowledges
    // counts, or two that probe each other would never learn it.
    if (header.flags.ack() && seq + 1 == receiver_.nxt() && is_synchronized(state_)) check_ack(header, length, now);
    return false;
  }
  if (text_length > 0 && seq + text_length <= receiver_.nxt()) receiver_.handle_duplicate(seq, text_length);
  // RFC 5961 4.2 bounds the answers to SYNs; our own ACK of the peer's may have been lost.
  if (header.flags.syn() && seq != receiver_.irs()) {
    challenge(now);
  } else {
    receiver_.need_ack();
  }
  // With a window of zero no text is acceptable, but ACKs are to be (3.10.7.4).
  if (receiver_.window() == 0 && seq == receiver_.nxt() && header.flags.ack() && !header.flags.syn()) check_ack(header, length, now);
  return false;
}

// RFC 7323 4.3 (2).
void TcpConnection::note_timestamp(const TcpHeader& header, Instant now) {
  last_heard_ = now;
  keepalives_sent_ = 0;
  if (!core_.timestamps || !header.options.timestamps) return;
  const uint32_t value = header.options.timestamps->value;
  const bool is_older = static_cast<int32_t>(value - ts_recent_) < 0 && now - ts_recent_at_ <= kTimestampValid;
  if (is_older || header.sequence_number > receiver_.last_ack_sent()) return;
  ts_recent_ = value;
  ts_recent_at_ = now;
}

// Second, the RST bit.
bool TcpConnection::check_rst(const TcpHeader& header, Instant now) {
  if (!header.flags.rst()) return true;
  ++core_.counters().resets_in;
  // RFC 5961 3.2: only one that is exactly where it is waited for.
  if (header.sequence_number != receiver_.nxt()) {
    challenge(now);
    return false;
  }
  switch (state_) {
    case TcpState::kSynReceived:
      end(is_active_ ? Errno::kECONNREFUSED : Errno::kECONNRESET);
      break;
    case TcpState::kEstablished:
    case TcpState::kFinWait1:
    case TcpState::kFinWait2:
    case TcpState::kCloseWait:
      end(Errno::kECONNRESET);
      break;
    case TcpState::kClosing:
    case TcpState::kLastAck:
      // The RFC has nobody hear of it; but whoever waits for text to be acknowledged must not take this for it.
      end(sender_.queued_bytes() > 0 ? Errno::kECONNRESET : Errno::kOk);
      break;
    case TcpState::kTimeWait:
      end(Errno::kOk);
      break;
    case TcpState::kClosed:
    case TcpState::kListen:
    case TcpState::kSynSent:
      break;
  }
  return false;
}

// Fourth, the SYN bit: RFC 5961 4.2, in all of these states.
bool TcpConnection::check_syn(const TcpHeader& header, Instant now) {
  if (!header.flags.syn()) return true;
  challenge(now);
  return false;
}

// RFC 5961 7
void TcpConnection::challenge(Instant now) {
  if (!challenges_.take(core_.config(), now)) {
    ++core_.counters().challenge_acks_withheld;
    return;
  }
  ++core_.counters().challenge_acks;
  challenge_is_due_ = true;
}

// Fifth, the ACK field.
bool TcpConnection::check_ack(const TcpHeader& header, uint32_t length, Instant now) {
  if (!header.flags.ack()) {
    ++core_.counters().without_ack;
    return false;
  }
  if (state_ == TcpState::kSynReceived && !check_ack_of_syn(header, now)) return false;
  const SeqNumber ack = header.acknowledgment_number;
  // Of something that was never sent: an ACK, and it is dropped.
  if (sender_.acknowledges_unsent(ack)) {
    ++core_.counters().ack_of_unsent;
    challenge(now);
    return false;
  }
  // RFC 5961 5.2: older than the largest window: blind.
  if (ack < sender_.una() - sender_.max_window()) {
    ++core_.counters().old_ack;
    challenge(now);
    return false;
  }
  const Sender::AckResult result = sender_.handle_ack(header, length, now);
  if (result.acked_bytes > 0) raise(TcpEvent::kWritable);
  if (result.fin_acknowledged) fin_was_acknowledged(now);
  return state_ != TcpState::kClosed;
}

bool TcpConnection::check_ack_of_syn(const TcpHeader& header, Instant now) {
  if (!header.acknowledgment_number.is_after_up_to(sender_.una(), sender_.nxt())) {
    ++core_.counters().ack_of_unsent;
    reset_is_due_ = true;
    reset_has_ack_ = false;
    reset_seq_ = header.acknowledgment_number;
    return false;
  }
  TcpHeader ack_of_syn = header;
  sender_.handle_ack(ack_of_syn, 1, now);
  establish(header.sequence_number, uint32_t{header.window} << sender_.window_scale(), now);
  return true;
}

void TcpConnection::fin_was_acknowledged(Instant now) {
  raise(TcpEvent::kDelivered);
  step(TcpStateEvent::kFinAcknowledged);
  if (state_ == TcpState::kTimeWait) enter_time_wait(now);
  if (state_ == TcpState::kClosed) {
    core_.timers.cancel_all();
    raise(TcpEvent::kClosed);
  }
  wait_for_fin_if_orphaned(now);
}

// Seventh, the text. (The FIN behind it goes with it: the receiver knows when its turn has come.)
void TcpConnection::process_text(const TcpHeader& header, SgArray&& text, Instant now) {
  if (text.empty() && !header.flags.fin()) return;
  if (!accepts_text(state_)) {
    // Behind the peer's FIN there is nothing; what comes again is acknowledged.
    receiver_.need_ack();
    if (state_ == TcpState::kTimeWait && header.flags.fin()) enter_time_wait(now);
    return;
  }
  const uint64_t before = receiver_.readable_bytes();
  const bool brings_text = !text.empty() && header.sequence_number + static_cast<uint32_t>(text.bytes()) > receiver_.nxt();
  // RFC 9293 3.6.1: nobody will read it, and the peer should know.
  if (is_orphan_ && brings_text) {
    ++core_.counters().text_after_close;
    end_with_reset(Errno::kOk);
    return;
  }
  receiver_.handle_text(header.sequence_number, std::move(text), header.flags.fin(), now);
  if (receiver_.readable_bytes() > before) raise(TcpEvent::kReadable);
}

// Eighth, the FIN bit, once everything before it is here.
void TcpConnection::process_fin(Instant now) {
  if (!accepts_text(state_) || !receiver_.fin_is_received()) return;
  raise(TcpEvent::kReadable);
  step(TcpStateEvent::kFinArrives);
  if (state_ == TcpState::kTimeWait) enter_time_wait(now);
}

}  // namespace demi
