#include "wire/ndp.h"

#include <algorithm>

#include "base/assert.h"
#include "wire/checksum.h"
#include "wire/icmpv6.h"

namespace demi {

namespace {

// Bytes before the options, and where the fields are (RFC 4861 4.1 to 4.4).
constexpr size_t kRouterSolicitationBytes = 8;
constexpr size_t kRouterAdvertisementBytes = 16;
constexpr size_t kNeighborBytes = 24;
constexpr size_t kHopLimit = 4;
constexpr size_t kFlags = 5;  // of a router
constexpr size_t kRouterLifetime = 6;
constexpr size_t kReachableTime = 8;
constexpr size_t kRetransmitTimer = 12;
constexpr size_t kNeighborFlags = 4;
constexpr size_t kTarget = 8;

constexpr uint8_t kManaged = 0x80;
constexpr uint8_t kOtherConfiguration = 0x40;
constexpr uint8_t kRouter = 0x80;
constexpr uint8_t kSolicited = 0x40;
constexpr uint8_t kOverride = 0x20;

// Options (RFC 4861 4.6).
constexpr uint8_t kSourceMac = 1;
constexpr uint8_t kTargetMac = 2;
constexpr uint8_t kPrefixInformation = 3;
constexpr uint8_t kMtu = 5;
constexpr size_t kUnitBytes = 8;  // of a length
constexpr size_t kMacBytes = 8;   // with type and length, as RFC 2464 6 has it for Ethernet
constexpr size_t kMtuBytes = 8;
constexpr size_t kPrefixBytes = 32;
constexpr size_t kOptionMac = 2;
constexpr size_t kOptionMtu = 4;
constexpr size_t kPrefixLength = 2;
constexpr size_t kPrefixFlags = 3;
constexpr size_t kValidLifetime = 4;
constexpr size_t kPreferredLifetime = 8;
constexpr size_t kPrefix = 16;
constexpr uint8_t kOnLink = 0x80;
constexpr uint8_t kAutonomous = 0x40;

// What RFC 4861 6.1 and 7.1 ask of all four.
ParseError check(const Ipv6Header& ip, Bytes message, IcmpV6Type type, size_t bytes_min) {
  if (message.size() < bytes_min) return ParseError::kTruncated;
  if (static_cast<IcmpV6Type>(message[IcmpV6View::kType]) != type) return ParseError::kUnsupported;
  // A router would have lowered the hop limit: 255 proves that the sender is on this link.
  if (ip.hop_limit != 255 || message[IcmpV6View::kCode] != 0) return ParseError::kBadValue;
  return ParseError::kNone;
}

// Writes the header and zeros up to the options, and those.
void begin(MutableBytes into, IcmpV6Type type, size_t bytes_before_options, const NdpOptions& options) {
  DEMI_ASSERT(into.size() >= bytes_before_options + options.bytes(), "no room for the message of neighbor discovery");
  std::fill_n(into.begin(), bytes_before_options, uint8_t{0});
  into[IcmpV6View::kType] = static_cast<uint8_t>(type);
  options.emit(into.subspan(bytes_before_options));
}

void finish(MutableBytes message, const IpAddress& source, const IpAddress& destination) {
  Checksum checksum = Checksum::pseudo_header(source, destination, IpProtocol::kIcmpV6, static_cast<uint32_t>(message.size()));
  checksum.add(message);
  store_be16(message.data() + IcmpV6View::kChecksum, checksum.value());
}

}  // namespace

Parsed<NdpOptions> NdpOptions::parse(Bytes options) {
  NdpOptions parsed;
  while (!options.empty()) {
    if (options.size() < kUnitBytes) return ParseError::kBadOption;
    const size_t length = options[1] * kUnitBytes;
    if (length == 0 || length > options.size()) return ParseError::kBadOption;
    parsed.take(options[0], options.first(length));
    options = options.subspan(length);
  }
  return parsed;
}

void NdpOptions::take(uint8_t type, Bytes option) {
  const uint8_t* at = option.data();
  if (type == kSourceMac && option.size() == kMacBytes) source_mac = MacAddress::load(at + kOptionMac);
  if (type == kTargetMac && option.size() == kMacBytes) target_mac = MacAddress::load(at + kOptionMac);
  if (type == kMtu && option.size() == kMtuBytes) mtu = load_be32(at + kOptionMtu);
  if (type == kPrefixInformation && option.size() == kPrefixBytes && at[kPrefixLength] <= 128 && prefix_count < kNdpPrefixesMax) {
    NdpPrefix& prefix = prefixes[prefix_count++];
    prefix.prefix = IpAddress::load_ipv6(at + kPrefix);
    prefix.prefix_bits = at[kPrefixLength];
    prefix.is_on_link = (at[kPrefixFlags] & kOnLink) != 0;
    prefix.is_autonomous = (at[kPrefixFlags] & kAutonomous) != 0;
    prefix.valid_lifetime_seconds = load_be32(at + kValidLifetime);
    prefix.preferred_lifetime_seconds = load_be32(at + kPreferredLifetime);
  }
}

size_t NdpOptions::bytes() const {
  return (source_mac ? kMacBytes : 0) + (target_mac ? kMacBytes : 0) + (mtu ? kMtuBytes : 0) + prefix_count * kPrefixBytes;
}

void NdpOptions::emit(MutableBytes into) const {
  DEMI_ASSERT(into.size() >= bytes() && prefix_count <= kNdpPrefixesMax, "no room for the options of neighbor discovery");
  std::fill_n(into.begin(), bytes(), uint8_t{0});
  uint8_t* at = into.data();
  const auto begin_option = [&at](uint8_t type, size_t option_bytes) {
    uint8_t* option = at;
    option[0] = type;
    option[1] = static_cast<uint8_t>(option_bytes / kUnitBytes);
    at += option_bytes;
    return option;
  };
  if (source_mac) source_mac->store(begin_option(kSourceMac, kMacBytes) + kOptionMac);
  if (target_mac) target_mac->store(begin_option(kTargetMac, kMacBytes) + kOptionMac);
  if (mtu) store_be32(begin_option(kMtu, kMtuBytes) + kOptionMtu, *mtu);
  for (size_t i = 0; i < prefix_count; ++i) {
    const NdpPrefix& prefix = prefixes[i];
    uint8_t* option = begin_option(kPrefixInformation, kPrefixBytes);
    option[kPrefixLength] = prefix.prefix_bits;
    option[kPrefixFlags] = static_cast<uint8_t>((prefix.is_on_link ? kOnLink : 0) | (prefix.is_autonomous ? kAutonomous : 0));
    store_be32(option + kValidLifetime, prefix.valid_lifetime_seconds);
    store_be32(option + kPreferredLifetime, prefix.preferred_lifetime_seconds);
    prefix.prefix.store(option + kPrefix);
  }
}

Parsed<RouterSolicitation> RouterSolicitation::parse(const Ipv6Header& ip, Bytes message) {
  const ParseError error = check(ip, message, IcmpV6Type::kRouterSolicitation, kRouterSolicitationBytes);
  if (error != ParseError::kNone) return error;
  const Parsed<NdpOptions> options = NdpOptions::parse(message.subspan(kRouterSolicitationBytes));
  if (!options) return options.error();
  // RFC 4861 6.1.1: who has no address yet says nothing of its link address.
  if (ip.source.is_unspecified() && options->source_mac) return ParseError::kBadValue;
  return RouterSolicitation{*options};
}

size_t RouterSolicitation::bytes() const { return kRouterSolicitationBytes + options.bytes(); }

void RouterSolicitation::emit(MutableBytes into, const IpAddress& source, const IpAddress& destination) const {
  begin(into, IcmpV6Type::kRouterSolicitation, kRouterSolicitationBytes, options);
  finish(into.first(bytes()), source, destination);
}

Parsed<RouterAdvertisement> RouterAdvertisement::parse(const Ipv6Header& ip, Bytes message) {
  const ParseError error = check(ip, message, IcmpV6Type::kRouterAdvertisement, kRouterAdvertisementBytes);
  if (error != ParseError::kNone) return error;
  // RFC 4861 6.1.2: a router is known by its link-local address.
  if (!ip.source.is_link_local()) return ParseError::kBadValue;
  const Parsed<NdpOptions> options = NdpOptions::parse(message.subspan(kRouterAdvertisementBytes));
  if (!options) return options.error();
  RouterAdvertisement parsed;
  parsed.hop_limit = message[kHopLimit];
  parsed.is_managed = (message[kFlags] & kManaged) != 0;
  parsed.has_other_configuration = (message[kFlags] & kOtherConfiguration) != 0;
  parsed.router_lifetime_seconds = load_be16(message.data() + kRouterLifetime);
  parsed.reachable_time_ms = load_be32(message.data() + kReachableTime);
  parsed.retransmit_timer_ms = load_be32(message.data() + kRetransmitTimer);
  parsed.options = *options;
  return parsed;
}

size_t RouterAdvertisement::bytes() const { return kRouterAdvertisementBytes + options.bytes(); }

void RouterAdvertisement::emit(MutableBytes into, const IpAddress& source, const IpAddress& destination) const {
  begin(into, IcmpV6Type::kRouterAdvertisement, kRouterAdvertisementBytes, options);
  into[kHopLimit] = hop_limit;
  into[kFlags] = static_cast<uint8_t>((is_managed ? kManaged : 0) | (has_other_configuration ? kOtherConfiguration : 0));
  store_be16(into.data() + kRouterLifetime, router_lifetime_seconds);
  store_be32(into.data() + kReachableTime, reachable_time_ms);
  store_be32(into.data() + kRetransmitTimer, retransmit_timer_ms);
  finish(into.first(bytes()), source, destination);
}

Parsed<NeighborSolicitation> NeighborSolicitation::parse(const Ipv6Header& ip, Bytes message) {
  const ParseError error = check(ip, message, IcmpV6Type::kNeighborSolicitation, kNeighborBytes);
  if (error != ParseError::kNone) return error;
  const Parsed<NdpOptions> options = NdpOptions::parse(message.subspan(kNeighborBytes));
  if (!options) return options.error();
  NeighborSolicitation parsed{IpAddress::load_ipv6(message.data() + kTarget), *options};
  // RFC 4861 7.1.1.
  if (parsed.target.is_multicast()) return ParseError::kBadValue;
  if (ip.source.is_unspecified()) {
    // Duplicate address detection: asked of all who could have it, by one who has none.
    const bool is_to_solicited_node = ip.destination.is_multicast() && ip.destination == ip.destination.solicited_node();
    if (!is_to_solicited_node || options->source_mac) return ParseError::kBadValue;
  }
  return parsed;
}

size_t NeighborSolicitation::bytes() const { return kNeighborBytes + options.bytes(); }

void NeighborSolicitation::emit(MutableBytes into, const IpAddress& source, const IpAddress& destination) const {
  begin(into, IcmpV6Type::kNeighborSolicitation, kNeighborBytes, options);
  target.store(into.data() + kTarget);
  finish(into.first(bytes()), source, destination);
}

Parsed<NeighborAdvertisement> NeighborAdvertisement::parse(const Ipv6Header& ip, Bytes message) {
  const ParseError error = check(ip, message, IcmpV6Type::kNeighborAdvertisement, kNeighborBytes);
  if (error != ParseError::kNone) return error;
  const Parsed<NdpOptions> options = NdpOptions::parse(message.subspan(kNeighborBytes));
  if (!options) return options.error();
  NeighborAdvertisement parsed;
  parsed.is_router = (message[kNeighborFlags] & kRouter) != 0;
  parsed.is_solicited = (message[kNeighborFlags] & kSolicited) != 0;
  parsed.is_override = (message[kNeighborFlags] & kOverride) != 0;
  parsed.target = IpAddress::load_ipv6(message.data() + kTarget);
  parsed.options = *options;
  // RFC 4861 7.1.2: nobody solicited what goes to everybody.
  if (parsed.target.is_multicast() || (ip.destination.is_multicast() && parsed.is_solicited)) return ParseError::kBadValue;
  return parsed;
}

size_t NeighborAdvertisement::bytes() const { return kNeighborBytes + options.bytes(); }

void NeighborAdvertisement::emit(MutableBytes into, const IpAddress& source, const IpAddress& destination) const {
  begin(into, IcmpV6Type::kNeighborAdvertisement, kNeighborBytes, options);
  into[kNeighborFlags] =
      static_cast<uint8_t>((is_router ? kRouter : 0) | (is_solicited ? kSolicited : 0) | (is_override ? kOverride : 0));
  target.store(into.data() + kTarget);
  finish(into.first(bytes()), source, destination);
}

}  // namespace demi
