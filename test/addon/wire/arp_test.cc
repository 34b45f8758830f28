#include "wire/arp.h"

#include <gtest/gtest.h>

#include "wire/exercise.h"
#include "wire/wire_bytes.h"

namespace demi {
namespace {

// 10.0.0.1 at 02:..:01 asks for 10.0.0.2; the answer.
const Octets kRequest = hex("0001 0800 06 04 0001  020000000001 0a000001  000000000000 0a000002");
const Octets kReply = hex("0001 0800 06 04 0002  020000000002 0a000002  020000000001 0a000001");

TEST(Arp, ParsesARequest) {
  const auto header = ArpHeader::parse(kRequest);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->operation, ArpOperation::kRequest);
  EXPECT_EQ(header->sender_mac, (MacAddress{{2, 0, 0, 0, 0, 1}}));
  EXPECT_EQ(header->sender_ip, IpAddress::ipv4(10, 0, 0, 1));
  EXPECT_TRUE(header->target_mac.is_zero());
  EXPECT_EQ(header->target_ip, IpAddress::ipv4(10, 0, 0, 2));
  EXPECT_FALSE(header->is_probe() || header->is_announcement());
}

TEST(Arp, EmitsTheBytesItWasParsedFrom) {
  for (const Octets& packet : {kRequest, kReply}) {
    Octets emitted(ArpHeader::kBytes);
    const auto header = ArpHeader::parse(packet);
    ASSERT_TRUE(header);
    header->emit(emitted);
    EXPECT_EQ(emitted, packet);
  }
}

TEST(Arp, KnowsProbesAndAnnouncements) {
  ArpHeader header = *ArpHeader::parse(kRequest);
  header.sender_ip = IpAddress::unspecified(Family::kIPv4);
  EXPECT_TRUE(header.is_probe());
  header.operation = ArpOperation::kReply;
  EXPECT_FALSE(header.is_probe());
  header.sender_ip = header.target_ip;
  EXPECT_TRUE(header.is_announcement());
}

TEST(Arp, PaddingOfAShortFrameIsIgnored) {
  EXPECT_EQ(*ArpHeader::parse(concat(kReply, Octets(18, 0xee))), *ArpHeader::parse(kReply));
}

TEST(Arp, TruncatedPacketsAreTold) {
  for_each_truncation(kReply, [](Bytes cut) { EXPECT_EQ(ArpHeader::parse(cut).error(), ParseError::kTruncated); });
}

TEST(Arp, OtherNetworksAndLengthsThatLieAreTold) {
  const auto error_with = [](size_t at, uint8_t value) {
    Octets packet = kRequest;
    packet[at] = value;
    return ArpHeader::parse(packet).error();
  };
  EXPECT_EQ(error_with(1, 6), ParseError::kUnsupported);     // IEEE 802 hardware
  EXPECT_EQ(error_with(2, 0x86), ParseError::kUnsupported);  // another protocol
  for (int length = 0; length < 256; ++length) {
    EXPECT_EQ(error_with(4, static_cast<uint8_t>(length)), length == 6 ? ParseError::kNone : ParseError::kBadLength);
    EXPECT_EQ(error_with(5, static_cast<uint8_t>(length)), length == 4 ? ParseError::kNone : ParseError::kBadLength);
  }
  EXPECT_EQ(error_with(7, 9), ParseError::kNone);  // an operation that nobody knows is looked at last (RFC 826)
}

TEST(Arp, RandomHeadersSurvive) {
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    ArpHeader header;
    header.operation = static_cast<ArpOperation>(random.below(65'536));
    header.sender_mac = MacAddress::load(random_octets(random, 6).data());
    header.target_mac = MacAddress::load(random_octets(random, 6).data());
    header.sender_ip = IpAddress::ipv4(static_cast<uint32_t>(random.next()));
    header.target_ip = IpAddress::ipv4(static_cast<uint32_t>(random.next()));
    Octets emitted(ArpHeader::kBytes);
    header.emit(emitted);
    const auto again = ArpHeader::parse(emitted);
    ASSERT_TRUE(again && *again == header) << i;
  }
}

TEST(Arp, AnyBytesDoNoHarm) { for_random_inputs(2, {kRequest, kReply}, exercise_arp); }

TEST(ArpDeathTest, IsForIPv4AndNeedsRoom) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Octets room(28);
  ArpHeader header;
  header.sender_ip = IpAddress::all_nodes();
  EXPECT_DEATH(header.emit(room), "ARP is for IPv4");
  EXPECT_DEATH(ArpHeader().emit(MutableBytes(room).first(27)), "no room");
}

}  // namespace
}  // namespace demi
