#include "inet/address_claims.h"

#include <gtest/gtest.h>

namespace demi {
namespace {

constexpr Instant at(int64_t seconds) { return Instant() + Duration::seconds(seconds); }
constexpr IpAddress kFirst = IpAddress::ipv4(10, 0, 0, 2);
constexpr IpAddress kSecond = IpAddress::ipv4(10, 0, 0, 3);

class AddressClaimsTest : public ::testing::Test {
 protected:
  // What is announced at a time, as the last number of the addresses.
  std::vector<int> announced(Instant now) {
    std::vector<int> all;
    for (IpAddress out; claims.poll_announcement(out, now);) all.push_back(static_cast<int>(out.words[0] & 0xff));
    return all;
  }
  using All = std::vector<int>;
  AddressClaims claims{AddressClaimConfig{}, {Cidr(kFirst, 24), Cidr(kSecond, 24), Cidr(IpAddress::ipv6(0x20010db8, 0, 0, 1), 64)}, at(0)};
};

TEST_F(AddressClaimsTest, EachAddressIsAnnouncedTwice) {
  EXPECT_EQ(announced(at(0)), (All{2, 3}));
  EXPECT_EQ(announced(at(1)), All{});
  EXPECT_EQ(claims.poll_timeout(), at(2));
  EXPECT_EQ(announced(at(2)), (All{2, 3}));
  EXPECT_EQ(claims.poll_timeout(), Instant::never());
}

TEST_F(AddressClaimsTest, ALinkThatCameUpHearsOfThemAgain) {
  announced(at(0));
  announced(at(2));
  claims.announce_again(at(50));
  EXPECT_EQ(claims.poll_timeout(), at(50));
  EXPECT_EQ(announced(at(50)), (All{2, 3}));
  EXPECT_EQ(announced(at(52)), (All{2, 3}));
  EXPECT_EQ(claims.poll_timeout(), Instant::never());
}

TEST_F(AddressClaimsTest, AConflictIsCountedAndAnsweredOnceInTenSeconds) {
  announced(at(0));
  announced(at(2));
  claims.handle_conflict(kSecond, at(100));
  EXPECT_EQ(announced(at(100)), All{3});
  claims.handle_conflict(kSecond, at(109));
  EXPECT_EQ(announced(at(109)), All{});
  claims.handle_conflict(kSecond, at(110));
  EXPECT_EQ(announced(at(110)), All{3});
  EXPECT_EQ(claims.conflicts(), 3u);
}

TEST(AddressClaimsSilentTest, WithoutAnnouncementsThereIsNoDefense) {
  AddressClaims claims({.announcements = 0}, {Cidr(kFirst, 24)}, at(0));
  claims.handle_conflict(kFirst, at(20));
  claims.announce_again(at(20));
  IpAddress out;
  EXPECT_FALSE(claims.poll_announcement(out, at(20)));
  EXPECT_EQ(claims.conflicts(), 1u);
}

}  // namespace
}  // namespace demi
