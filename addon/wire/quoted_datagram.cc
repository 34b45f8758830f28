#include "wire/quoted_datagram.h"

#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/ipv6_extension.h"

namespace demi {

namespace {

// What every ICMP error quotes of the upper layer at the least.
constexpr size_t kUpperLayerBytesMin = 8;

// TCP and UDP begin alike: two ports; TCP goes on with the sequence number (RFC 9293 3.1, RFC 768).
Parsed<QuotedDatagram> with_upper_layer(QuotedDatagram datagram, Bytes upper_layer) {
  if (upper_layer.size() < kUpperLayerBytesMin) return ParseError::kTruncated;
  const bool is_tcp = datagram.protocol == IpProtocol::kTcp;
  if (is_tcp || datagram.protocol == IpProtocol::kUdp) {
    datagram.source_port = load_be16(upper_layer.data());
    datagram.destination_port = load_be16(upper_layer.data() + 2);
  }
  if (is_tcp) datagram.sequence_number = SeqNumber(load_be32(upper_layer.data() + 4));
  return datagram;
}

}  // namespace

Parsed<QuotedDatagram> QuotedDatagram::parse_ipv4(Bytes quoted) {
  const Parsed<Ipv4View> ip = Ipv4View::parse_beginning(quoted);
  if (!ip) return ip.error();
  if (ip->fragment_offset() != 0) return ParseError::kBadFragment;
  QuotedDatagram datagram;
  datagram.source = ip->source();
  datagram.destination = ip->destination();
  datagram.protocol = ip->protocol();
  return with_upper_layer(datagram, ip->payload());
}

Parsed<QuotedDatagram> QuotedDatagram::parse_ipv6(Bytes quoted) {
  const Parsed<Ipv6View> ip = Ipv6View::parse_beginning(quoted);
  if (!ip) return ip.error();
  const Ipv6Extensions extensions = walk_extensions(*ip);
  if (!extensions.ok()) return extensions.error;
  if (extensions.is_fragment && extensions.fragment.offset != 0) return ParseError::kBadFragment;
  QuotedDatagram datagram;
  datagram.source = ip->source();
  datagram.destination = ip->destination();
  datagram.protocol = extensions.protocol;
  return with_upper_layer(datagram, extensions.payload);
}

}  // namespace demi
