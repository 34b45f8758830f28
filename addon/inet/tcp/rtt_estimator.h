// RttEstimator: how long an acknowledgment takes, and so how long to wait for one before sending again (RFC 6298).
#pragma once

#include <cstdint>

#include "base/time.h"
#include "inet/tcp/tcp_config.h"
#include "inet/tcp/tcp_limits.h"

namespace demi {

class RttEstimator {
 public:
  // One measurement, of text that was sent once (Karn's algorithm, RFC 6298 3: the caller's duty). `samples_per_flight` is how many of them one
  // flight gives: with more than one the history would be forgotten too soon (RFC 7323 4.2 and appendix G).
  void sample(Duration rtt, uint32_t samples_per_flight = 1);
  bool has_sample() const { return srtt_ > Duration(); }

  // RFC 6298 5.5: the timer expired.
  void back_off() {
    if (back_offs_ < kBackOffsMax) ++back_offs_;
  }
  // New text was acknowledged.
  void reset_back_off() { back_offs_ = 0; }
  uint8_t back_offs() const { return back_offs_; }

  // RFC 6298 5.7: the SYN was lost and there is no sample yet.
  void handle_syn_loss() { syn_was_lost_ = true; }

  Duration rto(const TcpConfig& config) const;
  // The same without the back-off.
  Duration base_rto(const TcpConfig& config) const;

  // Zero before the first sample.
  Duration srtt() const { return srtt_; }
  Duration rttvar() const { return rttvar_; }
  Duration min_rtt() const { return min_rtt_; }

 private:
  Duration srtt_;
  Duration rttvar_;
  Duration min_rtt_;
  uint8_t back_offs_ = 0;
  bool syn_was_lost_ = false;
};

}  // namespace demi
