// Endpoint: an address and a port, of either family.
#pragma once

#include <array>
#include <cstdint>
#include <cstddef>

#include "base/family.h"

namespace demi {

struct Endpoint {
  Family family = Family::kNone;
  uint16_t port = 0;      // host order
  uint32_t scope_id = 0;  // means something for IPv6 link-local addresses only; see without_idle_scope()
  // The address as big-endian words in host order: 10.0.0.1 is {0x0a000001, 0, 0, 0}.
  std::array<uint32_t, 4> words{};

  bool operator==(const Endpoint&) const = default;

  static Endpoint wildcard(Family family, uint16_t port) {
    Endpoint any;
    any.family = family;
    any.port = port;
    return any;
  }
  static Endpoint ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port) {
    Endpoint endpoint = wildcard(Family::kIPv4, port);
    endpoint.words[0] = (uint32_t{a} << 24) | (uint32_t{b} << 16) | (uint32_t{c} << 8) | d;
    return endpoint;
  }
  static Endpoint ipv6_loopback(uint16_t port) {
    Endpoint endpoint = wildcard(Family::kIPv6, port);
    endpoint.words[3] = 1;
    return endpoint;
  }

  // 0.0.0.0, which is ::ffff:0.0.0.0 as well, and [::].
  bool is_wildcard() const { return from_v4_mapped().words == std::array<uint32_t, 4>{}; }
  // 224.0.0.0/4, 255.255.255.255 and ff00::/8: nothing can be bound there and no connection has such an end.
  bool is_multicast_or_broadcast() const {
    const Endpoint plain = from_v4_mapped();
    if (plain.family == Family::kIPv4) return plain.words[0] >> 28 == 0xe || plain.words[0] == 0xffffffff;
    return words[0] >> 24 == 0xff;
  }
  // ::ffff:a.b.c.d, how an IPv6 socket that also takes IPv4 names an IPv4 peer (RFC 4291 2.5.5.2).
  bool is_v4_mapped() const {
    return family == Family::kIPv6 && words[0] == 0 && words[1] == 0 && words[2] == 0xffff;
  }
  Endpoint to_v4_mapped() const {
    Endpoint mapped = *this;
    if (family == Family::kIPv4) {
      mapped.family = Family::kIPv6;
      mapped.words = {0, 0, 0xffff, words[0]};
    }
    return mapped;
  }
  Endpoint from_v4_mapped() const {
    Endpoint plain = *this;
    if (is_v4_mapped()) {
      plain.family = Family::kIPv4;
      plain.words = {words[3], 0, 0, 0};
    }
    return plain;
  }
  // As everywhere on Linux, the scope of an address that needs none is ignored: [::1]%5 is [::1].
  Endpoint without_idle_scope() const {
    Endpoint plain = *this;
    const bool is_link_local = family == Family::kIPv6 && words[0] >> 22 == 0xfe80 >> 6;
    if (!is_link_local) plain.scope_id = 0;
    return plain;
  }
  Endpoint with_port(uint16_t other) const {
    Endpoint copy = *this;
    copy.port = other;
    return copy;
  }
};

// For hash tables keyed by endpoints. Mixes every word: addresses of one network differ in few bits.
struct EndpointHash {
  size_t operator()(const Endpoint& endpoint) const {
    uint64_t hash = (uint64_t{endpoint.port} << 8) | static_cast<uint8_t>(endpoint.family);
    for (uint32_t word : endpoint.words) hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
    return static_cast<size_t>(hash ^ (hash >> 32));
  }
};

}  // namespace demi
