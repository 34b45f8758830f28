#include "inet/routes.h"

#include <gtest/gtest.h>

namespace demi {
namespace {

constexpr IpAddress ip(uint8_t a, uint8_t b, uint8_t c, uint8_t d) { return IpAddress::ipv4(a, b, c, d); }
const Cidr kHome(ip(10, 0, 0, 2), 24);
const Cidr kEverything(ip(0, 0, 0, 0), 0);

TEST(RoutesTest, TheLongestPrefixWins) {
  Routes routes;
  const Cidr wide(ip(172, 16, 0, 0), 12), narrow(ip(172, 16, 5, 0), 24);
  EXPECT_EQ(routes.configure({kHome}, {{kEverything, ip(10, 0, 0, 1)}, {wide, ip(10, 0, 0, 8)}, {narrow, ip(10, 0, 0, 9)}}), "");
  EXPECT_EQ(routes.find(ip(8, 8, 8, 8))->address, ip(10, 0, 0, 1));
  EXPECT_EQ(routes.find(ip(172, 17, 0, 1))->address, ip(10, 0, 0, 8));
  EXPECT_EQ(routes.find(ip(172, 16, 5, 1))->address, ip(10, 0, 0, 9));
  // A host of our own network is reached without a gateway.
  EXPECT_EQ(routes.find(ip(10, 0, 0, 77))->address, ip(10, 0, 0, 77));
}

TEST(RoutesTest, WithoutARouteThereIsNoWay) {
  Routes routes;
  EXPECT_EQ(routes.configure({kHome}, {}), "");
  EXPECT_FALSE(routes.find(ip(10, 0, 1, 1)));
  EXPECT_FALSE(routes.find(IpAddress::ipv6(0x20010db8, 0, 0, 1)));
  EXPECT_FALSE(routes.find(IpAddress::all_nodes()));
}

TEST(RoutesTest, ThePacketComesFromTheLinkThatItLeavesBy) {
  Routes routes;
  const Cidr other(ip(192, 168, 7, 7), 16);
  EXPECT_EQ(routes.configure({kHome, other}, {{kEverything, ip(192, 168, 0, 1)}}), "");
  EXPECT_EQ(routes.find(ip(10, 0, 0, 1))->source, ip(10, 0, 0, 2));
  EXPECT_EQ(routes.find(ip(192, 168, 9, 9))->source, ip(192, 168, 7, 7));
  EXPECT_EQ(routes.find(ip(8, 8, 8, 8))->source, ip(192, 168, 7, 7));
  EXPECT_EQ(routes.find(ip(255, 255, 255, 255))->source, ip(10, 0, 0, 2));
}

TEST(RoutesTest, ToOurselvesWeSpeakAsTheOneWhoIsSpokenTo) {
  Routes routes;
  EXPECT_EQ(routes.configure({kHome}, {{kEverything, ip(10, 0, 0, 1)}}), "");
  for (const IpAddress& own : {ip(10, 0, 0, 2), ip(127, 0, 0, 1), ip(127, 9, 9, 9)}) {
    EXPECT_EQ(routes.find(own)->address, own);
    EXPECT_EQ(routes.find(own)->source, own);
  }
}

TEST(RoutesTest, KnowsBroadcasts) {
  Routes routes;
  EXPECT_EQ(routes.configure({kHome, Cidr(ip(10, 9, 0, 1), 31)}, {}), "");
  EXPECT_TRUE(routes.is_broadcast(ip(255, 255, 255, 255)));
  EXPECT_TRUE(routes.is_broadcast(ip(10, 0, 0, 255)));
  EXPECT_FALSE(routes.is_broadcast(ip(10, 0, 1, 255)));
  EXPECT_FALSE(routes.is_broadcast(ip(10, 9, 0, 1)));  // RFC 3021: a link of two has none
}

TEST(RoutesTest, KnowsItsNetworks) {
  Routes routes;
  ASSERT_EQ(routes.configure({Cidr(IpAddress::ipv4(10, 0, 0, 1), 24), Cidr(IpAddress::ipv4(10, 1, 0, 0), 31)}, {}), "");
  EXPECT_TRUE(routes.is_network(IpAddress::ipv4(10, 0, 0, 0)));
  EXPECT_FALSE(routes.is_network(IpAddress::ipv4(10, 0, 0, 1)));
  EXPECT_FALSE(routes.is_network(IpAddress::ipv4(10, 2, 0, 0)));
  EXPECT_FALSE(routes.is_network(IpAddress::ipv4(10, 1, 0, 0))) << "RFC 3021";
}

TEST(RoutesTest, TwoAddressesOfOneNetworkShareItsRoute) {
  Routes routes;
  EXPECT_EQ(routes.configure({kHome, Cidr(ip(10, 0, 0, 3), 24)}, {}), "");
  EXPECT_EQ(routes.size(), 1u);
  EXPECT_TRUE(routes.is_ours(ip(10, 0, 0, 2)));
  EXPECT_TRUE(routes.is_ours(ip(10, 0, 0, 3)));
}

TEST(RoutesTest, WhoIsOnALinkIsAskedHimself) {
  Routes routes;
  const Cidr beside(ip(172, 16, 0, 0), 16), beyond(ip(10, 0, 0, 128), 25);
  ASSERT_EQ(routes.configure({kHome}, {{beside, std::nullopt}, {beyond, ip(10, 0, 0, 1)}, {kEverything, ip(10, 0, 0, 1)}}), "");
  EXPECT_TRUE(routes.is_on_link(ip(10, 0, 0, 77)));
  EXPECT_TRUE(routes.is_on_link(ip(172, 16, 3, 4))) << "a route without a gateway";
  EXPECT_EQ(routes.find(ip(172, 16, 3, 4))->address, ip(172, 16, 3, 4));
  EXPECT_FALSE(routes.is_on_link(ip(172, 17, 0, 1)));
  EXPECT_FALSE(routes.is_on_link(ip(8, 8, 8, 8)));
  EXPECT_TRUE(routes.is_on_link(ip(10, 0, 0, 200))) << "in our network, although we go by a gateway";
}

struct Wrong {
  std::vector<Cidr> addresses;
  std::vector<Route> routes;
  const char* says;
};

TEST(RoutesTest, WhatIsWrongIsSaidAndChangesNothing) {
  const std::vector<Wrong> all = {
      {{}, {}, "needs an address"},
      {{Cidr()}, {}, "is empty"},
      {{Cidr(ip(10, 0, 0, 2), 0)}, {}, "has no prefix"},
      {{Cidr(ip(10, 0, 0, 0), 24)}, {}, "take one in between"},
      {{Cidr(ip(10, 0, 0, 255), 24)}, {}, "take one in between"},
      {{Cidr(ip(127, 0, 0, 1), 8)}, {}, "unicast"},
      {{Cidr(ip(224, 0, 0, 1), 8)}, {}, "unicast"},
      {{kHome, kHome}, {}, "given twice"},
      {{kHome, Cidr(ip(10, 0, 1, 1), 16)}, {}, "overlap"},
      {{kHome}, {{Cidr(ip(10, 0, 0, 0), 24), ip(10, 0, 0, 1)}}, "there twice"},
      {{kHome}, {{kEverything, ip(10, 0, 0, 1)}, {Cidr(ip(9, 9, 9, 9), 0), ip(10, 0, 0, 3)}}, "there twice"},
      {{kHome}, {{kEverything, ip(10, 0, 1, 1)}}, "on no network of ours"},
      {{kHome}, {{kEverything, ip(10, 0, 0, 2)}}, "no other host"},
      {{kHome}, {{kEverything, ip(10, 0, 0, 255)}}, "no other host"},
      {{kHome}, {{Cidr(ip(224, 0, 0, 0), 4), ip(10, 0, 0, 1)}}, "never routed"},
      {{kHome}, {{Cidr(ip(127, 0, 0, 0), 8), ip(10, 0, 0, 1)}}, "never routed"},
      {{kHome}, {{Cidr(), std::nullopt}}, "no destination"},
      {{kHome}, {{Cidr(IpAddress::ipv6(0x20010db8, 0, 0, 0), 32), std::nullopt}}, "family"},
  };
  for (const Wrong& wrong : all) {
    Routes routes;
    const std::string problem = routes.configure(wrong.addresses, wrong.routes);
    EXPECT_NE(problem.find(wrong.says), std::string::npos) << wrong.says << " is not in: " << problem;
    EXPECT_EQ(routes.size(), 0u);
  }
}

TEST(RoutesTest, ThereAreAsManyAsThereMayBe) {
  std::vector<Route> added;
  for (size_t i = 0; i < kRoutesMax; ++i) added.push_back({Cidr(IpAddress::ipv4(172, 16, static_cast<uint8_t>(i), 0), 24), ip(10, 0, 0, 1)});
  Routes routes;
  EXPECT_EQ(routes.configure({kHome}, added), "");
  added.push_back({kEverything, ip(10, 0, 0, 1)});
  EXPECT_NE(routes.configure({kHome}, added), "");
  std::vector<Cidr> addresses;
  for (size_t i = 0; i <= kAddressesMax; ++i) addresses.emplace_back(IpAddress::ipv4(172, 16, static_cast<uint8_t>(i), 1), 24);
  EXPECT_NE(routes.configure(addresses, {}), "");
}

TEST(RoutesTest, MessagesNameAddresses) {
  EXPECT_EQ(text_of(ip(10, 0, 200, 2)), "10.0.200.2");
  EXPECT_EQ(text_of(kHome), "10.0.0.2/24");
  EXPECT_EQ(text_of(IpAddress::ipv6(0x20010db8, 0, 0, 0x00a00001)), "2001:db8:0:0:0:0:a0:1");
}

}  // namespace
}  // namespace demi
