// The fixed header of IPv6 (RFC 8200 3). What may stand between it and the upper layer is in ipv6_extension.h.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "wire/address.h"
#include "wire/ip_protocol.h"
#include "wire/parsed.h"

namespace demi {

struct Ipv6Header {
  static constexpr size_t kBytes = 40;
  static constexpr size_t kPayloadBytesMax = 65535;  // no jumbograms (RFC 2675)

  uint8_t traffic_class = 0;  // DSCP and ECN
  uint32_t flow_label = 0;    // 20 bits
  uint16_t payload_bytes = 0;
  IpProtocol next_header = IpProtocol::kTcp;
  uint8_t hop_limit = 64;
  IpAddress source = IpAddress::unspecified(Family::kIPv6);
  IpAddress destination = IpAddress::unspecified(Family::kIPv6);

  bool operator==(const Ipv6Header&) const = default;
  void emit(MutableBytes into) const;
};

class Ipv6View {
 public:
  // What follows the payload length is the padding of a short frame and cut off.
  static Parsed<Ipv6View> parse(Bytes packet);
  // The beginning of a packet that an ICMPv6 message quotes: the payload may be shorter than the header says.
  static Parsed<Ipv6View> parse_beginning(Bytes quoted);

  uint8_t traffic_class() const { return static_cast<uint8_t>(load_be16(at(kVersionAndClass)) >> 4); }
  uint32_t flow_label() const { return load_be32(at(kVersionAndClass)) & kFlowLabelMask; }
  // As the header says; of a quoted beginning there may be less.
  uint16_t payload_length() const { return load_be16(at(kPayloadLength)); }
  IpProtocol next_header() const { return static_cast<IpProtocol>(at(kNextHeader)[0]); }
  uint8_t hop_limit() const { return at(kHopLimit)[0]; }
  IpAddress source() const { return IpAddress::load_ipv6(at(kSource)); }
  IpAddress destination() const { return IpAddress::load_ipv6(at(kDestination)); }

  Ipv6Header header() const;
  // Header and payload, without padding: what an ICMPv6 message quotes.
  Bytes packet() const { return packet_; }
  // Extension headers are part of it.
  Bytes payload() const { return packet_.subspan(Ipv6Header::kBytes); }

  // Where these fields are, for who reports that they are wrong (RFC 4443 3.4).
  static constexpr size_t kPayloadLength = 4;
  static constexpr size_t kNextHeader = 6;

 private:
  friend struct Ipv6Header;
  static constexpr size_t kVersionAndClass = 0;  // version (4 bits), traffic class (8), flow label (20)
  static constexpr size_t kHopLimit = 7;
  static constexpr size_t kSource = 8;
  static constexpr size_t kDestination = 24;

  static constexpr uint32_t kFlowLabelMask = 0xfffff;

  explicit Ipv6View(Bytes packet) : packet_(packet) {}
  const uint8_t* at(size_t offset) const { return packet_.data() + offset; }

  Bytes packet_;
};

}  // namespace demi
