// TcpInvariants: what must hold of any TCP connection, whatever the network and its user do. Seen from outside: by its segments, and by its
// getters. A check returns what is wrong, or nullptr.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "inet/tcp/tcp_connection.h"

namespace demi {

class TcpInvariants {
 public:
  // A segment of the peer, which is undamaged, reaches the connection.
  void note_arrival(const TcpHeader& header, uint64_t text_bytes) {
    if (header.flags.syn()) peer_scale_ = header.options.window_scale;
    if (text_bytes > 0 || header.flags.syn() || header.flags.fin()) ++occupied_in_;
    if (!header.flags.ack() || header.flags.rst()) return;
    const bool is_scaled = !header.flags.syn() && own_scale_ && peer_scale_;
    const SeqNumber edge = header.acknowledgment_number + (uint32_t{header.window} << (is_scaled ? std::min<int>(*peer_scale_, 14) : 0));
    edge_ = edge_ ? SeqNumber::later_of(*edge_, edge) : edge;
  }
  // The user has taken text, or the peer has asked for an answer otherwise: there may be an ACK more.
  void note_reason_to_answer() { ++reasons_; }

  // A segment leaves. `size_limit`: bytes of text and options that the path carries. `sender` is nullptr where nobody can look at it.
  const char* check_segment(const TcpHeader& header, uint64_t text_bytes, uint64_t size_limit, const Sender* sender) {
    if (header.flags.syn()) own_scale_ = header.options.window_scale;
    if (header.options.bytes() + text_bytes > size_limit) return "a segment larger than the path";
    const auto length = static_cast<uint32_t>(text_bytes) + header.flags.fin();
    if (length == 0) {
      if (!header.flags.syn() && !header.flags.rst()) ++pure_acks_out_;
      return nullptr;
    }
    // One byte beyond is a probe of a zero window.
    if (edge_ && header.sequence_number + length > *edge_ + 1) return "a segment beyond the window";
    if (sender == nullptr) return nullptr;
    largest_flight_ = std::max(largest_flight_, sender->flight_bytes());
    const bool is_open = sender->flight() != nullptr && !sender->flight()->recovery.in_recovery();
    if (is_open && sender->pipe() > sender->congestion().cwnd() + sender->mss()) return "more in flight than cwnd";
    return nullptr;
  }

  // Everything that was due has left. `challenges`: ACKs for what was not acceptable.
  const char* check_rest(const TcpConnection& connection, uint64_t challenges) {
    const Sender& sender = connection.sender();
    if (is_synchronized(connection.state())) {
      if (una_ && sender.una() < *una_) return "SND.UNA went back";
      una_ = sender.una();
    }
    if (connection.state() != TcpState::kClosed && connection.state() != TcpState::kTimeWait) {
      const bool outstanding = sender.una() != sender.nxt();
      if (outstanding != connection.timers().is_armed(TcpTimer::kRetransmit)) return "the retransmission timer is not armed as it should";
      const bool waits = !outstanding && sender.unsent_bytes() > 0 && is_synchronized(connection.state());
      if (waits && !connection.timers().is_armed(TcpTimer::kPersist)) return "text waits for nothing";
    }
    if (pure_acks_out_ > occupied_in_ + reasons_ + challenges + 2) return "an ACK storm";
    return nullptr;
  }

  uint32_t largest_flight() const { return largest_flight_; }

 private:
  std::optional<SeqNumber> una_;
  std::optional<SeqNumber> edge_;       // the farthest right edge that the peer has told
  std::optional<uint8_t> own_scale_;
  std::optional<uint8_t> peer_scale_;
  uint64_t pure_acks_out_ = 0;
  uint64_t occupied_in_ = 0;            // segments with text, SYN or FIN
  uint64_t reasons_ = 0;
  uint32_t largest_flight_ = 0;         // bytes
};

}  // namespace demi
