#include "device/virtio_net_header.h"

namespace demi {

VirtioNetHeader VirtioNetHeader::of(const Frame& frame) {
  VirtioNetHeader header;
  if (frame.checksum_start == 0) return header;
  header.flags = kNeedsChecksum;
  header.checksum_start = frame.checksum_start;
  header.checksum_offset = frame.checksum_offset;
  return header;
}

}  // namespace demi
