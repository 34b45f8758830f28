// NewReno: additive increase, multiplicative decrease (RFC 5681 3.1). Read congestion_control.h first.
#pragma once

#include <cstdint>

#include "inet/tcp/congestion_event.h"

namespace demi {

class NewReno {
 public:
  uint32_t window_after(const CongestionAck& ack, Instant now);
  uint32_t threshold_after(const CongestionLoss& loss, Instant now);
  void handle_unused(Instant) {}
  void forget() { acked_ = 0; }

 private:
  uint32_t acked_ = 0;  // bytes of the window that were acknowledged since it last grew
};

}  // namespace demi
