#include "inet/tcp/new_reno.h"

#include <gtest/gtest.h>

namespace demi {
namespace {

CongestionAck ack(uint32_t acked, uint32_t cwnd) { return {acked, cwnd, 0, 1000, Duration::milliseconds(10)}; }

TEST(NewRenoTest, AWindowThatWasAcknowledgedIsOneSegmentMore) {
  NewReno reno;
  for (int i = 0; i < 9; ++i) EXPECT_EQ(reno.window_after(ack(1000, 10'000), Instant()), 10'000u);
  EXPECT_EQ(reno.window_after(ack(1000, 10'000), Instant()), 11'000u);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(reno.window_after(ack(1000, 11'000), Instant()), 11'000u);
  EXPECT_EQ(reno.window_after(ack(1000, 11'000), Instant()), 12'000u);
}

TEST(NewRenoTest, BytesCountAndNotAcks) {
  NewReno reno;
  EXPECT_EQ(reno.window_after(ack(2000, 4000), Instant()), 4000u);
  EXPECT_EQ(reno.window_after(ack(2500, 4000), Instant()), 5000u);
  // The 500 that were left over count.
  EXPECT_EQ(reno.window_after(ack(4500, 5000), Instant()), 6000u);
  // An ACK of many windows is one.
  EXPECT_EQ(reno.window_after(ack(1'000'000, 6000), Instant()), 7000u);
  EXPECT_EQ(reno.window_after(ack(1000, 7000), Instant()), 7000u);
}

TEST(NewRenoTest, ALossHalvesWhatWasInFlight) {
  NewReno reno;
  reno.window_after(ack(3900, 4000), Instant());
  EXPECT_EQ(reno.threshold_after({20'000, 40'000, 1000}, Instant()), 10'000u);
  EXPECT_EQ(reno.window_after(ack(3900, 4000), Instant()), 4000u) << "what was counted before is forgotten";
}

}  // namespace
}  // namespace demi
