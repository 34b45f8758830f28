#include "wire/address.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "wire/wire_bytes.h"

namespace demi {
namespace {

TEST(Address, MacAddressesAreOfOneOrOfMany) {
  const MacAddress station{{0x02, 0, 0, 0, 0, 1}}, group{{0x01, 0, 0x5e, 0, 0, 1}};
  EXPECT_TRUE(station.is_unicast());
  EXPECT_FALSE(station.is_group());
  EXPECT_TRUE(group.is_group());
  EXPECT_FALSE(group.is_broadcast() || group.is_unicast());
  EXPECT_TRUE(MacAddress::broadcast().is_broadcast() && MacAddress::broadcast().is_group());
  EXPECT_TRUE(MacAddress{}.is_zero());
  EXPECT_FALSE(MacAddress{}.is_unicast());
}

TEST(Address, LoadsAndStoresBytesInOrder) {
  const Octets mac = hex("02 11 22 33 44 55"), four = hex("c0 a8 01 fe");
  const Octets six = hex("2001 0db8 0000 0001 8000 0000 0000 ffff");
  Octets out(6);
  MacAddress::load(mac.data()).store(out.data());
  EXPECT_EQ(out, mac);
  out.resize(4);
  EXPECT_EQ(IpAddress::load_ipv4(four.data()), IpAddress::ipv4(192, 168, 1, 254));
  IpAddress::load_ipv4(four.data()).store(out.data());
  EXPECT_EQ(out, four);
  out.resize(16);
  EXPECT_EQ(IpAddress::load_ipv6(six.data()), IpAddress::ipv6(0x20010db8, 1, 0x80000000, 0xffff));
  IpAddress::load_ipv6(six.data()).store(out.data());
  EXPECT_EQ(out, six);
}

TEST(Address, FamiliesAreNeverEqual) {
  EXPECT_NE(IpAddress::unspecified(Family::kIPv4), IpAddress::unspecified(Family::kIPv6));
  EXPECT_NE(IpAddress::ipv4(10, 0, 0, 1), IpAddress::ipv4(10, 0, 0, 1).to_v4_mapped());
}

struct Kinds {
  bool unspecified, loopback, multicast, broadcast, link_local, unicast;
  bool operator==(const Kinds&) const = default;
};

Kinds kinds(const IpAddress& a) {
  return {a.is_unspecified(), a.is_loopback(), a.is_multicast(), a.is_limited_broadcast(), a.is_link_local(), a.is_unicast()};
}

TEST(Address, KindsOfIPv4) {
  EXPECT_EQ(kinds(IpAddress::ipv4(0, 0, 0, 0)), (Kinds{true, false, false, false, false, false}));
  EXPECT_EQ(kinds(IpAddress::ipv4(0, 0, 0, 1)), (Kinds{false, false, false, false, false, false}));
  EXPECT_EQ(kinds(IpAddress::ipv4(10, 0, 0, 1)), (Kinds{false, false, false, false, false, true}));
  EXPECT_EQ(kinds(IpAddress::ipv4(126, 255, 255, 255)), (Kinds{false, false, false, false, false, true}));
  EXPECT_EQ(kinds(IpAddress::ipv4(127, 0, 0, 1)), (Kinds{false, true, false, false, false, true}));
  EXPECT_EQ(kinds(IpAddress::ipv4(127, 255, 255, 255)), (Kinds{false, true, false, false, false, true}));
  EXPECT_EQ(kinds(IpAddress::ipv4(169, 254, 0, 1)), (Kinds{false, false, false, false, true, true}));
  EXPECT_EQ(kinds(IpAddress::ipv4(223, 255, 255, 255)), (Kinds{false, false, false, false, false, true}));
  EXPECT_EQ(kinds(IpAddress::ipv4(224, 0, 0, 0)), (Kinds{false, false, true, false, false, false}));
  EXPECT_EQ(kinds(IpAddress::ipv4(239, 255, 255, 255)), (Kinds{false, false, true, false, false, false}));
  EXPECT_EQ(kinds(IpAddress::ipv4(240, 0, 0, 1)), (Kinds{false, false, false, false, false, false}));
  EXPECT_EQ(kinds(IpAddress::limited_broadcast()), (Kinds{false, false, false, true, false, false}));
}

TEST(Address, KindsOfIPv6) {
  EXPECT_EQ(kinds(IpAddress::unspecified(Family::kIPv6)), (Kinds{true, false, false, false, false, false}));
  EXPECT_EQ(kinds(IpAddress::ipv6(0, 0, 0, 1)), (Kinds{false, true, false, false, false, true}));
  EXPECT_EQ(kinds(IpAddress::ipv6(0x20010db8, 0, 0, 1)), (Kinds{false, false, false, false, false, true}));
  EXPECT_EQ(kinds(IpAddress::ipv6(0xfe7fffff, 0, 0, 1)), (Kinds{false, false, false, false, false, true}));
  EXPECT_EQ(kinds(IpAddress::ipv6(0xfe800000, 0, 0, 1)), (Kinds{false, false, false, false, true, true}));
  EXPECT_EQ(kinds(IpAddress::ipv6(0xfebfffff, 0, 0, 1)), (Kinds{false, false, false, false, true, true}));
  EXPECT_EQ(kinds(IpAddress::ipv6(0xfec00000, 0, 0, 1)), (Kinds{false, false, false, false, false, true}));
  EXPECT_EQ(kinds(IpAddress::all_nodes()), (Kinds{false, false, true, false, false, false}));
  EXPECT_EQ(kinds(IpAddress::all_routers()), (Kinds{false, false, true, false, false, false}));
  // The words of an IPv4 address mean nothing else in IPv6.
  EXPECT_EQ(kinds(IpAddress::ipv6(0x7f000001, 0, 0, 0)), (Kinds{false, false, false, false, false, true}));
}

TEST(Address, NoFamilyIsOfNoKind) { EXPECT_EQ(kinds(IpAddress{}), (Kinds{true, false, false, false, false, false})); }

TEST(Address, MapsIPv4IntoIPv6AndBack) {
  const IpAddress four = IpAddress::ipv4(127, 1, 2, 3);
  const IpAddress mapped = four.to_v4_mapped();
  EXPECT_EQ(mapped, IpAddress::ipv6(0, 0, 0xffff, 0x7f010203));
  EXPECT_TRUE(mapped.is_v4_mapped());
  EXPECT_FALSE(mapped.is_loopback());
  EXPECT_EQ(mapped.from_v4_mapped(), four);
  EXPECT_EQ(mapped.to_v4_mapped(), mapped);
  EXPECT_EQ(four.from_v4_mapped(), four);
  EXPECT_FALSE(four.is_v4_mapped());
  EXPECT_FALSE(IpAddress::ipv6(0, 0, 0, 0x7f010203).is_v4_mapped());
}

// The example of RFC 4291 2.7.1.
TEST(Address, SolicitedNodeAddressHasTheLow24Bits) {
  const Octets given = hex("4037 0000 0000 0000 0001 0800 200e 8c6c"), expected = hex("ff02 0000 0000 0000 0000 0001 ff0e 8c6c");
  EXPECT_EQ(IpAddress::load_ipv6(given.data()).solicited_node(), IpAddress::load_ipv6(expected.data()));
}

TEST(Address, GroupsHaveAGroupMacAddress) {
  EXPECT_EQ(IpAddress::ipv4(224, 0, 0, 251).multicast_mac(), (MacAddress{{0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb}}));
  // RFC 1112 6.4: 23 bits only.
  EXPECT_EQ(IpAddress::ipv4(239, 255, 255, 255).multicast_mac(), (MacAddress{{0x01, 0x00, 0x5e, 0x7f, 0xff, 0xff}}));
  EXPECT_EQ(IpAddress::ipv6(0xff020000, 0, 1, 0xff0e8c6c).multicast_mac(), (MacAddress{{0x33, 0x33, 0xff, 0x0e, 0x8c, 0x6c}}));
  EXPECT_EQ(IpAddress::all_nodes().multicast_mac(), (MacAddress{{0x33, 0x33, 0, 0, 0, 1}}));
}

// The example of RFC 2464 4: 34-56-78-9A-BC-DE gives the identifier 36-56-78-FF-FE-9A-BC-DE.
TEST(Address, LinkLocalAddressIsMadeOfTheMacAddress) {
  const Octets expected = hex("fe80 0000 0000 0000 3656 78ff fe9a bcde");
  EXPECT_EQ(IpAddress::link_local(MacAddress{{0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde}}), IpAddress::load_ipv6(expected.data()));
}

TEST(Address, CidrContainsWhatSharesItsFirstBits) {
  const Cidr network(IpAddress::ipv4(10, 1, 2, 3), 20);
  EXPECT_TRUE(network.contains(IpAddress::ipv4(10, 1, 0, 0)));
  EXPECT_TRUE(network.contains(IpAddress::ipv4(10, 1, 15, 255)));
  EXPECT_FALSE(network.contains(IpAddress::ipv4(10, 1, 16, 0)));
  EXPECT_FALSE(network.contains(IpAddress::ipv4(10, 1, 2, 3).to_v4_mapped()));
  EXPECT_EQ(network.network(), IpAddress::ipv4(10, 1, 0, 0));
  const Cidr six(IpAddress::ipv6(0x20010db8, 0x00010000, 0, 0), 48);
  EXPECT_TRUE(six.contains(IpAddress::ipv6(0x20010db8, 0x0001ffff, 9, 9)));
  EXPECT_FALSE(six.contains(IpAddress::ipv6(0x20010db8, 0x00020000, 0, 0)));
}

TEST(Address, CidrOfEveryLengthAgreesWithBitsOneByOne) {
  const auto bit = [](const IpAddress& a, size_t i) { return a.words[i / 32] >> (31 - i % 32) & 1; };
  Random random(2);
  for (const Family family : {Family::kIPv4, Family::kIPv6}) {
    const size_t bits = family == Family::kIPv4 ? 32 : 128;
    for (size_t prefix = 0; prefix <= bits; ++prefix) {
      IpAddress address{family, {}};
      for (size_t i = 0; i < bits / 32; ++i) address.words[i] = static_cast<uint32_t>(random.next());
      const Cidr cidr(address, static_cast<uint8_t>(prefix));
      for (size_t flipped = 0; flipped < bits; ++flipped) {
        IpAddress other = address;
        other.words[flipped / 32] ^= 1u << (31 - flipped % 32);
        ASSERT_EQ(cidr.contains(other), flipped >= prefix) << prefix << ' ' << flipped;
      }
      EXPECT_TRUE(cidr.contains(address));
      for (size_t i = 0; i < bits; ++i) ASSERT_EQ(bit(cidr.network(), i), i < prefix ? bit(address, i) : 0);
    }
  }
}

TEST(Address, CidrWithoutAnAddressContainsNothing) {
  EXPECT_FALSE(Cidr().contains(IpAddress::ipv4(0, 0, 0, 0)));
  EXPECT_FALSE(Cidr().contains(IpAddress{}));
}

TEST(Address, OnlyIPv4NetworksOfMoreThanTwoHaveABroadcastAddress) {
  EXPECT_TRUE(Cidr(IpAddress::ipv4(10, 1, 2, 3), 24).is_broadcast(IpAddress::ipv4(10, 1, 2, 255)));
  EXPECT_FALSE(Cidr(IpAddress::ipv4(10, 1, 2, 3), 24).is_broadcast(IpAddress::ipv4(10, 1, 3, 255)));
  EXPECT_FALSE(Cidr(IpAddress::ipv4(10, 1, 2, 3), 24).is_broadcast(IpAddress::ipv4(10, 1, 2, 254)));
  EXPECT_TRUE(Cidr(IpAddress::ipv4(10, 1, 2, 0), 30).is_broadcast(IpAddress::ipv4(10, 1, 2, 3)));
  EXPECT_FALSE(Cidr(IpAddress::ipv4(10, 1, 2, 0), 31).is_broadcast(IpAddress::ipv4(10, 1, 2, 1)));
  EXPECT_FALSE(Cidr(IpAddress::ipv4(10, 1, 2, 1), 32).is_broadcast(IpAddress::ipv4(10, 1, 2, 1)));
  EXPECT_FALSE(Cidr(IpAddress::ipv6(1, 0, 0, 0), 64).is_broadcast(IpAddress::ipv6(1, 0, 0xffffffff, 0xffffffff)));
}

TEST(AddressDeathTest, APrefixIsNoLongerThanItsAddress) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(Cidr(IpAddress::ipv4(10, 0, 0, 0), 33), "part of an address");
  EXPECT_DEATH(Cidr(IpAddress{}, 0), "part of an address");
}

}  // namespace
}  // namespace demi
