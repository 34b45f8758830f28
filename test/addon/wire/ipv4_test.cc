#include "wire/ipv4.h"

#include <gtest/gtest.h>

#include "wire/exercise.h"
#include "wire/wire_bytes.h"

namespace demi {
namespace {

// An empty UDP datagram.
const Octets kPacket = hex("45 00 001c 0000 4000 40 11 b8b8  c0a80001 c0a800c7  0035 0035 0008 0000");
// With a router alert option (RFC 2113), and the second of three fragments.
const Octets kWithOption = hex("46 b9 0020 1234 2002 01 06 0000  0a000001 0a000002  94040000  0102030405060708");

Octets with(Octets packet, size_t at, uint8_t value) {
  packet[at] = value;
  return packet;
}

Octets with_total_length(Octets packet, uint16_t length) {
  store_be16(packet.data() + 2, length);
  return packet;
}

TEST(Ipv4, ParsesAPacket) {
  const auto view = Ipv4View::parse(kPacket);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->source(), IpAddress::ipv4(192, 168, 0, 1));
  EXPECT_EQ(view->destination(), IpAddress::ipv4(192, 168, 0, 199));
  EXPECT_EQ(view->protocol(), IpProtocol::kUdp);
  EXPECT_EQ(view->time_to_live(), 64);
  EXPECT_TRUE(view->dont_fragment());
  EXPECT_FALSE(view->is_fragment());
  EXPECT_TRUE(view->options().empty());
  EXPECT_EQ(exact(view->payload()), hex("0035 0035 0008 0000"));
}

TEST(Ipv4, SkipsOptions) {
  const auto view = Ipv4View::parse(kWithOption);
  ASSERT_TRUE(view);
  EXPECT_EQ(exact(view->options()), hex("94040000"));
  EXPECT_EQ(exact(view->payload()), hex("0102030405060708"));
  EXPECT_EQ(view->traffic_class(), 0xb9);
  EXPECT_EQ(ecn_of(view->traffic_class()), Ecn::kEct1);
  EXPECT_EQ(view->identification(), 0x1234);
  EXPECT_TRUE(view->is_fragment() && view->more_fragments());
  EXPECT_FALSE(view->dont_fragment());
  EXPECT_EQ(view->fragment_offset(), 16);
}

// The header of the literal example: 45000073000040004011b861c0a80001c0a800c7.
TEST(Ipv4, TheChecksumCoversTheHeader) {
  Octets packet = concat(hex("4500 0073 0000 4000 4011 b861 c0a80001 c0a800c7"), Octets(0x73 - 20, 7));
  ASSERT_TRUE(Ipv4View::parse(packet));
  EXPECT_TRUE(Ipv4View::parse(packet)->checksum_is_valid());
  EXPECT_TRUE(Ipv4View::parse(with(packet, 30, 8))->checksum_is_valid());
  for (size_t at = 1; at < 20; ++at) {
    if (at == 2 || at == 3 || at == 6 || at == 7) continue;  // these change what else there is
    EXPECT_FALSE(Ipv4View::parse(with(packet, at, packet[at] ^ 0x10))->checksum_is_valid()) << at;
  }
  Octets with_option = kWithOption;
  Checksum checksum;
  checksum.add(Bytes(with_option).first(24));
  store_be16(with_option.data() + 10, checksum.value());
  EXPECT_TRUE(Ipv4View::parse(with_option)->checksum_is_valid());
  EXPECT_FALSE(Ipv4View::parse(with(with_option, 22, 1))->checksum_is_valid());
}

TEST(Ipv4, EmitsTheBytesItWasParsedFrom) {
  const Octets packet = hex("4500 0014 0000 4000 4011 b8c0 c0a80001 c0a800c7");
  Octets emitted(20, 0xee);
  Ipv4View::parse(packet)->header().emit(emitted);
  EXPECT_EQ(emitted, packet);
}

TEST(Ipv4, TruncatedPacketsAreTold) {
  for_each_truncation(kPacket, [](Bytes cut) {
    EXPECT_EQ(Ipv4View::parse(cut).error(), cut.size() < 20 ? ParseError::kTruncated : ParseError::kBadLength);
  });
  for_each_truncation(kWithOption, [](Bytes cut) {
    const ParseError expected = cut.size() < 20   ? ParseError::kTruncated
                                : cut.size() < 24 ? ParseError::kBadHeaderLength
                                                  : ParseError::kBadLength;
    EXPECT_EQ(Ipv4View::parse(cut).error(), expected);
  });
}

TEST(Ipv4, EveryVersionAndHeaderLength) {
  for (int first = 0; first < 256; ++first) {
    const ParseError error = Ipv4View::parse(with(kPacket, 0, static_cast<uint8_t>(first))).error();
    const int words = first & 15;
    if (first >> 4 != 4) {
      EXPECT_EQ(error, ParseError::kBadVersion);
    } else {
      EXPECT_EQ(error, words >= 5 && words <= 7 ? ParseError::kNone : ParseError::kBadHeaderLength) << words;
    }
  }
}

TEST(Ipv4, EveryTotalLength) {
  for (uint32_t length = 0; length < 65'536; ++length) {
    const Octets packet = with_total_length(kPacket, static_cast<uint16_t>(length));
    const auto view = Ipv4View::parse(packet);
    ASSERT_EQ(view.error(), length >= 20 && length <= 28 ? ParseError::kNone : ParseError::kBadLength) << length;
    // Padding is cut off.
    if (view) {
      EXPECT_EQ(view->payload().size(), length - 20);
    }
  }
  EXPECT_EQ(Ipv4View::parse(with_total_length(kWithOption, 20)).error(), ParseError::kBadLength);
}

TEST(Ipv4, FragmentsThatCannotBe) {
  // All but the last are multiples of 8 bytes, and not empty.
  EXPECT_EQ(Ipv4View::parse(with_total_length(kWithOption, 31)).error(), ParseError::kBadFragment);
  EXPECT_EQ(Ipv4View::parse(with_total_length(kWithOption, 24)).error(), ParseError::kBadFragment);
  Octets last = with_total_length(kWithOption, 31);
  last[6] = 0;
  EXPECT_TRUE(Ipv4View::parse(last));
  // The last possible fragment, and the ping of death: 65512 + 3 and 65512 + 4 bytes.
  Octets end = with_total_length(kPacket, 23);
  store_be16(end.data() + 6, 65'512 / 8);
  EXPECT_TRUE(Ipv4View::parse(end));
  EXPECT_EQ(Ipv4View::parse(with_total_length(end, 24)).error(), ParseError::kBadFragment);
  store_be16(end.data() + 6, 0x1fff);
  EXPECT_EQ(Ipv4View::parse(end).error(), ParseError::kBadFragment);
}

TEST(Ipv4, AQuotedBeginningMayBeShorterThanItSays) {
  const Octets quoted = with_total_length(kPacket, 1'500);
  const auto view = Ipv4View::parse_beginning(quoted);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->payload().size(), 8u);
  EXPECT_EQ(Ipv4View::parse_beginning(with_total_length(kPacket, 24))->payload().size(), 4u);
  EXPECT_EQ(Ipv4View::parse_beginning(with_total_length(kPacket, 19)).error(), ParseError::kBadLength);
  EXPECT_EQ(Ipv4View::parse_beginning(Bytes(kPacket).first(19)).error(), ParseError::kTruncated);
}

TEST(Ipv4, RandomHeadersSurvive) {
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    Ipv4Header header;
    header.traffic_class = static_cast<uint8_t>(random.next());
    header.identification = static_cast<uint16_t>(random.next());
    header.dont_fragment = random.below(2) == 0;
    header.payload_bytes = static_cast<uint16_t>(random.below(200) * 8);
    header.fragment_offset = static_cast<uint16_t>(random.below(7'900) * 8);
    header.more_fragments = header.payload_bytes > 0 && random.below(2) == 0;
    header.time_to_live = static_cast<uint8_t>(random.next());
    header.protocol = static_cast<IpProtocol>(random.below(256));
    header.source = IpAddress::ipv4(static_cast<uint32_t>(random.next()));
    header.destination = IpAddress::ipv4(static_cast<uint32_t>(random.next()));
    Octets emitted(Ipv4Header::kBytes + header.payload_bytes);
    header.emit(emitted);
    const auto view = Ipv4View::parse(emitted);
    ASSERT_TRUE(view && view->header() == header && view->checksum_is_valid()) << i;
  }
}

TEST(Ipv4, AnyBytesDoNoHarm) { for_random_inputs(2, {kPacket, kWithOption}, exercise_ipv4); }

TEST(Ipv4DeathTest, SaysOnlyWhatAHeaderCan) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Octets room(20);
  Ipv4Header header;
  EXPECT_DEATH(header.emit(MutableBytes(room).first(19)), "no room");
  header.fragment_offset = 4;
  EXPECT_DEATH(header.emit(room), "no IPv4 header can say this");
  header = {};
  header.payload_bytes = 65'516;
  EXPECT_DEATH(header.emit(room), "no IPv4 header can say this");
}

TEST(Ipv4Template, WritesWhatTheHeaderWrites) {
  Random random(7);
  for (int i = 0; i < 2000; ++i) {
    Ipv4Header header;
    header.dont_fragment = random.below(2) == 0;
    header.time_to_live = static_cast<uint8_t>(random.next());
    header.traffic_class = static_cast<uint8_t>(random.next());
    header.identification = static_cast<uint16_t>(random.next());
    header.protocol = IpProtocol::kTcp;
    const Ipv4Template same(header);
    header.source = IpAddress::ipv4(static_cast<uint32_t>(random.next()));
    header.destination = IpAddress::ipv4(static_cast<uint32_t>(random.next()));
    header.payload_bytes = static_cast<uint16_t>(random.below(Ipv4Header::kPayloadBytesMax + 1));
    Octets expected(Ipv4Header::kBytes), written(Ipv4Header::kBytes);
    header.emit(expected);
    same.emit(written, header.source, header.destination, header.payload_bytes);
    ASSERT_EQ(written, expected);
  }
}

}  // namespace
}  // namespace demi
