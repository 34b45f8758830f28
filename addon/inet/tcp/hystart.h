// HyStart: when the first slow start ends before it loses a window (HyStart++, RFC 9406): round trips that take longer say that a queue is filling. Then
// the window grows four times slower for some rounds, and if that was too early, as fast as before again.
//
// It is part of a flight, and needs a measurement from most acknowledgments: without timestamps it never says anything.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "wire/seq_number.h"

namespace demi {

class HyStart {
 public:
  // Slow start, conservative slow start, and the end of both.
  enum class Phase : uint8_t { kSlowStart, kConservative, kOver };

  // An acknowledgment has moved SND.UNA. `rtt` is what it measured; zero: nothing.
  Phase handle_ack(SeqNumber una, SeqNumber nxt, Duration rtt);
  Phase phase() const { return phase_; }
  // What the growth of the window is divided by.
  uint32_t growth_divisor() const;

 private:
  static constexpr uint16_t kUnknown = UINT16_MAX;

  void judge();
  void begin_round(SeqNumber nxt);

  // In milliseconds, as timestamps count: the shortest round trips of the last round, of this one, and of that in which conservative slow
  // start began. Every connection that sends keeps them, so they are small.
  uint16_t last_round_ms_ = kUnknown;
  uint16_t this_round_ms_ = kUnknown;
  uint16_t baseline_ms_ = 0;
  SeqNumber round_end_;
  bool has_round_ = false;
  Phase phase_ = Phase::kSlowStart;
  uint8_t samples_ = 0;
  uint8_t conservative_rounds_ = 0;
};

}  // namespace demi
