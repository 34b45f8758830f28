// What the headers of both IP versions share: the numbers of protocols and the bits of ECN.
#pragma once

#include <cstdint>

namespace demi {

// The protocol field of IPv4 and the next header field of IPv6 (the IANA registry "Protocol Numbers"). Any other number is a value, too.
enum class IpProtocol : uint8_t {
  kHopByHopOptions = 0,
  kIcmpV4 = 1,
  kTcp = 6,
  kUdp = 17,
  kRouting = 43,
  kFragment = 44,
  kIcmpV6 = 58,
  kNoNextHeader = 59,
  kDestinationOptions = 60,
};

// The two low bits of the traffic class (RFC 3168 5).
enum class Ecn : uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCongestionExperienced = 3 };

constexpr Ecn ecn_of(uint8_t traffic_class) { return static_cast<Ecn>(traffic_class & 3); }

}  // namespace demi
