// CongestionControl: how much may be on its way through the network. It owns cwnd and ssthresh, does what all algorithms do alike (slow start,
// the initial window, timeouts, restart after idleness), and asks one algorithm the two questions in which they differ.
//
// An algorithm is a small value type that satisfies CongestionAlgorithmContract: no allocation, no virtual call, no clock. To add one,
// write it beside new_reno.h, name it in CongestionAlgorithm and in the variant below. CongestionAck and CongestionLoss are where more
// evidence joins (marks of ECN, a delivery rate), and pacing_rate() is where an answer beside the window does.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <memory>
#include <variant>

#include "base/time.h"
#include "inet/tcp/cubic.h"
#include "inet/tcp/new_reno.h"
#include "inet/tcp/tcp_config.h"
#include "inet/tcp/tcp_limits.h"

namespace demi {

template <class T>
concept CongestionAlgorithmContract = requires(T algorithm, const CongestionAck& ack, const CongestionLoss& loss, Instant now) {
  // Congestion avoidance: the new cwnd, in bytes, after an acknowledgment that a full window earned.
  { algorithm.window_after(ack, now) } -> std::same_as<uint32_t>;
  // Something was lost: the new ssthresh, in bytes. The caller keeps it at two segments at least.
  { algorithm.threshold_after(loss, now) } -> std::same_as<uint32_t>;
  // From `now` until the next window_after() the window was not used.
  algorithm.handle_unused(now);
  // What was known about the path is too old, or was wrong.
  algorithm.forget();
};
static_assert(CongestionAlgorithmContract<NewReno> && CongestionAlgorithmContract<Cubic>);

class CongestionControl {
 public:
  // What a loss that did not happen is undone with.
  struct Saved {
    uint32_t cwnd = 0;
    uint32_t ssthresh = 0;
  };

  explicit CongestionControl(CongestionAlgorithm algorithm) : algorithm_(algorithm) {}

  // The connection is open and MSS known. RFC 6928: ten segments; RFC 5681 3.1: one if the SYN or SYN-ACK was lost.
  void handle_established(uint32_t mss, uint32_t initial_segments, bool syn_was_lost);
  // `acked` bytes left the network. `was_limited`: cwnd, and nothing else, had held the sender back (RFC 7661: a window that is not used says
  // nothing about the path, and does not grow). Slow start is `divisor` times slower.
  void handle_ack(uint32_t acked, uint32_t mss, bool was_limited, Duration srtt, Instant now, uint32_t divisor = 1);
  // Slow start has found the path's limit without a loss (RFC 9406 4.2).
  void end_slow_start() { ssthresh_ = std::min(ssthresh_, cwnd_); }
  // Fast retransmit (RFC 5681 3.2).
  void handle_loss(uint32_t flight, uint32_t mss, Instant now);
  // What a fast recovery lets be in the network for now (prr.h); when it is over, ssthresh is.
  void set_recovery_window(uint32_t bytes) { cwnd_ = std::min(bytes, kCongestionWindowMax); }
  void end_recovery() { cwnd_ = ssthresh_; }
  // The retransmission timer expired (RFC 5681 3.1). `first`: for this text it had not before.
  void handle_timeout(uint32_t flight, uint32_t mss, bool first, Instant now);
  // Nothing was sent since then, for more than an RTO (RFC 5681 4.1).
  void handle_idle(uint32_t mss, uint32_t initial_segments, Instant since);
  // MSS changed: cwnd counts the same segments (RFC 1191 6.4), and one at least.
  void handle_mss(uint32_t before, uint32_t mss);

  Saved save() const { return {cwnd_, ssthresh_}; }
  // The loss was none (RFC 4015 3).
  void undo(const Saved& saved);

  uint32_t cwnd() const { return cwnd_; }
  uint32_t ssthresh() const { return ssthresh_; }
  bool in_slow_start() const { return cwnd_ < ssthresh_; }
  // No loss has been seen yet.
  bool in_first_slow_start() const { return ssthresh_ == UINT32_MAX; }
  CongestionAlgorithm algorithm() const { return algorithm_; }
  // Changes the algorithm under an open connection (TCP_CONGESTION).
  void set_algorithm(CongestionAlgorithm algorithm);
  // Bytes per second at which the window should leave; 0: as fast as it can.
  uint64_t pacing_rate() const { return 0; }

  static uint32_t initial_window(uint32_t mss, uint32_t segments);

 private:
  using State = std::variant<NewReno, Cubic>;  // in the order of CongestionAlgorithm

  State& need_state();
  void handle_unused(Instant since);
  void forget();

  std::unique_ptr<State> state_;            // none before congestion was avoided: most connections never see that
  uint32_t cwnd_ = 0;
  uint32_t ssthresh_ = UINT32_MAX;          // RFC 5681 3.1: as high as can be
  CongestionAlgorithm algorithm_;
};

}  // namespace demi
