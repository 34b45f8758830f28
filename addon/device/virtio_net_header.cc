#include "device/virtio_net_header.h"

namespace demi {

VirtioNetHeader VirtioNetHeader::of(const Frame& frame) {
  VirtioNetHeader header;
  if (frame.checksum_start == 0) return header;
  header.flags = kNeedsChecksum;
  header.checksum_start = frame.checksum_start;
  header.checksum_offset = frame.checksum_offset;
  if (frame.segment_bytes == 0) return header;
  // RFC 9293 3.1: the length of the header, in words of 32 bits, is in the upper half of its byte 12.
  constexpr size_t kDataOffset = 12;
  const uint8_t* segment = frame.head_bytes().data() + frame.checksum_start;
  header.segmentation = kTcpIpv4;
  header.segment_bytes = frame.segment_bytes;
  header.header_bytes = static_cast<uint16_t>(frame.checksum_start + segment[kDataOffset] / 16 * 4);
  return header;
}

}  // namespace demi
