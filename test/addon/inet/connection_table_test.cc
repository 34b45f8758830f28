#include "inet/connection_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace demi {
namespace {

class ConnectionTableTest : public ::testing::Test {
 protected:
  Connection& add(const TcpTuple& tuple) {
    made.push_back(std::make_unique<Connection>(resources, TcpOpen{}, tuple));
    table.insert(*made.back());
    return *made.back();
  }
  static TcpTuple tuple(uint32_t number) {
    return {IpAddress::ipv4(10, 0, 0, 1), IpAddress::ipv4(0x0a010000 + (number >> 12)), 80, static_cast<uint16_t>(1024 + (number & 0xfff))};
  }
  static TcpTuple tuple6(uint32_t number) {
    return {IpAddress::ipv6(0x20010db8, 0, 0, 1), IpAddress::ipv6(0x20010db8, 1, 0, number), 80, 1024};
  }

  TcpConfig config;
  Memory memory;
  TcpResources resources{config, memory};
  std::vector<std::unique_ptr<Connection>> made;
  ConnectionTable table{SipHashKey{1, 2}};
};

TEST_F(ConnectionTableTest, FindsThoseOfBothFamilies) {
  Connection& four = add(tuple(1));
  Connection& six = add(tuple6(1));
  EXPECT_EQ(table.find(tuple(1)), &four);
  EXPECT_EQ(table.find(tuple6(1)), &six);
  EXPECT_EQ(table.find(tuple(2)), nullptr);
  EXPECT_EQ(table.find(tuple6(2)), nullptr);
}

TEST_F(ConnectionTableTest, EachPartOfTheTupleCounts) {
  Connection& only = add(tuple(1));
  for (int part = 0; part < 4; ++part) {
    TcpTuple other = tuple(1);
    if (part == 0) other.local_address.words[0] ^= 1;
    if (part == 1) other.remote_address.words[0] ^= 1;
    if (part == 2) other.local_port ^= 1;
    if (part == 3) other.remote_port ^= 1;
    EXPECT_EQ(table.find(other), nullptr) << part;
    // Nor is it enough that the hash is the same.
    EXPECT_EQ(table.find(other, table.hash(only.tuple())), nullptr) << part;
  }
}

TEST_F(ConnectionTableTest, GrowsAndShrinksAndFindsAll) {
  constexpr uint32_t kCount = 3000;
  for (uint32_t i = 0; i < kCount; ++i) add(tuple(i));
  EXPECT_EQ(table.size(), kCount);
  for (uint32_t i = 0; i < kCount; ++i) {
    const uint64_t hash = table.hash(tuple(i));
    table.prefetch_bucket(hash);
    table.prefetch_connection(hash);
    ASSERT_EQ(table.find(tuple(i), hash), made[i].get());
  }
  for (uint32_t i = 0; i < kCount; i += 2) table.remove(*made[i]);
  for (uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(table.find(tuple(i)), i % 2 == 0 ? nullptr : made[i].get());
  while (Connection* any = table.any()) table.remove(*any);
  EXPECT_EQ(table.size(), 0u);
}

// Nobody waits for the table: chains move a few at a time, and meanwhile each connection is found where it is.
TEST_F(ConnectionTableTest, GrowsLittleByLittle) {
  uint32_t inserts_while_growing = 0;
  for (uint32_t i = 0; i < 1100; ++i) {
    add(tuple(i));
    inserts_while_growing += table.is_growing();
    for (uint32_t k = 0; k <= i; ++k) ASSERT_EQ(table.find(tuple(k)), made[k].get()) << k << " after " << i;
    ASSERT_EQ(table.find(tuple(i + 1)), nullptr);
  }
  // 256 chains, then 512, two with each insert: and the last 1024 are on their way.
  EXPECT_GE(inserts_while_growing, 256u / 2 + 512 / 2 + 50);
  EXPECT_TRUE(table.is_growing());
  // While it grows some leave from either part of it.
  for (uint32_t i = 0; i < 1100; i += 3) table.remove(*made[i]);
  for (uint32_t i = 0; i < 1100; ++i) ASSERT_EQ(table.find(tuple(i)), i % 3 == 0 ? nullptr : made[i].get());
  while (Connection* any = table.any()) table.remove(*any);
  EXPECT_EQ(table.size(), 0u);
}

TEST_F(ConnectionTableTest, IsDoneWithGrowingBeforeItMustAgain) {
  for (uint32_t i = 0; i < 20'000; ++i) {
    const bool is_full = i >= 256 && (i & (i - 1)) == 0;  // one connection a bucket: the next insert begins to grow
    ASSERT_FALSE(is_full && table.is_growing()) << i;
    add(tuple(i));
    ASSERT_TRUE(!is_full || table.is_growing()) << i;
  }
}

TEST_F(ConnectionTableTest, AnEmptyBucketCanBePrefetched) {
  const uint64_t hash = table.hash(tuple(1));
  table.prefetch_bucket(hash);
  table.prefetch_connection(hash);
  EXPECT_EQ(table.find(tuple(1), hash), nullptr);
}

TEST_F(ConnectionTableTest, ItsOrderDependsOnTheSecret) {
  const ConnectionTable other{SipHashKey{3, 4}};
  EXPECT_NE(table.hash(tuple(1)), other.hash(tuple(1)));
}

}  // namespace
}  // namespace demi
