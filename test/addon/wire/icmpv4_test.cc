#include "wire/icmpv4.h"

#include <gtest/gtest.h>

#include "wire/exercise.h"
#include "wire/wire_bytes.h"

namespace demi {
namespace {

const Octets kEcho = hex("08 00 432b 0001 0002  4865 6c6c");
// Fragmentation needed, MTU 1400, with the beginning of a TCP segment; time exceeded with the same; the checksums are not looked at here.
const Octets kQuoted = hex("4500 05dc 0001 4000 4006 0000 0a000001 0a000002  c000 0050 00000064");
const Octets kTooBig = concat(hex("03 04 0000 0000 0578"), kQuoted);
const Octets kTimeExceeded = concat(hex("0b 00 0000 0000 0000"), kQuoted);

TEST(IcmpV4, ParsesAnEcho) {
  const auto view = IcmpV4View::parse(kEcho);
  ASSERT_TRUE(view);
  const IcmpV4Header header = view->header();
  EXPECT_EQ(header.type, IcmpV4Type::kEchoRequest);
  EXPECT_TRUE(header.is_echo() && !header.is_error());
  EXPECT_EQ(header.identifier, 1);
  EXPECT_EQ(header.sequence_number, 2);
  EXPECT_EQ(exact(view->data()), hex("4865 6c6c"));
  EXPECT_TRUE(view->checksum_is_valid());
}

TEST(IcmpV4, TheChecksumCoversEverything) {
  for (size_t bit = 0; bit < kEcho.size() * 8; ++bit) {
    Octets damaged = kEcho;
    damaged[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    EXPECT_FALSE(IcmpV4View::parse(damaged)->checksum_is_valid()) << bit;
  }
}

TEST(IcmpV4, ParsesErrors) {
  const auto too_big = IcmpV4View::parse(kTooBig);
  ASSERT_TRUE(too_big);
  EXPECT_TRUE(too_big->header().is_fragmentation_needed() && too_big->header().is_error());
  EXPECT_EQ(too_big->header().next_hop_mtu, 1400);
  EXPECT_EQ(exact(too_big->data()), kQuoted);
  const auto exceeded = IcmpV4View::parse(kTimeExceeded);
  ASSERT_TRUE(exceeded);
  EXPECT_EQ(exceeded->header().type, IcmpV4Type::kTimeExceeded);
  EXPECT_TRUE(exceeded->header().is_error());
}

TEST(IcmpV4, OnlyFragmentationNeededHasAnMtu) {
  Octets message = kTooBig;
  message[1] = static_cast<uint8_t>(IcmpV4Unreachable::kPort);
  EXPECT_EQ(IcmpV4View::parse(message)->header().next_hop_mtu, 0);
  EXPECT_EQ(IcmpV4View::parse(message)->header().code, 3);
}

TEST(IcmpV4, OthersAreUnknownAndNoErrorOfParsing) {
  for (int type = 0; type < 256; ++type) {
    Octets message = kEcho;
    message[0] = static_cast<uint8_t>(type);
    const auto view = IcmpV4View::parse(message);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->header().is_echo(), type == 0 || type == 8);
    EXPECT_EQ(view->header().is_error(), type == 3 || type == 11);
  }
}

TEST(IcmpV4, EmitsTheBytesItWasParsedFrom) {
  Octets emitted = kEcho;
  std::fill_n(emitted.begin(), 8, uint8_t{0xee});
  IcmpV4View::parse(kEcho)->header().emit(emitted, sum_of(Bytes(kEcho).subspan(8)));
  EXPECT_EQ(emitted, kEcho);
}

TEST(IcmpV4, TruncatedMessagesAreTold) {
  for_each_truncation(Bytes(kEcho).first(8), [](Bytes cut) { EXPECT_EQ(IcmpV4View::parse(cut).error(), ParseError::kTruncated); });
}

TEST(IcmpV4, RandomHeadersSurvive) {
  Random random(1);
  constexpr IcmpV4Type kTypes[] = {IcmpV4Type::kEchoReply, IcmpV4Type::kEchoRequest, IcmpV4Type::kDestinationUnreachable,
                                   IcmpV4Type::kTimeExceeded, static_cast<IcmpV4Type>(13)};
  for (int i = 0; i < 20'000; ++i) {
    IcmpV4Header header;
    header.type = kTypes[random.below(std::size(kTypes))];
    header.code = static_cast<uint8_t>(random.below(6));
    if (header.is_echo()) {
      header.identifier = static_cast<uint16_t>(random.next());
      header.sequence_number = static_cast<uint16_t>(random.next());
    }
    if (header.is_fragmentation_needed()) header.next_hop_mtu = static_cast<uint16_t>(random.next());
    const Octets data = random_octets(random, random.below(60));
    Octets message = concat(Octets(8), data);
    header.emit(message, sum_of(data));
    const auto view = IcmpV4View::parse(message);
    ASSERT_TRUE(view && view->header() == header && view->checksum_is_valid()) << i;
  }
}

TEST(IcmpV4, AnyBytesDoNoHarm) { for_random_inputs(2, {kEcho, kTooBig, kTimeExceeded}, exercise_icmpv4); }

TEST(IcmpV4DeathTest, NeedsRoom) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Octets room(7);
  EXPECT_DEATH(IcmpV4Header().emit(room, Checksum()), "no room");
}

}  // namespace
}  // namespace demi
