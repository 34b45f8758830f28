// TcpCore: what the sender, the receiver and the connection around them have in common: the timers, and what was agreed with the peer.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "inet/tcp/tcp_resources.h"
#include "inet/tcp/tcp_timers.h"

namespace demi {

struct TcpCore {
  explicit TcpCore(TcpResources& tcp_resources) : resources(tcp_resources), timers(tcp_resources.deadlines) {}

  TcpResources& resources;
  // [[no_unique_address]], here and in what is made of this: what follows begins in its last word, which is not full.
  [[no_unique_address]] TcpTimers timers;
  // Offered, and after the handshake agreed.
  bool timestamps = false;
  bool sack = false;
  bool window_scale = false;
  // RFC 7323 5.4: our clock for timestamps, in milliseconds, begins somewhere else for each connection, so that it tells nothing of the
  // others or of the machine.
  uint32_t timestamp_offset = 0;

  const TcpConfig& config() const { return resources.config; }
  TcpCounters& counters() const { return resources.counters; }
  uint32_t timestamp(Instant now) const { return timestamp_offset + static_cast<uint32_t>(now.nanoseconds() / 1'000'000); }
};

}  // namespace demi
