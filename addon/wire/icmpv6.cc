#include "wire/icmpv6.h"

#include "base/assert.h"

namespace demi {

Parsed<IcmpV6View> IcmpV6View::parse(Bytes message) {
  if (message.size() < IcmpV6Header::kBytes) return ParseError::kTruncated;
  return IcmpV6View(message);
}

bool IcmpV6View::checksum_is_valid(const IpAddress& source, const IpAddress& destination) const {
  // RFC 4443 2.3: unlike that of ICMP for IPv4, it covers the pseudo header.
  Checksum checksum = Checksum::pseudo_header(source, destination, IpProtocol::kIcmpV6, static_cast<uint32_t>(message_.size()));
  checksum.add(message_);
  return checksum.is_valid();
}

IcmpV6Header IcmpV6View::header() const {
  const uint8_t* at = message_.data();
  IcmpV6Header header;
  header.type = static_cast<IcmpV6Type>(at[kType]);
  header.code = at[kCode];
  if (header.is_echo()) {
    header.identifier = load_be16(at + kIdentifier);
    header.sequence_number = load_be16(at + kSequenceNumber);
  }
  if (header.type == IcmpV6Type::kPacketTooBig) header.mtu = load_be32(at + kMtu);
  if (header.type == IcmpV6Type::kParameterProblem) header.pointer = load_be32(at + kPointer);
  return header;
}

void IcmpV6Header::emit(MutableBytes into, const Checksum& rest) const {
  DEMI_ASSERT(into.size() >= kBytes, "no room for the ICMPv6 header");
  uint8_t* at = into.data();
  at[IcmpV6View::kType] = static_cast<uint8_t>(type);
  at[IcmpV6View::kCode] = code;
  store_be16(at + IcmpV6View::kChecksum, 0);
  // RFC 4443 3.1: what a message does not use is zero.
  store_be32(at + IcmpV6View::kIdentifier, 0);
  if (is_echo()) {
    store_be16(at + IcmpV6View::kIdentifier, identifier);
    store_be16(at + IcmpV6View::kSequenceNumber, sequence_number);
  }
  if (type == IcmpV6Type::kPacketTooBig) store_be32(at + IcmpV6View::kMtu, mtu);
  if (type == IcmpV6Type::kParameterProblem) store_be32(at + IcmpV6View::kPointer, pointer);
  Checksum checksum;
  checksum.add(into.first(kBytes));
  checksum.add(rest);
  store_be16(at + IcmpV6View::kChecksum, checksum.value());
}

}  // namespace demi
