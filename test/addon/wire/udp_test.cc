#include "wire/udp.h"

#include <gtest/gtest.h>

#include "wire/exercise.h"
#include "wire/wire_bytes.h"

namespace demi {
namespace {

const IpAddress kSource = IpAddress::ipv4(10, 0, 0, 1), kDestination = IpAddress::ipv4(10, 0, 0, 2);
// 4096 -> 53, "abc". The sum: 0a00+0001+0a00+0002+0011+000b (pseudo header), 1000+0035+000b, 6162+6300.
const Octets kDatagram = hex("1000 0035 000b 173e  61 62 63");

uint16_t checksum_of(const Octets& datagram) { return load_be16(datagram.data() + UdpHeader::kChecksumOffset); }

Octets emit(const UdpHeader& header, Bytes payload, const IpAddress& source, const IpAddress& destination) {
  Octets emitted = concat(Octets(UdpHeader::kBytes), payload);
  Checksum rest = Checksum::pseudo_header(source, destination, IpProtocol::kUdp, static_cast<uint32_t>(emitted.size()));
  rest.add(payload);
  header.emit(emitted, rest);
  return emitted;
}

TEST(Udp, ParsesADatagram) {
  const auto view = UdpView::parse(kDatagram);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->source_port(), 4096);
  EXPECT_EQ(view->destination_port(), 53);
  EXPECT_EQ(exact(view->payload()), hex("61 62 63"));
  EXPECT_TRUE(view->checksum_is_valid(kSource, kDestination));
  EXPECT_FALSE(view->checksum_is_valid(kSource, kSource));
}

TEST(Udp, EmitsTheBytesItWasParsedFrom) {
  EXPECT_EQ(emit({4096, 53, 3}, hex("61 62 63"), kSource, kDestination), kDatagram);
}

TEST(Udp, EmptyDatagramsAreDatagrams) {
  const Octets datagram = emit({1, 2, 0}, {}, kSource, kDestination);
  const auto view = UdpView::parse(datagram);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->payload().empty());
  EXPECT_TRUE(view->checksum_is_valid(kSource, kDestination));
}

TEST(Udp, TruncatedDatagramsAreTold) {
  for_each_truncation(kDatagram, [](Bytes cut) {
    EXPECT_EQ(UdpView::parse(cut).error(), cut.size() < 8 ? ParseError::kTruncated : ParseError::kBadLength);
  });
}

// RFC 768: the minimum is eight; 0 is that of a jumbogram.
TEST(Udp, EveryLength) {
  for (uint32_t length = 0; length < 65'536; ++length) {
    Octets datagram = kDatagram;
    store_be16(datagram.data() + 4, static_cast<uint16_t>(length));
    const auto view = UdpView::parse(datagram);
    ASSERT_EQ(view.error(), length >= 8 && length <= 11 ? ParseError::kNone : ParseError::kBadLength) << length;
    if (view) {
      EXPECT_EQ(view->payload().size(), length - 8);
    }
  }
}

TEST(Udp, NoChecksumIsFineOverIPv4AndWrongOverIPv6) {
  Octets datagram = kDatagram;
  store_be16(datagram.data() + 6, 0);
  EXPECT_TRUE(UdpView::parse(datagram)->checksum_is_valid(kSource, kDestination));
  EXPECT_FALSE(UdpView::parse(datagram)->checksum_is_valid(IpAddress::ipv6(1, 0, 0, 1), IpAddress::ipv6(1, 0, 0, 2)));
}

TEST(Udp, AComputedZeroIsSentAsAllOnes) {
  // The last word makes the sum ffff: whatever the checksum of the rest is, is put there.
  Octets payload(2);
  store_be16(payload.data(), checksum_of(emit({1, 2, 2}, Octets(2), kSource, kDestination)));
  const Octets datagram = emit({1, 2, 2}, payload, kSource, kDestination);
  EXPECT_EQ(checksum_of(datagram), 0xffff);
  EXPECT_TRUE(UdpView::parse(datagram)->checksum_is_valid(kSource, kDestination));
}

TEST(Udp, WithoutASumTheFieldIsLeftToTheDevice) {
  Octets emitted(8, 0xee);
  UdpHeader{1, 2, 0}.emit(emitted);
  EXPECT_EQ(emitted, hex("0001 0002 0008 0000"));
}

TEST(Udp, RandomHeadersSurviveOverBothFamilies) {
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto word = [&] { return static_cast<uint32_t>(random.next()); };
    const bool four = random.below(2) == 0;
    const IpAddress source = four ? IpAddress::ipv4(word()) : IpAddress::ipv6(word(), word(), word(), word());
    const IpAddress destination = four ? IpAddress::ipv4(word()) : IpAddress::ipv6(word(), word(), word(), word());
    const Octets payload = random_octets(random, random.below(100));
    const UdpHeader header{static_cast<uint16_t>(word()), static_cast<uint16_t>(word()), static_cast<uint16_t>(payload.size())};
    Octets datagram = emit(header, payload, source, destination);
    const auto view = UdpView::parse(datagram);
    ASSERT_TRUE(view && view->header() == header && view->checksum_is_valid(source, destination)) << i;
    datagram[random.below(datagram.size())] ^= 0x20;
    const auto damaged = UdpView::parse(datagram);
    ASSERT_FALSE(damaged && damaged->payload().size() == payload.size() && damaged->checksum_is_valid(source, destination)) << i;
  }
}

TEST(Udp, AnyBytesDoNoHarm) { for_random_inputs(2, {kDatagram}, exercise_udp); }

TEST(UdpDeathTest, NeedsRoom) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Octets room(7);
  EXPECT_DEATH(UdpHeader().emit(room), "no room");
}

}  // namespace
}  // namespace demi
