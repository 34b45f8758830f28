#include "wire/seq_number.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace demi {
namespace {

constexpr SeqNumber seq(uint32_t value) { return SeqNumber(value); }

TEST(SeqNumber, OrderGoesOnBehindTheEnd) {
  EXPECT_LT(seq(0xffffffff), seq(0));
  EXPECT_GT(seq(0), seq(0xffffffff));
  EXPECT_LT(seq(0xfffffff0), seq(0x10));
  EXPECT_LE(seq(5), seq(5));
  EXPECT_GE(seq(5), seq(5));
  EXPECT_FALSE(seq(5) < seq(5));
  EXPECT_FALSE(seq(5) > seq(5));
}

TEST(SeqNumber, HalfTheSpaceIsTheLimitOfOrder) {
  EXPECT_LT(seq(1), seq(1 + 0x7fffffffu));
  EXPECT_GT(seq(1), seq(1 + 0x80000001u));
  // RFC 1982 3.2 leaves this pair undefined.
  EXPECT_TRUE(seq(0) < seq(0x80000000) && seq(0x80000000) < seq(0));
  EXPECT_FALSE(seq(0) > seq(0x80000000) || seq(0x80000000) > seq(0));
}

TEST(SeqNumber, SumsAndDistancesWrap) {
  EXPECT_EQ(seq(0xffffffff) + 1, seq(0));
  EXPECT_EQ(seq(0) - 1u, seq(0xffffffff));
  EXPECT_EQ(seq(3) - seq(0xfffffffe), 5);
  EXPECT_EQ(seq(0xfffffffe) - seq(3), -5);
  EXPECT_EQ(seq(3).distance_from(seq(0xfffffffe)), 5u);
  EXPECT_EQ(seq(0xfffffffe).distance_from(seq(3)), 0xfffffffbu);
  SeqNumber number = seq(0xffffff00);
  number += 0x200;
  EXPECT_EQ(number, seq(0x100));
  number -= 0x200;
  EXPECT_EQ(number, seq(0xffffff00));
}

TEST(SeqNumber, OrderDependsOnDistanceOnly) {
  Random random(1);
  for (int i = 0; i < 100'000; ++i) {
    const SeqNumber from = seq(static_cast<uint32_t>(random.next()));
    const auto distance = static_cast<uint32_t>(1 + random.below(0x7fffffff));
    ASSERT_TRUE(from < from + distance && from <= from + distance && from + distance > from && from + distance >= from);
    ASSERT_EQ((from + distance) - from, static_cast<int32_t>(distance));
    ASSERT_EQ(SeqNumber::earlier_of(from, from + distance), from);
    ASSERT_EQ(SeqNumber::later_of(from, from + distance), from + distance);
  }
}

TEST(SeqNumber, WindowsIncludeTheirFirstAndNotTheirEnd) {
  const SeqNumber first = seq(0xfffffff0);
  EXPECT_TRUE(first.in_window(first, 32));
  EXPECT_TRUE(seq(0xf).in_window(first, 32));
  EXPECT_FALSE(seq(0x10).in_window(first, 32));
  EXPECT_FALSE(seq(0xffffffef).in_window(first, 32));
  EXPECT_FALSE(first.in_window(first, 0));
}

TEST(SeqNumber, AnAcknowledgmentIsBehindUnaAndAtMostNxt) {
  const SeqNumber una = seq(0xfffffffe), nxt = seq(2);
  EXPECT_FALSE(una.is_after_up_to(una, nxt));
  EXPECT_TRUE(seq(0xffffffff).is_after_up_to(una, nxt));
  EXPECT_TRUE(nxt.is_after_up_to(una, nxt));
  EXPECT_FALSE(seq(3).is_after_up_to(una, nxt));
  for (uint32_t value : {0xfffffffdu, 0xfffffffeu, 0xffffffffu}) EXPECT_FALSE(seq(value).is_after_up_to(una, una));
}

TEST(SeqNumber, TheFourCasesOfAnAcceptableSegment) {
  const SeqNumber nxt = seq(0xfffffff8);
  // length 0, window 0
  EXPECT_TRUE(is_acceptable(nxt, 0, nxt, 0));
  EXPECT_FALSE(is_acceptable(nxt + 1, 0, nxt, 0));
  EXPECT_FALSE(is_acceptable(nxt - 1u, 0, nxt, 0));
  // length 0, window open
  EXPECT_TRUE(is_acceptable(nxt, 0, nxt, 16));
  EXPECT_TRUE(is_acceptable(nxt + 15, 0, nxt, 16));
  EXPECT_TRUE(is_acceptable(nxt + 16, 0, nxt, 16)) << "who has filled the window stands there";
  EXPECT_FALSE(is_acceptable(nxt + 17, 0, nxt, 16));
  EXPECT_FALSE(is_acceptable(nxt - 1u, 0, nxt, 16));
  // text, window 0
  EXPECT_FALSE(is_acceptable(nxt, 1, nxt, 0));
  // text, window open: its first or its last byte is in the window
  EXPECT_TRUE(is_acceptable(nxt, 100, nxt, 16));
  EXPECT_TRUE(is_acceptable(nxt - 10u, 11, nxt, 16));
  EXPECT_FALSE(is_acceptable(nxt - 10u, 10, nxt, 16));
  EXPECT_TRUE(is_acceptable(nxt + 15, 1, nxt, 16));
  EXPECT_FALSE(is_acceptable(nxt + 16, 1, nxt, 16));
  // the whole window and more on both sides
  EXPECT_TRUE(is_acceptable(nxt - 10u, 100, nxt, 16));
}

TEST(SeqNumber, AnAcceptableSegmentHasANumberInTheWindow) {
  Random random(2);
  for (int i = 0; i < 100'000; ++i) {
    const SeqNumber nxt = seq(static_cast<uint32_t>(random.next()));
    const auto window = static_cast<uint32_t>(1 + random.below(12)), length = static_cast<uint32_t>(1 + random.below(12));
    const SeqNumber first = nxt + static_cast<uint32_t>(random.below(32)) - 16u;
    bool has_any = false;
    for (uint32_t at = 0; at < length; ++at) has_any |= (first + at).in_window(nxt, window);
    ASSERT_EQ(is_acceptable(first, length, nxt, window), has_any);
  }
}

}  // namespace
}  // namespace demi
