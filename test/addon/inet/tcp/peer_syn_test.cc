#include "inet/tcp/peer_syn.h"

#include <gtest/gtest.h>

#include "inet/tcp/segment_text.h"

namespace demi {
namespace {

PeerSyn of(const char* line, const TcpConfig& config = {}) {
  return PeerSyn::of(segment_from(line, SeqNumber(5000), SeqNumber(0)).header, config, 536);
}

TEST(PeerSynTest, TakesWhatTheSynSays) {
  const PeerSyn peer = of("S 0:0(0) win 4000 mss 1460 ws 7 sackok ts 99 0");
  EXPECT_EQ(peer.irs, SeqNumber(5000));
  EXPECT_EQ(peer.mss, 1460u);
  EXPECT_EQ(peer.window, 4000u);
  EXPECT_TRUE(peer.has_window_scale);
  EXPECT_EQ(peer.window_scale, 7u);
  EXPECT_TRUE(peer.sack);
  EXPECT_TRUE(peer.timestamps);
  EXPECT_EQ(peer.timestamp, 99u);
}

TEST(PeerSynTest, APeerWithoutOptionsHasTheDefaults) {
  const PeerSyn peer = of("S 0:0(0) win 4000");
  EXPECT_EQ(peer.mss, 536u);
  EXPECT_FALSE(peer.has_window_scale || peer.sack || peer.timestamps);
}

TEST(PeerSynTest, WhatWeDoNotOfferIsNotAgreed) {
  TcpConfig config;
  config.window_scale = config.sack = config.timestamps = false;
  const PeerSyn peer = of("S 0:0(0) win 4000 mss 1460 ws 7 sackok ts 99 0", config);
  EXPECT_EQ(peer.mss, 1460u);
  EXPECT_FALSE(peer.has_window_scale || peer.sack || peer.timestamps);
  EXPECT_EQ(peer.window_scale, 0u);
}

}  // namespace
}  // namespace demi
