#include "inet/tcp/new_reno.h"

namespace demi {

// RFC 5681 3.1: one segment more for each window that was acknowledged, counted in bytes.
uint32_t NewReno::window_after(const CongestionAck& ack, Instant) {
  acked_ += ack.acked;
  if (acked_ < ack.cwnd) return ack.cwnd;
  // A stretched ACK may count for several windows; only one of them counts.
  acked_ = acked_ - ack.cwnd < ack.cwnd ? acked_ - ack.cwnd : 0;
  return ack.cwnd + ack.mss;
}

// RFC 5681 (4).
uint32_t NewReno::threshold_after(const CongestionLoss& loss, Instant) {
  acked_ = 0;
  return loss.flight / 2;
}

}  // namespace demi
