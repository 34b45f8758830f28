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

// The same message by words: bytes 0 to 3, and 0 to 19.
TEST(SipHashTest, OfWords) {
  const SipHashKey key{0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
  std::vector<uint8_t> message;
  for (uint8_t i = 0; i < 20; ++i) message.push_back(i);
  const std::vector<uint64_t> words{0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
  EXPECT_EQ(siphash24(key, words, 0x13121110), siphash24(key, message));
  EXPECT_EQ(siphash24(key, {}, 0x03020100), siphash24(key, Bytes(message).first(4)));
}

TEST(SipHashTest, FewerRoundsMixAsWell) {
  const std::vector<uint64_t> words{1};
  uint64_t hashes = siphash13({1, 2}, words, 0), changed_always = ~uint64_t{0}, changed = 0;
  EXPECT_NE(hashes, siphash24({1, 2}, words, 0));
  EXPECT_NE(hashes, siphash13({1, 3}, words, 0));
  for (uint32_t bit = 0; bit < 32; ++bit) {
    const uint64_t difference = hashes ^ siphash13({1, 2}, words, uint32_t{1} << bit);
    EXPECT_NEAR(__builtin_popcountll(difference), 32, 20) << bit;
    changed |= difference;
    changed_always &= difference;
  }
  EXPECT_EQ(changed, ~uint64_t{0}) << "every bit of the hash depends on the message";
  EXPECT_EQ(changed_always, 0u);
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
