#include "wire/ipv6_extension.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "wire/exercise.h"
#include "wire/wire_bytes.h"

namespace demi {
namespace {

constexpr uint8_t kHopByHop = 0, kUdp = 17, kRouting = 43, kFragment = 44, kNone = 59, kDestination = 60;

Octets packet_of(uint8_t first, const Octets& payload) {
  Ipv6Header header;
  header.next_header = static_cast<IpProtocol>(first);
  header.payload_bytes = static_cast<uint16_t>(payload.size());
  header.source = IpAddress::ipv6(0xfe800000, 0, 0, 1);
  header.destination = IpAddress::ipv6(0xfe800000, 0, 0, 2);
  Octets packet(Ipv6Header::kBytes);
  header.emit(packet);
  return concat(packet, payload);
}

struct Walked {
  explicit Walked(Octets octets) : packet(exact(octets)), found(walk_extensions(*Ipv6View::parse(packet))) {}
  Walked(uint8_t first, const Octets& payload) : Walked(packet_of(first, payload)) {}
  Octets packet;
  Ipv6Extensions found;
};

// Six bytes of PadN fill the first eight bytes of an options header.
Octets options_header(uint8_t next, const Octets& options = hex("01 04 00000000")) {
  Octets header = {next, static_cast<uint8_t>((options.size() + 2) / 8 - 1)};
  return concat(header, options);
}

const Octets kText = hex("aabbccdd");

TEST(Ipv6Extension, WithoutAnyThePayloadIsTheUpperLayer) {
  const Walked walked(kUdp, kText);
  ASSERT_TRUE(walked.found.ok());
  EXPECT_EQ(walked.found.protocol, IpProtocol::kUdp);
  EXPECT_EQ(walked.found.protocol_offset, 6u);
  EXPECT_EQ(exact(walked.found.payload), kText);
  EXPECT_FALSE(walked.found.is_fragment);
}

TEST(Ipv6Extension, AllInTheRecommendedOrder) {
  const Octets payload = concat(
      concat(concat(options_header(kDestination), options_header(kRouting)), hex("2c 00 00 00 00000000")),
      concat(concat(hex("3c 00 0000 12345678"), options_header(kUdp, hex("00 00 00 01 01 00  05 02 0000  01 02 0000"))), kText));
  const Walked walked(kHopByHop, payload);
  ASSERT_TRUE(walked.found.ok());
  EXPECT_EQ(walked.found.protocol, IpProtocol::kUdp);
  EXPECT_EQ(walked.found.protocol_offset, 40u + 32);
  EXPECT_EQ(exact(walked.found.payload), kText);
  // The fragment was atomic.
  EXPECT_FALSE(walked.found.is_fragment);
  EXPECT_EQ(walked.found.fragment.identification, 0x12345678u);
}

TEST(Ipv6Extension, AnUnknownHeaderIsAnUpperLayer) {
  const Walked walked(kDestination, concat(options_header(200), kText));
  ASSERT_TRUE(walked.found.ok());
  EXPECT_EQ(walked.found.protocol, static_cast<IpProtocol>(200));
  EXPECT_EQ(walked.found.protocol_offset, 40u);
}

TEST(Ipv6Extension, NoNextHeaderEndsTheWalk) {
  const Walked walked(kDestination, concat(options_header(kNone), kText));
  ASSERT_TRUE(walked.found.ok());
  EXPECT_EQ(walked.found.protocol, IpProtocol::kNoNextHeader);
}

TEST(Ipv6Extension, TheirNumberIsBounded) {
  for (size_t count = 1; count <= kIpv6ExtensionHeadersMax + 2; ++count) {
    Octets payload;
    for (size_t i = 1; i <= count; ++i) payload = concat(payload, options_header(i == count ? kUdp : kDestination));
    const Walked walked(kDestination, payload);
    EXPECT_EQ(walked.found.error, count <= kIpv6ExtensionHeadersMax ? ParseError::kNone : ParseError::kTooManyExtensions);
  }
}

TEST(Ipv6Extension, HopByHopOptionsComeFirst) {
  const Walked walked(kDestination, concat(options_header(kHopByHop), options_header(kUdp)));
  EXPECT_EQ(walked.found.error, ParseError::kBadExtension);
  EXPECT_EQ(walked.found.problem, Ipv6Problem::kUnknownNextHeader);
  EXPECT_EQ(walked.found.pointer, 40u);
  EXPECT_FALSE(walked.found.tell_multicast);
}

TEST(Ipv6Extension, ARouteIsNotFollowed) {
  for (int segments = 0; segments < 256; ++segments) {
    for (const uint8_t type : {uint8_t{0}, uint8_t{2}, uint8_t{4}}) {
      const Walked walked(kRouting, concat({kUdp, 0, type, static_cast<uint8_t>(segments), 0, 0, 0, 0}, kText));
      ASSERT_EQ(walked.found.ok(), segments == 0);
      if (walked.found.ok()) continue;
      EXPECT_EQ(walked.found.error, ParseError::kBadExtension);
      EXPECT_EQ(walked.found.problem, Ipv6Problem::kErroneousHeader);
      EXPECT_EQ(walked.found.pointer, 42u);
    }
  }
}

// RFC 8200 4.2: what the two high bits of an option ask for.
TEST(Ipv6Extension, UnknownOptionsSayWhatBecomesOfThePacket) {
  for (int type = 2; type < 256; ++type) {
    const Walked walked(kDestination, concat(options_header(kUdp, {1, 0, static_cast<uint8_t>(type), 2, 0, 0}), kText));
    const int action = type >> 6;
    ASSERT_EQ(walked.found.error, action == 0 ? ParseError::kNone : ParseError::kBadOption) << type;
    EXPECT_EQ(walked.found.problem, action >= 2 ? Ipv6Problem::kUnknownOption : Ipv6Problem::kNone);
    EXPECT_EQ(walked.found.tell_multicast, action == 2);
    if (action >= 2) {
      EXPECT_EQ(walked.found.pointer, 44u);
    }
  }
}

TEST(Ipv6Extension, OptionsThatLie) {
  for (int length = 0; length < 256; ++length) {
    const Walked walked(kHopByHop, concat(options_header(kUdp, {1, 0, 1, static_cast<uint8_t>(length), 0, 0}), kText));
    EXPECT_EQ(walked.found.error, length <= 2 ? ParseError::kNone : ParseError::kBadOption) << length;
  }
  // A type without a length.
  EXPECT_EQ(Walked(kHopByHop, options_header(kUdp, hex("00 00 00 00 00 05"))).found.error, ParseError::kBadOption);
}

TEST(Ipv6Extension, HeadersThatLie) {
  for (const uint8_t first : {kHopByHop, kRouting, kDestination}) {
    for (int length = 0; length < 256; ++length) {
      Octets payload(24);
      payload[0] = kUdp;
      payload[1] = static_cast<uint8_t>(length);
      EXPECT_EQ(Walked(first, payload).found.error, length <= 2 ? ParseError::kNone : ParseError::kBadHeaderLength) << length;
    }
  }
}

TEST(Ipv6Extension, TruncatedHeadersAreTold) {
  for (const uint8_t first : {kHopByHop, kRouting, kFragment, kDestination}) {
    const Octets header = hex("11 00 01 00 00 00 00 00");
    for_each_truncation(header, [first](Bytes cut) { EXPECT_EQ(Walked(first, exact(cut)).found.error, ParseError::kTruncated); });
  }
  // A jumbogram has payload length 0 and hop-by-hop options: there are none to be found.
  Octets jumbo = packet_of(kHopByHop, options_header(kUdp, hex("c2 04 00010000")));
  store_be16(jumbo.data() + 4, 0);
  EXPECT_EQ(Walked(jumbo).found.error, ParseError::kTruncated);
}

TEST(Ipv6Extension, AFragmentEndsTheWalk) {
  const Walked walked(kFragment, concat(hex("3c 00 0009 0000002a"), options_header(kUdp)));
  ASSERT_TRUE(walked.found.ok());
  EXPECT_TRUE(walked.found.is_fragment && walked.found.fragment.more_fragments);
  EXPECT_EQ(walked.found.fragment.offset, 8);
  EXPECT_EQ(walked.found.fragment.identification, 42u);
  EXPECT_EQ(walked.found.protocol, IpProtocol::kDestinationOptions);
  EXPECT_EQ(walked.found.protocol_offset, 40u);
  EXPECT_EQ(walked.found.payload.size(), 8u);
}

TEST(Ipv6Extension, FragmentsThatCannotBe) {
  const Walked odd(kFragment, hex("11 00 0001 00000001 01020304050607"));
  EXPECT_EQ(odd.found.error, ParseError::kBadFragment);
  EXPECT_EQ(odd.found.problem, Ipv6Problem::kErroneousHeader);
  EXPECT_EQ(odd.found.pointer, 4u);  // the payload length
  const Walked far(kFragment, hex("11 00 fff8 00000001 0102030405060708"));
  EXPECT_EQ(far.found.error, ParseError::kBadFragment);
  EXPECT_EQ(far.found.pointer, 42u);  // the fragment offset
  EXPECT_TRUE(Walked(kFragment, hex("11 00 fff8 00000001 01020304050607")).found.ok());
  EXPECT_EQ(Walked(kFragment, hex("11 00 0001 00000001")).found.error, ParseError::kBadFragment);
}

TEST(Ipv6Extension, RandomFragmentHeadersSurvive) {
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    Ipv6FragmentHeader header;
    header.next_header = static_cast<IpProtocol>(random.below(256));
    header.offset = static_cast<uint16_t>(random.below(8'192) * 8);
    header.more_fragments = random.below(2) == 0;
    header.identification = static_cast<uint32_t>(random.next());
    Octets emitted(Ipv6FragmentHeader::kBytes, 0xee);
    header.emit(emitted);
    const auto again = Ipv6FragmentHeader::parse(emitted);
    ASSERT_TRUE(again && *again == header) << i;
  }
}

TEST(Ipv6Extension, AnyBytesDoNoHarm) {
  const std::vector<Octets> samples = {
      packet_of(kHopByHop,
                concat(concat(options_header(kRouting), hex("2c 00 00 00 00000000")), hex("11 00 0009 00000001 0102030405060708"))),
      packet_of(kDestination,
                concat(options_header(kDestination), options_header(kUdp, hex("00 00 00 01 01 00  05 02 0000  01 02 0000")))),
  };
  for_random_inputs(2, samples, exercise_ipv6);
}

}  // namespace
}  // namespace demi
