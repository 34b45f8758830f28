// CongestionAck and CongestionLoss: what an algorithm of congestion control is told.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace demi {

struct CongestionAck {
  uint32_t acked;     // bytes
  uint32_t cwnd;      // bytes
  uint32_t ssthresh;  // bytes
  uint32_t mss;       // bytes of text in a full segment
  Duration srtt;      // zero if unknown
};

struct CongestionLoss {
  uint32_t flight;  // bytes that were sent and not acknowledged
  uint32_t cwnd;    // bytes
  uint32_t mss;     // bytes
};

}  // namespace demi
