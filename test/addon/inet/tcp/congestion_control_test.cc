#include "inet/tcp/congestion_control.h"

#include <gtest/gtest.h>

#include "inet/tcp/tcp_limits.h"

namespace demi {
namespace {

constexpr uint32_t kMss = 1460;
constexpr Duration kRtt = Duration::milliseconds(10);

// What both algorithms have in common.
class CongestionControlTest : public testing::TestWithParam<CongestionAlgorithm> {
 protected:
  void SetUp() override { congestion.handle_established(kMss, 10, false); }
  CongestionControl congestion{GetParam()};
  Instant now;
};
INSTANTIATE_TEST_SUITE_P(Algorithms, CongestionControlTest,
                         testing::Values(CongestionAlgorithm::kNewReno, CongestionAlgorithm::kCubic));

TEST_P(CongestionControlTest, BeginsWithTenSegments) {
  EXPECT_EQ(congestion.algorithm(), GetParam());
  EXPECT_EQ(congestion.cwnd(), 14'600u);
  EXPECT_TRUE(congestion.in_slow_start());
  congestion.handle_established(kMss, 10, true);
  EXPECT_EQ(congestion.cwnd(), kMss) << "the SYN was lost";
}

TEST(CongestionControlInitialWindowTest, IsBoundedForLargeSegments) {
  EXPECT_EQ(CongestionControl::initial_window(536, 10), 5360u);
  EXPECT_EQ(CongestionControl::initial_window(1460, 10), 14'600u);
  EXPECT_EQ(CongestionControl::initial_window(8960, 10), 17'920u);
  EXPECT_EQ(CongestionControl::initial_window(1460, 2), 2920u);
}

TEST_P(CongestionControlTest, SlowStartGrowsByWhatIsAcknowledgedTwoSegmentsAtMost) {
  congestion.handle_ack(100, kMss, true, kRtt, now);
  EXPECT_EQ(congestion.cwnd(), 14'700u);
  congestion.handle_ack(10 * kMss, kMss, true, kRtt, now);
  EXPECT_EQ(congestion.cwnd(), 14'700u + 2 * kMss);
}

// RFC 9406 4.2
TEST_P(CongestionControlTest, SlowStartCanGrowSlowerAndEndWithoutALoss) {
  EXPECT_TRUE(congestion.in_first_slow_start());
  congestion.handle_ack(10 * kMss, kMss, true, kRtt, now, 4);
  EXPECT_EQ(congestion.cwnd(), 14'600u + 2 * kMss / 4);
  congestion.end_slow_start();
  EXPECT_FALSE(congestion.in_slow_start());
  EXPECT_FALSE(congestion.in_first_slow_start());
  EXPECT_EQ(congestion.ssthresh(), congestion.cwnd());
}

TEST_P(CongestionControlTest, AWindowThatWasNotUsedDoesNotGrow) {
  congestion.handle_ack(kMss, kMss, false, kRtt, now);
  EXPECT_EQ(congestion.cwnd(), 14'600u);
}

TEST_P(CongestionControlTest, ALossLowersBoth) {
  congestion.handle_loss(14'600, kMss, now);
  const uint32_t expected = GetParam() == CongestionAlgorithm::kNewReno ? 7300u : 10'220u;
  EXPECT_EQ(congestion.ssthresh(), expected);
  EXPECT_EQ(congestion.cwnd(), expected);
  EXPECT_FALSE(congestion.in_slow_start());
  congestion.handle_loss(100, kMss, now);
  EXPECT_EQ(congestion.ssthresh(), 2 * kMss) << "two segments at least";
}

// Limited transmit, and what the peer holds behind a hole that stays: much more than the window can be unacknowledged.
TEST_P(CongestionControlTest, WhatIsInFlightBeyondTheWindowDoesNotCount) {
  congestion.handle_timeout(500'000, kMss, true, now);
  EXPECT_EQ(congestion.ssthresh(), GetParam() == CongestionAlgorithm::kNewReno ? 7300u : 10'220u);
}

TEST_P(CongestionControlTest, ATimeoutLeavesOneSegmentAndLowersTheThresholdOnce) {
  congestion.handle_timeout(14'600, kMss, true, now);
  EXPECT_EQ(congestion.cwnd(), kMss);
  const uint32_t threshold = congestion.ssthresh();
  EXPECT_GT(threshold, 2 * kMss);
  congestion.handle_timeout(14'600, kMss, false, now);
  EXPECT_EQ(congestion.cwnd(), kMss);
  EXPECT_EQ(congestion.ssthresh(), threshold);
}

TEST_P(CongestionControlTest, WhatWasNoLossIsUndone) {
  congestion.handle_ack(2 * kMss, kMss, true, kRtt, now);
  const uint32_t before = congestion.cwnd();
  const CongestionControl::Saved saved = congestion.save();
  congestion.handle_timeout(before, kMss, true, now);
  congestion.undo(saved);
  EXPECT_EQ(congestion.cwnd(), before);
  EXPECT_TRUE(congestion.in_slow_start());
}

TEST_P(CongestionControlTest, IdlenessGoesBackToTheInitialWindowAndKeepsWhatWasLearnt) {
  for (int i = 0; i < 100; ++i) congestion.handle_ack(2 * kMss, kMss, true, kRtt, now);
  congestion.handle_loss(congestion.cwnd(), kMss, now);
  const uint32_t before = congestion.cwnd();
  congestion.handle_idle(kMss, 10, Instant());
  EXPECT_EQ(congestion.cwnd(), 14'600u);
  EXPECT_GE(congestion.ssthresh(), before / 4 * 3);
  congestion.handle_timeout(14'600, kMss, true, now);
  congestion.handle_idle(kMss, 10, Instant());
  EXPECT_EQ(congestion.cwnd(), kMss) << "it is never a gain";
}

TEST_P(CongestionControlTest, SmallerSegmentsAreAsManyAsBefore) {
  congestion.handle_mss(1460, 730);
  EXPECT_EQ(congestion.cwnd(), 7300u);
  congestion.handle_timeout(7300, 730, true, now);
  congestion.handle_mss(730, 500);
  EXPECT_EQ(congestion.cwnd(), 500u);
}

TEST_P(CongestionControlTest, TheWindowIsBounded) {
  for (uint32_t i = 0; i < 400'000; ++i) congestion.handle_ack(2 * kMss, kMss, true, kRtt, now);
  EXPECT_EQ(congestion.cwnd(), kCongestionWindowMax);
}

TEST_P(CongestionControlTest, TheAlgorithmCanBeChangedUnderAnOpenConnection) {
  congestion.set_algorithm(CongestionAlgorithm::kNewReno);
  EXPECT_EQ(congestion.algorithm(), CongestionAlgorithm::kNewReno);
  EXPECT_EQ(congestion.cwnd(), 14'600u);
}

}  // namespace
}  // namespace demi
