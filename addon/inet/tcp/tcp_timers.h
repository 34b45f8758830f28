// TcpTimers: the deadlines of one connection. Whoever drives the connection needs only the earliest of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/time.h"
#include "inet/tcp/object_pool.h"

namespace demi {

enum class TcpTimer : uint8_t {
  kRetransmit,   // RFC 6298
  kPersist,      // RFC 9293 3.8.6.1: zero-window probes; also the override of silly window avoidance (3.8.6.2.1)
  kDelayedAck,   // RFC 9293 3.8.6.3
  kKeepalive,    // RFC 9293 3.8.4
  kUserTimeout,  // RFC 9293 3.8.3 (R2), RFC 5482
  kWait,         // TIME-WAIT, and FIN-WAIT-2 of a connection that nobody holds
};

// Of a connection that waits for one of them, or did so a moment ago; never for a timer that is not armed.
struct TcpDeadlines {
  static constexpr size_t kCount = 6;

  TcpDeadlines() { std::fill(of, of + kCount, Instant::never()); }

  Instant of[kCount];
};

// Takes its deadlines from `pool`, which outlives it, when one is armed, and keeps them until it rests: a busy connection arms and cancels with each
// segment.
class TcpTimers {
 public:
  static constexpr size_t kCount = TcpDeadlines::kCount;

  explicit TcpTimers(ObjectPool<TcpDeadlines>& pool) : pool_(pool) {}
  TcpTimers(const TcpTimers&) = delete;
  TcpTimers& operator=(const TcpTimers&) = delete;
  ~TcpTimers() { cancel_all(); }

  void arm(TcpTimer timer, Instant due) {
    if (due.is_never()) {
      cancel(timer);
      return;
    }
    if (deadlines_ == nullptr) deadlines_ = pool_.make();
    deadlines_->of[index(timer)] = due;
    armed_ |= bit(timer);
  }
  void cancel(TcpTimer timer) {
    if ((armed_ & bit(timer)) == 0) return;
    armed_ &= static_cast<uint8_t>(~bit(timer));
    deadlines_->of[index(timer)] = Instant::never();
  }
  // The connection is idle: what nothing is armed in goes back to the pool.
  void rest() {
    if (armed_ == 0 && deadlines_ != nullptr) pool_.release(std::exchange(deadlines_, nullptr));
  }
  void cancel_all() {
    armed_ = 0;
    if (deadlines_ != nullptr) pool_.release(std::exchange(deadlines_, nullptr));
  }

  bool is_armed(TcpTimer timer) const { return (armed_ & bit(timer)) != 0; }
  Instant due(TcpTimer timer) const { return deadlines_ == nullptr ? Instant::never() : deadlines_->of[index(timer)]; }
  // Whether its time has come; then it is not armed any more.
  bool take_if_due(TcpTimer timer, Instant now) {
    if (due(timer) > now) return false;
    cancel(timer);
    return true;
  }
  // Asked after every segment: three and three, without branches.
  Instant earliest() const {
    if (deadlines_ == nullptr) return Instant::never();
    const auto& d = deadlines_->of;
    static_assert(kCount == 6);
    return std::min(std::min(std::min(d[0], d[1]), d[2]), std::min(std::min(d[3], d[4]), d[5]));
  }

 private:
  static constexpr size_t index(TcpTimer timer) { return static_cast<size_t>(timer); }
  static constexpr uint8_t bit(TcpTimer timer) { return static_cast<uint8_t>(1u << index(timer)); }

  ObjectPool<TcpDeadlines>& pool_;
  TcpDeadlines* deadlines_ = nullptr;
  uint8_t armed_ = 0;  // a bit for each
};

}  // namespace demi
