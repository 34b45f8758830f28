#include "inet/tcp/congestion_control.h"

#include <algorithm>

#include "inet/tcp/tcp_limits.h"

namespace demi {

namespace {
// RFC 3465 2.2: segments that one ACK of slow start may count for.
constexpr uint32_t kSlowStartSegmentsPerAck = 2;
}  // namespace

void CongestionControl::set_algorithm(CongestionAlgorithm algorithm) {
  algorithm_ = algorithm;
  state_.reset();
}

CongestionControl::State& CongestionControl::need_state() {
  if (state_ != nullptr) return *state_;
  state_ = std::make_unique<State>();
  switch (algorithm_) {
    case CongestionAlgorithm::kNewReno:
      state_->emplace<NewReno>();
      break;
    case CongestionAlgorithm::kCubic:
      state_->emplace<Cubic>();
      break;
  }
  return *state_;
}

void CongestionControl::forget() {
  if (state_ != nullptr) std::visit([](auto& algorithm) { algorithm.forget(); }, *state_);
}

uint32_t CongestionControl::initial_window(uint32_t mss, uint32_t segments) {
  // RFC 6928 2: min(10 MSS, max(2 MSS, 14600)).
  const uint64_t bytes = std::min<uint64_t>(uint64_t{segments} * mss, std::max<uint64_t>(2 * mss, uint64_t{segments} * 1460));
  return static_cast<uint32_t>(std::min<uint64_t>(bytes, kCongestionWindowMax));
}

void CongestionControl::handle_established(uint32_t mss, uint32_t initial_segments, bool syn_was_lost) {
  cwnd_ = syn_was_lost ? mss : initial_window(mss, initial_segments);
}

void CongestionControl::handle_ack(uint32_t acked, uint32_t mss, bool was_limited, Duration srtt, Instant now, uint32_t divisor) {
  if (!was_limited) return handle_unused(now);
  if (in_slow_start()) {
    // RFC 5681 (2), counting bytes (RFC 3465 2.1).
    const uint32_t growth = std::min(acked, kSlowStartSegmentsPerAck * mss) / divisor;
    cwnd_ = std::min(cwnd_ + growth, kCongestionWindowMax);
    return;
  }
  const CongestionAck ack{acked, cwnd_, ssthresh_, mss, srtt};
  const uint32_t grown = std::visit([&](auto& algorithm) { return algorithm.window_after(ack, now); }, need_state());
  cwnd_ = std::clamp(grown, mss, kCongestionWindowMax);
}

void CongestionControl::handle_loss(uint32_t flight, uint32_t mss, Instant now) {
  // RFC 5681 3.2 (2): what limited transmit has sent does not count; nor does what the peer holds behind a hole, which is much when a
  // segment that was sent again is lost as well.
  const CongestionLoss loss{std::min(flight, cwnd_), cwnd_, mss};
  const uint32_t threshold = std::visit([&](auto& algorithm) { return algorithm.threshold_after(loss, now); }, need_state());
  ssthresh_ = std::max(threshold, 2 * mss);  // RFC 5681 (4)
  cwnd_ = ssthresh_;
}

void CongestionControl::handle_timeout(uint32_t flight, uint32_t mss, bool first, Instant now) {
  // RFC 5681 3.1: the threshold is held constant while the same text is sent again and again.
  if (first) handle_loss(flight, mss, now);
  cwnd_ = mss;
}

void CongestionControl::handle_unused(Instant since) {
  if (state_ != nullptr) std::visit([since](auto& algorithm) { algorithm.handle_unused(since); }, *state_);
}

void CongestionControl::handle_idle(uint32_t mss, uint32_t initial_segments, Instant since) {
  // RFC 5681 4.1: RW = min(IW, cwnd). RFC 2861 3: what the path once carried is kept in ssthresh.
  const uint32_t restart = initial_window(mss, initial_segments);
  if (restart >= cwnd_) return handle_unused(since);
  ssthresh_ = std::max(ssthresh_, cwnd_ / 4 * 3);
  cwnd_ = restart;
  forget();
}

void CongestionControl::handle_mss(uint32_t before, uint32_t mss) {
  cwnd_ = std::max(static_cast<uint32_t>(uint64_t{cwnd_} * mss / before), mss);
}

void CongestionControl::undo(const Saved& saved) {
  cwnd_ = std::max(cwnd_, saved.cwnd);
  ssthresh_ = std::max(ssthresh_, saved.ssthresh);
  forget();
}

}  // namespace demi
