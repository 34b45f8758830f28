// VirtioNetHeader: what Linux tells of a frame, and wants to be told, on TAP interfaces and packet sockets: which checksum is unfinished, and
// whether this is a series of segments that nobody has cut yet (Virtual I/O Device 1.2, 5.1.6). In the machine's own byte order.
#pragma once

#include <cstdint>

#include "memory/frame.h"

namespace demi {

struct VirtioNetHeader {
  static constexpr uint8_t kNeedsChecksum = 1;  // flags
  static constexpr uint8_t kChecksumGood = 2;
  static constexpr uint8_t kOneFrame = 0;  // segmentation
  static constexpr uint8_t kTcpIpv4 = 1;
  static constexpr uint8_t kFragmentsOfUdp = 3;
  static constexpr uint8_t kTcpIpv6 = 4;
  static constexpr uint8_t kDatagramsOfUdp = 5;
  static constexpr uint8_t kCongestionMark = 0x80;  // beside one of TCP

  uint8_t flags = 0;
  uint8_t segmentation = kOneFrame;
  uint16_t header_bytes = 0;
  uint16_t segment_bytes = 0;
  uint16_t checksum_start = 0;
  uint16_t checksum_offset = 0;

  // For a frame that is sent.
  static VirtioNetHeader of(const Frame& frame);
  // For one that was received. A checksum that the sender has left unfinished never was on a wire that could have damaged it.
  ChecksumVerdict verdict() const { return (flags & (kNeedsChecksum | kChecksumGood)) != 0 ? ChecksumVerdict::kGood : ChecksumVerdict::kUnknown; }
  // Whether a receiver can take it for one packet: a long segment of TCP is one, datagrams of UDP that were put together are not.
  bool is_one_packet() const { return segmentation != kDatagramsOfUdp; }
};

static_assert(sizeof(VirtioNetHeader) == 10);

}  // namespace demi
