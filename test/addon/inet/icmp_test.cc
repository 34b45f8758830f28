#include "inet/icmp.h"

#include <gtest/gtest.h>

#include <vector>

namespace demi {
namespace {

constexpr Instant at_ms(int64_t milliseconds) { return Instant() + Duration::milliseconds(milliseconds); }

TEST(RateLimitTest, ABurstAndThenSoManyInASecond) {
  RateLimit limit(10, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take(at_ms(1000)));
  EXPECT_FALSE(limit.take(at_ms(1000)));
  EXPECT_FALSE(limit.take(at_ms(1099)));
  EXPECT_TRUE(limit.take(at_ms(1100)));
  EXPECT_FALSE(limit.take(at_ms(1100)));
}

TEST(RateLimitTest, APauseBringsTheBurstBackAndNoMore) {
  RateLimit limit(10, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take(at_ms(0)));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take(at_ms(100'000)));
  EXPECT_FALSE(limit.take(at_ms(100'000)));
}

struct MadePacket {
  explicit MadePacket(const Ipv4Header& header, std::vector<uint8_t> payload = std::vector<uint8_t>(8)) : bytes(20) {
    Ipv4Header with_length = header;
    with_length.payload_bytes = static_cast<uint16_t>(payload.size());
    with_length.emit(bytes);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
  }
  Ipv4View view() const { return *Ipv4View::parse(bytes); }
  std::vector<uint8_t> bytes;
};

Ipv4Header header(IpProtocol protocol) {
  Ipv4Header made;
  made.protocol = protocol;
  made.source = IpAddress::ipv4(10, 0, 0, 9);
  made.destination = IpAddress::ipv4(10, 0, 0, 2);
  return made;
}

// RFC 1122 3.2.2, line by line.
TEST(IcmpTest, AboutWhatAnErrorMayBeSent) {
  EXPECT_TRUE(may_cause_error(MadePacket(header(IpProtocol::kUdp)).view(), false));
  EXPECT_FALSE(may_cause_error(MadePacket(header(IpProtocol::kUdp)).view(), true));
  Ipv4Header fragment = header(IpProtocol::kUdp);
  fragment.more_fragments = true;
  EXPECT_TRUE(may_cause_error(MadePacket(fragment).view(), false));
  fragment.fragment_offset = 8;
  EXPECT_FALSE(may_cause_error(MadePacket(fragment).view(), false));
  for (const IpAddress& nobody : {IpAddress::ipv4(0, 0, 0, 0), IpAddress::ipv4(224, 0, 0, 1), IpAddress::limited_broadcast()}) {
    Ipv4Header from_nobody = header(IpProtocol::kUdp);
    from_nobody.source = nobody;
    EXPECT_FALSE(may_cause_error(MadePacket(from_nobody).view(), false));
  }
}

TEST(IcmpTest, NoErrorIsSentAboutAnError) {
  for (int type = 0; type < 256; ++type) {
    const MadePacket packet(header(IpProtocol::kIcmpV4), {static_cast<uint8_t>(type), 0, 0, 0, 0, 0, 0, 0});
    EXPECT_EQ(may_cause_error(packet.view(), false), type == 8) << type;
  }
  EXPECT_FALSE(may_cause_error(MadePacket(header(IpProtocol::kIcmpV4), {8}).view(), false));
}

TEST(IcmpTest, WhatErrorsMean) {
  const auto unreachable = [](uint8_t code) {
    IcmpV4Header message;
    message.type = IcmpV4Type::kDestinationUnreachable;
    message.code = code;
    return meaning_of(message);
  };
  // RFC 9293 3.9.2.2: codes 0, 1 and 5 may be gone in a moment, 2 and 3 not; 4 is about the size of packets.
  EXPECT_EQ(unreachable(0)->kind, IcmpErrorKind::kSoft);
  EXPECT_EQ(unreachable(0)->error, Errno::kENETUNREACH);
  EXPECT_EQ(unreachable(1)->kind, IcmpErrorKind::kSoft);
  EXPECT_EQ(unreachable(1)->error, Errno::kEHOSTUNREACH);
  EXPECT_EQ(unreachable(2)->kind, IcmpErrorKind::kHard);
  EXPECT_EQ(unreachable(3)->kind, IcmpErrorKind::kHard);
  EXPECT_EQ(unreachable(3)->error, Errno::kECONNREFUSED);
  EXPECT_FALSE(unreachable(4));
  EXPECT_EQ(unreachable(5)->kind, IcmpErrorKind::kSoft);
  EXPECT_EQ(unreachable(13)->kind, IcmpErrorKind::kSoft);
  IcmpV4Header message;
  message.type = IcmpV4Type::kTimeExceeded;
  EXPECT_EQ(meaning_of(message)->kind, IcmpErrorKind::kSoft);
  message.type = IcmpV4Type::kEchoReply;
  EXPECT_FALSE(meaning_of(message));
}

}  // namespace
}  // namespace demi
