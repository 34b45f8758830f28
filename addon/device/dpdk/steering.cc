#include "device/dpdk/steering.h"

#include <bit>

#include "base/bytes.h"

namespace demi::dpdk {

namespace {

constexpr size_t kPorts = 65536;
constexpr size_t kEthernetBytes = 14;
constexpr uint16_t kTypeIpv4 = 0x0800;
constexpr uint16_t kTypeArp = 0x0806;
constexpr uint16_t kTypeIpv6 = 0x86dd;
constexpr uint8_t kIcmp = 1;
constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;
constexpr uint8_t kIcmpV6 = 58;
constexpr size_t kIcmpHeaderBytes = 8;
constexpr size_t kIpv4HeaderBytes = 20;
constexpr size_t kIpv6HeaderBytes = 40;
constexpr size_t kArpBytes = 28;
constexpr size_t kPortsBytes = 4;

// RFC 792: destination unreachable, source quench, redirect, time exceeded, parameter problem. They quote what they are about.
bool is_icmp_error(uint8_t type) { return type == 3 || type == 4 || type == 5 || type == 11 || type == 12; }
// RFC 4443 2.1.
bool is_icmpv6_error(uint8_t type) { return type < 128; }
// RFC 4861 4: router and neighbor solicitations and advertisements, redirects.
bool is_neighbor_discovery(uint8_t type) { return type >= 133 && type <= 137; }

}  // namespace

Steering::Steering(uint16_t queues, uint16_t entries)
    : share_{.queues = queues, .queue = 0, .entries = entries}, datagram_ports_(std::make_unique<std::atomic<uint64_t>[]>(kPorts)) {
  for (uint16_t i = 0; i < entries; ++i) table_[i] = static_cast<uint8_t>(share_.queue_of(i));
}

void Steering::set_open(uint16_t queue, bool is_open) {
  const uint64_t bit = uint64_t{1} << queue;
  const uint64_t open = is_open ? open_queues() | bit : open_queues() & ~bit;
  open_.store(open, std::memory_order_relaxed);
  if (!is_open) {
    for (size_t port = 0; port < kPorts; ++port) datagram_ports_[port].fetch_and(~bit, std::memory_order_relaxed);
  }
  // In turns, so that each of those who are left has as many of them.
  std::array<uint8_t, kQueuesMax> left{};
  uint16_t count = 0;
  for (uint16_t i = 0; i < share_.queues; ++i) {
    if ((open >> i & 1) != 0) left[count++] = static_cast<uint8_t>(i);
  }
  uint16_t dealt = 0;
  for (uint16_t i = 0; i < share_.entries; ++i) {
    const uint16_t home = share_.queue_of(i);
    const bool is_home_open = count == 0 || (open >> home & 1) != 0;
    table_[i].store(is_home_open ? static_cast<uint8_t>(home) : left[dealt++ % count], std::memory_order_relaxed);
  }
}

void Steering::set_datagram_port(uint16_t queue, uint16_t port, bool is_wanted) {
  const uint64_t bit = uint64_t{1} << queue;
  if (is_wanted) {
    datagram_ports_[port].fetch_or(bit, std::memory_order_relaxed);
  } else {
    datagram_ports_[port].fetch_and(~bit, std::memory_order_relaxed);
  }
}

uint16_t Steering::find(const uint8_t* frame, size_t length) const {
  if (length < kEthernetBytes) return kNobody;
  const uint8_t* packet = frame + kEthernetBytes;
  const size_t left = length - kEthernetBytes;
  switch (load_be16(frame + 12)) {
    case kTypeIpv4:
      return queue_of_ipv4(packet, left);
    case kTypeIpv6:
      return queue_of_ipv6(packet, left);
    case kTypeArp:
      return queue_of_arp(packet, left);
    default:
      return kNobody;
  }
}

// Everybody has asked, or wants to know. A question to us is answered once, by whoever gets it (RFC 826).
uint16_t Steering::queue_of_arp(const uint8_t* packet, size_t length) const {
  constexpr uint16_t kRequest = 1;
  if (length < kArpBytes) return kNobody;
  const bool is_announcement = load_be32(packet + 14) == load_be32(packet + 24);
  return load_be16(packet + 6) == kRequest && !is_announcement ? kNobody : kEverybody;
}

// `ports` is what follows the IP header. Of a packet that is quoted we are the source.
uint16_t Steering::queue_of_flow(FlowFold fold, uint8_t protocol, const uint8_t* ports, size_t length, bool is_quoted) const {
  if ((protocol != kTcp && protocol != kUdp) || length < kPortsBytes) return kNobody;
  const uint16_t source = load_be16(ports);
  const uint16_t destination = load_be16(ports + 2);
  const uint16_t queue = entry(static_cast<uint16_t>(fold.add16(source).add16(destination).hash() % share_.entries));
  if (protocol == kTcp) return queue;
  const uint64_t have_it = datagram_ports_[is_quoted ? source : destination].load(std::memory_order_relaxed);
  if (have_it == 0 || (have_it >> queue & 1) != 0) return queue;
  return static_cast<uint16_t>(std::countr_zero(have_it));
}

uint16_t Steering::queue_of_ipv4(const uint8_t* packet, size_t length) const {
  if (length < kIpv4HeaderBytes) return kNobody;
  const auto header_bytes = [](const uint8_t* ip) { return static_cast<size_t>(ip[0] & 0x0f) * 4; };
  // More fragments, or an offset: then the ports are in one of them only.
  const auto is_fragment = [](const uint8_t* ip) { return (load_be16(ip + 6) & 0x3fff) != 0; };
  const size_t header = header_bytes(packet);
  if (header < kIpv4HeaderBytes || header > length || is_fragment(packet)) return kNobody;
  const uint8_t* behind = packet + header;
  size_t left = length - header;
  if (packet[9] != kIcmp) return queue_of_flow(FlowFold().add32(load_be32(packet + 12)).add32(load_be32(packet + 16)), packet[9], behind, left, false);
  if (left < kIcmpHeaderBytes + kIpv4HeaderBytes || !is_icmp_error(behind[0])) return kNobody;
  const uint8_t* quoted = behind + kIcmpHeaderBytes;
  left -= kIcmpHeaderBytes;
  const size_t quoted_header = header_bytes(quoted);
  if (quoted_header < kIpv4HeaderBytes || quoted_header > left) return kNobody;
  return queue_of_flow(FlowFold().add32(load_be32(quoted + 12)).add32(load_be32(quoted + 16)), quoted[9], quoted + quoted_header, left - quoted_header, true);
}

uint16_t Steering::queue_of_ipv6(const uint8_t* packet, size_t length) const {
  if (length < kIpv6HeaderBytes) return kNobody;
  const auto addresses = [](const uint8_t* ip) {
    FlowFold fold;
    for (size_t at = 8; at < kIpv6HeaderBytes; at += 4) fold.add32(load_be32(ip + at));
    return fold;
  };
  const uint8_t* behind = packet + kIpv6HeaderBytes;
  size_t left = length - kIpv6HeaderBytes;
  if (packet[6] != kIcmpV6) return queue_of_flow(addresses(packet), packet[6], behind, left, false);
  if (left == 0) return kNobody;
  if (is_neighbor_discovery(behind[0])) return kEverybody;
  if (left < kIcmpHeaderBytes + kIpv6HeaderBytes || !is_icmpv6_error(behind[0])) return kNobody;
  const uint8_t* quoted = behind + kIcmpHeaderBytes;
  left -= kIcmpHeaderBytes + kIpv6HeaderBytes;
  return queue_of_flow(addresses(quoted), quoted[6], quoted + kIpv6HeaderBytes, left, true);
}

}  // namespace demi::dpdk
