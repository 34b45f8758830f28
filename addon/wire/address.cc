#include "wire/address.h"

#include <algorithm>

#include "base/assert.h"

namespace demi {

IpAddress IpAddress::link_local(const MacAddress& mac) {
  // RFC 2464 4: ff:fe goes in the middle, and the bit that says "assigned by IEEE" is turned over.
  const auto& o = mac.octets;
  return ipv6(0xfe800000, 0, uint32_t{o[0] ^ 2u} << 24 | uint32_t{o[1]} << 16 | uint32_t{o[2]} << 8 | 0xff,
              uint32_t{0xfe} << 24 | uint32_t{o[3]} << 16 | uint32_t{o[4]} << 8 | o[5]);
}

IpAddress IpAddress::solicited_node() const {
  DEMI_ASSERT(is_ipv6(), "only IPv6 addresses are solicited by multicast");
  return ipv6(0xff020000, 0, 1, 0xff000000 | (words[3] & 0xffffff));
}

MacAddress IpAddress::multicast_mac() const {
  DEMI_ASSERT(is_multicast(), "only a group has a group's MAC address");
  MacAddress mac;
  if (is_ipv4()) {
    // RFC 1112 6.4: the low 23 bits under 01:00:5e:00:00:00, so 32 groups share each MAC address.
    mac.octets = {0x01, 0x00, 0x5e};
    store_be32(mac.octets.data() + 2, 0x5e000000 | (words[0] & 0x7fffff));
  } else {
    mac.octets = {0x33, 0x33};
    store_be32(mac.octets.data() + 2, words[3]);
  }
  return mac;
}

namespace {

size_t family_bits(Family family) { return family == Family::kIPv4 ? 32 : 128; }

// The bits of word number `index` that belong to the prefix.
uint32_t prefix_mask(size_t prefix_bits, size_t index) {
  const size_t begin = index * 32;
  if (prefix_bits <= begin) return 0;
  if (prefix_bits >= begin + 32) return 0xffffffff;
  return ~(0xffffffffu >> (prefix_bits - begin));
}

}  // namespace

Cidr::Cidr(const IpAddress& address, uint8_t prefix_bits) : address_(address), prefix_bits_(prefix_bits) {
  DEMI_ASSERT(address.family != Family::kNone && prefix_bits <= family_bits(address.family), "a prefix is part of an address");
}

bool Cidr::contains(const IpAddress& other) const {
  if (other.family != address_.family || address_.family == Family::kNone) return false;
  uint32_t difference = 0;
  for (size_t i = 0; i < address_.words.size(); ++i) {
    difference |= (other.words[i] ^ address_.words[i]) & prefix_mask(prefix_bits_, i);
  }
  return difference == 0;
}

IpAddress Cidr::network() const {
  IpAddress first = address_;
  for (size_t i = 0; i < first.words.size(); ++i) first.words[i] &= prefix_mask(prefix_bits_, i);
  return first;
}

bool Cidr::is_broadcast(const IpAddress& other) const {
  if (!other.is_ipv4() || !contains(other) || prefix_bits_ > 30) return false;
  const uint32_t host_bits = ~prefix_mask(prefix_bits_, 0);
  return (other.words[0] & host_bits) == host_bits;
}

}  // namespace demi
