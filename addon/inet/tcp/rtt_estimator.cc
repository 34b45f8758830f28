#include "inet/tcp/rtt_estimator.h"

#include <algorithm>

namespace demi {

void RttEstimator::sample(Duration rtt, uint32_t samples_per_flight) {
  // Two clock reads may be the same; a round trip is never nothing.
  rtt = std::max(rtt, Duration::nanoseconds(1));
  if (!has_sample()) {
    // RFC 6298 2.2
    srtt_ = rtt;
    rttvar_ = rtt / 2;
    min_rtt_ = rtt;
    return;
  }
  // RFC 6298 2.3, with beta = 1/4 and alpha = 1/8 spread over the samples of a flight (RFC 7323 appendix G). RTTVAR first: it takes the
  // old SRTT.
  const Duration error = rtt - srtt_;
  const Duration deviation = error < Duration() ? Duration() - error : error;
  if (samples_per_flight <= 1) [[likely]] {
    // Divisors that are known are no divisions.
    rttvar_ = rttvar_ + (deviation - rttvar_) / 4;
    srtt_ = std::max(srtt_ + error / 8, Duration::nanoseconds(1));
  } else {
    rttvar_ = rttvar_ + (deviation - rttvar_) / (int64_t{4} * samples_per_flight);
    srtt_ = std::max(srtt_ + error / (int64_t{8} * samples_per_flight), Duration::nanoseconds(1));
  }
  min_rtt_ = std::min(min_rtt_, rtt);
}

Duration RttEstimator::base_rto(const TcpConfig& config) const {
  if (!has_sample()) return syn_was_lost_ ? config.initial_rto_after_syn_loss : config.initial_rto;
  // RFC 6298 2.3. The lower bound stands under the variance and not under the sum: on a long steady path the variance goes to zero, and the
  // peer's delayed ACK of the last segment would be late then. What RFC 6298 2.4 asks for, an RTO of at least so much, holds with it.
  return std::min(srtt_ + std::max(rttvar_ * 4, config.min_rto), config.max_rto);
}

Duration RttEstimator::rto(const TcpConfig& config) const {
  // RFC 6298 2.5: with an upper bound; 60 s and 16 back-offs do not overflow 63 bits of nanoseconds.
  return std::min(base_rto(config) * (int64_t{1} << back_offs_), config.max_rto);
}

}  // namespace demi
