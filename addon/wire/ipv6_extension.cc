#include "wire/ipv6_extension.h"

#include "base/assert.h"
#include "base/limits.h"

namespace demi {

namespace {

// Hop-by-hop options, destination options and routing headers begin alike (RFC 8200 4.3, 4.4, 4.6); so does the fragment header, with a
// reserved byte for the length.
constexpr size_t kNextHeader = 0;
constexpr size_t kLength = 1;  // in units of 8 bytes, the first 8 left out
constexpr size_t kOptions = 2;
constexpr size_t kRoutingType = 2;
constexpr size_t kSegmentsLeft = 3;
constexpr size_t kFragmentOffset = 2;
constexpr size_t kFragmentIdentification = 4;
constexpr size_t kUnitBytes = 8;

constexpr uint16_t kFragmentOffsetMask = 0xfff8;  // the offset stands in units of 8 bytes, 3 bits from the right: it is in bytes as it is
constexpr uint16_t kMoreFragments = 1;

constexpr uint8_t kPad1 = 0;

bool is_extension(IpProtocol protocol) {
  return protocol == IpProtocol::kHopByHopOptions || protocol == IpProtocol::kRouting || protocol == IpProtocol::kFragment ||
         protocol == IpProtocol::kDestinationOptions;
}

// One walk. What was not yet walked through is always the end of the packet.
class Walk {
 public:
  explicit Walk(const Ipv6View& packet) : packet_(packet) {
    found_.protocol = packet.next_header();
    found_.protocol_offset = Ipv6View::kNextHeader;
    found_.payload = packet.payload();
  }

  Ipv6Extensions to_the_upper_layer() {
    for (size_t count = 0; is_extension(found_.protocol) && !found_.is_fragment; ++count) {
      if (count == kIpv6ExtensionHeadersMax) {
        drop(ParseError::kTooManyExtensions);
        break;
      }
      if (!step(count == 0)) break;
    }
    return found_;
  }

 private:
  size_t offset() const { return packet_.packet().size() - found_.payload.size(); }

  bool drop(ParseError error, Ipv6Problem problem = Ipv6Problem::kNone, size_t pointer = 0) {
    found_.error = error;
    found_.problem = problem;
    found_.pointer = static_cast<uint32_t>(pointer);
    return false;
  }

  // Behind one header; false if the packet is dropped.
  bool step(bool is_first) {
    if (found_.payload.size() < kUnitBytes) return drop(ParseError::kTruncated);
    if (found_.protocol == IpProtocol::kFragment) return step_fragment();
    // RFC 8200 4.1: hop-by-hop options come first; anywhere else they are an unrecognised next header.
    if (found_.protocol == IpProtocol::kHopByHopOptions && !is_first) {
      return drop(ParseError::kBadExtension, Ipv6Problem::kUnknownNextHeader, found_.protocol_offset);
    }
    const size_t length = kUnitBytes + found_.payload[kLength] * kUnitBytes;
    if (length > found_.payload.size()) return drop(ParseError::kBadHeaderLength);
    const Bytes header = found_.payload.first(length);
    if (found_.protocol == IpProtocol::kRouting) {
      // RFC 8200 4.4: of a type that is not known it is ignored, unless the packet has further to go. None is known; RFC 5095 forbids
      // to follow the only one that once was.
      if (header[kSegmentsLeft] != 0) return drop(ParseError::kBadExtension, Ipv6Problem::kErroneousHeader, offset() + kRoutingType);
    } else if (!check_options(header)) {
      return false;
    }
    pass(header);
    return true;
  }

  // RFC 8200 4.2: the two high bits of an unknown option say what becomes of the packet. Those that we know are padding.
  bool check_options(Bytes header) {
    size_t at = kOptions;
    while (at < header.size()) {
      if (header[at] == kPad1) {
        ++at;
        continue;
      }
      const size_t left = header.size() - at;
      if (left < 2 || header[at + 1] > left - 2) return drop(ParseError::kBadOption);
      const unsigned action = header[at] >> 6;
      if (action != 0) {
        found_.tell_multicast = action == 2;
        return drop(ParseError::kBadOption, action == 1 ? Ipv6Problem::kNone : Ipv6Problem::kUnknownOption, offset() + at);
      }
      at += size_t{2} + header[at + 1];
    }
    return true;
  }

  bool step_fragment() {
    const Bytes header = found_.payload.first(Ipv6FragmentHeader::kBytes);
    found_.fragment = *Ipv6FragmentHeader::parse(header);
    const size_t header_offset = offset();
    pass(header);
    if (found_.fragment.is_atomic()) return true;
    found_.is_fragment = true;
    // By the length in the header, because a quoted fragment is cut short.
    const size_t bytes = Ipv6Header::kBytes + packet_.payload_length() - offset();
    // RFC 8200 4.5: all but the last are multiples of 8 bytes, and no datagram is longer than its length field could say.
    if (found_.fragment.more_fragments && bytes % 8 != 0) {
      return drop(ParseError::kBadFragment, Ipv6Problem::kErroneousHeader, Ipv6View::kPayloadLength);
    }
    if (found_.fragment.offset + bytes > Ipv6Header::kPayloadBytesMax) {
      return drop(ParseError::kBadFragment, Ipv6Problem::kErroneousHeader, header_offset + kFragmentOffset);
    }
    if (found_.fragment.more_fragments && bytes == 0) return drop(ParseError::kBadFragment);
    return true;
  }

  void pass(Bytes header) {
    found_.protocol_offset = static_cast<uint32_t>(offset() + kNextHeader);
    found_.protocol = static_cast<IpProtocol>(header[kNextHeader]);
    found_.payload = found_.payload.subspan(header.size());
  }

  const Ipv6View& packet_;
  Ipv6Extensions found_;
};

}  // namespace

Parsed<Ipv6FragmentHeader> Ipv6FragmentHeader::parse(Bytes header) {
  if (header.size() < kBytes) return ParseError::kTruncated;
  const uint16_t offset_and_flag = load_be16(header.data() + kFragmentOffset);
  Ipv6FragmentHeader parsed;
  parsed.next_header = static_cast<IpProtocol>(header[kNextHeader]);
  parsed.offset = offset_and_flag & kFragmentOffsetMask;
  parsed.more_fragments = (offset_and_flag & kMoreFragments) != 0;
  parsed.identification = load_be32(header.data() + kFragmentIdentification);
  return parsed;
}

void Ipv6FragmentHeader::emit(MutableBytes into) const {
  DEMI_ASSERT(into.size() >= kBytes, "no room for the fragment header");
  DEMI_ASSERT(offset % 8 == 0, "fragments begin at multiples of 8 bytes");
  into[kNextHeader] = static_cast<uint8_t>(next_header);
  into[kLength] = 0;
  store_be16(into.data() + kFragmentOffset, static_cast<uint16_t>(offset | (more_fragments ? kMoreFragments : 0)));
  store_be32(into.data() + kFragmentIdentification, identification);
}

Ipv6Extensions walk_extensions(const Ipv6View& packet) { return Walk(packet).to_the_upper_layer(); }

}  // namespace demi
