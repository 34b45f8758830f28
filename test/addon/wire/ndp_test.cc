#include "wire/ndp.h"

#include <gtest/gtest.h>

#include "wire/exercise.h"
#include "wire/wire_bytes.h"

namespace demi {
namespace {

const IpAddress kLinkLocal = IpAddress::ipv6(0xfe800000, 0, 0, 1);
const MacAddress kMac{{2, 0, 0, 0, 0, 1}};

// The checksums are not looked at here.
const Octets kRouterSolicitation = hex("85 00 0000 00000000  01 01 020000000001");
const Octets kRouterAdvertisement = hex(
    "86 00 0000 40 c0 0708 00007530 000003e8  01 01 020000000001  05 01 0000 000005dc"
    "03 04 40 c0 00278d00 00093a80 00000000 2001 0db8 0000 0001 0000 0000 0000 0000");
const Octets kSolicitation = hex("87 00 0000 00000000 fe80 0000 0000 0000 0000 0000 0000 0002  01 01 020000000001");
const Octets kAdvertisement = hex("88 00 0000 60000000 fe80 0000 0000 0000 0000 0000 0000 0002  02 01 020000000002");

Ipv6Header ip(const IpAddress& source = kLinkLocal, const IpAddress& destination = IpAddress::ipv6(0xfe800000, 0, 0, 2)) {
  Ipv6Header header;
  header.hop_limit = 255;
  header.source = source;
  header.destination = destination;
  return header;
}

Octets with(Octets octets, size_t at, uint8_t value) {
  octets[at] = value;
  return octets;
}

TEST(Ndp, ParsesARouterSolicitation) {
  const auto message = RouterSolicitation::parse(ip(), kRouterSolicitation);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->options.source_mac, kMac);
  // Who has no address says nothing of its link address.
  EXPECT_EQ(RouterSolicitation::parse(ip(IpAddress::unspecified(Family::kIPv6)), kRouterSolicitation).error(), ParseError::kBadValue);
  EXPECT_TRUE(RouterSolicitation::parse(ip(IpAddress::unspecified(Family::kIPv6)), Bytes(kRouterSolicitation).first(8)));
}

TEST(Ndp, ParsesARouterAdvertisement) {
  const auto message = RouterAdvertisement::parse(ip(), kRouterAdvertisement);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->hop_limit, 64);
  EXPECT_TRUE(message->is_managed && message->has_other_configuration);
  EXPECT_EQ(message->router_lifetime_seconds, 1800);
  EXPECT_EQ(message->reachable_time_ms, 30'000u);
  EXPECT_EQ(message->retransmit_timer_ms, 1'000u);
  EXPECT_EQ(message->options.source_mac, kMac);
  EXPECT_EQ(message->options.mtu, 1500u);
  ASSERT_EQ(message->options.prefix_count, 1);
  const NdpPrefix& prefix = message->options.prefixes[0];
  EXPECT_EQ(prefix.prefix, IpAddress::ipv6(0x20010db8, 1, 0, 0));
  EXPECT_EQ(prefix.prefix_bits, 64);
  EXPECT_TRUE(prefix.is_on_link && prefix.is_autonomous);
  EXPECT_EQ(prefix.valid_lifetime_seconds, 2'592'000u);
  EXPECT_EQ(prefix.preferred_lifetime_seconds, 604'800u);
}

TEST(Ndp, OnlyALinkLocalRouterAdvertises) {
  EXPECT_EQ(RouterAdvertisement::parse(ip(IpAddress::ipv6(0x20010db8, 0, 0, 1)), kRouterAdvertisement).error(), ParseError::kBadValue);
}

TEST(Ndp, ParsesANeighborSolicitation) {
  const auto message = NeighborSolicitation::parse(ip(), kSolicitation);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->target, IpAddress::ipv6(0xfe800000, 0, 0, 2));
  EXPECT_EQ(message->options.source_mac, kMac);
  EXPECT_EQ(NeighborSolicitation::parse(ip(), with(kSolicitation, 8, 0xff)).error(), ParseError::kBadValue);
}

TEST(Ndp, ASearchForDuplicatesGoesToTheSolicitedNodeAndNamesNoLinkAddress) {
  const IpAddress nobody = IpAddress::unspecified(Family::kIPv6), target = IpAddress::ipv6(0xfe800000, 0, 0, 2);
  const Bytes without_mac = Bytes(kSolicitation).first(24);
  EXPECT_TRUE(NeighborSolicitation::parse(ip(nobody, target.solicited_node()), without_mac));
  EXPECT_EQ(NeighborSolicitation::parse(ip(nobody, target.solicited_node()), kSolicitation).error(), ParseError::kBadValue);
  EXPECT_EQ(NeighborSolicitation::parse(ip(nobody, target), without_mac).error(), ParseError::kBadValue);
  EXPECT_EQ(NeighborSolicitation::parse(ip(nobody, IpAddress::all_nodes()), without_mac).error(), ParseError::kBadValue);
}

TEST(Ndp, ParsesANeighborAdvertisement) {
  const auto message = NeighborAdvertisement::parse(ip(), kAdvertisement);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->is_router);
  EXPECT_TRUE(message->is_solicited && message->is_override);
  EXPECT_EQ(message->options.target_mac, (MacAddress{{2, 0, 0, 0, 0, 2}}));
  EXPECT_EQ(NeighborAdvertisement::parse(ip(), with(kAdvertisement, 8, 0xff)).error(), ParseError::kBadValue);
  // Nobody solicited what goes to everybody.
  EXPECT_EQ(NeighborAdvertisement::parse(ip(kLinkLocal, IpAddress::all_nodes()), kAdvertisement).error(), ParseError::kBadValue);
  EXPECT_TRUE(NeighborAdvertisement::parse(ip(kLinkLocal, IpAddress::all_nodes()), with(kAdvertisement, 4, 0x20)));
}

// Calls test(parse, bytes, bytes before the options) for each kind of message.
template <class Test>
void for_each_kind(Test test) {
  test([](const Ipv6Header& header, Bytes b) { return RouterSolicitation::parse(header, b).error(); }, kRouterSolicitation, 8u);
  test([](const Ipv6Header& header, Bytes b) { return RouterAdvertisement::parse(header, b).error(); }, kRouterAdvertisement, 16u);
  test([](const Ipv6Header& header, Bytes b) { return NeighborSolicitation::parse(header, b).error(); }, kSolicitation, 24u);
  test([](const Ipv6Header& header, Bytes b) { return NeighborAdvertisement::parse(header, b).error(); }, kAdvertisement, 24u);
}

TEST(Ndp, WhatARouterPassedOnIsNotBelieved) {
  for_each_kind([](auto parse, const Octets& octets, size_t) {
    Ipv6Header header = ip();
    header.hop_limit = 254;
    EXPECT_EQ(parse(header, octets), ParseError::kBadValue);
    EXPECT_EQ(parse(ip(), with(octets, 1, 1)), ParseError::kBadValue);  // the code
    EXPECT_EQ(parse(ip(), with(octets, 0, 137)), ParseError::kUnsupported);
  });
}

TEST(Ndp, TruncatedMessagesAreTold) {
  for_each_kind([](auto parse, const Octets& octets, size_t fixed) {
    for_each_truncation(octets, [&](Bytes cut) {
      const bool is_between_options = cut.size() == fixed || (octets[0] == 134 && (cut.size() == fixed + 8 || cut.size() == fixed + 16));
      const ParseError expected = cut.size() < fixed   ? ParseError::kTruncated
                                  : is_between_options ? ParseError::kNone
                                                       : ParseError::kBadOption;
      EXPECT_EQ(parse(ip(), cut), expected) << int{octets[0]} << ' ' << cut.size();
    });
  });
}

TEST(Ndp, EveryOptionAtEveryLength) {
  for (int type = 0; type < 256; ++type) {
    for (int length = 0; length < 256; ++length) {
      for (const size_t units : {1u, 2u, 4u, 5u}) {
        Octets octets(units * 8, 0);
        // What is behind an option of one unit less is skipped as unknown, too.
        for (size_t at = 0; at < octets.size(); at += 8) octets[at] = 200, octets[at + 1] = 1;
        octets[0] = static_cast<uint8_t>(type);
        octets[1] = static_cast<uint8_t>(length);
        octets[2] = 64;
        const auto options = NdpOptions::parse(octets);
        ASSERT_EQ(options.error(), length == 0 || static_cast<size_t>(length) > units ? ParseError::kBadOption : ParseError::kNone);
        if (!options) continue;
        ASSERT_EQ(options->source_mac.has_value(), type == 1 && length == 1);
        ASSERT_EQ(options->target_mac.has_value(), type == 2 && length == 1);
        ASSERT_EQ(options->prefix_count, type == 3 && length == 4 ? 1 : 0);
        ASSERT_EQ(options->mtu.has_value(), type == 5 && length == 1);
      }
    }
  }
}

TEST(Ndp, PrefixesAreBounded) {
  const Octets prefix(Bytes(kRouterAdvertisement).subspan(32).begin(), Bytes(kRouterAdvertisement).end());
  Octets octets;
  for (size_t count = 1; count <= kNdpPrefixesMax + 2; ++count) {
    octets = concat(octets, prefix);
    EXPECT_EQ(NdpOptions::parse(octets)->prefix_count, std::min(count, kNdpPrefixesMax));
  }
  EXPECT_EQ(NdpOptions::parse(with(prefix, 2, 128))->prefix_count, 1);
  EXPECT_EQ(NdpOptions::parse(with(prefix, 2, 129))->prefix_count, 0);
}

template <class Message>
void expect_same_bytes(const Octets& octets) {
  const auto message = Message::parse(ip(), octets);
  ASSERT_TRUE(message);
  Octets emitted(message->bytes(), 0xee);
  message->emit(emitted, ip().source, ip().destination);
  EXPECT_TRUE(IcmpV6View::parse(emitted)->checksum_is_valid(ip().source, ip().destination));
  store_be16(emitted.data() + 2, 0);
  EXPECT_EQ(emitted, octets);
}

TEST(Ndp, EmitsTheBytesItWasParsedFrom) {
  expect_same_bytes<RouterSolicitation>(kRouterSolicitation);
  expect_same_bytes<RouterAdvertisement>(kRouterAdvertisement);
  expect_same_bytes<NeighborSolicitation>(kSolicitation);
  expect_same_bytes<NeighborAdvertisement>(kAdvertisement);
}

TEST(Ndp, RandomMessagesSurvive) {
  Random random(1);
  const auto word = [&] { return static_cast<uint32_t>(random.next()); };
  const auto flag = [&] { return random.below(2) == 0; };
  for (int i = 0; i < 20'000; ++i) {
    NdpOptions options;
    if (flag()) options.source_mac = MacAddress::load(random_octets(random, 6).data());
    if (flag()) options.target_mac = MacAddress::load(random_octets(random, 6).data());
    if (flag()) options.mtu = word();
    options.prefix_count = static_cast<uint8_t>(random.below(kNdpPrefixesMax + 1));
    for (size_t k = 0; k < options.prefix_count; ++k) {
      const IpAddress prefix = IpAddress::ipv6(word(), word(), word(), word());
      options.prefixes[k] = {prefix, static_cast<uint8_t>(random.below(129)), flag(), flag(), word(), word()};
    }
    const auto lifetime = static_cast<uint16_t>(word());
    const RouterAdvertisement router{static_cast<uint8_t>(word()), flag(), flag(), lifetime, word(), word(), options};
    Octets emitted(router.bytes());
    router.emit(emitted, ip().source, ip().destination);
    const auto router_again = RouterAdvertisement::parse(ip(), emitted);
    ASSERT_TRUE(router_again && *router_again == router) << i;
    const NeighborAdvertisement neighbor{flag(), flag(), flag(), IpAddress::ipv6(0x20010db8, word(), word(), word()), options};
    emitted.assign(neighbor.bytes(), 0);
    neighbor.emit(emitted, ip().source, ip().destination);
    const auto neighbor_again = NeighborAdvertisement::parse(ip(), emitted);
    ASSERT_TRUE(neighbor_again && *neighbor_again == neighbor) << i;
  }
}

TEST(Ndp, AnyBytesDoNoHarm) {
  for_random_inputs(2, {kRouterSolicitation, kRouterAdvertisement, kSolicitation, kAdvertisement}, exercise_ndp);
}

TEST(NdpDeathTest, NeedsRoom) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Octets room(23);
  EXPECT_DEATH(NeighborSolicitation().emit(room, ip().source, ip().destination), "no room");
}

}  // namespace
}  // namespace demi
