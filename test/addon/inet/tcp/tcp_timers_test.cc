#include "inet/tcp/tcp_timers.h"

#include <gtest/gtest.h>

namespace demi {
namespace {

Instant ms(int64_t count) { return Instant::from_nanoseconds(count * 1'000'000); }

TEST(TcpTimersTest, NothingIsArmedAtFirst) {
  ObjectPool<TcpDeadlines> pool;
  TcpTimers timers(pool);
  EXPECT_TRUE(timers.earliest().is_never());
  EXPECT_FALSE(timers.is_armed(TcpTimer::kRetransmit));
  EXPECT_FALSE(timers.take_if_due(TcpTimer::kRetransmit, ms(1'000'000)));
}

TEST(TcpTimersTest, TheEarliestOfThemCounts) {
  ObjectPool<TcpDeadlines> pool;
  TcpTimers timers(pool);
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
  ObjectPool<TcpDeadlines> pool;
  TcpTimers timers(pool);
  timers.arm(TcpTimer::kWait, ms(10));
  EXPECT_FALSE(timers.take_if_due(TcpTimer::kWait, ms(9)));
  EXPECT_TRUE(timers.take_if_due(TcpTimer::kWait, ms(10)));
  EXPECT_FALSE(timers.is_armed(TcpTimer::kWait));
  EXPECT_FALSE(timers.take_if_due(TcpTimer::kWait, ms(11)));
}

TEST(TcpTimersTest, WhoWaitsForNothingHasNoDeadlines) {
  ObjectPool<TcpDeadlines> pool;
  TcpTimers timers(pool);
  EXPECT_EQ(pool.live(), 0u);
  timers.arm(TcpTimer::kRetransmit, ms(200));
  timers.arm(TcpTimer::kDelayedAck, ms(40));
  EXPECT_EQ(pool.live(), 1u);
  timers.cancel(TcpTimer::kRetransmit);
  EXPECT_FALSE(timers.is_armed(TcpTimer::kRetransmit));
  EXPECT_EQ(timers.earliest(), ms(40));
  EXPECT_EQ(pool.live(), 1u);
  timers.rest();
  EXPECT_EQ(pool.live(), 1u) << "one is armed";
  EXPECT_TRUE(timers.take_if_due(TcpTimer::kDelayedAck, ms(40)));
  EXPECT_TRUE(timers.earliest().is_never());
  EXPECT_EQ(pool.live(), 1u) << "a busy connection keeps them";
  timers.rest();
  EXPECT_EQ(pool.live(), 0u);
  timers.cancel(TcpTimer::kRetransmit);
  EXPECT_TRUE(timers.due(TcpTimer::kRetransmit).is_never());
}

}  // namespace
}  // namespace demi
