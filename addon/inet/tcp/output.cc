// What a connection sends: one segment at a time, the most urgent first. Read tcp_connection.h and sender.h first.
#include <algorithm>
#include <utility>

#include "inet/tcp/tcp_connection.h"

namespace demi {

bool TcpConnection::poll_transmit(OutgoingSegment& out, Instant now) {
  out.text.clear();
  out.segment_bytes = 0;
  if (!may_transmit()) return false;
  const bool made = reset_is_due_ ? poll_reset(out)
                                  : poll_syn(out, now) || poll_text(out, now) || poll_ack(out, now) || poll_keepalive(out, now);
  if (made) count_out(out);
  return made;
}

void TcpConnection::count_out(const OutgoingSegment& out) {
  const uint32_t segments = out.segments();
  segments_out_ += segments;
  core_.counters().segments_out += segments;
  if (out.header.flags.rst()) ++core_.counters().resets_out;
}

// What all segments have: ports, numbers, the window, timestamps and SACK blocks. With ACK it carries the acknowledgment that is due.
void TcpConnection::begin_segment(OutgoingSegment& out, SeqNumber seq, uint16_t flags, Instant now) {
  TcpHeader& header = out.header;
  header = TcpHeader();
  header.source_port = local_port_;
  header.destination_port = remote_port_;
  header.sequence_number = seq;
  header.flags.bits = flags;
  if (core_.timestamps) {
    // RFC 7323 3.2: the echo is zero without ACK.
    header.options.timestamps = TcpTimestamps{core_.timestamp(now), header.flags.ack() ? ts_recent_ : 0};
  }
  if (!header.flags.ack()) return;
  header.acknowledgment_number = receiver_.nxt();
  header.window = receiver_.window_field(header.flags.syn());
  if (!header.flags.syn()) receiver_.fill_sack_blocks(header.options, path_mss_);
  receiver_.handle_ack_sent();
  challenge_is_due_ = false;
}

bool TcpConnection::poll_reset(OutgoingSegment& out) {
  reset_is_due_ = false;
  TcpHeader& header = out.header;
  header = TcpHeader();
  header.source_port = local_port_;
  header.destination_port = remote_port_;
  header.sequence_number = reset_seq_;
  header.flags.bits = TcpFlags::kRst;
  if (reset_has_ack_) {
    header.flags.bits |= TcpFlags::kAck;
    header.acknowledgment_number = receiver_.nxt();
  }
  return true;
}

bool TcpConnection::poll_syn(OutgoingSegment& out, Instant now) {
  const bool is_opening = state_ == TcpState::kSynSent || state_ == TcpState::kSynReceived;
  if (!is_opening || !sender_.syn_is_due()) return false;
  const bool is_answer = state_ == TcpState::kSynReceived;
  begin_segment(out, iss_, is_answer ? TcpFlags::kSyn | TcpFlags::kAck : TcpFlags::kSyn, now);
  TcpHeader& header = out.header;
  if (!is_answer) header.window = receiver_.window_field(true);
  // RFC 9293 3.7.1 (MUST-14): always said.
  header.options.maximum_segment_size = path_mss_;
  header.options.sack_permitted = core_.sack;
  if (core_.window_scale) header.options.window_scale = receiver_.offered_scale();
  if (!core_.config().syn_option_order.empty()) header.options.syn_order = &core_.config().syn_option_order;
  sender_.handle_syn_sent(now);
  return true;
}

bool TcpConnection::poll_text(OutgoingSegment& out, Instant now) {
  if (!is_synchronized(state_) || !sender_.may_transmit()) return false;
  Transmission transmission;
  // RFC 6691 3: options beyond the agreed ones take from the text.
  const uint32_t sack_bytes = receiver_.sack_option_bytes(path_mss_);
  const uint32_t limit = sender_.mss() - std::min(sack_bytes, sender_.mss() / 2);
  if (!sender_.poll(transmission, limit, now)) return false;
  const uint16_t flags = static_cast<uint16_t>(TcpFlags::kAck | (transmission.fin ? TcpFlags::kFin : 0) |
                                               (transmission.push ? TcpFlags::kPsh : 0));
  begin_segment(out, transmission.seq, flags, now);
  if (transmission.length > 0) {
    if (out.text.pool() == nullptr) out.text = SgArray(core_.resources.memory.segments());
    sender_.share_text(transmission, out.text);
    if (transmission.length > sender_.mss()) out.segment_bytes = sender_.mss();
  }
  return true;
}

bool TcpConnection::poll_ack(OutgoingSegment& out, Instant now) {
  if (!challenge_is_due_ && !receiver_.ack_is_due()) return false;
  if (state_ == TcpState::kClosed || state_ == TcpState::kSynSent) return false;
  begin_segment(out, sender_.nxt(), TcpFlags::kAck, now);
  return true;
}

// RFC 9293 3.8.4: a sequence number that the peer has already acknowledged, and no text: it has to answer.
bool TcpConnection::poll_keepalive(OutgoingSegment& out, Instant now) {
  if (!keepalive_is_due_) return false;
  keepalive_is_due_ = false;
  if (!is_synchronized(state_)) return false;
  ++core_.counters().keepalive_probes;
  begin_segment(out, sender_.una() - 1, TcpFlags::kAck, now);
  return true;
}

}  // namespace demi
