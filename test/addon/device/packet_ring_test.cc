#include "device/packet_ring.h"

#ifdef __linux__

#include <gtest/gtest.h>

#include "base/limits.h"
#include "device/device_frames.h"
#include "device/kernel_peer.h"
#include "device/network_namespace.h"

namespace demi {
namespace {

// A packet socket with a ring of 64 slots on veth0; what veth1 sends arrives there.
class PacketRingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    DEMI_NEEDS_NAMESPACE(network);
    network.make_veth("veth0", "veth1");
  }
  Result<PacketRing> map(size_t frame_bytes = 1518) {
    socket = FileDescriptor(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    auto ring = PacketRing::map(socket.get(), frame_bytes, kSlots);
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_protocol = htons(0x0003);  // everything
    at.sll_ifindex = static_cast<int>(::if_nametoindex("veth0"));
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    return ring;
  }
  static bool comes(const PacketRing& ring, int fd) { return ring.has_frame() || (is_readable(fd, 2'000) && ring.has_frame()); }

  static constexpr uint32_t kSlots = 64;
  NetworkNamespace network;
  FileDescriptor socket;
};

TEST_F(PacketRingTest, ShowsFramesInOrderAndGoesRound) {
  auto ring = map();
  ASSERT_TRUE(ring.ok());
  EXPECT_FALSE(ring->has_frame());
  for (uint32_t i = 0; i < 3 * kSlots; ++i) {
    const Octets sent = ethernet(station(2), station(1), i, 60 + i);
    send_by_kernel("veth1", sent);
    ASSERT_TRUE(comes(*ring, socket.get()));
    const PacketRing::Slot slot = ring->front();
    EXPECT_EQ(Octets(slot.bytes.begin(), slot.bytes.end()), sent);
    EXPECT_EQ(slot.frame_bytes, sent.size());
    EXPECT_EQ(slot.vlan_tag, 0u);
    EXPECT_FALSE(slot.waits_at_socket || slot.is_outgoing);
    EXPECT_EQ(slot.header.verdict(), ChecksumVerdict::kUnknown);
    ring->release();
  }
  EXPECT_FALSE(ring->has_frame());
}

TEST_F(PacketRingTest, TellsWhatTheKernelKnowsOfAFrame) {
  auto ring = map();
  ASSERT_TRUE(ring.ok());
  Octets tagged = ethernet(station(2), station(1), 7);
  const uint8_t tag[] = {0x81, 0x00, 0x60, 0x05};
  tagged.insert(tagged.begin() + 12, std::begin(tag), std::end(tag));
  send_by_kernel("veth1", tagged);
  send_by_kernel("veth0", ethernet(station(1), station(2), 8));
  send_by_kernel("veth1", long_segment(station(2), station(1), 1'000), {.flags = VirtioNetHeader::kNeedsChecksum, .header_bytes = 54,
                                                                        .checksum_start = 34, .checksum_offset = 16});
  ASSERT_TRUE(comes(*ring, socket.get()));
  EXPECT_EQ(ring->front().vlan_tag, 0x81006005u);
  EXPECT_EQ(ring->front().frame_bytes, tagged.size() - 4);
  ring->release();
  ASSERT_TRUE(comes(*ring, socket.get()));
  EXPECT_TRUE(ring->front().is_outgoing);
  ring->release();
  ASSERT_TRUE(comes(*ring, socket.get()));
  EXPECT_EQ(ring->front().header.verdict(), ChecksumVerdict::kGood);
}

TEST_F(PacketRingTest, WhatIsTooLongIsThereInPart) {
  auto ring = map();
  ASSERT_TRUE(ring.ok());
  const Octets sent = long_segment(station(2), station(1), 5'000);
  send_by_kernel("veth1", sent, kUncutTcp);
  ASSERT_TRUE(comes(*ring, socket.get()));
  const PacketRing::Slot slot = ring->front();
  EXPECT_EQ(slot.frame_bytes, 5'000u);
  EXPECT_LT(slot.bytes.size(), 2'048u);
  EXPECT_GE(slot.bytes.size(), 1'518u);
  EXPECT_TRUE(std::equal(slot.bytes.begin(), slot.bytes.end(), sent.begin()));
  // Only who has asked for it (PACKET_COPY_THRESH) finds the rest.
  EXPECT_FALSE(slot.waits_at_socket);
}

TEST_F(PacketRingTest, SlotsHaveABound) {
  auto ring = map(kLargestRoomBytes);
  ASSERT_TRUE(ring.ok());
  send_by_kernel("veth1", long_segment(station(2), station(1), 65'535), kUncutTcp);
  ASSERT_TRUE(comes(*ring, socket.get()));
  EXPECT_LT(ring->front().bytes.size(), kPacketSlotBytesMax);
  EXPECT_GT(ring->front().bytes.size(), kPacketSlotBytesMax - 256);
}

TEST_F(PacketRingTest, NeedsAPacketSocket) {
  FileDescriptor other(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_FALSE(PacketRing::map(other.get(), 1518, kSlots).ok());
}

}  // namespace
}  // namespace demi

#endif  // __linux__
