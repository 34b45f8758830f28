#include "device/virtio_net_header.h"

#include <gtest/gtest.h>

#include <cstring>

#include "device/uncut_frame.h"

namespace demi {
namespace {

TEST(VirtioNetHeader, SaysWhichChecksumIsUnfinished) {
  Memory memory;
  Frame frame = make_frame(memory, ethernet(station(2), station(1), 7));
  EXPECT_EQ(VirtioNetHeader::of(frame).flags, 0);
  frame.checksum_start = 34;
  frame.checksum_offset = 16;
  const VirtioNetHeader header = VirtioNetHeader::of(frame);
  // Byte by byte as the specification has it, on a machine with the least significant byte first.
  const uint16_t expected[] = {0x0001, 0, 0, 34, 16};
  EXPECT_EQ(std::memcmp(&header, expected, sizeof header), 0);
}

TEST(VirtioNetHeader, SaysHowToCut) {
  Memory memory;
  const Frame frame = UncutFrame().make(memory, 5'000, 1'448);
  const VirtioNetHeader header = VirtioNetHeader::of(frame);
  const uint16_t expected[] = {0x0101, 66, 1'448, 34, 16};
  EXPECT_EQ(std::memcmp(&header, expected, sizeof header), 0);
  // The same when text follows the headers in the head.
  const VirtioNetHeader whole = VirtioNetHeader::of(UncutFrame().make(memory, 5'000, 1'448, SIZE_MAX));
  EXPECT_EQ(std::memcmp(&whole, expected, sizeof whole), 0);
}

TEST(VirtioNetHeader, IsAVerdictOnTheChecksum) {
  VirtioNetHeader header;
  EXPECT_EQ(header.verdict(), ChecksumVerdict::kUnknown);
  header.flags = VirtioNetHeader::kNeedsChecksum;
  EXPECT_EQ(header.verdict(), ChecksumVerdict::kGood);
  header.flags = VirtioNetHeader::kChecksumGood;
  EXPECT_EQ(header.verdict(), ChecksumVerdict::kGood);
}

TEST(VirtioNetHeader, DatagramsThatWereNotCutAreNotOnePacket) {
  VirtioNetHeader header;
  EXPECT_TRUE(header.is_one_packet());
  header.segmentation = VirtioNetHeader::kTcpIpv4 | VirtioNetHeader::kCongestionMark;
  EXPECT_TRUE(header.is_one_packet());
  header.segmentation = VirtioNetHeader::kDatagramsOfUdp;
  EXPECT_FALSE(header.is_one_packet());
}

}  // namespace
}  // namespace demi
