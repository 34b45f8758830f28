// The Ethernet header (IEEE 802.3, the type field as in RFC 894), with or without one 802.1Q tag.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "wire/address.h"
#include "wire/parsed.h"

namespace demi {

// The IANA registry "IEEE 802 Numbers". Any other number is a value, too; below 0x0600 it is the length of an 802.3 frame.
enum class EtherType : uint16_t { kIPv4 = 0x0800, kArp = 0x0806, kVlanTag = 0x8100, kIPv6 = 0x86dd };

struct EthernetHeader {
  MacAddress destination;
  MacAddress source;
  EtherType ether_type = EtherType::kIPv4;
  bool is_tagged = false;
  uint16_t vlan_tag = 0;  // of a tagged frame: priority (3 bits), drop eligible (1), VLAN (12)

  bool operator==(const EthernetHeader&) const = default;
  uint16_t vlan() const { return vlan_tag & 0xfff; }
  size_t bytes() const;
  void emit(MutableBytes into) const;
};

class EthernetView {
 public:
  static constexpr size_t kBytes = 14;
  static constexpr size_t kTagBytes = 4;

  static Parsed<EthernetView> parse(Bytes frame) {
    if (frame.size() < kBytes) return ParseError::kTruncated;
    const bool is_tagged = static_cast<EtherType>(load_be16(frame.data() + kType)) == EtherType::kVlanTag;
    if (is_tagged && frame.size() < kBytes + kTagBytes) return ParseError::kTruncated;
    return EthernetView(frame, is_tagged);
  }

  MacAddress destination() const { return MacAddress::load(frame_.data() + kDestination); }
  MacAddress source() const { return MacAddress::load(frame_.data() + kSource); }
  // Of what is inside: behind the tag, if there is one. Behind a second tag we do not look: it is a type that nobody knows.
  EtherType ether_type() const { return static_cast<EtherType>(load_be16(frame_.data() + header_bytes() - 2)); }
  bool is_tagged() const { return is_tagged_; }
  uint16_t vlan_tag() const { return is_tagged_ ? load_be16(frame_.data() + kTag) : 0; }
  EthernetHeader header() const { return {destination(), source(), ether_type(), is_tagged(), vlan_tag()}; }
  // What is inside, with the padding of a short frame: only the packet knows its own length.
  Bytes payload() const { return frame_.subspan(header_bytes()); }

 private:
  friend struct EthernetHeader;
  static constexpr size_t kDestination = 0;
  static constexpr size_t kSource = 6;
  static constexpr size_t kType = 12;
  static constexpr size_t kTag = 14;  // IEEE 802.1Q 9.3: the type says 0x8100, then the tag, then the type of what is inside

  EthernetView(Bytes frame, bool is_tagged) : frame_(frame), is_tagged_(is_tagged) {}
  size_t header_bytes() const { return is_tagged_ ? kBytes + kTagBytes : kBytes; }

  Bytes frame_;
  bool is_tagged_;
};

}  // namespace demi
