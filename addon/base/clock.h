// Clock: where Instants come from. A libOS reads it once per turn and hands the Instant down as an argument.
#pragma once

#include <chrono>

#include "base/time.h"

namespace demi {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() = 0;
};

// The machine's monotonic clock (CLOCK_MONOTONIC on Linux, the one process.hrtime() reads).
class MonotonicClock final : public Clock {
 public:
  Instant now() override {
    return Instant::from_nanoseconds(
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
  }
};

// A clock that stands still until it is told: for tests by literal times and for simulation.
class ManualClock final : public Clock {
 public:
  Instant now() override { return now_; }
  void set(Instant now) { now_ = now; }
  void advance(Duration length) { now_ = now_ + length; }

 private:
  Instant now_;
};

}  // namespace demi
