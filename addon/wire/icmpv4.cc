#include "wire/icmpv4.h"

#include "base/assert.h"

namespace demi {

Parsed<IcmpV4View> IcmpV4View::parse(Bytes message) {
  if (message.size() < IcmpV4Header::kBytes) return ParseError::kTruncated;
  return IcmpV4View(message);
}

bool IcmpV4View::checksum_is_valid() const {
  Checksum checksum;
  checksum.add(message_);
  return checksum.is_valid();
}

IcmpV4Header IcmpV4View::header() const {
  const uint8_t* at = message_.data();
  IcmpV4Header header;
  header.type = static_cast<IcmpV4Type>(at[kType]);
  header.code = at[kCode];
  if (header.is_echo()) {
    header.identifier = load_be16(at + kIdentifier);
    header.sequence_number = load_be16(at + kSequenceNumber);
  }
  if (header.is_fragmentation_needed()) header.next_hop_mtu = load_be16(at + kNextHopMtu);
  return header;
}

void IcmpV4Header::emit(MutableBytes into, const Checksum& data) const {
  DEMI_ASSERT(into.size() >= kBytes, "no room for the ICMP header");
  uint8_t* at = into.data();
  at[IcmpV4View::kType] = static_cast<uint8_t>(type);
  at[IcmpV4View::kCode] = code;
  store_be16(at + IcmpV4View::kChecksum, 0);
  // RFC 792: what a message does not use is zero.
  store_be32(at + IcmpV4View::kIdentifier, 0);
  if (is_echo()) {
    store_be16(at + IcmpV4View::kIdentifier, identifier);
    store_be16(at + IcmpV4View::kSequenceNumber, sequence_number);
  }
  if (is_fragmentation_needed()) store_be16(at + IcmpV4View::kNextHopMtu, next_hop_mtu);
  Checksum checksum;
  checksum.add(into.first(kBytes));
  checksum.add(data);
  store_be16(at + IcmpV4View::kChecksum, checksum.value());
}

}  // namespace demi
