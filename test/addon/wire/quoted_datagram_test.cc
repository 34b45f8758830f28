#include "wire/quoted_datagram.h"

#include <gtest/gtest.h>

#include "wire/exercise.h"
#include "wire/wire_bytes.h"

namespace demi {
namespace {

const Octets kIPv4 = hex("4500 05dc 0001 4000 4006 0000 0a000001 0a000002  c000 0050 00000064");
// The same over IPv6, behind an empty destination options header.
const Octets kIPv6 = hex(
    "6000 0000 0500 3c 40  fe80 0000 0000 0000 0000 0000 0000 0001  fe80 0000 0000 0000 0000 0000 0000 0002"
    "06 00 0104 00000000  c000 0050 00000064");

Octets with(Octets octets, size_t at, uint8_t value) {
  octets[at] = value;
  return octets;
}

TEST(QuotedDatagram, NamesTheSocketThatSentIt) {
  const auto quoted = QuotedDatagram::parse_ipv4(kIPv4);
  ASSERT_TRUE(quoted);
  EXPECT_EQ(quoted->source, IpAddress::ipv4(10, 0, 0, 1));
  EXPECT_EQ(quoted->destination, IpAddress::ipv4(10, 0, 0, 2));
  EXPECT_EQ(quoted->protocol, IpProtocol::kTcp);
  EXPECT_EQ(quoted->source_port, 49152);
  EXPECT_EQ(quoted->destination_port, 80);
  EXPECT_EQ(quoted->sequence_number, SeqNumber(100));
}

TEST(QuotedDatagram, OfUdpAndOthers) {
  const Octets udp_bytes = with(kIPv4, 9, 17), icmp_bytes = with(kIPv4, 9, 1);
  const auto udp = QuotedDatagram::parse_ipv4(udp_bytes), icmp = QuotedDatagram::parse_ipv4(icmp_bytes);
  ASSERT_TRUE(udp && icmp);
  EXPECT_EQ(udp->source_port, 49152);
  EXPECT_EQ(udp->sequence_number, SeqNumber(0));
  EXPECT_EQ(icmp->source_port, 0);
}

TEST(QuotedDatagram, EightBytesBehindTheHeaderAreNeeded) {
  for_each_truncation(kIPv4, [](Bytes cut) { EXPECT_EQ(QuotedDatagram::parse_ipv4(cut).error(), ParseError::kTruncated); });
  // The header says that there are fewer.
  EXPECT_EQ(QuotedDatagram::parse_ipv4(with(with(kIPv4, 2, 0), 3, 27)).error(), ParseError::kTruncated);
}

TEST(QuotedDatagram, ALaterFragmentHasNoPorts) {
  EXPECT_EQ(QuotedDatagram::parse_ipv4(with(kIPv4, 7, 1)).error(), ParseError::kBadFragment);
  EXPECT_TRUE(QuotedDatagram::parse_ipv4(with(kIPv4, 6, 0x20)));  // the first has
}

TEST(QuotedDatagram, BadHeadersAreTold) {
  EXPECT_EQ(QuotedDatagram::parse_ipv4(with(kIPv4, 0, 0x65)).error(), ParseError::kBadVersion);
  EXPECT_EQ(QuotedDatagram::parse_ipv4(with(kIPv4, 0, 0x44)).error(), ParseError::kBadHeaderLength);
  EXPECT_EQ(QuotedDatagram::parse_ipv4(with(kIPv4, 0, 0x4f)).error(), ParseError::kBadHeaderLength);
  EXPECT_EQ(QuotedDatagram::parse_ipv4(with(kIPv4, 0, 0x46)).error(), ParseError::kTruncated);  // 4 bytes of options, 4 are left
}

TEST(QuotedDatagram, OfIPv6BehindExtensionHeaders) {
  const auto quoted = QuotedDatagram::parse_ipv6(kIPv6);
  ASSERT_TRUE(quoted);
  EXPECT_EQ(quoted->source, IpAddress::ipv6(0xfe800000, 0, 0, 1));
  EXPECT_EQ(quoted->destination, IpAddress::ipv6(0xfe800000, 0, 0, 2));
  EXPECT_EQ(quoted->protocol, IpProtocol::kTcp);
  EXPECT_EQ(quoted->source_port, 49152);
  EXPECT_EQ(quoted->sequence_number, SeqNumber(100));
  for_each_truncation(kIPv6, [](Bytes cut) { EXPECT_EQ(QuotedDatagram::parse_ipv6(cut).error(), ParseError::kTruncated); });
  EXPECT_EQ(QuotedDatagram::parse_ipv6(kIPv4).error(), ParseError::kTruncated);
  EXPECT_EQ(QuotedDatagram::parse_ipv6(with(kIPv6, 0, 0x45)).error(), ParseError::kBadVersion);
}

TEST(QuotedDatagram, OfIPv6InFragments) {
  // As long as its header says it is a multiple of 8, whatever of it is quoted.
  Octets first = with(kIPv6, 6, 44);
  std::copy_n(hex("11 00 0001 00000007").begin(), 8, first.begin() + 40);
  const auto quoted = QuotedDatagram::parse_ipv6(concat(first, hex("01")));
  ASSERT_TRUE(quoted);
  EXPECT_EQ(quoted->protocol, IpProtocol::kUdp);
  EXPECT_EQ(quoted->destination_port, 80);
  EXPECT_EQ(QuotedDatagram::parse_ipv6(with(first, 43, 9)).error(), ParseError::kBadFragment);
}

TEST(QuotedDatagram, AnyBytesDoNoHarm) {
  for_random_inputs(2, {kIPv6}, [](Bytes octets) { (void)QuotedDatagram::parse_ipv6(octets).ok(); });
  for_random_inputs(1, {kIPv4}, [](Bytes octets) { (void)QuotedDatagram::parse_ipv4(octets).ok(); });
}

}  // namespace
}  // namespace demi
