#include "inet/port_numbers.h"

#include <gtest/gtest.h>

#include <set>

namespace demi {
namespace {

constexpr SipHashKey kSecret{1, 2};
constexpr IpAddress kOwn = IpAddress::ipv4(10, 0, 0, 2);
constexpr IpAddress kOther = IpAddress::ipv4(10, 0, 0, 3);
constexpr IpAddress kAll = IpAddress::ipv4(0, 0, 0, 0);
constexpr InetEndpoint kPeer{IpAddress::ipv4(10, 0, 0, 9), 80};
constexpr auto kAnyWillDo = [](uint16_t) { return true; };

TEST(PortNumbersTest, APortIsTakenForAnAddressOrForAll) {
  PortNumbers ports({}, kSecret);
  EXPECT_TRUE(ports.claim({kOwn, 80}).ok());
  EXPECT_EQ(ports.claim({kOwn, 80}).error(), Errno::kEADDRINUSE);
  EXPECT_EQ(ports.claim({kAll, 80}).error(), Errno::kEADDRINUSE);
  EXPECT_TRUE(ports.claim({kOther, 80}).ok());
  EXPECT_TRUE(ports.claim({kAll, 81}).ok());
  EXPECT_EQ(ports.claim({kOwn, 81}).error(), Errno::kEADDRINUSE);
  // The other family has ports of its own.
  EXPECT_TRUE(ports.claim({IpAddress::unspecified(Family::kIPv6), 80}).ok());
}

TEST(PortNumbersTest, WhatIsReleasedCanBeTakenAgain) {
  PortNumbers ports({}, kSecret);
  ASSERT_TRUE(ports.claim({kOwn, 80}).ok());
  ASSERT_TRUE(ports.claim({kOther, 80}).ok());
  ports.release({kOwn, 80});
  EXPECT_TRUE(ports.is_claimed(80));
  EXPECT_FALSE(ports.is_claimed({kOwn, 80}));
  ports.release({kOther, 80});
  EXPECT_FALSE(ports.is_claimed(80));
  EXPECT_TRUE(ports.claim({kAll, 80}).ok());
}

TEST(PortNumbersTest, OneDestinationGetsOneAfterTheOther) {
  PortNumbers ports({50'000, 50'099}, kSecret);
  const uint16_t first = ports.pick(kOwn, kPeer, kAnyWillDo);
  for (int i = 1; i < 100; ++i) EXPECT_EQ(ports.pick(kOwn, kPeer, kAnyWillDo), 50'000 + (first - 50'000 + i) % 100);
  EXPECT_EQ(ports.pick(kOwn, kPeer, kAnyWillDo), first);
}

// RFC 6056 3.3.4: what one destination sees tells nothing of what another one will see.
TEST(PortNumbersTest, DestinationsBeginInDifferentPlacesThatDependOnTheSecret) {
  std::set<uint16_t> firsts;
  for (uint16_t port = 1; port <= 64; ++port) {
    PortNumbers ports({}, kSecret), of_another({}, {3, 4});
    firsts.insert(ports.pick(kOwn, {kPeer.address, port}, kAnyWillDo));
    firsts.insert(of_another.pick(kOwn, {kPeer.address, port}, kAnyWillDo));
  }
  EXPECT_GT(firsts.size(), 120u);
}

TEST(PortNumbersTest, OnlyAFreePortIsPicked) {
  PortNumbers ports({50'000, 50'009}, kSecret);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ports.pick(kOwn, kPeer, [](uint16_t port) { return port == 50'007; }), 50'007);
  EXPECT_EQ(ports.pick(kOwn, kPeer, [](uint16_t) { return false; }), 0);
}

TEST(PortNumbersTest, OnlyWhatWillDoIsClaimed) {
  PortNumbers ports({50'000, 50'009}, kSecret);
  const auto is_odd = [](uint16_t port) { return port % 2 == 1; };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(*ports.claim_any(kOwn, is_odd) % 2, 1);
  EXPECT_EQ(ports.claim_any(kOwn, is_odd).error(), Errno::kEADDRINUSE);
}

TEST(PortNumbersTest, AllOfARangeCanBeClaimedAndNoMore) {
  const auto any = [](uint16_t) { return true; };
  PortNumbers ports({65'530, 65'535}, kSecret);
  ASSERT_TRUE(ports.claim({kAll, 65'532}).ok());
  std::set<uint16_t> claimed;
  for (int i = 0; i < 5; ++i) {
    Result<uint16_t> port = ports.claim_any(kOwn, any);
    ASSERT_TRUE(port.ok());
    claimed.insert(*port);
  }
  EXPECT_EQ(claimed.size(), 5u);
  EXPECT_EQ(ports.claim_any(kOwn, any).error(), Errno::kEADDRINUSE);
  // The same ports of another address, but for the one that is taken for all.
  EXPECT_TRUE(ports.claim_any(kOther, any).ok());
}

TEST(PortNumbersTest, ARangeHasPorts) {
  EXPECT_TRUE(PortRange{}.is_valid());
  EXPECT_TRUE((PortRange{7, 7}.is_valid()));
  EXPECT_FALSE((PortRange{0, 7}.is_valid()));
  EXPECT_FALSE((PortRange{8, 7}.is_valid()));
}

}  // namespace
}  // namespace demi
