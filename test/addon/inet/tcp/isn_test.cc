#include "inet/tcp/isn.h"

#include <gtest/gtest.h>

#include <set>

namespace demi {
namespace {

Instant us(int64_t count) { return Instant::from_nanoseconds(count * 1000); }
const SipHashKey kSecret{0x1122334455667788u, 0x99aabbccddeeff00u};

TcpTuple tuple(uint16_t remote_port) {
  return {IpAddress::ipv4(10, 0, 0, 1), IpAddress::ipv4(10, 0, 0, 2), 80, remote_port};
}

TEST(IsnTest, GrowsByOneEachFourMicroseconds) {
  const SeqNumber first = initial_sequence_number(tuple(1000), kSecret, us(0));
  EXPECT_EQ(initial_sequence_number(tuple(1000), kSecret, us(4)) - first, 1);
  EXPECT_EQ(initial_sequence_number(tuple(1000), kSecret, us(4'000'000)) - first, 1'000'000);
}

TEST(IsnTest, OneTupleTellsNothingOfAnother) {
  std::set<uint32_t> numbers;
  for (uint16_t port = 1; port <= 1000; ++port) numbers.insert(initial_sequence_number(tuple(port), kSecret, us(0)).value());
  EXPECT_EQ(numbers.size(), 1000u);
  // Neighbours are no nearer to one another than others: the mean distance of random numbers is 2^30.
  double distance = 0;
  for (uint16_t port = 1; port < 1000; ++port) {
    distance += std::abs(initial_sequence_number(tuple(port), kSecret, us(0)) - initial_sequence_number(tuple(port + 1), kSecret, us(0)));
  }
  EXPECT_NEAR(distance / 999, 1 << 30, 1 << 27);
}

TEST(IsnTest, EveryPartOfTheTupleAndTheSecretCount) {
  const SeqNumber isn = initial_sequence_number(tuple(1000), kSecret, us(0));
  TcpTuple other = tuple(1000);
  other.local_address = IpAddress::ipv4(10, 0, 0, 3);
  EXPECT_NE(initial_sequence_number(other, kSecret, us(0)), isn);
  other = tuple(1000);
  other.remote_address = IpAddress::ipv4(10, 0, 0, 3);
  EXPECT_NE(initial_sequence_number(other, kSecret, us(0)), isn);
  other = tuple(1000);
  other.local_port = 81;
  EXPECT_NE(initial_sequence_number(other, kSecret, us(0)), isn);
  EXPECT_NE(initial_sequence_number(tuple(1000), {kSecret.k0, kSecret.k1 + 1}, us(0)), isn);
  EXPECT_NE(initial_sequence_number(tuple(1000), {kSecret.k0 + 1, kSecret.k1}, us(0)), isn);
}

TEST(IsnTest, TheHashOfATableIsAnotherOne) {
  const auto isn = initial_sequence_number(tuple(1000), kSecret, us(0));
  EXPECT_NE(static_cast<uint32_t>(hash_of(tuple(1000), kSecret)), isn.value());
}

}  // namespace
}  // namespace demi
