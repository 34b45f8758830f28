#include "wire/icmpv6.h"

#include <gtest/gtest.h>

#include "wire/exercise.h"
#include "wire/wire_bytes.h"

namespace demi {
namespace {

const IpAddress kSource = IpAddress::ipv6(0xfe800000, 0, 0, 1), kDestination = IpAddress::ipv6(0xfe800000, 0, 0, 2);
const Octets kEcho = hex("80 00 5ede 0001 0002  4865 6c6c 6f");
const Octets kTooBig = hex(
    "02 00 0000 00000500  6000 0000 0500 06 40  fe80 0000 0000 0000 0000 0000 0000 0001"
    "fe80 0000 0000 0000 0000 0000 0000 0002  c000 0050 00000064");
const Octets kProblem = hex("04 01 0000 00000028  6000 0000 0000 3b 40");

Checksum rest_of(Bytes data) {
  Checksum rest = Checksum::pseudo_header(kSource, kDestination, IpProtocol::kIcmpV6, static_cast<uint32_t>(8 + data.size()));
  rest.add(data);
  return rest;
}

TEST(IcmpV6, ParsesAnEcho) {
  const auto view = IcmpV6View::parse(kEcho);
  ASSERT_TRUE(view);
  const IcmpV6Header header = view->header();
  EXPECT_EQ(header.type, IcmpV6Type::kEchoRequest);
  EXPECT_TRUE(header.is_echo() && !header.is_error());
  EXPECT_EQ(header.identifier, 1);
  EXPECT_EQ(header.sequence_number, 2);
  EXPECT_EQ(exact(view->data()), hex("4865 6c6c 6f"));
  EXPECT_EQ(exact(view->message()), kEcho);
}

TEST(IcmpV6, TheChecksumCoversThePseudoHeader) {
  EXPECT_TRUE(IcmpV6View::parse(kEcho)->checksum_is_valid(kSource, kDestination));
  EXPECT_FALSE(IcmpV6View::parse(kEcho)->checksum_is_valid(kSource, IpAddress::all_nodes()));
  for (size_t bit = 0; bit < kEcho.size() * 8; ++bit) {
    Octets damaged = kEcho;
    damaged[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    EXPECT_FALSE(IcmpV6View::parse(damaged)->checksum_is_valid(kSource, kDestination)) << bit;
  }
}

TEST(IcmpV6, ParsesErrors) {
  const auto too_big = IcmpV6View::parse(kTooBig);
  ASSERT_TRUE(too_big);
  EXPECT_EQ(too_big->header().type, IcmpV6Type::kPacketTooBig);
  EXPECT_EQ(too_big->header().mtu, 1280u);
  EXPECT_TRUE(too_big->header().is_error());
  EXPECT_TRUE(QuotedDatagram::parse_ipv6(too_big->data()));
  const auto problem = IcmpV6View::parse(kProblem);
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->header().pointer, 40u);
  EXPECT_EQ(problem->header().code, 1);
}

TEST(IcmpV6, TheHighBitTellsErrors) {
  for (int type = 0; type < 256; ++type) {
    Octets message = kEcho;
    message[0] = static_cast<uint8_t>(type);
    const auto view = IcmpV6View::parse(message);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->header().is_error(), type < 128);
    EXPECT_EQ(view->header().is_echo(), type == 128 || type == 129);
  }
}

TEST(IcmpV6, EmitsTheBytesItWasParsedFrom) {
  Octets emitted = kEcho;
  std::fill_n(emitted.begin(), 8, uint8_t{0xee});
  IcmpV6View::parse(kEcho)->header().emit(emitted, rest_of(Bytes(kEcho).subspan(8)));
  EXPECT_EQ(emitted, kEcho);
}

TEST(IcmpV6, TruncatedMessagesAreTold) {
  for_each_truncation(Bytes(kEcho).first(8), [](Bytes cut) { EXPECT_EQ(IcmpV6View::parse(cut).error(), ParseError::kTruncated); });
}

TEST(IcmpV6, RandomHeadersSurvive) {
  Random random(1);
  constexpr IcmpV6Type kTypes[] = {IcmpV6Type::kEchoReply,    IcmpV6Type::kEchoRequest,      IcmpV6Type::kDestinationUnreachable,
                                   IcmpV6Type::kPacketTooBig, IcmpV6Type::kParameterProblem, IcmpV6Type::kTimeExceeded,
                                   static_cast<IcmpV6Type>(200)};
  for (int i = 0; i < 20'000; ++i) {
    IcmpV6Header header;
    header.type = kTypes[random.below(std::size(kTypes))];
    header.code = static_cast<uint8_t>(random.below(8));
    if (header.is_echo()) {
      header.identifier = static_cast<uint16_t>(random.next());
      header.sequence_number = static_cast<uint16_t>(random.next());
    }
    if (header.type == IcmpV6Type::kPacketTooBig) header.mtu = static_cast<uint32_t>(random.next());
    if (header.type == IcmpV6Type::kParameterProblem) header.pointer = static_cast<uint32_t>(random.next());
    const Octets data = random_octets(random, random.below(60));
    Octets message = concat(Octets(8), data);
    header.emit(message, rest_of(data));
    const auto view = IcmpV6View::parse(message);
    ASSERT_TRUE(view && view->header() == header && view->checksum_is_valid(kSource, kDestination)) << i;
  }
}

TEST(IcmpV6, AnyBytesDoNoHarm) { for_random_inputs(2, {kEcho, kTooBig, kProblem}, exercise_icmpv6); }

TEST(IcmpV6DeathTest, NeedsRoom) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Octets room(7);
  EXPECT_DEATH(IcmpV6Header().emit(room, Checksum()), "no room");
}

}  // namespace
}  // namespace demi
