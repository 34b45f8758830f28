// The IPv4 header (RFC 791). Options are skipped, and none are sent.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/bytes.h"
#include "wire/address.h"
#include "wire/checksum.h"
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

// A header of which the addresses and the length are still to come: for who sends many that are alike otherwise.
class Ipv4Template {
 public:
  explicit Ipv4Template(const Ipv4Header& header);
  // What Ipv4Header::emit() writes.
  void emit(MutableBytes into, const IpAddress& source, const IpAddress& destination, uint16_t payload_bytes) const;

 private:
  uint8_t bytes_[Ipv4Header::kBytes - 2 * IpAddress::kIPv4Bytes];  // with a length and a checksum of 0
  uint16_t sum_;                                                   // of them
};

class Ipv4View {
 public:
  // What follows the total length is the padding of a short frame and cut off. The checksum is not looked at.
  static Parsed<Ipv4View> parse(Bytes packet) {
    const Parsed<Ipv4View> parsed = parse_beginning(packet);
    if (!parsed) return parsed;
    const size_t total = load_be16(packet.data() + kTotalLength);
    if (total > packet.size()) return ParseError::kBadLength;
    const size_t payload_bytes = total - parsed->header_bytes_;
    // RFC 791 3.2: all fragments but the last are multiples of 8 bytes. One without any bytes is of no use to anybody.
    if (parsed->more_fragments() && (payload_bytes == 0 || payload_bytes % 8 != 0)) return ParseError::kBadFragment;
    // The ping of death: no datagram is longer than its length field could say.
    if (parsed->fragment_offset() + payload_bytes > Ipv4Header::kPayloadBytesMax) return ParseError::kBadFragment;
    return parsed;
  }
  // The beginning of a packet that an ICMP message quotes: the payload may be shorter than the header says.
  static Parsed<Ipv4View> parse_beginning(Bytes quoted) {
    if (quoted.size() < Ipv4Header::kBytes) return ParseError::kTruncated;
    const uint8_t first = quoted[kVersionAndLength];
    if (first >> 4 != 4) return ParseError::kBadVersion;
    // RFC 791 3.1: the header's length is in words of 32 bits, "the minimum value for a correct header is 5".
    const size_t header_bytes = size_t{first & 0xfu} * 4;
    if (header_bytes < Ipv4Header::kBytes || header_bytes > quoted.size()) return ParseError::kBadHeaderLength;
    const size_t total = load_be16(quoted.data() + kTotalLength);
    if (total < header_bytes) return ParseError::kBadLength;
    return Ipv4View(quoted.first(std::min(total, quoted.size())), header_bytes);
  }

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
  bool checksum_is_valid() const {
    Checksum checksum;
    checksum.add(packet_.first(header_bytes_));
    return checksum.is_valid();
  }

  Ipv4Header header() const;
  // Header and payload, without padding: what an ICMP message quotes.
  Bytes packet() const { return packet_; }
  Bytes options() const { return packet_.subspan(Ipv4Header::kBytes, header_bytes_ - Ipv4Header::kBytes); }
  Bytes payload() const { return packet_.subspan(header_bytes_); }

 private:
  friend struct Ipv4Header;
  friend class Ipv4Template;
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
