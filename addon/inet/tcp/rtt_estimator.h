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
  bool has_sample() const { return srtt_ns_ > 0; }

  // RFC 6298 5.5: the timer expired.
  void back_off() {
    if (back_offs_ < kBackOffsMax) ++back_offs_;
  }
  // New text was acknowledged.
  void reset_back_off() { back_offs_ = 0; }
  uint8_t back_offs() const { return static_cast<uint8_t>(back_offs_); }

  // RFC 6298 5.7: the SYN was lost and there is no sample yet.
  void handle_syn_loss() { syn_was_lost_ = 1; }

  Duration rto(const TcpConfig& config) const;
  // The same without the back-off.
  Duration base_rto(const TcpConfig& config) const;

  // Zero before the first sample.
  Duration srtt() const { return Duration::nanoseconds(static_cast<int64_t>(srtt_ns_)); }
  Duration rttvar() const { return Duration::nanoseconds(static_cast<int64_t>(rttvar_ns_)); }
  Duration min_rtt() const { return Duration::nanoseconds(static_cast<int64_t>(uint64_t{min_high_} << kMinLowBits | min_low_)); }

 private:
  // Nanoseconds: 18 minutes, and no round trip is longer. Every connection keeps these, so they share two words.
  static constexpr int kBits = 40;
  static constexpr int kMinLowBits = 64 - kBits;
  static constexpr int64_t kLongestNs = (int64_t{1} << kBits) - 1;

  void set(int64_t srtt_ns, int64_t rttvar_ns, int64_t min_ns);

  uint64_t srtt_ns_ : kBits = 0;
  uint64_t min_low_ : kMinLowBits = 0;
  uint64_t rttvar_ns_ : kBits = 0;
  uint64_t min_high_ : kBits - kMinLowBits = 0;
  uint64_t back_offs_ : 5 = 0;
  uint64_t syn_was_lost_ : 1 = 0;
};

static_assert(kBackOffsMax < 32 && sizeof(RttEstimator) == 16);

}  // namespace demi
