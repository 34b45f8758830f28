#include "base/time.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/clock.h"

namespace demi {
namespace {

TEST(Duration, UnitsAreNanosecondsInside) {
  EXPECT_EQ(Duration::nanoseconds(7).count_nanoseconds(), 7);
  EXPECT_EQ(Duration::microseconds(7).count_nanoseconds(), 7'000);
  EXPECT_EQ(Duration::milliseconds(7), Duration::microseconds(7'000));
  EXPECT_EQ(Duration::seconds(7), Duration::milliseconds(7'000));
  EXPECT_EQ(Duration(), Duration::seconds(0));
}

TEST(Duration, Arithmetic) {
  EXPECT_EQ(Duration::seconds(1) + Duration::milliseconds(500), Duration::milliseconds(1'500));
  EXPECT_EQ(Duration::seconds(1) - Duration::seconds(3), Duration::seconds(-2));
  EXPECT_EQ(Duration::milliseconds(3) * 4, Duration::milliseconds(12));
  EXPECT_EQ(Duration::milliseconds(12) / 4, Duration::milliseconds(3));
  EXPECT_LT(Duration::nanoseconds(-1), Duration());
}

TEST(Instant, ArithmeticWithDurations) {
  const Instant start = Instant::from_nanoseconds(1'000);
  EXPECT_EQ((start + Duration::microseconds(1)).nanoseconds(), 2'000);
  EXPECT_EQ(start + Duration::microseconds(1) - start, Duration::microseconds(1));
  EXPECT_LT(start, start + Duration::nanoseconds(1));
}

TEST(Instant, NeverIsLaterThanAnythingAndStaysNever) {
  const Instant never = Instant::never();
  EXPECT_TRUE(never.is_never());
  EXPECT_GT(never, Instant::from_nanoseconds(std::numeric_limits<int64_t>::max() - 1));
  EXPECT_TRUE((never + Duration::seconds(1)).is_never());
  EXPECT_TRUE((never + Duration::seconds(-1)).is_never());
}

TEST(Instant, AdditionSaturates) {
  const Instant late = Instant::from_nanoseconds(std::numeric_limits<int64_t>::max() - 5);
  EXPECT_FALSE((late + Duration::nanoseconds(4)).is_never());
  EXPECT_TRUE((late + Duration::nanoseconds(5)).is_never());
  EXPECT_TRUE((late + Duration::nanoseconds(6)).is_never());
  EXPECT_TRUE((late + Duration::seconds(1'000'000)).is_never());
}

TEST(ManualClock, StandsStillUntilTold) {
  ManualClock clock;
  EXPECT_EQ(clock.now(), Instant());
  clock.advance(Duration::seconds(2));
  EXPECT_EQ(clock.now(), Instant() + Duration::seconds(2));
  clock.set(Instant::from_nanoseconds(9));
  EXPECT_EQ(clock.now(), Instant::from_nanoseconds(9));
}

TEST(MonotonicClock, NeverRunsBackwards) {
  MonotonicClock clock;
  Instant last = clock.now();
  for (int i = 0; i < 1'000; ++i) {
    const Instant now = clock.now();
    EXPECT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace demi
