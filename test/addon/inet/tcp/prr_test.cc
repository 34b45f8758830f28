#include "inet/tcp/prr.h"

#include <gtest/gtest.h>

#include <vector>

namespace demi {
namespace {

constexpr uint32_t kMss = 1000;

TEST(PrrTest, OneLossLowersTheRateEvenly) {
  // Of 20 segments the first is lost, and ssthresh is half of them.
  Prr prr;
  prr.begin(20 * kMss);
  uint32_t pipe = 19 * kMss;
  std::vector<uint32_t> each;
  for (int i = 0; i < 19; ++i) {
    pipe -= kMss;
    const uint32_t count = prr.handle_ack({kMss, pipe, 10 * kMss, kMss, false}) / kMss * kMss;
    prr.handle_sent(count);
    pipe += count;
    each.push_back(count / kMss);
  }
  // Half of a segment for each that is delivered, and the first at once; the last few make up for what was rounded.
  EXPECT_EQ(each, (std::vector<uint32_t>{1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1, 1}));
  EXPECT_EQ(pipe, 10 * kMss);
}

TEST(PrrTest, WhatMuchLossLeavesOfTheWindowIsKeptAndNoBurstFollows) {
  // Fifteen of twenty are gone: pipe is far below ssthresh, and only what is delivered is replaced.
  Prr prr;
  prr.begin(20 * kMss);
  EXPECT_EQ(prr.handle_ack({kMss, 4 * kMss, 10 * kMss, kMss, false}), kMss);
  prr.handle_sent(kMss);
  EXPECT_EQ(prr.handle_ack({kMss, 4 * kMss, 10 * kMss, kMss, false}), kMss);
  prr.handle_sent(kMss);
  // When SND.UNA moves and nothing more is lost, it grows as slow start does.
  EXPECT_EQ(prr.handle_ack({kMss, 4 * kMss, 10 * kMss, kMss, true}), 2 * kMss);
  prr.handle_sent(2 * kMss);
  // But not beyond ssthresh.
  EXPECT_EQ(prr.handle_ack({3 * kMss, 9 * kMss, 10 * kMss, kMss, true}), kMss);
  EXPECT_EQ(prr.handle_ack({kMss, 10 * kMss, 10 * kMss, kMss, true}), 0u);
}

TEST(PrrTest, TheFirstRetransmissionLeavesAtOnce) {
  Prr prr;
  prr.begin(20 * kMss);
  EXPECT_EQ(prr.handle_ack({0, 15 * kMss, 0, kMss, false}), kMss);
  prr.handle_sent(kMss);
  EXPECT_EQ(prr.handle_ack({0, 15 * kMss, 0, kMss, false}), 0u);
}

TEST(PrrTest, WhatCouldNotBeSentIsMadeUpFor) {
  Prr prr;
  prr.begin(20 * kMss);
  EXPECT_EQ(prr.handle_ack({4 * kMss, 15 * kMss, 10 * kMss, kMss, false}), 2 * kMss);
  prr.handle_sent(kMss);
  EXPECT_EQ(prr.handle_ack({4 * kMss, 12 * kMss, 10 * kMss, kMss, false}), 3 * kMss);
}

TEST(PrrTest, EachRecoveryBeginsAnew) {
  Prr prr;
  prr.begin(20 * kMss);
  prr.handle_ack({10 * kMss, 15 * kMss, 10 * kMss, kMss, false});
  prr.handle_sent(12 * kMss);
  prr.begin(0);
  EXPECT_EQ(prr.handle_ack({1, 0, 5 * kMss, kMss, false}), kMss) << "also of a flight that is said to be none";
}

}  // namespace
}  // namespace demi
