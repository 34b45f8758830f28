#include "wire/udp.h"

#include "base/assert.h"

namespace demi {

Parsed<UdpView> UdpView::parse(Bytes datagram) {
  if (datagram.size() < UdpHeader::kBytes) return ParseError::kTruncated;
  const size_t length = load_be16(datagram.data() + kLength);
  // RFC 768: "the minimum value of the length is eight". Length 0 is that of a jumbogram (RFC 2675 4), and those we do not take.
  if (length < UdpHeader::kBytes || length > datagram.size()) return ParseError::kBadLength;
  return UdpView(datagram.first(length));
}

bool UdpView::checksum_is_valid(const IpAddress& source, const IpAddress& destination) const {
  // RFC 768: over IPv4, zero means that the sender made none. RFC 8200 8.1: over IPv6 such a datagram must be discarded.
  if (load_be16(datagram_.data() + UdpHeader::kChecksumOffset) == 0) return source.is_ipv4();
  Checksum checksum = Checksum::pseudo_header(source, destination, IpProtocol::kUdp, static_cast<uint32_t>(datagram_.size()));
  checksum.add(datagram_);
  return checksum.is_valid();
}

void UdpHeader::emit(MutableBytes into) const {
  DEMI_ASSERT(into.size() >= kBytes, "no room for the UDP header");
  DEMI_ASSERT(payload_bytes <= kPayloadBytesMax, "a UDP datagram has at most 65535 bytes");
  uint8_t* at = into.data();
  store_be16(at + UdpView::kSourcePort, source_port);
  store_be16(at + UdpView::kDestinationPort, destination_port);
  store_be16(at + UdpView::kLength, static_cast<uint16_t>(kBytes + payload_bytes));
  store_be16(at + kChecksumOffset, 0);
}

void UdpHeader::emit(MutableBytes into, const Checksum& rest) const {
  emit(into);
  Checksum checksum;
  checksum.add(into.first(kBytes));
  checksum.add(rest);
  // RFC 768: a computed zero is sent as all ones, which is the other zero of ones' complement.
  store_be16(into.data() + kChecksumOffset, checksum.value() == 0 ? 0xffff : checksum.value());
}

}  // namespace demi
