// What a host does with ICMP beside moving bytes (RFC 1122 3.2.2): how many messages it sends, about what it may send an error, and what the
// errors that it gets mean to a socket.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/errno.h"
#include "base/time.h"
#include "inet/tcp/tcp_connection.h"
#include "wire/icmpv4.h"
#include "wire/ipv4.h"

namespace demi {

// So many in a second, and after a pause so many at once (RFC 1812 4.3.2.8 asks routers for a limit; echoes are limited as well, because every
// one costs as much as an error).
class RateLimit {
 public:
  RateLimit(uint32_t per_second, uint32_t burst) : interval_(Duration::seconds(1) / std::max(per_second, 1u)), burst_(std::max(burst, 1u)) {}

  // Whether one more may be sent; then it counts.
  bool take(Instant now) {
    // When the last of those that were sent would have been, one in each interval: `burst_` of them ahead is too far.
    const Instant next = std::max(paid_until_, now) + interval_;
    if (next - now > interval_ * burst_) return false;
    paid_until_ = next;
    return true;
  }

 private:
  Duration interval_;
  int64_t burst_;
  Instant paid_until_;
};

// RFC 1122 3.2.2: no error about an ICMP error, about what went to more than one host, about another fragment than the first, or to where
// nobody is. `to_group`: the frame, or the packet in it, was for several hosts.
bool may_cause_error(const Ipv4View& packet, bool to_group);

struct IcmpErrorMeaning {
  IcmpErrorKind kind;
  Errno error;
};
// RFC 1122 4.2.3.9 and RFC 9293 3.9.2.2. Nothing for messages that are no error of a destination: those about the size of packets, too.
std::optional<IcmpErrorMeaning> meaning_of(const IcmpV4Header& message);

}  // namespace demi
