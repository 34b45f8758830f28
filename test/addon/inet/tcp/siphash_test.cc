#include "inet/tcp/siphash.h"

#include <gtest/gtest.h>

#include <vector>

namespace demi {
namespace {

// Appendix A of the paper: the key is the bytes 0 to 15, the message the bytes 0 to 14.
TEST(SipHashTest, TheVectorOfThePaper) {
  const SipHashKey key{0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
  std::vector<uint8_t> message;
  for (uint8_t i = 0; i < 15; ++i) message.push_back(i);
  EXPECT_EQ(siphash24(key, message), 0xa129ca6149be45e5u);
}

// The first and the last of the reference vectors for messages of 0 to 63 bytes.
TEST(SipHashTest, OtherLengths) {
  const SipHashKey key{0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
  std::vector<uint8_t> message;
  EXPECT_EQ(siphash24(key, message), 0x726fdb47dd0e0e31u);
  for (uint8_t i = 0; i < 63; ++i) message.push_back(i);
  EXPECT_EQ(siphash24(key, message), 0x958a324ceb064572u);
}

TEST(SipHashTest, EachBitOfKeyAndMessageMatters) {
  const std::vector<uint8_t> message(20, 7);
  const uint64_t hash = siphash24({1, 2}, message);
  EXPECT_NE(siphash24({1, 3}, message), hash);
  EXPECT_NE(siphash24({0, 2}, message), hash);
  std::vector<uint8_t> other = message;
  other[19] ^= 0x80;
  EXPECT_NE(siphash24({1, 2}, other), hash);
}

}  // namespace
}  // namespace demi
