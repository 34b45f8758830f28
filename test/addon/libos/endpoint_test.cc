#include "libos/endpoint.h"

#include <gtest/gtest.h>

#include <unordered_set>

namespace demi {
namespace {

TEST(Endpoint, KeepsTheAddressInHostOrder) {
  EXPECT_EQ(Endpoint::ipv4(10, 0, 0, 1, 80).words[0], 0x0a000001u);
  EXPECT_EQ(Endpoint::ipv4(10, 0, 0, 1, 80).port, 80);
  EXPECT_EQ(Endpoint::ipv6_loopback(1).words, (std::array<uint32_t, 4>{0, 0, 0, 1}));
}

TEST(Endpoint, KnowsWildcards) {
  EXPECT_TRUE(Endpoint::wildcard(Family::kIPv6, 1).is_wildcard());
  EXPECT_FALSE(Endpoint::ipv6_loopback(1).is_wildcard());
}

TEST(Endpoint, KnowsMulticastAndBroadcast) {
  EXPECT_FALSE(Endpoint::ipv4(223, 255, 255, 255, 1).is_multicast_or_broadcast());
  EXPECT_TRUE(Endpoint::ipv4(224, 0, 0, 0, 1).is_multicast_or_broadcast());
  EXPECT_TRUE(Endpoint::ipv4(239, 255, 255, 255, 1).is_multicast_or_broadcast());
  EXPECT_FALSE(Endpoint::ipv4(240, 0, 0, 0, 1).is_multicast_or_broadcast());
  EXPECT_TRUE(Endpoint::ipv4(255, 255, 255, 255, 1).is_multicast_or_broadcast());
  Endpoint six = Endpoint::ipv6_loopback(1);
  EXPECT_FALSE(six.is_multicast_or_broadcast());
  six.words[0] = 0xff020000;
  EXPECT_TRUE(six.is_multicast_or_broadcast());
}

TEST(Endpoint, MapsIPv4IntoIPv6AndBack) {
  const Endpoint four = Endpoint::ipv4(10, 1, 2, 3, 80);
  const Endpoint mapped = four.to_v4_mapped();
  EXPECT_EQ(mapped.family, Family::kIPv6);
  EXPECT_EQ(mapped.words, (std::array<uint32_t, 4>{0, 0, 0xffff, 0x0a010203}));
  EXPECT_TRUE(mapped.is_v4_mapped());
  EXPECT_EQ(mapped.from_v4_mapped(), four);
  EXPECT_EQ(mapped.to_v4_mapped(), mapped);
  EXPECT_EQ(four.from_v4_mapped(), four);
  EXPECT_FALSE(Endpoint::ipv6_loopback(1).is_v4_mapped());
}

TEST(Endpoint, OnlyLinkLocalAddressesHaveAScope) {
  Endpoint local = Endpoint::ipv6_loopback(1);
  local.scope_id = 5;
  EXPECT_EQ(local.without_idle_scope(), Endpoint::ipv6_loopback(1));
  for (const uint32_t first : {0xfe800000u, 0xfebf0000u}) {
    local.words[0] = first;
    EXPECT_EQ(local.without_idle_scope().scope_id, 5u);
  }
  for (const uint32_t first : {0xfec00000u, 0xfe7f0000u, 0xff020000u}) {
    local.words[0] = first;
    EXPECT_EQ(local.without_idle_scope().scope_id, 0u);
  }
  Endpoint four = Endpoint::ipv4(254, 128, 0, 1, 1);
  four.scope_id = 5;
  EXPECT_EQ(four.without_idle_scope().scope_id, 0u);
}

TEST(Endpoint, NeighboursHaveHashesOfTheirOwn) {
  std::unordered_set<size_t> hashes;
  for (uint8_t host = 0; host < 100; ++host) {
    for (uint16_t port = 0; port < 10; ++port) hashes.insert(EndpointHash()(Endpoint::ipv4(10, 0, 0, host, port)));
  }
  EXPECT_EQ(hashes.size(), 1000u);
}

}  // namespace
}  // namespace demi
