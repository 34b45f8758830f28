// InetEndpoint: an address and a port of TCP or UDP.
#pragma once

#include <cstdint>

#include "wire/address.h"

namespace demi {

struct InetEndpoint {
  IpAddress address;  // unspecified: each of ours
  uint16_t port = 0;  // 0: one is chosen

  bool operator==(const InetEndpoint&) const = default;
};

}  // namespace demi
