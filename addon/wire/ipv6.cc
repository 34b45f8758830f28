#include "wire/ipv6.h"

#include <algorithm>

#include "base/assert.h"

namespace demi {

Parsed<Ipv6View> Ipv6View::parse_beginning(Bytes quoted) {
  if (quoted.size() < Ipv6Header::kBytes) return ParseError::kTruncated;
  if (quoted[kVersionAndClass] >> 4 != 6) return ParseError::kBadVersion;
  const size_t total = Ipv6Header::kBytes + load_be16(quoted.data() + kPayloadLength);
  return Ipv6View(quoted.first(std::min(total, quoted.size())));
}

Parsed<Ipv6View> Ipv6View::parse(Bytes packet) {
  const Parsed<Ipv6View> parsed = parse_beginning(packet);
  if (!parsed) return parsed;
  // A jumbogram says 0 here (RFC 2675 3); taken by its word it has no payload, and is dropped where its first header is looked for.
  if (parsed->payload_length() > packet.size() - Ipv6Header::kBytes) return ParseError::kBadLength;
  return parsed;
}

Ipv6Header Ipv6View::header() const {
  Ipv6Header header;
  header.traffic_class = traffic_class();
  header.flow_label = flow_label();
  header.payload_bytes = payload_length();
  header.next_header = next_header();
  header.hop_limit = hop_limit();
  header.source = source();
  header.destination = destination();
  return header;
}

void Ipv6Header::emit(MutableBytes into) const {
  using View = Ipv6View;
  DEMI_ASSERT(into.size() >= kBytes, "no room for the IPv6 header");
  DEMI_ASSERT(flow_label <= View::kFlowLabelMask, "a flow label has 20 bits");
  DEMI_ASSERT(source.is_ipv6() && destination.is_ipv6(), "an IPv6 header has IPv6 addresses");
  uint8_t* at = into.data();
  store_be32(at + View::kVersionAndClass, uint32_t{6} << 28 | uint32_t{traffic_class} << 20 | flow_label);
  store_be16(at + View::kPayloadLength, payload_bytes);
  at[View::kNextHeader] = static_cast<uint8_t>(next_header);
  at[View::kHopLimit] = hop_limit;
  source.store(at + View::kSource);
  destination.store(at + View::kDestination);
}

}  // namespace demi
