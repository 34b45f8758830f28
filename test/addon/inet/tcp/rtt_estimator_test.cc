#include "inet/tcp/rtt_estimator.h"

#include <gtest/gtest.h>

namespace demi {
namespace {

constexpr Duration ms(int64_t count) { return Duration::milliseconds(count); }

class RttEstimatorTest : public testing::Test {
 protected:
  TcpConfig config;
  RttEstimator rtt;
};

TEST_F(RttEstimatorTest, BeginsWithOneSecondAndWithThreeAfterALostSyn) {
  EXPECT_FALSE(rtt.has_sample());
  EXPECT_EQ(rtt.rto(config), ms(1000));
  rtt.handle_syn_loss();
  EXPECT_EQ(rtt.rto(config), ms(3000));
  rtt.sample(ms(100));
  EXPECT_EQ(rtt.rto(config), ms(300));
}

TEST_F(RttEstimatorTest, TheFirstSampleIsTheEstimateAndHalfOfItTheVariance) {
  rtt.sample(ms(400));
  EXPECT_EQ(rtt.srtt(), ms(400));
  EXPECT_EQ(rtt.rttvar(), ms(200));
  EXPECT_EQ(rtt.rto(config), ms(1200));
}

TEST_F(RttEstimatorTest, LaterSamplesMoveItByAnEighthAndTheVarianceByAQuarter) {
  rtt.sample(ms(400));
  rtt.sample(ms(480));
  EXPECT_EQ(rtt.srtt(), ms(410));
  EXPECT_EQ(rtt.rttvar(), ms(170));  // 3/4 * 200 + 1/4 * 80
  EXPECT_EQ(rtt.rto(config), ms(410 + 4 * 170));
  rtt.sample(ms(330));
  EXPECT_EQ(rtt.srtt(), ms(400));
  EXPECT_EQ(rtt.rttvar(), Duration::microseconds(147'500));
  EXPECT_EQ(rtt.min_rtt(), ms(330));
}

TEST_F(RttEstimatorTest, ManySamplesOfOneFlightCountAsOne) {
  rtt.sample(ms(400));
  for (int i = 0; i < 10; ++i) rtt.sample(ms(480), 10);
  EXPECT_NEAR(static_cast<double>(rtt.srtt().count_nanoseconds()) / 1e6, 410, 1);
  EXPECT_NEAR(static_cast<double>(rtt.rttvar().count_nanoseconds()) / 1e6, 170, 5);
}

TEST_F(RttEstimatorTest, ASteadyPathKeepsTheLowerBoundUnderTheVariance) {
  for (int i = 0; i < 200; ++i) rtt.sample(ms(150));
  EXPECT_LT(rtt.rttvar(), Duration::microseconds(1));
  EXPECT_EQ(rtt.rto(config), ms(350));
  config.min_rto = ms(1);
  EXPECT_EQ(rtt.rto(config), ms(151));
}

TEST_F(RttEstimatorTest, BacksOffByTwoUpToTheBound) {
  rtt.sample(ms(100));
  int64_t expected = 300;
  for (int i = 0; i < 7; ++i, expected *= 2) {
    EXPECT_EQ(rtt.rto(config), ms(expected));
    rtt.back_off();
  }
  for (int i = 0; i < 300; ++i) rtt.back_off();
  EXPECT_EQ(rtt.rto(config), config.max_rto);
  EXPECT_EQ(rtt.base_rto(config), ms(300));
  EXPECT_EQ(rtt.back_offs(), kBackOffsMax);
  rtt.reset_back_off();
  EXPECT_EQ(rtt.rto(config), ms(300));
}

TEST_F(RttEstimatorTest, ARoundTripOfNoTimeIsASample) {
  rtt.sample(Duration());
  EXPECT_TRUE(rtt.has_sample());
  for (int i = 0; i < 100; ++i) rtt.sample(Duration());
  EXPECT_TRUE(rtt.has_sample());
  EXPECT_EQ(rtt.rto(config), ms(200) + rtt.srtt());
}

}  // namespace
}  // namespace demi
