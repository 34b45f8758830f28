#include "inet/udp_socket.h"

#include <gtest/gtest.h>

#include <vector>

#include "memory/memory.h"

namespace demi {
namespace {

constexpr IpAddress kOwn = IpAddress::ipv4(10, 0, 0, 2);
constexpr IpAddress kAll = IpAddress::ipv4(0, 0, 0, 0);
constexpr InetEndpoint kPeer{IpAddress::ipv4(10, 0, 0, 9), 53};
constexpr InetEndpoint kStranger{IpAddress::ipv4(10, 0, 0, 9), 54};

class UdpSocketTest : public ::testing::Test {
 protected:
  UdpDatagram datagram(size_t bytes) {
    UdpDatagram made{memory.make_array(), kPeer, kOwn};
    const std::vector<uint8_t> octets(bytes, 7);
    EXPECT_TRUE(bytes == 0 || memory.copy_whole(octets, made.payload));
    return made;
  }
  Memory memory;
};

TEST_F(UdpSocketTest, TheMoreExactTheBetterTheMatch) {
  UdpSocket wildcard({kAll, 53}, 1000), bound({kOwn, 53}, 1000), connected({kOwn, 53}, 1000);
  connected.connect(kPeer, kOwn);
  EXPECT_LT(0, wildcard.match(kOwn, kPeer));
  EXPECT_LT(wildcard.match(kOwn, kPeer), bound.match(kOwn, kPeer));
  EXPECT_LT(bound.match(kOwn, kPeer), connected.match(kOwn, kPeer));
}

TEST_F(UdpSocketTest, OthersDoNotMatch) {
  UdpSocket wildcard({kAll, 53}, 1000), bound({kOwn, 53}, 1000), connected({kAll, 53}, 1000);
  connected.connect(kPeer, kOwn);
  EXPECT_EQ(bound.match(IpAddress::ipv4(10, 0, 0, 3), kPeer), 0);
  EXPECT_EQ(connected.match(kOwn, kStranger), 0);
  EXPECT_EQ(connected.match(IpAddress::ipv4(10, 0, 0, 3), kPeer), 0);
  EXPECT_EQ(wildcard.match(IpAddress::ipv6(0x20010db8, 0, 0, 1), kPeer), 0);
}

TEST_F(UdpSocketTest, DatagramsComeInOrderAndEmptyOnesAreDatagrams) {
  UdpSocket socket({kAll, 53}, 100'000);
  for (size_t bytes : {5, 0, 7}) EXPECT_TRUE(socket.deliver(datagram(bytes)));
  for (size_t bytes : {5, 0, 7}) {
    Result<UdpDatagram> received = socket.receive();
    ASSERT_TRUE(received.ok());
    EXPECT_EQ(received->payload.bytes(), bytes);
    EXPECT_EQ(received->from, kPeer);
  }
  EXPECT_EQ(socket.receive().error(), Errno::kEAGAIN);
}

TEST_F(UdpSocketTest, RoomsCountAndNotBytes) {
  UdpSocket socket({kAll, 53}, 1024);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(socket.deliver(datagram(1)));
  EXPECT_FALSE(socket.deliver(datagram(1)));
  EXPECT_EQ(socket.dropped(), 1u);
  ASSERT_TRUE(socket.receive().ok());
  EXPECT_TRUE(socket.deliver(datagram(1)));
}

TEST_F(UdpSocketTest, OneLargeDatagramAlwaysFits) {
  UdpSocket socket({kAll, 53}, 100);
  EXPECT_TRUE(socket.deliver(datagram(1400)));
  EXPECT_FALSE(socket.deliver(datagram(1400)));
}

TEST_F(UdpSocketTest, EmptyDatagramsAreBounded) {
  UdpSocket socket({kAll, 53}, 100);
  for (size_t i = 0; i < kUdpQueueDatagrams; ++i) EXPECT_TRUE(socket.deliver(datagram(0)));
  EXPECT_FALSE(socket.deliver(datagram(0)));
  EXPECT_EQ(socket.readable(), kUdpQueueDatagrams);
}

TEST_F(UdpSocketTest, AnErrorIsToldOnceAndOnlyToWhoIsConnected) {
  UdpSocket socket({kAll, 53}, 1000);
  EXPECT_FALSE(socket.fail(Errno::kECONNREFUSED));
  EXPECT_EQ(socket.receive().error(), Errno::kEAGAIN);
  socket.connect(kPeer, kOwn);
  EXPECT_TRUE(socket.deliver(datagram(1)));
  EXPECT_TRUE(socket.fail(Errno::kECONNREFUSED));
  EXPECT_TRUE(socket.has_error());
  EXPECT_EQ(socket.receive().error(), Errno::kECONNREFUSED);
  EXPECT_TRUE(socket.receive().ok());
}

}  // namespace
}  // namespace demi
