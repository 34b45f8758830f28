// MacAddress, IpAddress (of either family) and Cidr: addresses as values, and what kinds of them there are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/family.h"

namespace demi {

struct MacAddress {
  static constexpr size_t kBytes = 6;
  std::array<uint8_t, kBytes> octets{};

  bool operator==(const MacAddress&) const = default;

  static MacAddress load(const uint8_t* from) {
    MacAddress address;
    std::memcpy(address.octets.data(), from, kBytes);
    return address;
  }
  void store(uint8_t* to) const { std::memcpy(to, octets.data(), kBytes); }

  static constexpr MacAddress broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
  constexpr bool is_zero() const { return octets == std::array<uint8_t, kBytes>{}; }
  constexpr bool is_broadcast() const { return *this == broadcast(); }
  // The group bit of IEEE 802 3.2.2; broadcast is the group of all.
  constexpr bool is_group() const { return (octets[0] & 1) != 0; }
  // What a single station can have and send from.
  constexpr bool is_unicast() const { return !is_group() && !is_zero(); }
};

struct IpAddress {
  static constexpr size_t kIPv4Bytes = 4;
  static constexpr size_t kIPv6Bytes = 16;

  Family family = Family::kNone;
  // Big-endian words in host order: 10.0.0.1 is {0x0a000001, 0, 0, 0}.
  std::array<uint32_t, 4> words{};

  // By words, and without a branch for each: this is what a table of connections does most.
  constexpr bool operator==(const IpAddress& other) const {
    uint32_t difference = static_cast<uint32_t>(family) ^ static_cast<uint32_t>(other.family);
    for (size_t i = 0; i < words.size(); ++i) difference |= words[i] ^ other.words[i];
    return difference == 0;
  }

  static constexpr IpAddress ipv4(uint32_t word) { return {Family::kIPv4, {word, 0, 0, 0}}; }
  static constexpr IpAddress ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    return ipv4(uint32_t{a} << 24 | uint32_t{b} << 16 | uint32_t{c} << 8 | d);
  }
  static constexpr IpAddress ipv6(uint32_t a, uint32_t b, uint32_t c, uint32_t d) { return {Family::kIPv6, {a, b, c, d}}; }
  static constexpr IpAddress unspecified(Family family) { return {family, {}}; }
  static constexpr IpAddress limited_broadcast() { return ipv4(0xffffffff); }
  // ff02::1 and ff02::2 (RFC 4291 2.7.1).
  static constexpr IpAddress all_nodes() { return ipv6(0xff020000, 0, 0, 1); }
  static constexpr IpAddress all_routers() { return ipv6(0xff020000, 0, 0, 2); }
  // fe80::/64 with the interface identifier that RFC 2464 4 makes of a MAC address.
  static IpAddress link_local(const MacAddress& mac);

  static IpAddress load_ipv4(const uint8_t* from) { return ipv4(load_be32(from)); }
  static IpAddress load_ipv6(const uint8_t* from) {
    return ipv6(load_be32(from), load_be32(from + 4), load_be32(from + 8), load_be32(from + 12));
  }
  // Writes 4 or 16 bytes, as the family has them.
  void store(uint8_t* to) const {
    DEMI_ASSERT(family != Family::kNone, "an address without a family has no bytes");
    store_be32(to, words[0]);
    if (is_ipv4()) return;
    for (size_t i = 1; i < words.size(); ++i) store_be32(to + i * 4, words[i]);
  }

  constexpr bool is_ipv4() const { return family == Family::kIPv4; }
  constexpr bool is_ipv6() const { return family == Family::kIPv6; }

  // The kinds below are those of the address as it stands: ::ffff:127.0.0.1 is no loopback address until from_v4_mapped().

  // 0.0.0.0 and ::
  constexpr bool is_unspecified() const { return words == std::array<uint32_t, 4>{}; }
  // 127.0.0.0/8 (RFC 1122 3.2.1.3 g) and ::1
  constexpr bool is_loopback() const {
    if (is_ipv4()) return words[0] >> 24 == 127;
    return is_ipv6() && words == std::array<uint32_t, 4>{0, 0, 0, 1};
  }
  // 224.0.0.0/4 and ff00::/8
  constexpr bool is_multicast() const {
    if (is_ipv4()) return words[0] >> 28 == 0xe;
    return is_ipv6() && words[0] >> 24 == 0xff;
  }
  // 255.255.255.255; the broadcast address of one network is known to its Cidr.
  constexpr bool is_limited_broadcast() const { return is_ipv4() && words[0] == 0xffffffff; }
  // 169.254.0.0/16 (RFC 3927) and fe80::/10
  constexpr bool is_link_local() const {
    if (is_ipv4()) return words[0] >> 16 == 0xa9fe;
    return is_ipv6() && words[0] >> 22 == 0xfe80 >> 6;
  }
  // What one host can have. 0.0.0.0/8 is "this network" and 240.0.0.0/4 reserved: neither is (RFC 1122 3.2.1.3, RFC 6890 2.2.2).
  constexpr bool is_unicast() const {
    if (is_ipv4()) return words[0] >> 24 != 0 && words[0] >> 28 < 0xe;
    return is_ipv6() && !is_multicast() && !is_unspecified();
  }
  // ::ffff:a.b.c.d, how an IPv6 socket names an IPv4 peer (RFC 4291 2.5.5.2); never in a packet.
  constexpr bool is_v4_mapped() const { return is_ipv6() && words[0] == 0 && words[1] == 0 && words[2] == 0xffff; }
  constexpr IpAddress to_v4_mapped() const { return is_ipv4() ? ipv6(0, 0, 0xffff, words[0]) : *this; }
  constexpr IpAddress from_v4_mapped() const { return is_v4_mapped() ? ipv4(words[3]) : *this; }

  // ff02::1:ffXX:XXXX, where an IPv6 address is asked for (RFC 4291 2.7.1).
  IpAddress solicited_node() const;
  // The group MAC address that a multicast address is sent to (RFC 1112 6.4, RFC 2464 7).
  MacAddress multicast_mac() const;
};

// A network: the addresses that share their first bits.
class Cidr {
 public:
  // Contains nothing.
  Cidr() = default;
  // At most 32 or 128 bits. The address may be any one of the network: the Cidr of an interface keeps the interface's own.
  Cidr(const IpAddress& address, uint8_t prefix_bits);

  bool operator==(const Cidr&) const = default;
  const IpAddress& address() const { return address_; }
  uint8_t prefix_bits() const { return prefix_bits_; }

  bool contains(const IpAddress& other) const;
  // The first address; two Cidrs of one network have the same.
  IpAddress network() const;
  // Whether all hosts of this IPv4 network listen to it. A network of one or two addresses has no broadcast address (RFC 3021 2.1).
  bool is_broadcast(const IpAddress& other) const;

 private:
  IpAddress address_;
  uint8_t prefix_bits_ = 0;
};

}  // namespace demi
