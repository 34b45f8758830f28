// TcpTimers: the deadlines of one connection. Whoever drives the connection needs only the earliest of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace demi {

enum class TcpTimer : uint8_t {
  kRetransmit,   // RFC 6298
  kPersist,      // RFC 9293 3.8.6.1: zero-window probes; also the override of silly window avoidance (3.8.6.2.1)
  kDelayedAck,   // RFC 9293 3.8.6.3
  kKeepalive,    // RFC 9293 3.8.4
  kUserTimeout,  // RFC 9293 3.8.3 (R2), RFC 5482
  kWait,         // TIME-WAIT, and FIN-WAIT-2 of a connection that nobody holds
};

class TcpTimers {
 public:
  static constexpr size_t kCount = 6;

  TcpTimers() { cancel_all(); }

  void arm(TcpTimer timer, Instant due) { deadline(timer) = due; }
  void cancel(TcpTimer timer) { deadline(timer) = Instant::never(); }
  void cancel_all() { std::fill(deadlines_, deadlines_ + kCount, Instant::never()); }

  bool is_armed(TcpTimer timer) const { return !due(timer).is_never(); }
  Instant due(TcpTimer timer) const { return deadlines_[static_cast<size_t>(timer)]; }
  // Whether its time has come; then it is not armed any more.
  bool take_if_due(TcpTimer timer, Instant now) {
    if (due(timer) > now) return false;
    cancel(timer);
    return true;
  }
  // Asked after every segment: three and three, without branches.
  Instant earliest() const {
    const auto& d = deadlines_;
    static_assert(kCount == 6);
    return std::min(std::min(std::min(d[0], d[1]), d[2]), std::min(std::min(d[3], d[4]), d[5]));
  }

 private:
  Instant& deadline(TcpTimer timer) { return deadlines_[static_cast<size_t>(timer)]; }

  Instant deadlines_[kCount];
};

}  // namespace demi
