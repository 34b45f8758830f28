#include "wire/ipv6.h"

#include <gtest/gtest.h>

#include "wire/exercise.h"
#include "wire/wire_bytes.h"

namespace demi {
namespace {

// fe80::1 -> ff02::1, class 0xb9, label 0x12345, an empty UDP datagram.
const Octets kPacket = hex(
    "6b91 2345 0008 11 ff  fe80 0000 0000 0000 0000 0000 0000 0001  ff02 0000 0000 0000 0000 0000 0000 0001"
    "0035 0035 0008 0000");

TEST(Ipv6, ParsesAPacket) {
  const auto view = Ipv6View::parse(kPacket);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->traffic_class(), 0xb9);
  EXPECT_EQ(ecn_of(view->traffic_class()), Ecn::kEct1);
  EXPECT_EQ(view->flow_label(), 0x12345u);
  EXPECT_EQ(view->next_header(), IpProtocol::kUdp);
  EXPECT_EQ(view->hop_limit(), 255);
  EXPECT_EQ(view->source(), IpAddress::ipv6(0xfe800000, 0, 0, 1));
  EXPECT_EQ(view->destination(), IpAddress::all_nodes());
  EXPECT_EQ(exact(view->payload()), hex("0035 0035 0008 0000"));
}

TEST(Ipv6, EmitsTheBytesItWasParsedFrom) {
  const auto view = Ipv6View::parse(kPacket);
  Octets emitted(40, 0xee);
  view->header().emit(emitted);
  EXPECT_EQ(concat(emitted, view->payload()), kPacket);
}

TEST(Ipv6, TruncatedPacketsAreTold) {
  for_each_truncation(kPacket, [](Bytes cut) {
    EXPECT_EQ(Ipv6View::parse(cut).error(), cut.size() < 40 ? ParseError::kTruncated : ParseError::kBadLength);
  });
}

TEST(Ipv6, EveryVersionAndPayloadLength) {
  for (unsigned version = 0; version < 16; ++version) {
    Octets packet = kPacket;
    packet[0] = static_cast<uint8_t>(version << 4);
    EXPECT_EQ(Ipv6View::parse(packet).error(), version == 6 ? ParseError::kNone : ParseError::kBadVersion);
  }
  for (uint32_t length = 0; length < 65'536; ++length) {
    Octets packet = kPacket;
    store_be16(packet.data() + 4, static_cast<uint16_t>(length));
    const auto view = Ipv6View::parse(packet);
    ASSERT_EQ(view.error(), length <= 8 ? ParseError::kNone : ParseError::kBadLength) << length;
    // Padding is cut off.
    if (view) {
      EXPECT_EQ(view->payload().size(), length);
    }
    EXPECT_EQ(Ipv6View::parse_beginning(packet)->payload().size(), std::min(length, 8u));
  }
}

TEST(Ipv6, RandomHeadersSurvive) {
  Random random(1);
  const auto word = [&] { return static_cast<uint32_t>(random.next()); };
  for (int i = 0; i < 20'000; ++i) {
    Ipv6Header header;
    header.traffic_class = static_cast<uint8_t>(word());
    header.flow_label = word() & 0xfffff;
    header.payload_bytes = static_cast<uint16_t>(random.below(200));
    header.next_header = static_cast<IpProtocol>(random.below(256));
    header.hop_limit = static_cast<uint8_t>(word());
    header.source = IpAddress::ipv6(word(), word(), word(), word());
    header.destination = IpAddress::ipv6(word(), word(), word(), word());
    Octets emitted(Ipv6Header::kBytes + header.payload_bytes);
    header.emit(emitted);
    const auto view = Ipv6View::parse(emitted);
    ASSERT_TRUE(view && view->header() == header) << i;
  }
}

TEST(Ipv6, AnyBytesDoNoHarm) { for_random_inputs(2, {kPacket}, exercise_ipv6); }

TEST(Ipv6DeathTest, SaysOnlyWhatAHeaderCan) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Octets room(40);
  Ipv6Header header;
  EXPECT_DEATH(header.emit(MutableBytes(room).first(39)), "no room");
  header.flow_label = 1 << 20;
  EXPECT_DEATH(header.emit(room), "20 bits");
}

}  // namespace
}  // namespace demi
