#include "device/datagram_cutter.h"

#include <gtest/gtest.h>

#include "device/device_frames.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/udp.h"

namespace demi {
namespace {

constexpr size_t kHeaders = EthernetView::kBytes + Ipv4Header::kBytes + UdpHeader::kBytes;

class DatagramCutterTest : public ::testing::Test {
 protected:
  // A series with a payload of `bytes`, as if it were one datagram.
  static Octets series(size_t bytes) {
    Octets octets(kHeaders + bytes);
    for (size_t i = kHeaders; i < octets.size(); ++i) octets[i] = static_cast<uint8_t>(i * 13);
    EthernetHeader{station(2), station(1), EtherType::kIPv4, false, 0}.emit(octets);
    Ipv4Header ip;
    ip.identification = 0xffff;
    ip.protocol = IpProtocol::kUdp;
    ip.source = IpAddress::ipv4(10, 9, 0, 1);
    ip.destination = IpAddress::ipv4(10, 9, 0, 2);
    ip.payload_bytes = static_cast<uint16_t>(UdpHeader::kBytes + bytes);
    ip.emit(MutableBytes(octets).subspan(EthernetView::kBytes));
    UdpHeader{4001, 4000, static_cast<uint16_t>(bytes)}.emit(MutableBytes(octets).subspan(34));
    return octets;
  }
  static VirtioNetHeader cut_into(uint16_t bytes, uint16_t udp_start = 34) {
    return {.flags = VirtioNetHeader::kNeedsChecksum,
            .segmentation = VirtioNetHeader::kDatagramsOfUdp,
            .header_bytes = static_cast<uint16_t>(udp_start + 8),
            .segment_bytes = bytes,
            .checksum_start = udp_start,
            .checksum_offset = 6};
  }
  bool begin(const Octets& octets, const VirtioNetHeader& header, bool has_tag = false) {
    return cutter.begin(make_frame(memory, octets), header, has_tag);
  }

  Memory memory;
  DatagramCutter cutter;
};

TEST_F(DatagramCutterTest, EachIsAPacketOfItsOwn) {
  const Octets whole = series(2'500);
  ASSERT_TRUE(begin(whole, cut_into(1'000)));
  size_t at = kHeaders;
  for (uint16_t i = 0; i < 3; ++i) {
    const size_t expected = i < 2 ? 1'000 : 500;
    ASSERT_FALSE(cutter.empty());
    const Frame frame = cutter.next(memory);
    EXPECT_EQ(frame.verdict, ChecksumVerdict::kGood);
    EXPECT_EQ(frame.head->references, 1u);
    const Octets octets = octets_of(frame);
    ASSERT_EQ(octets.size(), kHeaders + expected);
    EXPECT_TRUE(std::equal(octets.begin(), octets.begin() + 14, whole.begin()));
    const auto ip = Ipv4View::parse(Bytes(octets).subspan(EthernetView::kBytes));
    ASSERT_TRUE(ip);
    EXPECT_TRUE(ip->checksum_is_valid());
    EXPECT_EQ(ip->identification(), static_cast<uint16_t>(0xffff + i));
    const auto udp = UdpView::parse(ip->payload());
    ASSERT_TRUE(udp);
    EXPECT_EQ(udp->destination_port(), 4000);
    ASSERT_EQ(udp->payload().size(), expected);
    EXPECT_TRUE(std::equal(udp->payload().begin(), udp->payload().end(), whole.begin() + static_cast<ptrdiff_t>(at)));
    at += expected;
  }
  EXPECT_TRUE(cutter.empty());
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
}

TEST_F(DatagramCutterTest, ATagMovesEverything) {
  Octets whole = series(300);
  const uint8_t tag[] = {0x81, 0x00, 0x00, 0x05};
  whole.insert(whole.begin() + 12, std::begin(tag), std::end(tag));
  ASSERT_TRUE(begin(whole, cut_into(200), true));
  for (const size_t expected : {200, 100}) {
    const Octets octets = octets_of(cutter.next(memory));
    const auto ethernet = EthernetView::parse(octets);
    EXPECT_EQ(ethernet->vlan_tag(), 5);
    const auto ip = Ipv4View::parse(ethernet->payload());
    EXPECT_TRUE(ip->checksum_is_valid());
    EXPECT_EQ(UdpView::parse(ip->payload())->payload().size(), expected);
  }
}

TEST_F(DatagramCutterTest, OfIpv6OnlyTheLengthsDiffer) {
  Octets whole(14 + 40 + 8 + 300, 0x11);
  EthernetHeader{station(2), station(1), EtherType::kIPv6, false, 0}.emit(whole);
  whole[14] = 0x60;
  ASSERT_TRUE(begin(whole, cut_into(200, 54)));
  for (const uint16_t expected : {200, 100}) {
    const Octets octets = octets_of(cutter.next(memory));
    ASSERT_EQ(octets.size(), 62u + expected);
    EXPECT_EQ(load_be16(octets.data() + 18), 8 + expected);
    EXPECT_EQ(load_be16(octets.data() + 58), 8 + expected);
  }
  EXPECT_TRUE(cutter.empty());
}

TEST_F(DatagramCutterTest, WithoutMemoryOneIsLostAndNotTheNext) {
  Memory poor(MemoryConfig{.limit_bytes = 64 << 10, .headroom = 0, .max_segments = 10});
  ASSERT_TRUE(begin(series(2'000), cut_into(1'000)));
  std::vector<BufferRef> rooms;
  while (BufferRef room = poor.allocate_room(1'100)) rooms.push_back(std::move(room));
  EXPECT_TRUE(cutter.next(poor).empty());
  rooms.clear();
  const Octets second = octets_of(cutter.next(poor));
  EXPECT_EQ(second.size(), kHeaders + 1'000);
  EXPECT_EQ(second.back(), series(2'000).back());
  EXPECT_TRUE(cutter.empty());
}

TEST_F(DatagramCutterTest, WhatCannotBeIsRefused) {
  const Octets whole = series(300);
  EXPECT_FALSE(begin(whole, cut_into(0)));
  EXPECT_FALSE(begin(whole, cut_into(100, 20)));                                    // headers within the IP header
  EXPECT_FALSE(begin(whole, cut_into(100, static_cast<uint16_t>(whole.size() - 8))));  // nothing behind them
  Octets other = whole;
  other[14] = 0x60;
  EXPECT_FALSE(begin(other, cut_into(100)));  // too short for IPv6
  other[14] = 0x50;
  EXPECT_FALSE(begin(other, cut_into(100)));
  EXPECT_TRUE(cutter.empty());
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
}

}  // namespace
}  // namespace demi
