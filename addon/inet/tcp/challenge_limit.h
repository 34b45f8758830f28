// ChallengeLimit: how many challenge ACKs one connection sends (RFC 5961 7). Each connection has a bound of its own, another one in each period,
// drawn at random: from a bound that others share, or that is known, an attacker learns what we do (CVE-2016-5696).
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"
#include "inet/tcp/tcp_config.h"

namespace demi {

class ChallengeLimit {
 public:
  explicit ChallengeLimit(uint32_t entropy) : state_(entropy | 1) {}

  // Whether one more may be sent; then it counts.
  bool take(const TcpConfig& config, Instant now) {
    if (now >= period_end_) begin_period(config, now);
    if (left_ == 0) return false;
    --left_;
    return true;
  }

 private:
  void begin_period(const TcpConfig& config, Instant now) {
    // G. Marsaglia, "Xorshift RNGs"; nobody sees more of it than how many ACKs came.
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    // Between one half and the whole of what is configured, and one at least; the period likewise.
    const uint32_t half = config.challenge_acks / 2;
    left_ = static_cast<uint8_t>(std::max(1u, config.challenge_acks - state_ % (half + 1)));
    period_end_ = now + (config.challenge_period - config.challenge_period / 256 * ((state_ >> 8) & 127));
  }

  Instant period_end_;
  uint32_t state_;
  uint8_t left_ = 0;
};

}  // namespace demi
