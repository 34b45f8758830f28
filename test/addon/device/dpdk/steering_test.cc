#include "device/dpdk/steering.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace demi::dpdk {
namespace {

using Bytes = std::vector<uint8_t>;
constexpr uint16_t kNobody = Steering::kNobody;
constexpr uint16_t kEverybody = Steering::kEverybody;

void put16(Bytes& into, uint16_t value) { into.insert(into.end(), {static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)}); }
void put32(Bytes& into, uint32_t value) {
  put16(into, static_cast<uint16_t>(value >> 16));
  put16(into, static_cast<uint16_t>(value));
}
Bytes joined(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}
Bytes framed(uint16_t type, const Bytes& packet) {
  Bytes frame(12);
  put16(frame, type);
  return joined(std::move(frame), packet);
}

constexpr uint8_t kTcp = 6, kUdp = 17, kIcmp = 1, kIcmpV6 = 58;
constexpr uint32_t kUs = 0x0a000001, kPeer = 0x0a000002;

Bytes ipv4(uint8_t protocol, uint32_t from, uint32_t to, const Bytes& payload, uint16_t fragment = 0, uint8_t words = 5) {
  Bytes packet = {static_cast<uint8_t>(0x40 | words), 0};
  put16(packet, 0);
  put16(packet, 1);
  put16(packet, fragment);
  packet.insert(packet.end(), {64, protocol, 0, 0});
  put32(packet, from);
  put32(packet, to);
  packet.resize(words * 4u);
  return joined(std::move(packet), payload);
}
Bytes ipv6(uint8_t protocol, uint32_t from, uint32_t to, const Bytes& payload) {
  Bytes packet = {0x60, 0, 0, 0, 0, 0, protocol, 64};
  for (uint32_t end : {from, to}) {
    put32(packet, 0xfd000000);
    put32(packet, 0);
    put32(packet, 0);
    put32(packet, end);
  }
  return joined(std::move(packet), payload);
}
Bytes ports(uint16_t from, uint16_t to) {
  Bytes both;
  put16(both, from);
  put16(both, to);
  both.resize(20);
  return both;
}
Bytes icmp(uint8_t type, const Bytes& rest) {
  Bytes message = {type, 0, 0, 0, 0, 0, 0, 0};
  return joined(std::move(message), rest);
}
Bytes tcp4(uint16_t from, uint16_t to) { return framed(0x0800, ipv4(kTcp, kPeer, kUs, ports(from, to))); }
Bytes udp4(uint16_t from, uint16_t to) { return framed(0x0800, ipv4(kUdp, kPeer, kUs, ports(from, to))); }
Bytes arp(uint16_t operation, uint32_t sender, uint32_t target) {
  Bytes packet(6);
  put16(packet, operation);
  packet.resize(14);
  put32(packet, sender);
  packet.resize(24);
  put32(packet, target);
  packet.resize(28);
  return framed(0x0806, packet);
}

class SteeringTest : public ::testing::Test {
 protected:
  SteeringTest() {
    for (uint16_t queue = 0; queue < 4; ++queue) steering.set_open(queue, true);
  }
  uint16_t find(const Bytes& frame) const { return steering.find(frame.data(), frame.size()); }
  uint16_t flow(uint16_t from, uint16_t to) const {
    return FlowShare{.queues = 4}.queue_of(FlowFold().add32(kPeer).add32(kUs).add16(from).add16(to).hash());
  }
  Steering steering{4, 128};
};

TEST_F(SteeringTest, AFlowHasTheQueueOfItsHash) {
  std::map<uint16_t, int> seen;
  for (uint16_t port = 40'000; port < 40'400; ++port) {
    const uint16_t queue = find(tcp4(port, 80));
    EXPECT_EQ(queue, flow(port, 80));
    EXPECT_EQ(find(udp4(port, 80)), queue);
    ++seen[queue];
  }
  EXPECT_EQ(seen.size(), 4u);
}

TEST_F(SteeringTest, OptionsOfTheHeaderAreNoPorts) {
  for (uint16_t port = 40'000; port < 40'020; ++port) {
    EXPECT_EQ(find(framed(0x0800, ipv4(kTcp, kPeer, kUs, ports(port, 80), 0, 15))), flow(port, 80));
  }
}

TEST_F(SteeringTest, Ipv6HasFlowsToo) {
  for (uint16_t port = 40'000; port < 40'020; ++port) {
    FlowFold fold;
    fold.add_address({0xfd000000, 0, 0, kPeer}).add_address({0xfd000000, 0, 0, kUs}).add16(port).add16(80);
    const uint16_t queue = FlowShare{.queues = 4}.queue_of(fold.hash());
    EXPECT_EQ(find(framed(0x86dd, ipv6(kTcp, kPeer, kUs, ports(port, 80)))), queue);
    const Bytes quoted = ipv6(kTcp, kUs, kPeer, ports(80, port));
    EXPECT_EQ(find(framed(0x86dd, ipv6(kIcmpV6, kPeer, kUs, icmp(2, quoted)))), queue);
  }
}

TEST_F(SteeringTest, AnErrorGoesToTheFlowThatItQuotes) {
  for (uint8_t type : {3, 4, 5, 11, 12}) {
    const Bytes quoted = ipv4(kTcp, kUs, kPeer, ports(80, 40'007));
    EXPECT_EQ(find(framed(0x0800, ipv4(kIcmp, 0x0a0000fe, kUs, icmp(type, quoted)))), flow(40'007, 80));
  }
}

TEST_F(SteeringTest, ADatagramIsForWhoeverHasItsPort) {
  const uint16_t owner = (flow(53, 50'000) + 1) % 4;
  steering.set_datagram_port(owner, 50'000, true);
  EXPECT_EQ(find(udp4(53, 50'000)), owner);
  EXPECT_EQ(find(tcp4(53, 50'000)), flow(53, 50'000));
  // What was sent from there is quoted.
  EXPECT_EQ(find(framed(0x0800, ipv4(kIcmp, kPeer, kUs, icmp(3, ipv4(kUdp, kUs, kPeer, ports(50'000, 53)))))), owner);
  // Of several, whose flow it is.
  steering.set_datagram_port(flow(53, 50'000), 50'000, true);
  EXPECT_EQ(find(udp4(53, 50'000)), flow(53, 50'000));
  steering.set_datagram_port(flow(53, 50'000), 50'000, false);
  EXPECT_EQ(find(udp4(53, 50'000)), owner);
  steering.set_open(owner, false);
  EXPECT_NE(find(udp4(53, 50'000)), owner);
}

TEST_F(SteeringTest, WhatTellsOfNeighborsIsForEverybody) {
  EXPECT_EQ(find(arp(2, kPeer, kUs)), kEverybody);
  EXPECT_EQ(find(arp(1, kPeer, kPeer)), kEverybody);
  for (uint8_t type : {133, 134, 135, 136, 137}) EXPECT_EQ(find(framed(0x86dd, ipv6(kIcmpV6, kPeer, kUs, icmp(type, {})))), kEverybody);
  // A question is answered once.
  EXPECT_EQ(find(arp(1, kPeer, kUs)), kNobody);
}

TEST_F(SteeringTest, TheRestStaysWhereItCame) {
  EXPECT_EQ(find(framed(0x0800, ipv4(kIcmp, kPeer, kUs, icmp(8, Bytes(40))))), kNobody);
  EXPECT_EQ(find(framed(0x86dd, ipv6(kIcmpV6, kPeer, kUs, icmp(128, Bytes(40))))), kNobody);
  EXPECT_EQ(find(framed(0x0800, ipv4(47, kPeer, kUs, ports(1, 2)))), kNobody);
  EXPECT_EQ(find(framed(0x88cc, Bytes(60))), kNobody);
  // Of fragments, the first, one in the middle and the last.
  for (uint16_t fragment : {0x2000, 0x2010, 0x0020}) EXPECT_EQ(find(framed(0x0800, ipv4(kTcp, kPeer, kUs, ports(40'000, 80), fragment))), kNobody);
  // "Do not fragment" is none.
  EXPECT_EQ(find(framed(0x0800, ipv4(kTcp, kPeer, kUs, ports(40'000, 80), 0x4000))), flow(40'000, 80));
}

TEST_F(SteeringTest, NothingIsReadBehindTheEnd) {
  const Bytes quoted4 = ipv4(kTcp, kUs, kPeer, ports(80, 40'007));
  const Bytes quoted6 = ipv6(kTcp, kUs, kPeer, ports(80, 40'007));
  for (const Bytes& whole : {tcp4(40'000, 80), framed(0x0800, ipv4(kTcp, kPeer, kUs, ports(1, 2), 0, 15)), arp(2, kPeer, kUs),
                             framed(0x0800, ipv4(kIcmp, kPeer, kUs, icmp(3, quoted4))), framed(0x86dd, ipv6(kTcp, kPeer, kUs, ports(1, 2))),
                             framed(0x86dd, ipv6(kIcmpV6, kPeer, kUs, icmp(1, quoted6)))}) {
    for (size_t length = 0; length < whole.size(); ++length) {
      // A copy of that length, so that a sanitizer sees what is read behind it.
      const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
      find(cut);
    }
  }
  // Headers that claim more than there is, or less than there must be.
  for (uint8_t words : {0, 4, 15}) {
    Bytes frame = tcp4(40'000, 80);
    frame[14] = 0x40 | words;
    frame.resize(14 + 20 + 8);
    EXPECT_EQ(find(frame), kNobody);
    frame = framed(0x0800, ipv4(kIcmp, kPeer, kUs, icmp(3, quoted4)));
    frame[14 + 20 + 8] = 0x40 | words;
    frame.resize(14 + 20 + 8 + 28);
    EXPECT_EQ(find(frame), kNobody);
  }
}

TEST_F(SteeringTest, FlowsOfAQueueThatNobodyHasAreDealtOut) {
  std::map<uint16_t, uint16_t> before;
  for (uint16_t port = 40'000; port < 40'400; ++port) before[port] = find(tcp4(port, 80));
  steering.set_open(2, false);
  EXPECT_FALSE(steering.all_are_open());
  std::map<uint16_t, int> moved;
  for (const auto& [port, queue] : before) {
    const uint16_t now = find(tcp4(port, 80));
    // Nobody else's have moved.
    if (queue == 2) {
      ++moved[now];
    } else {
      EXPECT_EQ(now, queue);
    }
  }
  EXPECT_EQ(moved.size(), 3u);
  EXPECT_FALSE(moved.contains(2));
  steering.set_open(2, true);
  EXPECT_TRUE(steering.all_are_open());
  for (const auto& [port, queue] : before) EXPECT_EQ(find(tcp4(port, 80)), queue);
}

TEST_F(SteeringTest, TheFirstThatIsOpenTakesCareOfTheOthers) {
  EXPECT_TRUE(steering.is_caretaker(0));
  EXPECT_FALSE(steering.is_caretaker(1));
  steering.set_open(0, false);
  EXPECT_TRUE(steering.is_caretaker(1));
  EXPECT_FALSE(steering.is_caretaker(3));
  for (uint16_t queue = 1; queue < 4; ++queue) steering.set_open(queue, false);
  EXPECT_EQ(steering.open_queues(), 0u);
  EXPECT_LT(find(tcp4(40'000, 80)), 4);
}

TEST(Steering, HasUpTo64Queues) {
  Steering all(64, 512);
  for (uint16_t queue = 0; queue < 64; ++queue) {
    EXPECT_FALSE(all.all_are_open());
    all.set_open(queue, true);
  }
  EXPECT_TRUE(all.all_are_open());
  EXPECT_EQ(all.entry(511), 511 % 64);
}

}  // namespace
}  // namespace demi::dpdk
