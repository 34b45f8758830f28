#include "inet/tcp/rtt_estimator.h"

#include <algorithm>

namespace demi {

void RttEstimator::sample(Duration rtt, uint32_t samples_per_flight) {
  // Two clock reads may be the same; a round trip is never nothing.
  const int64_t measured = std::clamp<int64_t>(rtt.count_nanoseconds(), 1, kLongestNs);
  if (!has_sample()) {
    // RFC 6298 2.2
    set(measured, measured / 2, measured);
    return;
  }
  // RFC 6298 2.3, with beta = 1/4 and alpha = 1/8 spread over the samples of a flight (RFC 7323 appendix G). RTTVAR first: it takes the
  // old SRTT.
  int64_t srtt = static_cast<int64_t>(srtt_ns_), rttvar = static_cast<int64_t>(rttvar_ns_);
  const int64_t error = measured - srtt;
  const int64_t deviation = error < 0 ? -error : error;
  if (samples_per_flight <= 1) [[likely]] {
    // Divisors that are known are no divisions.
    rttvar += (deviation - rttvar) / 4;
    srtt += error / 8;
  } else {
    rttvar += (deviation - rttvar) / (int64_t{4} * samples_per_flight);
    srtt += error / (int64_t{8} * samples_per_flight);
  }
  set(std::max<int64_t>(srtt, 1), rttvar, std::min(min_rtt().count_nanoseconds(), measured));
}

void RttEstimator::set(int64_t srtt_ns, int64_t rttvar_ns, int64_t min_ns) {
  srtt_ns_ = static_cast<uint64_t>(srtt_ns) & kLongestNs;
  rttvar_ns_ = static_cast<uint64_t>(rttvar_ns) & kLongestNs;
  min_low_ = static_cast<uint64_t>(min_ns) & ((uint64_t{1} << kMinLowBits) - 1);
  min_high_ = static_cast<uint64_t>(min_ns >> kMinLowBits) & ((uint64_t{1} << (kBits - kMinLowBits)) - 1);
}

Duration RttEstimator::base_rto(const TcpConfig& config) const {
  if (!has_sample()) return syn_was_lost_ ? config.initial_rto_after_syn_loss : config.initial_rto;
  // RFC 6298 2.3. The lower bound stands under the variance and not under the sum: on a long steady path the variance goes to zero, and the
  // peer's delayed ACK of the last segment would be late then. What RFC 6298 2.4 asks for, an RTO of at least so much, holds with it.
  return std::min(srtt() + std::max(rttvar() * 4, config.min_rto), config.max_rto);
}

Duration RttEstimator::rto(const TcpConfig& config) const {
  // RFC 6298 2.5: with an upper bound; 60 s and 16 back-offs do not overflow 63 bits of nanoseconds.
  return std::min(base_rto(config) * (int64_t{1} << back_offs_), config.max_rto);
}

}  // namespace demi
