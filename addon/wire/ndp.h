// The messages of neighbor discovery (RFC 4861 4): router and neighbor, solicitation and advertisement. Each parse() makes all the
// checks of RFC 4861 6.1 and 7.1 that need nothing but the packet; the checksum is IcmpV6View's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/limits.h"
#include "wire/address.h"
#include "wire/ipv6.h"
#include "wire/parsed.h"

namespace demi {

// RFC 4861 4.6.2. A lifetime of 0xffffffff does not end.
struct NdpPrefix {
  IpAddress prefix = IpAddress::unspecified(Family::kIPv6);
  uint8_t prefix_bits = 64;
  bool is_on_link = false;
  bool is_autonomous = false;  // hosts may make addresses of it (RFC 4862)
  uint32_t valid_lifetime_seconds = 0;
  uint32_t preferred_lifetime_seconds = 0;

  bool operator==(const NdpPrefix&) const = default;
};

struct NdpOptions {
  std::optional<MacAddress> source_mac;
  std::optional<MacAddress> target_mac;
  std::optional<uint32_t> mtu;
  uint8_t prefix_count = 0;
  std::array<NdpPrefix, kNdpPrefixesMax> prefixes{};

  bool operator==(const NdpOptions&) const = default;
  // Unknown options are skipped, and so are known ones whose length is not theirs. A length of 0, or past the end, is kBadOption: the
  // whole message must be dropped (RFC 4861 4.6).
  static Parsed<NdpOptions> parse(Bytes options);
  size_t bytes() const;
  void emit(MutableBytes into) const;

 private:
  void take(uint8_t type, Bytes option);
};

struct RouterSolicitation {
  NdpOptions options;

  bool operator==(const RouterSolicitation&) const = default;
  static Parsed<RouterSolicitation> parse(const Ipv6Header& ip, Bytes message);
  size_t bytes() const;
  void emit(MutableBytes into, const IpAddress& source, const IpAddress& destination) const;
};

// 0 in a field means that the router says nothing about it.
struct RouterAdvertisement {
  uint8_t hop_limit = 0;
  bool is_managed = false;     // addresses are to be had by DHCPv6
  bool has_other_configuration = false;
  uint16_t router_lifetime_seconds = 0;  // 0: no default router
  uint32_t reachable_time_ms = 0;
  uint32_t retransmit_timer_ms = 0;
  NdpOptions options;

  bool operator==(const RouterAdvertisement&) const = default;
  static Parsed<RouterAdvertisement> parse(const Ipv6Header& ip, Bytes message);
  size_t bytes() const;
  void emit(MutableBytes into, const IpAddress& source, const IpAddress& destination) const;
};

struct NeighborSolicitation {
  IpAddress target = IpAddress::unspecified(Family::kIPv6);
  NdpOptions options;

  bool operator==(const NeighborSolicitation&) const = default;
  static Parsed<NeighborSolicitation> parse(const Ipv6Header& ip, Bytes message);
  size_t bytes() const;
  void emit(MutableBytes into, const IpAddress& source, const IpAddress& destination) const;
};

struct NeighborAdvertisement {
  bool is_router = false;
  bool is_solicited = false;
  bool is_override = false;  // it replaces what a cache has
  IpAddress target = IpAddress::unspecified(Family::kIPv6);
  NdpOptions options;

  bool operator==(const NeighborAdvertisement&) const = default;
  static Parsed<NeighborAdvertisement> parse(const Ipv6Header& ip, Bytes message);
  size_t bytes() const;
  void emit(MutableBytes into, const IpAddress& source, const IpAddress& destination) const;
};

}  // namespace demi
