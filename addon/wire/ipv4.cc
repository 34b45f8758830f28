#include "wire/ipv4.h"

#include <algorithm>

#include "base/assert.h"
#include "wire/checksum.h"

namespace demi {

Parsed<Ipv4View> Ipv4View::parse_beginning(Bytes quoted) {
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

Parsed<Ipv4View> Ipv4View::parse(Bytes packet) {
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

bool Ipv4View::checksum_is_valid() const {
  Checksum checksum;
  checksum.add(packet_.first(header_bytes_));
  return checksum.is_valid();
}

Ipv4Header Ipv4View::header() const {
  Ipv4Header header;
  header.traffic_class = traffic_class();
  header.identification = identification();
  header.dont_fragment = dont_fragment();
  header.more_fragments = more_fragments();
  header.fragment_offset = fragment_offset();
  header.time_to_live = time_to_live();
  header.protocol = protocol();
  header.source = source();
  header.destination = destination();
  header.payload_bytes = static_cast<uint16_t>(packet_.size() - header_bytes_);
  return header;
}

void Ipv4Header::emit(MutableBytes into) const {
  using View = Ipv4View;
  DEMI_ASSERT(into.size() >= kBytes, "no room for the IPv4 header");
  DEMI_ASSERT(payload_bytes <= kPayloadBytesMax && fragment_offset % 8 == 0, "no IPv4 header can say this");
  DEMI_ASSERT(source.is_ipv4() && destination.is_ipv4(), "an IPv4 header has IPv4 addresses");
  uint8_t* at = into.data();
  at[View::kVersionAndLength] = 4 << 4 | kBytes / 4;
  at[View::kTrafficClass] = traffic_class;
  store_be16(at + View::kTotalLength, static_cast<uint16_t>(kBytes + payload_bytes));
  store_be16(at + View::kIdentification, identification);
  store_be16(at + View::kFragment, static_cast<uint16_t>((dont_fragment ? View::kDontFragment : 0) |
                                                         (more_fragments ? View::kMoreFragments : 0) | fragment_offset / 8));
  at[View::kTimeToLive] = time_to_live;
  at[View::kProtocol] = static_cast<uint8_t>(protocol);
  store_be16(at + View::kChecksum, 0);
  source.store(at + View::kSource);
  destination.store(at + View::kDestination);
  Checksum checksum;
  checksum.add(into.first(kBytes));
  store_be16(at + View::kChecksum, checksum.value());
}

}  // namespace demi
