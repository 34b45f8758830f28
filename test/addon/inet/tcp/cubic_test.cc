#include "inet/tcp/cubic.h"

#include <gtest/gtest.h>

#include <cmath>

namespace demi {
namespace {

constexpr uint32_t kMss = 1000;

Instant at(double seconds) { return Instant::from_nanoseconds(static_cast<int64_t>(seconds * 1e9)); }

// Acknowledges one window in each round trip, as a full sender would see it, and returns cwnd at `until`.
double run(Cubic& cubic, double cwnd, double from, double until, double rtt) {
  for (double time = from; time < until; time += rtt) {
    auto bytes = static_cast<uint32_t>(cwnd * kMss);
    for (uint32_t acked = 0; acked < bytes; acked += kMss) {
      const CongestionAck ack{kMss, static_cast<uint32_t>(cwnd * kMss), 0, kMss,
                              Duration::nanoseconds(static_cast<int64_t>(rtt * 1e9))};
      const uint32_t grown = cubic.window_after(ack, at(time));
      EXPECT_GE(grown, ack.cwnd);
      cwnd = grown / static_cast<double>(kMss);
    }
  }
  return cwnd;
}

TEST(CubicTest, ALossLeavesSevenTenths) {
  Cubic cubic;
  EXPECT_EQ(cubic.threshold_after({1'000'000, 1'000'000, kMss}, Instant()), 700'000u);
}

TEST(CubicTest, ComesBackToTheOldWindowAfterKSecondsAndStaysAWhile) {
  // RFC 9438 (2): K = cbrt((1000 - 700) / 0.4) = 9.09 s.
  Cubic cubic;
  cubic.threshold_after({1'000'000, 1'000'000, kMss}, Instant());
  const double k = std::cbrt(300 / 0.4);
  const double before = run(cubic, 700, 0, k / 2, 0.1);
  EXPECT_NEAR(before, 1000 - 300.0 / 8, 8) << "concave: most of it in the first half";
  const double there = run(cubic, before, k / 2, k, 0.1);
  EXPECT_NEAR(there, 1000, 5);
  const double beyond = run(cubic, there, k, k + 2, 0.1);
  EXPECT_NEAR(beyond, 1000 + 0.4 * 8, 5) << "flat around the old window";
  EXPECT_GT(run(cubic, beyond, k + 2, k + 6, 0.1), 1060) << "convex behind it";
}

TEST(CubicTest, TimeInWhichTheWindowWasNotUsedDoesNotCount) {
  // RFC 9438 5.8
  Cubic steady;
  steady.threshold_after({1'000'000, 1'000'000, kMss}, Instant());
  Cubic paused = steady;
  const double there = run(steady, 700, 0, 4, 0.1);
  ASSERT_EQ(run(paused, 700, 0, 4, 0.1), there);
  // Told twice, and late: what counts is since when.
  paused.handle_unused(at(5));
  paused.handle_unused(at(4));
  paused.handle_unused(at(20));
  EXPECT_NEAR(run(paused, there, 34, 38, 0.1), run(steady, there, 4, 8, 0.1), 0.5);
}

TEST(CubicTest, OnAShortPathItIsNoSlowerThanReno) {
  // 1 ms, ten segments: Reno needs about 0.53 segments per round trip, cubic would need seconds.
  Cubic cubic;
  cubic.threshold_after({10'000, 10'000, kMss}, Instant());
  const double after = run(cubic, 7, 0, 0.1, 0.001);
  EXPECT_GT(after, 7 + 0.5 * 40);
  EXPECT_LT(after, 7 + 1.1 * 100);
}

TEST(CubicTest, FastConvergenceGivesWayToOthers) {
  Cubic cubic;
  cubic.threshold_after({1'000'000, 1'000'000, kMss}, Instant());
  // A loss before the old window was reached: the maximum aimed at is below where the loss was.
  cubic.threshold_after({800'000, 800'000, kMss}, Instant());
  const double k = std::cbrt((680 - 560) / 0.4);
  EXPECT_NEAR(run(cubic, 560, 0, k, 0.1), 680, 8);
}

TEST(CubicTest, WithoutALossBeforeItGrowsFromWhereItIs) {
  Cubic cubic;
  const double after = run(cubic, 100, 0, 3, 0.1);
  EXPECT_GT(after, 104);
  EXPECT_LT(after, 150);
}

TEST(CubicTest, NeverGrowsByMoreThanHalfInARoundTrip) {
  Cubic cubic;
  cubic.threshold_after({100'000, 100'000, kMss}, Instant());
  run(cubic, 70, 0, 0.1, 0.1);
  // Nothing was acknowledged for two minutes.
  EXPECT_LE(run(cubic, 70, 120, 120.05, 0.1), 70 * 2.0);
  cubic.forget();
  EXPECT_LT(run(cubic, 70, 300, 300.05, 0.1), 75);
}

}  // namespace
}  // namespace demi
