#include "wire/tcp.h"

#include "base/assert.h"

namespace demi {

Parsed<TcpView> TcpView::parse(Bytes segment) {
  if (segment.size() < TcpHeader::kBytesMin) return ParseError::kTruncated;
  // RFC 9293 3.1: the data offset is in words of 32 bits.
  const size_t header_bytes = size_t{segment[kDataOffsetAndFlags]} / 16 * 4;
  if (header_bytes < TcpHeader::kBytesMin || header_bytes > segment.size()) return ParseError::kBadHeaderLength;
  return TcpView(segment, header_bytes);
}

bool TcpView::checksum_is_valid(const IpAddress& source, const IpAddress& destination) const {
  Checksum checksum = Checksum::pseudo_header(source, destination, IpProtocol::kTcp, static_cast<uint32_t>(segment_.size()));
  checksum.add(segment_);
  return checksum.is_valid();
}

TcpHeader TcpView::header() const {
  TcpHeader header;
  header.source_port = source_port();
  header.destination_port = destination_port();
  header.sequence_number = sequence_number();
  header.acknowledgment_number = acknowledgment_number();
  header.flags = flags();
  header.window = window();
  header.urgent_pointer = urgent_pointer();
  header.options = options();
  return header;
}

void TcpHeader::emit(MutableBytes into) const {
  DEMI_ASSERT(into.size() >= bytes(), "no room for the TCP header");
  uint8_t* at = into.data();
  store_be16(at + TcpView::kSourcePort, source_port);
  store_be16(at + TcpView::kDestinationPort, destination_port);
  store_be32(at + TcpView::kSequenceNumber, sequence_number.value());
  store_be32(at + TcpView::kAcknowledgmentNumber, acknowledgment_number.value());
  store_be16(at + TcpView::kDataOffsetAndFlags, static_cast<uint16_t>(bytes() / 4 << 12 | (flags.bits & TcpFlags::kAll)));
  store_be16(at + TcpView::kWindow, window);
  store_be16(at + kChecksumOffset, 0);
  store_be16(at + TcpView::kUrgentPointer, urgent_pointer);
  options.emit(into.subspan(kBytesMin));
}

void TcpHeader::emit(MutableBytes into, const Checksum& rest) const {
  emit(into);
  Checksum checksum;
  checksum.add(into.first(bytes()));
  checksum.add(rest);
  store_be16(into.data() + kChecksumOffset, checksum.value());
}

}  // namespace demi
