#include "inet/tcp/tcp_timers.h"

#include <gtest/gtest.h>

namespace demi {
namespace {

Instant ms(int64_t count) { return Instant::from_nanoseconds(count * 1'000'000); }

TEST(TcpTimersTest, NothingIsArmedAtFirst) {
  TcpTimers timers;
  EXPECT_TRUE(timers.earliest().is_never());
  EXPECT_FALSE(timers.is_armed(TcpTimer::kRetransmit));
  EXPECT_FALSE(timers.take_if_due(TcpTimer::kRetransmit, ms(1'000'000)));
}

TEST(TcpTimersTest, TheEarliestOfThemCounts) {
  TcpTimers timers;
  timers.arm(TcpTimer::kKeepalive, ms(7'200'000));
  timers.arm(TcpTimer::kRetransmit, ms(200));
  timers.arm(TcpTimer::kDelayedAck, ms(40));
  EXPECT_EQ(timers.earliest(), ms(40));
  timers.cancel(TcpTimer::kDelayedAck);
  EXPECT_EQ(timers.earliest(), ms(200));
  timers.arm(TcpTimer::kRetransmit, ms(8'000'000));
  EXPECT_EQ(timers.earliest(), ms(7'200'000));
  timers.cancel_all();
  EXPECT_TRUE(timers.earliest().is_never());
}

TEST(TcpTimersTest, ADueTimerIsTakenOnce) {
  TcpTimers timers;
  timers.arm(TcpTimer::kWait, ms(10));
  EXPECT_FALSE(timers.take_if_due(TcpTimer::kWait, ms(9)));
  EXPECT_TRUE(timers.take_if_due(TcpTimer::kWait, ms(10)));
  EXPECT_FALSE(timers.is_armed(TcpTimer::kWait));
  EXPECT_FALSE(timers.take_if_due(TcpTimer::kWait, ms(11)));
}

}  // namespace
}  // namespace demi
