// Losses, by literal segments: RFC 5681, 6582, 6675, 3042, 6298, 5682, 3522.
#include "inet/tcp/loss_recovery.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "inet/tcp/tcp_fixture.h"

namespace demi {
namespace {

using Lines = std::vector<std::string>;
using Phase = LossRecovery::Phase;

class LossRecoveryTest : public TcpTest {
 protected:
  void established_with(bool sack, bool timestamps) {
    config.sack = sack;
    config.timestamps = timestamps;
    make(timestamps ? 1012 : 1000);
    at(5);
    connection->connect(now);
    out();
    at(105);
    in(std::string("S. 0:0(0) ack 1 win 60000 mss ") + (timestamps ? "1012" : "1000") + (sack ? " sackok" : "") + (timestamps ? " ts 1 5" : ""));
    out();
    connection->set_nagle(false);
  }
  // Sends the initial window of ten segments.
  void ten_in_flight() {
    send(20'000);
    ASSERT_EQ(all_out().size(), 10u);
  }
  // Two in flight of which nobody else is waited for.
  Phase phase() const { return connection->sender().flight()->recovery.phase(); }
  std::string segment(uint32_t number, const char* rest = "") {
    const uint32_t begin = 1 + 1000 * number;
    return std::string(number == 19 ? "P" : "") + ". " + std::to_string(begin) + ":" + std::to_string(begin + 1000) + "(1000) ack 1 win 65535" + rest;
  }
};

// --- without SACK ---

TEST_F(LossRecoveryTest, TheFirstTwoDuplicatesSendNewText) {
  established_with(false, false);
  ten_in_flight();
  in(". 1:1(0) ack 1 win 60000");
  EXPECT_EQ(all_out(), Lines{segment(10)}) << "limited transmit, RFC 3042";
  in(". 1:1(0) ack 1 win 60000");
  EXPECT_EQ(all_out(), Lines{segment(11)});
  EXPECT_EQ(connection->info().cwnd, 10'000u);
}

TEST_F(LossRecoveryTest, WhatWasSentAgainIsCountedUntilItIsAcknowledged) {
  established_with(true, false);
  ten_in_flight();
  EXPECT_EQ(connection->info().repeated, 0u);
  // Two are lost. One of them goes out again; the other waits for half of the window to drain.
  in(". 1:1(0) ack 1 win 60000 sack 2001:5001");
  EXPECT_EQ(all_out(), Lines{segment(0)});
  EXPECT_EQ(connection->info().repeated, 1000u);
  EXPECT_EQ(connection->info().lost, 1000u);
  EXPECT_EQ(connection->info().sacked, 3000u);
  in(". 1:1(0) ack 1001 win 60000 sack 2001:5001");
  EXPECT_EQ(connection->info().repeated, 0u);
}

TEST_F(LossRecoveryTest, TheThirdDuplicateSendsTheFirstSegmentAgain) {
  established_with(false, false);
  ten_in_flight();
  in(". 1:1(0) ack 1 win 60000");
  in(". 1:1(0) ack 1 win 60000");
  all_out();
  in(". 1:1(0) ack 1 win 60000");
  EXPECT_EQ(all_out(), Lines{segment(0)});
  EXPECT_EQ(phase(), Phase::kFastRecovery);
  EXPECT_EQ(connection->info().ssthresh, 5000u) << "what limited transmit has sent does not count: RFC 5681 3.2 (2)";
  EXPECT_EQ(connection->info().cwnd, 5000u);
  EXPECT_EQ(resources.counters.fast_recoveries, 1u);
  // Each further duplicate is a segment that left the network; there is room for a new one only when half of them have.
  for (int i = 0; i < 4; ++i) in(". 1:1(0) ack 1 win 60000");
  EXPECT_EQ(all_out(), Lines{});
  in(". 1:1(0) ack 1 win 60000");
  EXPECT_EQ(all_out(), Lines{segment(12)});
  // Everything arrives.
  in(". 1:1(0) ack 12001 win 60000");
  EXPECT_EQ(phase(), Phase::kOpen);
  EXPECT_EQ(connection->info().cwnd, 5000u);
}

TEST_F(LossRecoveryTest, APartialAckSendsTheNextHole) {
  // RFC 6582 3.2.
  established_with(false, false);
  ten_in_flight();
  for (int i = 0; i < 3; ++i) in(". 1:1(0) ack 1 win 60000");
  all_out();
  in(". 1:1(0) ack 3001 win 60000");
  EXPECT_EQ(out(), segment(3));
  EXPECT_EQ(phase(), Phase::kFastRecovery);
  all_out();
  in(". 1:1(0) ack 5001 win 60000");
  EXPECT_EQ(out(), segment(5));
  all_out();
  EXPECT_EQ(connection->info().cwnd, 5000u) << "one loss of many segments is one loss";
}

TEST_F(LossRecoveryTest, AWindowUpdateIsNoDuplicate) {
  established_with(false, false);
  ten_in_flight();
  for (int i = 0; i < 5; ++i) in(". 1:1(0) ack 1 win " + std::to_string(50'000 + i));
  EXPECT_EQ(all_out(), Lines{});
  for (int i = 0; i < 5; ++i) {
    in("P. " + std::to_string(1 + i) + ":" + std::to_string(2 + i) + "(1) ack 1 win 50004");
  }
  EXPECT_EQ(phase(), Phase::kOpen) << "nor is text";
  all_out();
}

TEST_F(LossRecoveryTest, DuplicatesOfARecoveryBeginNoOther) {
  // RFC 6582 4.1.
  established_with(false, false);
  ten_in_flight();
  at(405);
  all_out();
  in(". 1:1(0) ack 10001 win 60000");
  all_out();
  for (int i = 0; i < 4; ++i) in(". 1:1(0) ack 10001 win 60000");
  EXPECT_EQ(phase(), Phase::kOpen);
  EXPECT_EQ(resources.counters.fast_recoveries, 0u);
  all_out();
}

// --- with SACK ---

TEST_F(LossRecoveryTest, OfALargeSegmentOnlyWhatIsLostIsSentAgain) {
  config.segment_offload_bytes = 65'000;
  established_with(true, false);
  send(20'000);
  EXPECT_EQ(all_out(), Lines{". 1:10001(10000) ack 1 win 65535"});
  // Cut by the device, the fourth and the sixth of it are lost.
  in(". 1:1(0) ack 3001 win 60000 sack 4001:5001");
  EXPECT_EQ(all_out(), (Lines{". 10001:16001(6000) ack 1 win 65535"})) << "four have left the network, and cwnd has grown by two";
  in(". 1:1(0) ack 3001 win 60000 sack 6001:10001 sack 4001:5001");
  EXPECT_EQ(phase(), Phase::kFastRecovery);
  EXPECT_EQ(connection->info().sacked, 5000u);
  EXPECT_EQ(all_out(), (Lines{". 3001:4001(1000) ack 1 win 65535"}));
  in(". 1:1(0) ack 3001 win 60000 sack 6001:16001 sack 4001:5001");
  EXPECT_EQ(all_out().front(), ". 5001:6001(1000) ack 1 win 65535");
  in(". 1:1(0) ack 16001 win 60000");
  EXPECT_EQ(phase(), Phase::kOpen);
  EXPECT_EQ(connection->info().segments_retransmitted, 2u);
}

// RFC 5682 2.1: two segments of new text, and not two large ones.
TEST_F(LossRecoveryTest, FrtoAsksForTwoSegmentsWhateverTheDeviceTakes) {
  config.segment_offload_bytes = 65'000;
  established_with(false, false);
  send(30'000);
  EXPECT_EQ(all_out(), Lines{". 1:10001(10000) ack 1 win 65535"});
  at(1'000);
  EXPECT_EQ(out(), segment(0));
  in(". 1:1(0) ack 1001 win 60000");
  EXPECT_EQ(all_out(), (Lines{segment(10), segment(11)}));
}

TEST_F(LossRecoveryTest, SackSendsExactlyTheHoles) {
  established_with(true, false);
  ten_in_flight();
  // 1, 3 and 6 are lost, counted from 0.
  in(". 1:1(0) ack 1001 win 60000");
  EXPECT_EQ(all_out(), (Lines{segment(10), segment(11)}));
  in(". 1:1(0) ack 1001 win 60000 sack 2001:3001");
  EXPECT_EQ(all_out(), Lines{segment(12)}) << "limited transmit";
  in(". 1:1(0) ack 1001 win 60000 sack 4001:5001 sack 2001:3001");
  EXPECT_EQ(all_out(), Lines{segment(13)});
  in(". 1:1(0) ack 1001 win 60000 sack 4001:6001 sack 2001:3001");
  EXPECT_EQ(all_out(), Lines{segment(1)}) << "more than two segments lie above it";
  EXPECT_EQ(phase(), Phase::kFastRecovery);
  EXPECT_EQ(connection->info().sacked, 3000u);
  in(". 1:1(0) ack 1001 win 60000 sack 7001:8001 sack 4001:6001 sack 2001:3001");
  in(". 1:1(0) ack 1001 win 60000 sack 7001:9001 sack 4001:6001 sack 2001:3001");
  in(". 1:1(0) ack 1001 win 60000 sack 7001:10001 sack 4001:6001 sack 2001:3001");
  EXPECT_EQ(all_out(), Lines{});
  in(". 1:1(0) ack 1001 win 60000 sack 7001:11001 sack 4001:6001 sack 2001:3001");
  EXPECT_EQ(all_out(), Lines{segment(3)}) << "pipe leaves room for one more";
  in(". 1:1(0) ack 1001 win 60000 sack 7001:12001 sack 4001:6001 sack 2001:3001");
  EXPECT_EQ(all_out(), Lines{segment(6)});
  in(". 1:1(0) ack 14001 win 60000");
  EXPECT_EQ(phase(), Phase::kOpen);
  EXPECT_EQ(resources.counters.retransmitted, 3u) << "each hole once";
  EXPECT_EQ(resources.scoreboards.live(), 0u);
  all_out();
}

// RFC 9937: a slow start that has gone too far loses half of a window. What is delivered is replaced one by one: nothing waits for half of the window
// to drain, and no burst meets the queue that is full still.
TEST_F(LossRecoveryTest, WhenHalfOfAWindowIsLostEachSegmentThatArrivesSendsOne) {
  config.initial_window_segments = 40;
  established_with(true, false);
  send(100'000);
  ASSERT_EQ(all_out().size(), 40u);
  in(". 1:1(0) ack 20001 win 60000");
  all_out();
  const uint32_t flight = connection->sender().flight_bytes();
  ASSERT_EQ(flight, 42'000u);
  // Of the segments from 20 on every second is lost.
  size_t sent = 0, silent = 0, longest_silence = 0;
  for (uint32_t lost = 20; lost < 62; lost += 2) {
    in(". 1:1(0) ack 20001 win 60000 sack " + std::to_string(1001 + 1000 * lost) + ":" + std::to_string(2001 + 1000 * lost));
    const size_t now_sent = all_out().size();
    EXPECT_LE(now_sent, 2u);
    silent = now_sent > 0 ? 0 : silent + 1;
    longest_silence = std::max(longest_silence, silent);
    sent += now_sent;
  }
  EXPECT_LE(longest_silence, 2u);
  EXPECT_EQ(connection->info().ssthresh, flight / 2);
  EXPECT_LE(sent, 21u) << "never more than has arrived";
  EXPECT_GE(sent, 12u);
  in(". 1:1(0) ack 62001 win 60000");
  EXPECT_EQ(connection->info().cwnd, flight / 2) << "the end of it";
  all_out();
}

// Of what a recovery sends again some lies beyond its end, and has not arrived when it is over: the recovery that follows sends it no second time.
TEST_F(LossRecoveryTest, WhatOneRecoverySentAgainTheNextDoesNotSendOnceMore) {
  established_with(true, false);
  ten_in_flight();
  Lines sent;
  const auto gets = [&](const char* segment_text) {
    in(std::string(". 1:1(0) ") + segment_text);
    for (const std::string& line : all_out()) sent.push_back(line);
  };
  const auto times = [&](uint32_t number) { return std::count(sent.begin(), sent.end(), segment(number)); };
  // Of the first window 0 and 8 are lost, and 10, which leaves while 0 is repaired.
  gets("ack 1 win 60000 sack 1001:5001");
  gets("ack 1 win 60000 sack 1001:8001");
  gets("ack 1 win 60000 sack 9001:10001 sack 1001:8001");
  gets("ack 1 win 60000 sack 11001:13001 sack 9001:10001 sack 1001:8001");
  ASSERT_EQ(times(8), 1) << "again";
  gets("ack 8001 win 60000 sack 11001:13001 sack 9001:10001");
  gets("ack 8001 win 60000 sack 11001:14001 sack 9001:10001");
  ASSERT_EQ(times(10), 2) << "once for the first time";
  ASSERT_EQ(phase(), Phase::kFastRecovery);
  // The end of it.
  gets("ack 10001 win 60000 sack 11001:14001");
  gets("ack 10001 win 60000 sack 11001:15001");
  gets("ack 10001 win 60000 sack 11001:16001");
  EXPECT_EQ(times(10), 2);
  EXPECT_EQ(resources.counters.retransmitted, 3u);
  gets("ack 16001 win 60000");
  EXPECT_EQ(resources.counters.spurious_recoveries, 0u);
}

TEST_F(LossRecoveryTest, ARetransmissionThatIsLostIsSentAgainWithoutATimeout) {
  established_with(true, false);
  ten_in_flight();
  // The first one is lost, and so is what is sent for it.
  in(". 1:1(0) ack 1 win 60000 sack 1001:4001");
  EXPECT_EQ(all_out(), Lines{segment(0)});
  EXPECT_EQ(connection->info().ssthresh, 5000u);
  in(". 1:1(0) ack 1 win 60000 sack 1001:10001");
  EXPECT_EQ(all_out(), (Lines{segment(10), segment(11), segment(12), segment(13)}));
  // Two segments that left behind it may have overtaken it. Three have not.
  in(". 1:1(0) ack 1 win 60000 sack 1001:12001");
  EXPECT_EQ(all_out(), (Lines{segment(14), segment(15)}));
  in(". 1:1(0) ack 1 win 60000 sack 1001:13001");
  EXPECT_EQ(out(), segment(0));
  EXPECT_EQ(connection->info().ssthresh, 2500u) << "RFC 5681 4.3: lowered twice";
  EXPECT_EQ(resources.counters.retransmission_timeouts, 0u);
  all_out();
  // It arrives this time: nothing is sent once more.
  in(". 1:1(0) ack 13001 win 60000");
  EXPECT_EQ(phase(), Phase::kFastRecovery) << "what was sent meanwhile belongs to it";
  for (const std::string& sent : all_out()) EXPECT_NE(sent, segment(13));
  in(". 1:1(0) ack 16001 win 60000");
  EXPECT_EQ(phase(), Phase::kOpen);
}

TEST_F(LossRecoveryTest, WhatWasSentBeforeARetransmissionSaysNothingAboutIt) {
  established_with(true, false);
  ten_in_flight();
  in(". 1:1(0) ack 1 win 60000 sack 1001:4001");
  EXPECT_EQ(all_out(), Lines{segment(0)});
  for (int end = 5001; end <= 10001; end += 1000) {
    in(". 1:1(0) ack 1 win 60000 sack 1001:" + std::to_string(end));
    for (const std::string& sent : all_out()) EXPECT_NE(sent, segment(0));
  }
}

TEST_F(LossRecoveryTest, NothingThatWasReportedIsSentAgainAfterATimeout) {
  established_with(true, false);
  ten_in_flight();
  in(". 1:1(0) ack 1 win 60000 sack 1001:2001");
  in(". 1:1(0) ack 1 win 60000 sack 5001:6001 sack 1001:2001");
  all_out();
  at(1000);
  Lines again = all_out();
  ASSERT_FALSE(again.empty());
  EXPECT_EQ(again.front(), segment(0));
  in(". 1:1(0) ack 2001 win 60000 sack 5001:6001");
  for (int round = 0; round < 20; ++round) {
    for (const std::string& line : all_out()) again.push_back(line);
    if (round == 3) in(". 1:1(0) ack 5001 win 60000 sack 5001:6001");
  }
  for (const std::string& line : again) {
    EXPECT_NE(line, segment(1));
    EXPECT_NE(line, segment(5));
  }
}

TEST_F(LossRecoveryTest, APeerThatDropsWhatItReportedIsServedAgain) {
  // RFC 2018 8: reneging.
  established_with(true, false);
  ten_in_flight();
  in(". 1:1(0) ack 1 win 60000 sack 1001:10001");
  all_out();
  in(". 1:1(0) ack 1001 win 60000");
  all_out();
  EXPECT_EQ(connection->info().sacked, 9000u);
  at(2000);
  Lines again = all_out();
  ASSERT_FALSE(again.empty());
  EXPECT_EQ(again.front(), segment(1));
  EXPECT_EQ(connection->info().sacked, 0u);
}

TEST_F(LossRecoveryTest, NonsenseInSackIsIgnored) {
  established_with(true, false);
  ten_in_flight();
  in(". 1:1(0) ack 1 win 60000 sack 10001:20001");   // never sent
  in(". 1:1(0) ack 1 win 60000 sack 3001:2001");     // upside down
  in(". 1:1(0) ack 1 win 60000 sack 2001:2001");     // empty
  in(". 1:1(0) ack 1 win 60000 sack 5001:6001 sack -5000:-4000");  // of another time
  EXPECT_EQ(connection->info().sacked, 1000u);
  EXPECT_EQ(resources.counters.sack_invalid, 4u);
  EXPECT_EQ(phase(), Phase::kOpen);
  all_out();
}

TEST_F(LossRecoveryTest, RangesAreBounded) {
  // CVE-2019-11477: as many tiny ranges as a peer can make.
  config.initial_window_segments = 10;
  established_with(true, false);
  ten_in_flight();
  for (uint32_t i = 0; i < 4000; ++i) {
    in(". 1:1(0) ack 1 win 60000 sack " + std::to_string(2 + 2 * i) + ":" + std::to_string(3 + 2 * i));
  }
  EXPECT_EQ(connection->info().sacked, kSackRangesMax);
  EXPECT_GT(resources.counters.sack_refused, 0u);
  all_out();
  in(". 1:1(0) ack 10001 win 60000");
  all_out();
  EXPECT_EQ(connection->info().sacked, 0u);
}

// --- timeouts ---

TEST_F(LossRecoveryTest, ATimeoutSendsOneSegmentAndStartsSlowly) {
  established_with(true, true);
  ten_in_flight();
  at(404);
  EXPECT_EQ(out(), "");
  at(405);
  EXPECT_EQ(all_out().size(), 1u);
  EXPECT_EQ(connection->info().cwnd, 1000u);
  EXPECT_EQ(connection->info().ssthresh, 5000u);
  EXPECT_EQ(connection->info().rto, Duration::milliseconds(600));
  EXPECT_EQ(connection->info().lost, 9000u);
  at(410);
  in(". 1:1(0) ack 1001 win 60000 ts 2 405");
  EXPECT_EQ(all_out().size(), 2u) << "slow start";
  in(". 1:1(0) ack 3001 win 60000 ts 3 410");
  EXPECT_EQ(all_out().size(), 4u);
  EXPECT_EQ(resources.counters.retransmission_timeouts, 1u);
}

TEST_F(LossRecoveryTest, TimeoutsBackOff) {
  established_with(false, false);
  send(100);
  EXPECT_EQ(all_out().size(), 1u);
  int64_t time = 105, interval = 300;
  for (int i = 0; i < 6; ++i) {
    time += interval;
    at(time - 1);
    EXPECT_EQ(out(), "");
    at(time);
    EXPECT_EQ(out(), "P. 1:101(100) ack 1 win 65535");
    interval *= 2;
  }
  in(". 1:1(0) ack 101 win 60000");
  EXPECT_EQ(connection->info().back_offs, 0u);
}

TEST_F(LossRecoveryTest, TheThresholdFallsOnceForTheSameText) {
  established_with(true, true);
  ten_in_flight();
  at(405);
  const uint32_t threshold = connection->info().ssthresh;
  at(1005);
  at(2205);
  EXPECT_EQ(connection->info().ssthresh, threshold);
  EXPECT_EQ(connection->info().cwnd, 1000u);
  all_out();
}

// --- losses that were none ---

TEST_F(LossRecoveryTest, EifelUndoesATimeoutThatWasNone) {
  established_with(true, true);
  ten_in_flight();
  at(405);
  EXPECT_EQ(all_out().size(), 1u);
  at(410);
  // The ACK of the first segment as it was first sent, at 105.
  in(". 1:1(0) ack 1001 win 60000 ts 2 105");
  EXPECT_EQ(phase(), Phase::kOpen);
  EXPECT_GE(connection->info().cwnd, 10'000u);
  EXPECT_EQ(connection->info().lost, 0u);
  EXPECT_EQ(resources.counters.spurious_recoveries, 1u);
  const Lines sent = all_out();
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent.front().substr(0, 14), ". 10001:11001(") << "new text, and nothing again";
}

TEST_F(LossRecoveryTest, ARecoveryOfSeveralHolesIsNotUndone) {
  established_with(true, true);
  ten_in_flight();
  at(200);
  // 0 and 5 are lost.
  in(". 1:1(0) ack 1 win 60000 ts 2 105 sack 1001:5001");
  EXPECT_EQ(phase(), Phase::kFastRecovery);
  in(". 1:1(0) ack 1 win 60000 ts 2 105 sack 6001:10001 sack 1001:5001");
  all_out();
  at(300);
  // The first was sent again at 200; the second is sent again now, and then comes the echo of the first.
  in(". 1:1(0) ack 5001 win 60000 ts 3 200 sack 6001:10001");
  all_out();
  EXPECT_EQ(phase(), Phase::kFastRecovery);
  in(". 1:1(0) ack 5501 win 60000 ts 3 200 sack 6001:10001");
  EXPECT_EQ(phase(), Phase::kFastRecovery);
  EXPECT_EQ(resources.counters.spurious_recoveries, 0u);
  EXPECT_EQ(connection->info().cwnd, 5000u);
  all_out();
}

TEST_F(LossRecoveryTest, ARealTimeoutIsNotUndone) {
  established_with(true, true);
  ten_in_flight();
  at(405);
  all_out();
  at(410);
  in(". 1:1(0) ack 1001 win 60000 ts 2 405");
  EXPECT_EQ(phase(), Phase::kTimeoutRecovery);
  EXPECT_EQ(resources.counters.spurious_recoveries, 0u);
  all_out();
}

TEST_F(LossRecoveryTest, WithoutTimestampsTwoAcksTell) {
  // RFC 5682 2.1.
  established_with(true, false);
  ten_in_flight();
  at(405);
  EXPECT_EQ(all_out(), Lines{segment(0)});
  in(". 1:1(0) ack 1001 win 60000");
  EXPECT_EQ(all_out(), (Lines{segment(10), segment(11)})) << "step 2b: new text";
  in(". 1:1(0) ack 2001 win 60000");
  EXPECT_EQ(phase(), Phase::kOpen) << "step 3b: that was not sent again";
  EXPECT_GE(connection->info().cwnd, 10'000u);
  EXPECT_EQ(resources.counters.spurious_recoveries, 1u);
  all_out();
}

TEST_F(LossRecoveryTest, ADuplicateTellsThatItWasReal) {
  established_with(false, false);
  ten_in_flight();
  at(405);
  EXPECT_EQ(all_out(), Lines{segment(0)});
  in(". 1:1(0) ack 1001 win 60000");
  EXPECT_EQ(all_out(), (Lines{segment(10), segment(11)}));
  in(". 1:1(0) ack 1001 win 60000");
  EXPECT_EQ(phase(), Phase::kTimeoutRecovery);
  const Lines again = all_out();
  ASSERT_FALSE(again.empty());
  EXPECT_EQ(again.front(), segment(1));
}

TEST_F(LossRecoveryTest, WithoutNewTextTheRestIsSentAgain) {
  established_with(false, false);
  send(10'000);
  EXPECT_EQ(all_out().size(), 10u);
  at(405);
  EXPECT_EQ(all_out(), Lines{segment(0)});
  in(". 1:1(0) ack 1001 win 60000");
  const Lines again = all_out();
  ASSERT_FALSE(again.empty());
  EXPECT_EQ(again.front(), segment(1));
}

TEST_F(LossRecoveryTest, DuplicateSacksUndoAFastRetransmitThatWasNone) {
  // Reordering: everything had arrived, and the peer says so (RFC 2883, RFC 3708).
  established_with(true, false);
  ten_in_flight();
  in(". 1:1(0) ack 1 win 60000 sack 1001:2001");
  in(". 1:1(0) ack 1 win 60000 sack 1001:3001");
  in(". 1:1(0) ack 1 win 60000 sack 1001:4001");
  EXPECT_EQ(phase(), Phase::kFastRecovery);
  all_out();
  in(". 1:1(0) ack 4001 win 60000");
  in(". 1:1(0) ack 4001 win 60000 sack 1:1001");
  EXPECT_EQ(phase(), Phase::kOpen);
  EXPECT_GE(connection->info().cwnd, 10'000u);
  EXPECT_EQ(resources.counters.duplicate_sacks, 1u);
  EXPECT_EQ(resources.counters.spurious_recoveries, 1u);
  all_out();
}

}  // namespace
}  // namespace demi
