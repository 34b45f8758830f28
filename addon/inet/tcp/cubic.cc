#include "inet/tcp/cubic.h"

#include <algorithm>
#include <cmath>

namespace demi {

namespace {
constexpr float kBeta = 0.7f;   // RFC 9438 4.6
constexpr float kC = 0.4f;      // RFC 9438 5.1, segments per cubic second
constexpr float kAlpha = 3 * (1 - kBeta) / (1 + kBeta);  // RFC 9438 4.3

float seconds(Duration length) { return static_cast<float>(length.count_nanoseconds()) * 1e-9f; }
}  // namespace

void Cubic::begin_epoch(float cwnd, Instant now) {
  t_epoch_ = now;
  w_est_ = cwnd;
  // RFC 9438 4.2 (2). With a window above the last maximum (slow start ended there without a loss) the plateau is here: 4.10.
  if (w_max_ < cwnd) w_max_ = cwnd;
  k_ = std::cbrt((w_max_ - cwnd) / kC);
}

// RFC 9438 (1)
float Cubic::w_cubic(Duration t) const {
  const float distance = seconds(t) - k_;
  return kC * distance * distance * distance + w_max_;
}

uint32_t Cubic::window_after(const CongestionAck& ack, Instant now) {
  const auto mss = static_cast<float>(ack.mss);
  const float cwnd = static_cast<float>(ack.cwnd) / mss;
  const float segments_acked = static_cast<float>(ack.acked) / mss;
  if (t_epoch_.is_never()) {
    begin_epoch(cwnd, now);
  } else if (!unused_since_.is_never()) {
    // RFC 9438 5.8: such a time does not count.
    t_epoch_ = t_epoch_ + (now - unused_since_);
  }
  unused_since_ = Instant::never();
  const Duration t = now - t_epoch_;

  // RFC 9438 4.3 (4): as fast as Reno at least. Once it is where it was before the loss it grows like Reno: alpha is 1.
  const float alpha = w_est_ >= cwnd_prior_ ? 1.0f : kAlpha;
  w_est_ += alpha * segments_acked / cwnd;
  if (w_cubic(t) < w_est_) {
    fraction_ = 0;
    return std::max(ack.cwnd, static_cast<uint32_t>(std::min(w_est_ * mss, 4e9f)));
  }
  // RFC 9438 4.2: the target is one round trip ahead, in [cwnd, 1.5 cwnd]. 4.4 and 4.5: towards it, (target - cwnd) / cwnd for each
  // segment acknowledged.
  const float target = std::clamp(w_cubic(t + ack.srtt), cwnd, 1.5f * cwnd);
  const float growth = (target - cwnd) / cwnd * static_cast<float>(ack.acked) + fraction_;
  const float whole = std::floor(growth);
  fraction_ = growth - whole;
  return ack.cwnd + static_cast<uint32_t>(std::min(whole, mss * cwnd));
}

uint32_t Cubic::threshold_after(const CongestionLoss& loss, Instant) {
  const auto mss = static_cast<float>(loss.mss);
  const float cwnd = static_cast<float>(loss.cwnd) / mss;
  // RFC 9438 4.7: a window that did not reach the last maximum gives way to others.
  w_max_ = cwnd < w_max_ ? cwnd * (1 + kBeta) / 2 : cwnd;
  cwnd_prior_ = cwnd;
  t_epoch_ = Instant::never();
  fraction_ = 0;
  // RFC 9438 4.6: of what was in flight, since a window that was not used is no measure.
  return static_cast<uint32_t>(static_cast<float>(loss.flight) * kBeta);
}

}  // namespace demi
