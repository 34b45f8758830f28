#include "base/clock.h"

#include <gtest/gtest.h>

namespace demi {
namespace {

TEST(Clock, TheMonotonicClockNeverRunsBackwards) {
  MonotonicClock clock;
  Instant last = clock.now();
  for (int i = 0; i < 1000; ++i) {
    const Instant now = clock.now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(Clock, TheManualClockStandsStillUntilItIsTold) {
  ManualClock clock;
  EXPECT_EQ(clock.now(), Instant());
  clock.advance(Duration::seconds(2));
  clock.advance(Duration::milliseconds(1));
  EXPECT_EQ(clock.now(), Instant::from_nanoseconds(2'001'000'000));
  clock.set(Instant::from_nanoseconds(5));
  EXPECT_EQ(clock.now(), Instant::from_nanoseconds(5));
}

}  // namespace
}  // namespace demi
