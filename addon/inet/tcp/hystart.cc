#include "inet/tcp/hystart.h"

#include <algorithm>

namespace demi {

namespace {
// RFC 9406 4.3
constexpr int kThresholdMinMs = 4;
constexpr int kThresholdMaxMs = 16;
constexpr int kThresholdDivisor = 8;
constexpr uint8_t kSamples = 8;
constexpr uint32_t kGrowthDivisor = 4;
constexpr uint8_t kConservativeRounds = 5;
}  // namespace

uint32_t HyStart::growth_divisor() const { return phase_ == Phase::kConservative ? kGrowthDivisor : 1; }

HyStart::Phase HyStart::handle_ack(SeqNumber una, SeqNumber nxt, Duration rtt) {
  if (phase_ == Phase::kOver) return phase_;
  if (!has_round_) {
    has_round_ = true;
    round_end_ = nxt;
  }
  if (rtt > Duration()) {
    const int64_t ms = std::min<int64_t>(rtt.count_nanoseconds() / 1'000'000, kUnknown - 1);
    this_round_ms_ = std::min(this_round_ms_, static_cast<uint16_t>(ms));
    if (samples_ < kSamples) ++samples_;
    if (samples_ == kSamples) judge();
  }
  if (una >= round_end_) begin_round(nxt);
  return phase_;
}

// RFC 9406 4.2
void HyStart::judge() {
  if (phase_ == Phase::kConservative) {
    // The queue has gone again: it was a burst of somebody else.
    if (this_round_ms_ < baseline_ms_) phase_ = Phase::kSlowStart;
    return;
  }
  if (last_round_ms_ == kUnknown) return;
  const int threshold_ms = std::clamp(last_round_ms_ / kThresholdDivisor, kThresholdMinMs, kThresholdMaxMs);
  if (this_round_ms_ < last_round_ms_ + threshold_ms) return;
  phase_ = Phase::kConservative;
  baseline_ms_ = this_round_ms_;
  conservative_rounds_ = 0;
}

void HyStart::begin_round(SeqNumber nxt) {
  if (phase_ == Phase::kConservative && ++conservative_rounds_ == kConservativeRounds) phase_ = Phase::kOver;
  last_round_ms_ = this_round_ms_;
  this_round_ms_ = kUnknown;
  samples_ = 0;
  round_end_ = nxt;
}

}  // namespace demi
