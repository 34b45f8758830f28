// The sending half through a connection: what leaves when. Losses are in loss_recovery_test.cc.
#include "inet/tcp/sender.h"

#include <gtest/gtest.h>

#include "inet/tcp/tcp_fixture.h"

namespace demi {
namespace {

using Lines = std::vector<std::string>;

class SenderTest : public TcpTest {};

// --- Nagle and silly windows ---

TEST_F(SenderTest, TextIsCutIntoFullSegments) {
  established();
  send(2500);
  EXPECT_EQ(out(), ". 1:1001(1000) ack 1 win 65535");
  EXPECT_EQ(out(), ". 1001:2001(1000) ack 1 win 65535");
  EXPECT_EQ(out(), "") << "Nagle: the rest waits";
  in(". 1:1(0) ack 2001 win 10000");
  EXPECT_EQ(out(), "P. 2001:2501(500) ack 1 win 65535");
}

TEST_F(SenderTest, NagleGathersWhatIsSmall) {
  established();
  send(10);
  EXPECT_EQ(out(), "P. 1:11(10) ack 1 win 65535");
  for (int i = 0; i < 20; ++i) send(10);
  EXPECT_EQ(out(), "");
  in(". 1:1(0) ack 11 win 10000");
  EXPECT_EQ(out(), "P. 11:211(200) ack 1 win 65535");
}

TEST_F(SenderTest, WithoutNagleEachLeavesAtOnce) {
  established();
  connection->set_nagle(false);
  send(10);
  EXPECT_EQ(out(), "P. 1:11(10) ack 1 win 65535");
  send(10);
  EXPECT_EQ(out(), "P. 11:21(10) ack 1 win 65535");
}

TEST_F(SenderTest, TheLastTextDoesNotWaitForNagle) {
  established();
  send(1500);
  EXPECT_EQ(out(), ". 1:1001(1000) ack 1 win 65535");
  connection->shutdown_send(now);
  EXPECT_EQ(out(), "FP. 1001:1501(500) ack 1 win 65535");
}

TEST_F(SenderTest, ASillyWindowIsNotFilled) {
  established(4000);
  send(8000);
  EXPECT_EQ(all_out().size(), 4u);
  // 300 bytes of window: neither a segment nor half of what the window was.
  at(200);
  in(". 1:1(0) ack 4001 win 300");
  EXPECT_EQ(out(), "");
  at(200 + 299);
  EXPECT_EQ(out(), "");
  at(200 + 300);
  EXPECT_EQ(out(), ". 4001:4301(300) ack 1 win 65535") << "but not for ever";
}

TEST_F(SenderTest, HalfOfTheLargestWindowIsEnough) {
  established(1800);
  send(8000);
  EXPECT_EQ(out(), ". 1:1001(1000) ack 1 win 65535");
  EXPECT_EQ(out(), "") << "800 are less than half of 1800";
  in(". 1:1(0) ack 1001 win 900");
  EXPECT_EQ(out(), ". 1001:1901(900) ack 1 win 65535");
}

TEST_F(SenderTest, NeverBeyondTheWindow) {
  established(2500);
  connection->set_nagle(false);
  send(10'000);
  EXPECT_EQ(all_out(), (Lines{". 1:1001(1000) ack 1 win 65535", ". 1001:2001(1000) ack 1 win 65535"}));
  in(". 1:1(0) ack 1001 win 1500");
  EXPECT_EQ(all_out(), Lines{}) << "the right edge has not moved, and 500 bytes are silly";
  in(". 1:1(0) ack 2001 win 2500");
  EXPECT_EQ(all_out().size(), 2u);
}

TEST_F(SenderTest, AWindowThatShrinksIsSurvived) {
  established(4000);
  send(8000);
  EXPECT_EQ(all_out().size(), 4u);
  in(". 1:1(0) ack 1001 win 1000");
  EXPECT_EQ(out(), "") << "more is in flight than the window now holds";
  in(". 1:1(0) ack 4001 win 1000");
  EXPECT_EQ(out(), ". 4001:5001(1000) ack 1 win 65535");
}

// --- windows of zero ---

TEST_F(SenderTest, AZeroWindowIsProbedWithoutEnd) {
  established(0);
  send(500);
  EXPECT_EQ(out(), "");
  int64_t time = 100, interval = 300;
  for (int probe = 0; probe < 20; ++probe) {
    time += interval;
    at(time - 1);
    EXPECT_EQ(out(), "") << probe;
    at(time);
    EXPECT_EQ(out(), "P. 1:2(1) ack 1 win 65535") << probe;
    in(". 1:1(0) ack 1 win 0");
    EXPECT_EQ(out(), "");
    interval = std::min<int64_t>(interval * 2, 60'000);
  }
  EXPECT_EQ(connection->info().zero_window_probes, 20u);
  EXPECT_EQ(resources.counters.zero_window_probes, 20u);
  in(". 1:1(0) ack 1 win 5000");
  EXPECT_EQ(out(), "P. 1:501(500) ack 1 win 65535");
  EXPECT_EQ(connection->info().zero_window_probes, 0u);
}

TEST_F(SenderTest, AProbeThatIsTakenCounts) {
  established(0);
  send(500);
  EXPECT_EQ(out(), "");
  at(400);
  EXPECT_EQ(out(), "P. 1:2(1) ack 1 win 65535");
  in(". 1:1(0) ack 2 win 5000");
  EXPECT_EQ(connection->acked_bytes(), 1u);
  EXPECT_EQ(out(), "P. 2:501(499) ack 1 win 65535");
}

TEST_F(SenderTest, AProbeThatIsTakenByAWindowThatStaysClosed) {
  established(0);
  send(500);
  EXPECT_EQ(out(), "");
  at(400);
  out();
  in(". 1:1(0) ack 2 win 0");
  EXPECT_EQ(out(), "");
  EXPECT_TRUE(connection->timers().is_armed(TcpTimer::kPersist));
  at(1000);
  EXPECT_EQ(out(), "P. 2:3(1) ack 1 win 65535");
}

TEST_F(SenderTest, AFinWaitsForTheWindowToo) {
  established(0);
  connection->shutdown_send(now);
  EXPECT_EQ(out(), "");
  at(400);
  EXPECT_EQ(out(), "F. 1:1(0) ack 1 win 65535");
  in(". 1:1(0) ack 1 win 0");
  at(1000);
  EXPECT_EQ(out(), "F. 1:1(0) ack 1 win 65535");
  in(". 1:1(0) ack 1 win 100");
  EXPECT_EQ(out(), "F. 1:1(0) ack 1 win 65535");
  in(". 1:1(0) ack 2 win 100");
  EXPECT_EQ(state(), TcpState::kFinWait2);
}

TEST_F(SenderTest, OurOwnSegmentsStayAcceptableWhileAProbeIsOut) {
  // A peer without a window takes nothing but what begins exactly where it waits.
  established(0);
  send(500);
  EXPECT_EQ(out(), "");
  at(400);
  out();
  in("P. 1:101(100) ack 1 win 0");
  at(440);
  EXPECT_EQ(out(), ". 1:1(0) ack 101 win 65435");
}

// Both sides have taken the other's probe, and neither knows: their ACKs begin one before what the other waits for.
TEST_F(SenderTest, TwoSidesThatProbeEachOtherLearnThatTheirProbesWereTaken) {
  established(0);
  send(500);
  EXPECT_EQ(out(), "");
  at(400);
  EXPECT_EQ(out(), "P. 1:2(1) ack 1 win 65535");
  in("P. 1:2(1) ack 1 win 0");
  EXPECT_EQ(read(), 1u);
  at(440);
  EXPECT_EQ(out(), ". 1:1(0) ack 2 win 65534");
  in(". 1:1(0) ack 2 win 0");
  EXPECT_EQ(connection->acked_bytes(), 1u);
  EXPECT_EQ(out(), ". 2:2(0) ack 2 win 65534") << "from now on where the peer waits for it";
  in(". 2:2(0) ack 2 win 0");
  EXPECT_EQ(out(), "");
}

TEST_F(SenderTest, AUserTimeoutEndsAParkedConnection) {
  established(0);
  connection->set_user_timeout(Duration::seconds(30));
  send(500);
  EXPECT_EQ(out(), "");
  for (int64_t second = 1; second < 30; ++second) {
    at(second * 1000);
    in(". 1:1(0) ack 1 win 0");
    all_out();
  }
  EXPECT_GT(connection->info().zero_window_probes, 3u);
  EXPECT_EQ(state(), TcpState::kEstablished);
  at(30'100);
  EXPECT_EQ(state(), TcpState::kClosed);
  EXPECT_EQ(connection->error(), Errno::kETIMEDOUT);
  all_out();
}

TEST_F(SenderTest, APeerThatAnswersNoProbeIsGone) {
  established(0);
  send(500);
  EXPECT_EQ(out(), "");
  at(100 + 299'999);
  EXPECT_EQ(state(), TcpState::kEstablished);
  at(100 + 300'000);
  EXPECT_EQ(state(), TcpState::kClosed);
  EXPECT_EQ(connection->error(), Errno::kETIMEDOUT);
  all_out();
}

// --- the send buffer ---

TEST_F(SenderTest, TheBufferIsBounded) {
  config.send_buffer_bytes = 3000;
  config.send_buffer_max_bytes = 3000;
  established();
  EXPECT_EQ(send(5000), 3000u);
  EXPECT_EQ(connection->writable_bytes(), 0u);
  EXPECT_EQ(send(1), 0u);
  all_out();
  in(". 1:1(0) ack 1001 win 10000");
  EXPECT_TRUE(has_event(TcpEvent::kWritable));
  EXPECT_EQ(send(5000), 1000u);
  EXPECT_EQ(memory.buffers_outstanding(), 2u);
}

TEST_F(SenderTest, TheBufferNeverHoldsAFastPathBack) {
  config.send_buffer_bytes = 1000;
  established();
  EXPECT_EQ(connection->writable_bytes(), 2 * 10'000u) << "two congestion windows";
}

TEST_F(SenderTest, ABufferThatTheUserHasChosenStays) {
  established();
  connection->set_send_buffer(1000);
  EXPECT_EQ(connection->writable_bytes(), 1000u);
}

TEST_F(SenderTest, BytesGoBackToThePoolWhenTheyAreAcknowledged) {
  established();
  send(1000);
  send(1000);
  all_out();
  EXPECT_EQ(memory.buffers_outstanding(), 2u);
  in(". 1:1(0) ack 1001 win 10000");
  EXPECT_EQ(memory.buffers_outstanding(), 1u);
  EXPECT_EQ(resources.flights.live(), 1u);
  in(". 1:1(0) ack 2001 win 10000");
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
  EXPECT_EQ(resources.flights.live(), 0u) << "an idle connection has no flight";
}

// --- congestion ---

TEST_F(SenderTest, TenSegmentsAndThenAsMuchMoreAsIsAcknowledged) {
  established(65'000);
  send(100'000);
  EXPECT_EQ(all_out().size(), 10u);
  in(". 1:1(0) ack 2001 win 65000");
  EXPECT_EQ(all_out().size(), 4u) << "slow start: two for each";
  in(". 1:1(0) ack 4001 win 65000");
  EXPECT_EQ(all_out().size(), 4u);
  EXPECT_EQ(connection->info().cwnd, 14'000u);
  EXPECT_EQ(connection->info().in_flight, 14'000u);
}

TEST_F(SenderTest, AWindowThatIsNotUsedDoesNotGrow) {
  established(65'000);
  connection->set_nagle(false);
  for (int i = 0; i < 50; ++i) {
    send(1000);
    all_out();
    in(". 1:1(0) ack " + std::to_string(1 + 1000 * (i + 1)) + " win 65000");
  }
  EXPECT_EQ(connection->info().cwnd, 10'000u);
}

TEST_F(SenderTest, AfterIdlenessTheWindowIsTheInitialOneAgain) {
  established(65'000);
  uint32_t acked = 1;
  for (int i = 0; i < 20; ++i) {
    send(20'000);
    const auto sent = static_cast<uint32_t>(all_out().size()) * 1000;
    for (uint32_t j = 0; j < sent; j += 1000) in(". 1:1(0) ack " + std::to_string(acked += 1000) + " win 65000");
  }
  while (connection->unacked_bytes() > 0) {
    all_out();
    acked += connection->info().in_flight;
    in(". 1:1(0) ack " + std::to_string(acked) + " win 65000");
  }
  EXPECT_GT(connection->info().cwnd, 20'000u);
  at(1000);
  send(60'000);
  EXPECT_EQ(all_out().size(), 10u);
}

// --- time ---

TEST_F(SenderTest, TheTimerIsArmedExactlyWhileSomethingIsOutstanding) {
  established();
  EXPECT_FALSE(connection->timers().is_armed(TcpTimer::kRetransmit));
  send(2000);
  EXPECT_FALSE(connection->timers().is_armed(TcpTimer::kRetransmit)) << "nothing has left";
  all_out();
  EXPECT_EQ(connection->timers().due(TcpTimer::kRetransmit), ms(400));
  at(150);
  in(". 1:1(0) ack 1001 win 10000");
  EXPECT_EQ(connection->timers().due(TcpTimer::kRetransmit), ms(150) + connection->info().rto) << "RFC 6298 5.3";
  in(". 1:1(0) ack 2001 win 10000");
  EXPECT_FALSE(connection->timers().is_armed(TcpTimer::kRetransmit));
  EXPECT_TRUE(connection->poll_timeout().is_never());
}

TEST_F(SenderTest, ASegmentIsTimedOnceInARoundTrip) {
  established();
  send(2000);
  all_out();
  at(160);
  in(". 1:1(0) ack 2001 win 10000");
  EXPECT_EQ(connection->info().srtt, Duration::milliseconds(95));  // 7/8 * 100 + 1/8 * 60
}

TEST_F(SenderTest, WhatWasSentAgainIsNotTimed) {
  established();
  send(1000);
  all_out();
  at(400);
  EXPECT_EQ(out(), "P. 1:1001(1000) ack 1 win 65535");
  at(410);
  in(". 1:1(0) ack 1001 win 10000");
  EXPECT_EQ(connection->info().srtt, Duration::milliseconds(100)) << "Karn";
}

TEST_F(SenderTest, ButWithTimestampsItIs) {
  config.timestamps = true;
  make();
  at(5);
  connection->connect(now);
  out();
  at(105);
  in("S. 0:0(0) ack 1 win 10000 mss 1012 ts 9 5");
  out();
  send(988);
  all_out();
  at(405);
  EXPECT_EQ(out(), "P. 1:989(988) ack 1 win 65535 ts 405 9");
  at(445);
  in(". 1:1(0) ack 989 win 10000 ts 10 405");
  EXPECT_EQ(connection->info().srtt, Duration::microseconds(92'500));  // 7/8 * 100 + 1/8 * 40
}

TEST_F(SenderTest, TheUserTimeoutEndsIt) {
  established();
  connection->set_user_timeout(Duration::seconds(10));
  send(1000);
  all_out();
  at(10'099);
  EXPECT_EQ(state(), TcpState::kEstablished);
  all_out();
  at(10'100);
  EXPECT_EQ(state(), TcpState::kClosed);
  EXPECT_EQ(connection->error(), Errno::kETIMEDOUT);
  EXPECT_EQ(out(), "R. 1001:1001(0) ack 1");
  EXPECT_EQ(resources.counters.user_timeouts, 1u);
}

TEST_F(SenderTest, ASendBufferThatWasChosenHoldsForAWidePathToo) {
  config.send_buffer_bytes = 4000;
  make();
  connection->connect(now);
  out();
  in("S. 0:0(0) ack 1 win 60000 mss 1000");
  out();
  // Ten segments may be on their way: two such windows.
  EXPECT_EQ(connection->writable_bytes(), 20'000u);
  connection->set_send_buffer(4000);
  EXPECT_EQ(connection->writable_bytes(), 4000u);
}

TEST_F(SenderTest, AnOrphanIsGivenUpSooner) {
  config.orphan_timeout = Duration::seconds(20);
  established();
  send(1000);
  all_out();
  at(15'000);
  all_out();
  // The time counts from the close on.
  connection->close(now);
  at(34'999);
  all_out();
  EXPECT_EQ(state(), TcpState::kFinWait1);
  at(35'000);
  EXPECT_EQ(state(), TcpState::kClosed);
  EXPECT_EQ(resources.counters.user_timeouts, 1u);
}

TEST_F(SenderTest, AnOrphanDoesNotWaitForAClosedWindow) {
  config.orphan_timeout = Duration::seconds(20);
  established();
  in(". 1:1(0) ack 1 win 0");
  send(1000);
  connection->close(now);
  for (int64_t second = 1; second < 20; ++second) {
    at(100 + second * 1000);
    if (!all_out().empty()) in(". 1:1(0) ack 1 win 0");
  }
  EXPECT_EQ(state(), TcpState::kFinWait1);
  at(20'100);
  EXPECT_EQ(state(), TcpState::kClosed);
}

TEST_F(SenderTest, ProgressPostponesTheUserTimeout) {
  established();
  connection->set_user_timeout(Duration::seconds(10));
  send(2000);
  all_out();
  at(9'000);
  all_out();
  in(". 1:1(0) ack 1001 win 10000");
  at(18'999);
  EXPECT_EQ(state(), TcpState::kEstablished);
  all_out();
}

// --- the path ---

TEST_F(SenderTest, ASmallerPathSendsAgainInSmallerSegments) {
  established(65'000);
  send(3000);
  EXPECT_EQ(all_out().size(), 3u);
  connection->handle_path_mss(600, kIss + 1);
  EXPECT_EQ(connection->info().mss, 600u);
  EXPECT_EQ(out(), ". 1:601(600) ack 1 win 65535");
  EXPECT_EQ(out(), ". 601:1201(600) ack 1 win 65535");
  EXPECT_EQ(connection->info().ssthresh, UINT32_MAX) << "it is no congestion";
  EXPECT_EQ(resources.counters.path_mss_lowered, 1u);
  all_out();
}

TEST_F(SenderTest, AClaimOfATinyPathIsBounded) {
  established(65'000);
  send(3000);
  all_out();
  connection->handle_path_mss(10, kIss + 1);
  EXPECT_EQ(connection->info().mss, kPathMssMin);
  all_out();
}

TEST_F(SenderTest, AClaimAboutSomethingElseIsIgnored) {
  established(65'000);
  connection->handle_path_mss(600, kIss + 1);  // nothing is in flight
  send(3000);
  all_out();
  connection->handle_path_mss(600, kIss);
  connection->handle_path_mss(600, kIss + 3001);
  connection->handle_path_mss(1400, kIss + 1);
  EXPECT_EQ(connection->info().mss, 1000u);
  EXPECT_EQ(resources.counters.icmp_ignored, 4u);
  EXPECT_EQ(out(), "");
}

TEST_F(SenderTest, ABlackHoleIsFoundByTimeouts) {
  make(8960);
  connection->connect(now);
  out();
  at(100);
  in("S. 0:0(0) ack 1 win 60000 mss 8960");
  out();
  send(8960);
  EXPECT_EQ(all_out().size(), 1u);
  at(400);
  at(1000);
  for (const std::string& line : all_out()) EXPECT_EQ(line, "P. 1:8961(8960) ack 1 win 65535");
  at(2200);
  EXPECT_EQ(out(), ". 1:1221(1220) ack 1 win 65535");
  EXPECT_EQ(resources.counters.black_holes, 1u);
  in(". 1:1(0) ack 1221 win 60000");
  EXPECT_EQ(out(), ". 1221:2441(1220) ack 1 win 65535");
  all_out();
}

// What was lost first was short, for another reason; what has been sent behind it since then is not.
TEST_F(SenderTest, ASegmentThatIsTooLongByItsTimestampsAloneFallsIntoABlackHole) {
  config.timestamps = true;
  config.black_hole_mss = 900;
  make();
  connection->connect(now);
  out();
  at(100);
  in("S. 0:0(0) ack 1 win 60000 mss 912 ts 9 0");
  all_out();
  send(900);
  EXPECT_EQ(all_out().size(), 1u);
  for (int64_t seconds = 1; seconds < 10; ++seconds) {
    at(100 + seconds * 1000);
    all_out();
  }
  EXPECT_EQ(resources.counters.black_holes, 1u);
}

TEST_F(SenderTest, ABlackHoleIsFoundByLaterTimeoutsToo) {
  make(8960);
  connection->connect(now);
  out();
  at(100);
  in("S. 0:0(0) ack 1 win 60000 mss 8960");
  out();
  send(100);
  at(10'000);
  EXPECT_EQ(resources.counters.black_holes, 0u);
  send(5000);
  all_out();
  at(60'000);
  EXPECT_EQ(resources.counters.black_holes, 1u);
  EXPECT_EQ(connection->info().mss, 1220u);
  all_out();
}

TEST_F(SenderTest, SmallSegmentsThatVanishAreNoBlackHole) {
  established();
  send(100);
  for (int i = 0; i < 10; ++i) at(i * 10'000 + 1000);
  EXPECT_EQ(resources.counters.black_holes, 0u);
  EXPECT_EQ(connection->info().mss, 1000u);
  all_out();
}

TEST_F(SenderTest, APeerOfTinySegmentsIsBounded) {
  make();
  connection->connect(now);
  out();
  in("S. 0:0(0) ack 1 win 65535 mss 1");
  out();
  EXPECT_EQ(connection->info().mss, kSendMssMin);
  send(1000);
  EXPECT_EQ(out(), ". 1:49(48) ack 1 win 65535");
  all_out();
}

TEST_F(SenderTest, ADeviceThatCutsSegmentsGetsLargeOnes) {
  config.segment_offload_bytes = 4500;
  established(65'000);
  send(10'500);
  EXPECT_EQ(out(), ". 1:4001(4000) ack 1 win 65535");
  EXPECT_EQ(out(), ". 4001:8001(4000) ack 1 win 65535");
  EXPECT_EQ(out(), ". 8001:10001(2000) ack 1 win 65535") << "as many whole segments as cwnd allows";
  EXPECT_EQ(out(), "");
  EXPECT_EQ(connection->info().data_segments_out, 10u);
  EXPECT_EQ(connection->info().segments_out, 12u) << "with the SYN and its ACK";
  EXPECT_EQ(resources.counters.segments_out, 12u);
  in(". 1:1(0) ack 10001 win 65000");
  EXPECT_EQ(out(), "P. 10001:10501(500) ack 1 win 65535");
}

TEST_F(SenderTest, ADeviceIsToldWhatToCutTo) {
  config.segment_offload_bytes = 65'000;
  established(65'000);
  connection->set_nagle(false);
  send(2500);
  EXPECT_EQ(out(), ". 1:2001(2000) ack 1 win 65535");
  EXPECT_EQ(cut_bytes, 1000u);
  EXPECT_EQ(out(), "P. 2001:2501(500) ack 1 win 65535");
  EXPECT_EQ(cut_bytes, 0u);
  send(100);
  in("F. 1:1(0) ack 2501 win 65000");
  EXPECT_EQ(out(), "P. 2501:2601(100) ack 2 win 65534");
  EXPECT_EQ(cut_bytes, 0u);
}

TEST_F(SenderTest, ALargeSegmentEndsAtTheWindow) {
  config.segment_offload_bytes = 65'000;
  established(3500);
  send(8000);
  EXPECT_EQ(out(), ". 1:3001(3000) ack 1 win 65535");
  EXPECT_EQ(out(), "") << "500 are a silly window";
  in(". 1:1(0) ack 3001 win 5000");
  EXPECT_EQ(out(), "P. 3001:8001(5000) ack 1 win 65535");
}

TEST_F(SenderTest, TheEndRidesOnALargeSegmentThatIsFull) {
  config.segment_offload_bytes = 65'000;
  established();
  send(3000);
  connection->shutdown_send(now);
  EXPECT_EQ(out(), "FP. 1:3001(3000) ack 1 win 65535");
  EXPECT_EQ(out(), "");
  in(". 1:1(0) ack 3002 win 10000");
  EXPECT_EQ(state(), TcpState::kFinWait2);
}

TEST_F(SenderTest, TheEndFollowsALargeSegmentWithTheRest) {
  config.segment_offload_bytes = 65'000;
  established();
  send(3500);
  connection->shutdown_send(now);
  EXPECT_EQ(out(), ". 1:3001(3000) ack 1 win 65535");
  EXPECT_EQ(out(), "FP. 3001:3501(500) ack 1 win 65535");
}

TEST_F(SenderTest, ALargeSegmentIsOfNoMorePiecesThanTheDeviceTakes) {
  config.segment_offload_bytes = 65'000;
  config.segment_offload_pieces = 3;
  established(65'000);
  for (int i = 0; i < 10; ++i) send(900);
  EXPECT_EQ(out(), ". 1:2001(2000) ack 1 win 65535") << "2700 bytes";
  EXPECT_EQ(out(), ". 2001:4001(2000) ack 1 win 65535") << "700 and two times 900";
  EXPECT_EQ(out(), ". 4001:6001(2000) ack 1 win 65535") << "500 and two times 900";
  EXPECT_EQ(out(), ". 6001:8001(2000) ack 1 win 65535") << "300 and two times 900";
  EXPECT_EQ(out(), "P. 8001:9001(1000) ack 1 win 65535");
}

TEST_F(SenderTest, OnePieceTooShortForASegmentIsSentWithTheNext) {
  config.segment_offload_bytes = 65'000;
  config.segment_offload_pieces = 1;
  established(65'000);
  for (int i = 0; i < 10; ++i) send(300);
  EXPECT_EQ(out(), ". 1:1001(1000) ack 1 win 65535");
  EXPECT_EQ(out(), ". 1001:2001(1000) ack 1 win 65535");
}

TEST_F(SenderTest, SegmentsOfFewBytesAreNotLeftToADevice) {
  config.segment_offload_bytes = 65'000;
  make(kOffloadedMssMin - 1);
  connection->connect(now);
  out();
  in("S. 0:0(0) ack 1 win 65000 mss 1000");
  out();
  send(3000);
  EXPECT_EQ(out(), ". 1:512(511) ack 1 win 65535");
  all_out();
}

// The measurement begins with the first of what is cut: it is acknowledged first.
TEST_F(SenderTest, TheFirstOfALargeSegmentIsTimed) {
  config.segment_offload_bytes = 65'000;
  established();
  send(4000);
  all_out();
  at(150);
  in(". 1:1(0) ack 1001 win 10000");
  // RFC 6298 2.3, after the 100 ms of the handshake.
  EXPECT_EQ(connection->info().srtt, Duration::microseconds(93'750));
}

TEST_F(SenderTest, AfterASmallerMssADeviceCutsToThat) {
  config.segment_offload_bytes = 65'000;
  established(65'000);
  send(4000);
  EXPECT_EQ(out(), "P. 1:4001(4000) ack 1 win 65535");
  connection->handle_path_mss(600, kIss + 1);
  EXPECT_EQ(out(), ". 1:601(600) ack 1 win 65535") << "what is sent again is cut here";
  all_out();
  in(". 1:1(0) ack 4001 win 65000");
  send(1800);
  EXPECT_EQ(out(), "P. 4001:5801(1800) ack 1 win 65535");
  EXPECT_EQ(cut_bytes, 600u);
}

}  // namespace
}  // namespace demi
