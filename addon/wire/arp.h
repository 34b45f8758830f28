// ARP for IPv4 over Ethernet (RFC 826). All of the packet is header, so there is no view: parse() gives the meaning.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "wire/address.h"
#include "wire/parsed.h"

namespace demi {

// Any other number is a value, too: RFC 826 learns from the sender of a packet before it looks at the operation.
enum class ArpOperation : uint16_t { kRequest = 1, kReply = 2 };

struct ArpHeader {
  static constexpr size_t kBytes = 28;

  ArpOperation operation = ArpOperation::kRequest;
  MacAddress sender_mac;
  IpAddress sender_ip = IpAddress::unspecified(Family::kIPv4);
  MacAddress target_mac;  // means nothing in a request
  IpAddress target_ip = IpAddress::unspecified(Family::kIPv4);

  bool operator==(const ArpHeader&) const = default;

  // What follows the packet is the padding of a short frame.
  static Parsed<ArpHeader> parse(Bytes packet);
  void emit(MutableBytes into) const;

  // RFC 5227 1.1: a request from 0.0.0.0 asks whether anybody has the address, and must not be learned from.
  bool is_probe() const { return operation == ArpOperation::kRequest && sender_ip.is_unspecified(); }
  // RFC 5227 3: the sender tells everybody about itself.
  bool is_announcement() const { return sender_ip == target_ip; }
};

}  // namespace demi
