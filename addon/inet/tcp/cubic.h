// Cubic: the window as a cubic function of the time since the last loss (RFC 9438). Read congestion_control.h first. The names are those of
// the RFC, and windows are counted in segments as there, in single precision: of a window of 10^6 segments it keeps a sixteenth of one.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"
#include "inet/tcp/congestion_event.h"

namespace demi {

class Cubic {
 public:
  uint32_t window_after(const CongestionAck& ack, Instant now);
  uint32_t threshold_after(const CongestionLoss& loss, Instant now);
  void handle_unused(Instant since) { unused_since_ = std::min(unused_since_, since); }
  void forget() { *this = Cubic(); }

 private:
  void begin_epoch(float cwnd, Instant now);
  float w_cubic(Duration t) const;

  Instant t_epoch_ = Instant::never();  // when this epoch began; never: with the next ACK
  Instant unused_since_ = Instant::never();
  float w_max_ = 0;                     // the window before the last loss; 0: none was lost yet
  float k_ = 0;                         // seconds from the begin of the epoch until w_max is reached
  float cwnd_prior_ = 0;                // cwnd when it was last reduced
  float w_est_ = 0;                     // what a Reno connection would have by now
  float fraction_ = 0;                  // of a byte: what cwnd has grown by and could not show
};

}  // namespace demi
