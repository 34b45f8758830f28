#include "inet/tcp/hystart.h"

#include <gtest/gtest.h>

namespace demi {
namespace {

using Phase = HyStart::Phase;
constexpr uint32_t kMss = 1000;

// A sender whose rounds have as many acknowledgments as it is told.
class HyStartTest : public testing::Test {
 protected:
  // `acks` segments are acknowledged after a round trip each, and as many are sent.
  Phase round(Duration rtt, int acks = 10) {
    Phase phase = hystart.phase();
    for (int i = 0; i < acks; ++i) {
      una = una + kMss;
      phase = hystart.handle_ack(una, una + static_cast<uint32_t>(acks) * kMss, rtt);
    }
    return phase;
  }
  static constexpr Duration ms(int64_t n) { return Duration::milliseconds(n); }
  HyStart hystart;
  SeqNumber una{0xffff'f000};
};

TEST_F(HyStartTest, RoundTripsThatStayAsTheyAreEndNothing) {
  for (int i = 0; i < 20; ++i) EXPECT_EQ(round(ms(20)), Phase::kSlowStart);
  EXPECT_EQ(hystart.growth_divisor(), 1u);
}

TEST_F(HyStartTest, AnEighthMoreIsAQueue) {
  round(ms(80));
  EXPECT_EQ(round(ms(89)), Phase::kSlowStart);
  // The round before had 89.
  EXPECT_EQ(round(ms(99)), Phase::kSlowStart);
  EXPECT_EQ(round(ms(112)), Phase::kConservative);
  EXPECT_EQ(hystart.growth_divisor(), 4u);
}

TEST_F(HyStartTest, TheThresholdIsBetweenFourAndSixteenMilliseconds) {
  round(ms(2));
  EXPECT_EQ(round(ms(5)), Phase::kSlowStart);
  EXPECT_EQ(round(ms(9)), Phase::kConservative);
  hystart = HyStart();
  round(ms(500));
  EXPECT_EQ(round(ms(515)), Phase::kSlowStart);
  EXPECT_EQ(round(ms(531)), Phase::kConservative);
}

TEST_F(HyStartTest, TheShortestOfARoundCountsAndEightMustBeMeasured) {
  round(ms(20));
  round(ms(40), 7);
  EXPECT_EQ(hystart.phase(), Phase::kSlowStart);
  hystart = HyStart();
  round(ms(20), 9);
  for (int i = 0; i < 8; ++i) hystart.handle_ack(una, una + kMss, ms(i == 3 ? 20 : 40));
  EXPECT_EQ(hystart.phase(), Phase::kSlowStart);
  hystart = HyStart();
  round(ms(20), 9);
  for (int i = 0; i < 8; ++i) hystart.handle_ack(una, una + kMss, i < 4 ? Duration() : ms(40));
  EXPECT_EQ(hystart.phase(), Phase::kSlowStart) << "what measures nothing does not count";
}

TEST_F(HyStartTest, FiveConservativeRoundsEndIt) {
  round(ms(20));
  EXPECT_EQ(round(ms(30)), Phase::kConservative);
  // The round in which it began is the first; each ends with the first acknowledgment of what was sent in the next.
  for (int i = 0; i < 4; ++i) EXPECT_EQ(round(ms(31)), Phase::kConservative) << i;
  EXPECT_EQ(round(ms(31)), Phase::kOver);
  EXPECT_EQ(round(ms(1)), Phase::kOver);
  EXPECT_EQ(hystart.growth_divisor(), 1u);
}

TEST_F(HyStartTest, AQueueThatGoesAwayWasNone) {
  round(ms(20));
  EXPECT_EQ(round(ms(30)), Phase::kConservative);
  EXPECT_EQ(round(ms(29)), Phase::kSlowStart);
  EXPECT_EQ(hystart.growth_divisor(), 1u);
  EXPECT_EQ(round(ms(40)), Phase::kConservative) << "and it can come again";
}

}  // namespace
}  // namespace demi
