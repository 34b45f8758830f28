#include "base/random.h"

#include <gtest/gtest.h>

#include <set>

namespace demi {
namespace {

TEST(Random, TheSameSeedGivesTheSameNumbers) {
  Random first(7), second(7), other(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t number = first.next();
    EXPECT_EQ(number, second.next());
    differs |= number != other.next();
  }
  EXPECT_TRUE(differs);
}

// From the reference implementations: splitmix64 of seed 0 gives the state, of which xoshiro256** takes the second word first.
TEST(Random, MatchesTheReferenceAlgorithms) {
  const uint64_t second_word = 0x6e789e6aa1b965f4u;
  const uint64_t scaled = second_word * 5;
  EXPECT_EQ(Random(0).next(), ((scaled << 7) | (scaled >> 57)) * 9);
}

TEST(Random, BelowStaysBelow) {
  Random random(3);
  for (uint64_t bound : {uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{1000}, uint64_t{1} << 63, ~uint64_t{0}}) {
    for (int i = 0; i < 1'000; ++i) ASSERT_LT(random.below(bound), bound);
  }
}

TEST(Random, BelowIsEven) {
  Random random(4);
  constexpr int kDraws = 60'000;
  int counts[6] = {};
  for (int i = 0; i < kDraws; ++i) ++counts[random.below(6)];
  // Six standard deviations of a binomial distribution: 6 * sqrt(60000 * 1/6 * 5/6).
  for (int count : counts) EXPECT_NEAR(count, kDraws / 6, 548);
}

// With 3/4 of 2^64 as the bound, a plain multiplication would give multiples of three a share of a half instead of a third.
TEST(Random, BelowIsEvenForHugeBoundsToo) {
  Random random(5);
  const uint64_t bound = (uint64_t{1} << 62) * 3;
  constexpr int kDraws = 30'000;
  int counts[3] = {};
  for (int i = 0; i < kDraws; ++i) ++counts[random.below(bound) % 3];
  for (int count : counts) EXPECT_NEAR(count, kDraws / 3, 490);
}

TEST(Random, NumbersDoNotRepeat) {
  Random random(6);
  std::set<uint64_t> seen;
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(seen.insert(random.next()).second);
}

TEST(RandomDeathTest, NothingIsBelowZero) {
  Random random(1);
  EXPECT_DEATH(random.below(0), "below zero");
}

}  // namespace
}  // namespace demi
