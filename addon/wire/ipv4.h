// The IPv4 header (RFC 791). Options are skipped, and none are sent.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "wire/address.h"
#include "wire/ip_protocol.h"
#include "wire/parsed.h"

namespace demi {

struct Ipv4Header {
  static constexpr size_t kBytes = 20;
  static constexpr size_t kPayloadBytesMax = 65535 - kBytes;

  uint8_t traffic_class = 0;  // DSCP and ECN
  uint16_t identification = 0;
  bool dont_fragment = false;
  bool more_fragments = false;
  uint16_t fragment_offset = 0;  // in bytes, a multiple of 8
  uint8_t time_to_live = 64;     // RFC 1700: the recommended default
  IpProtocol protocol = IpProtocol::kTcp;
  IpAddress source = IpAddress::unspecified(Family::kIPv4);
  IpAddress destination = IpAddress::unspecified(Family::kIPv4);
  uint16_t payload_bytes = 0;

  bool operator==(const Ipv4Header&) const = default;
  // With the checksum.
  void emit(MutableBytes into) const;
};

class Ipv4View {
 public:
  // What follows the total length is the padding of a short frame and cut off. The checksum is not looked at.
  static Parsed<Ipv4View> parse(Bytes packet);
  // The beginning of a packet that an ICMP message quotes: the payload may be shorter than the header says.
  static Parsed<Ipv4View> parse_beginning(Bytes quoted);

  uint8_t traffic_class() const { return at(kTrafficClass)[0]; }
  uint16_t identification() const { return load_be16(at(kIdentification)); }
  bool dont_fragment() const { return (load_be16(at(kFragment)) & kDontFragment) != 0; }
  bool more_fragments() const { return (load_be16(at(kFragment)) & kMoreFragments) != 0; }
  uint16_t fragment_offset() const { return static_cast<uint16_t>((load_be16(at(kFragment)) & kFragmentOffsetMask) * 8); }
  // Whether this is only a part of a datagram.
  bool is_fragment() const { return (load_be16(at(kFragment)) & (kMoreFragments | kFragmentOffsetMask)) != 0; }
  uint8_t time_to_live() const { return at(kTimeToLive)[0]; }
  IpProtocol protocol() const { return static_cast<IpProtocol>(at(kProtocol)[0]); }
  IpAddress source() const { return IpAddress::load_ipv4(at(kSource)); }
  IpAddress destination() const { return IpAddress::load_ipv4(at(kDestination)); }
  bool checksum_is_valid() const;

  Ipv4Header header() const;
  // Header and payload, without padding: what an ICMP message quotes.
  Bytes packet() const { return packet_; }
  Bytes options() const { return packet_.subspan(Ipv4Header::kBytes, header_bytes_ - Ipv4Header::kBytes); }
  Bytes payload() const { return packet_.subspan(header_bytes_); }

 private:
  friend struct Ipv4Header;
  static constexpr size_t kVersionAndLength = 0;
  static constexpr size_t kTrafficClass = 1;
  static constexpr size_t kTotalLength = 2;
  static constexpr size_t kIdentification = 4;
  static constexpr size_t kFragment = 6;
  static constexpr size_t kTimeToLive = 8;
  static constexpr size_t kProtocol = 9;
  static constexpr size_t kChecksum = 10;
  static constexpr size_t kSource = 12;
  static constexpr size_t kDestination = 16;

  static constexpr uint16_t kDontFragment = 0x4000;
  static constexpr uint16_t kMoreFragments = 0x2000;
  static constexpr uint16_t kFragmentOffsetMask = 0x1fff;

  Ipv4View(Bytes packet, size_t header_bytes) : packet_(packet), header_bytes_(header_bytes) {}
  const uint8_t* at(size_t offset) const { return packet_.data() + offset; }

  Bytes packet_;
  size_t header_bytes_;
};

}  // namespace demi
