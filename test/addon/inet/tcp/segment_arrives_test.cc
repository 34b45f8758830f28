// What a segment has to be before it may do anything: RFC 9293 3.10.7.4, RFC 5961, RFC 7323 5.
#include <gtest/gtest.h>

#include "inet/tcp/tcp_fixture.h"

namespace demi {
namespace {

class SegmentArrivesTest : public TcpTest {
 protected:
  void established_with_timestamps() {
    config.timestamps = true;
    make();
    at(5);
    connection->connect(now);
    out();
    in("S. 0:0(0) ack 1 win 10000 mss 1000 ts 1000 5");
    EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535 ts 5 1000");
  }
};

// --- first, the sequence number ---

TEST_F(SegmentArrivesTest, TextOutsideTheWindowIsAnsweredByAnAck) {
  established();
  in("P. 65537:65637(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  in("P. -100:0(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  EXPECT_EQ(read(), 0u);
  EXPECT_EQ(resources.counters.outside_window, 2u);
}

TEST_F(SegmentArrivesTest, TextThatLiesPartlyInTheWindowIsCut) {
  established();
  in("P. 1:101(100) ack 1 win 10000");
  in("P. 51:151(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 151 win 65385");
  EXPECT_EQ(read(), 150u);
  // Beyond the right edge, which is at 65536: text and FIN.
  for (uint32_t at = 151; at < 65'151; at += 1000) {
    in("P. " + std::to_string(at) + ":" + std::to_string(at + 1000) + "(1000) ack 1 win 10000");
  }
  in("FP. 65151:66151(1000) ack 1 win 10000");
  EXPECT_EQ(state(), TcpState::kEstablished);
  EXPECT_EQ(read(), 65'535u - 150) << "not a byte more than the window";
  all_out();
}

// A peer that has filled the window stands at its end, whatever was lost of that.
TEST_F(SegmentArrivesTest, AnAckAtTheEndOfTheWindowCounts) {
  established();
  send(100);
  EXPECT_EQ(out(), "P. 1:101(100) ack 1 win 65535");
  in(". 65536:65536(0) ack 101 win 9000");
  EXPECT_EQ(connection->sender().una(), connection->sender().nxt());
  EXPECT_EQ(out(), "");
  in(". 65537:65537(0) ack 101 win 9000");
  EXPECT_EQ(resources.counters.outside_window, 1u);
  in("R. 65536:65536(0) ack 101");
  EXPECT_EQ(state(), TcpState::kEstablished) << "a reset is believed where text is waited for";
}

TEST_F(SegmentArrivesTest, AResetOutsideTheWindowIsNothing) {
  established();
  in("R. 70000:70000(0) ack 1");
  in("R. 0:0(0) ack 1");
  EXPECT_EQ(state(), TcpState::kEstablished);
  EXPECT_EQ(out(), "");
}

TEST_F(SegmentArrivesTest, AKeepaliveIsAnswered) {
  established();
  in(". 0:0(0) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  in(". 0:1(1) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
}

TEST_F(SegmentArrivesTest, TwoStacksNeverAnswerEachOthersAcksForEver) {
  established();
  uint32_t answers = 0;
  for (int i = 0; i < 1000; ++i) {
    in(". 70000:70000(0) ack 1 win 10000");
    if (!out().empty()) ++answers;
  }
  EXPECT_LE(answers, config.challenge_acks);
  EXPECT_GE(answers, 1u);
}

TEST_F(SegmentArrivesTest, APureAckIsNeverAnswered) {
  established();
  for (int i = 0; i < 100; ++i) in(". 1:1(0) ack 1 win " + std::to_string(10'000 + i));
  EXPECT_EQ(out(), "");
}

// --- second, the RST bit ---

TEST_F(SegmentArrivesTest, ABlindResetGetsAChallengeAck) {
  established();
  in("R. 2:2(0) ack 1");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  in("R 65535:65535(0)");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  EXPECT_EQ(state(), TcpState::kEstablished);
  EXPECT_EQ(resources.counters.challenge_acks, 2u);
  in("R 1:1(0)");
  EXPECT_EQ(connection->error(), Errno::kECONNRESET);
}

TEST_F(SegmentArrivesTest, ChallengeAcksAreBounded) {
  established();
  uint32_t sent = 0;
  for (int i = 0; i < 100; ++i) {
    in("R 100:100(0)");
    if (!out().empty()) ++sent;
  }
  EXPECT_LE(sent, config.challenge_acks);
  EXPECT_EQ(resources.counters.challenge_acks_withheld, 100u - sent);
  at(10'000);
  in("R 100:100(0)");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
}

TEST_F(SegmentArrivesTest, AResetEndsEachStateAsItShould) {
  const auto reset = [this](Errno expected) {
    in("R " + std::to_string(connection->receiver().nxt() - kIrs) + ":" + std::to_string(connection->receiver().nxt() - kIrs) + "(0)");
    EXPECT_TRUE(connection->is_finished());
    EXPECT_EQ(connection->error(), expected);
    EXPECT_EQ(out(), "");
    now = Instant();
  };
  syn_received(), reset(Errno::kECONNRESET);
  established(), reset(Errno::kECONNRESET);
  fin_wait_1(), reset(Errno::kECONNRESET);
  fin_wait_2(), reset(Errno::kECONNRESET);
  close_wait(), reset(Errno::kECONNRESET);
  closing(), reset(Errno::kOk);
  last_ack(), reset(Errno::kOk);
  time_wait(), reset(Errno::kOk);
}

// --- fourth, the SYN bit ---

TEST_F(SegmentArrivesTest, ASynInsideTheWindowGetsAChallengeAck) {
  established();
  in("S 1:1(0) win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  in("S. 500:500(0) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  EXPECT_EQ(state(), TcpState::kEstablished);
}

TEST_F(SegmentArrivesTest, TheSynAckAgainIsAcknowledgedAgain) {
  established();
  in("S. 0:0(0) ack 1 win 10000 mss 1000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  EXPECT_EQ(state(), TcpState::kEstablished);
}

// --- fifth, the ACK field ---

TEST_F(SegmentArrivesTest, WithoutAckNothingHappens) {
  established();
  in("P 1:101(100) win 10000");
  in("F 1:1(0) win 10000");
  in("- 1:1(0) win 10000");
  EXPECT_EQ(state(), TcpState::kEstablished);
  EXPECT_EQ(read(), 0u);
  EXPECT_EQ(out(), "");
  EXPECT_EQ(resources.counters.without_ack, 3u);
}

TEST_F(SegmentArrivesTest, AnAckOfWhatWasNeverSentIsAnsweredAndDropped) {
  established();
  send(100);
  EXPECT_EQ(out(), "P. 1:101(100) ack 1 win 65535");
  in("P. 1:101(100) ack 102 win 10000");
  EXPECT_EQ(out(), ". 101:101(0) ack 1 win 65535");
  EXPECT_EQ(read(), 0u);
  EXPECT_EQ(connection->acked_bytes(), 0u);
  in(". 1:1(0) ack 101 win 10000");
  EXPECT_EQ(connection->acked_bytes(), 100u);
}

TEST_F(SegmentArrivesTest, AStaleAckCompletesNothingAndGrowsNothing) {
  established();
  for (int i = 0; i < 5; ++i) send(1000);
  all_out();
  in(". 1:1(0) ack 3001 win 10000");
  const TcpConnectionInfo before = connection->info();
  events();
  in(". 1:1(0) ack 1001 win 10000");
  in(". 1:1(0) ack 1 win 10000");
  const TcpConnectionInfo after = connection->info();
  EXPECT_EQ(after.bytes_acked, before.bytes_acked);
  EXPECT_EQ(after.cwnd, before.cwnd);
  EXPECT_EQ(after.in_flight, before.in_flight);
  EXPECT_TRUE(events().empty());
  EXPECT_EQ(out(), "");
}

TEST_F(SegmentArrivesTest, AnAckFromFarBelowIsBlind) {
  // RFC 5961 5.2: below SND.UNA - MAX.SND.WND.
  established();
  in("P. 1:11(10) ack -10000 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  EXPECT_EQ(read(), 0u);
  EXPECT_EQ(resources.counters.old_ack, 1u);
  in("P. 1:11(10) ack -9999 win 10000");
  EXPECT_EQ(read(), 10u);
}

TEST_F(SegmentArrivesTest, AWindowUpdateWithoutTextCounts) {
  established(0);
  send(100);
  EXPECT_EQ(out(), "");
  in(". 1:1(0) ack 1 win 10000");
  EXPECT_EQ(out(), "P. 1:101(100) ack 1 win 65535");
}

TEST_F(SegmentArrivesTest, AnOldSegmentDoesNotMoveTheWindow) {
  established();
  in("P. 1:101(100) ack 1 win 9000");
  EXPECT_EQ(connection->info().send_window, 9000u);
  in("P. 1:101(100) ack 1 win 100");
  EXPECT_EQ(connection->info().send_window, 9000u);
  all_out();
}

TEST_F(SegmentArrivesTest, WithAWindowOfZeroAcksStillCount) {
  config.receive_buffer_bytes = 2000;
  established();
  in("P. 1:2001(2000) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 2001 win 0");
  send(100);
  EXPECT_EQ(out(), "P. 1:101(100) ack 2001 win 0");
  // The peer probes, and acknowledges.
  in(". 2001:2002(1) ack 101 win 10000");
  EXPECT_EQ(connection->acked_bytes(), 100u);
  EXPECT_EQ(out(), ". 101:101(0) ack 2001 win 0");
  EXPECT_EQ(read(), 2000u);
  EXPECT_EQ(out(), ". 101:101(0) ack 2001 win 2000");
}

// --- sixth, urgent ---

TEST_F(SegmentArrivesTest, UrgentTextIsText) {
  established();
  in("PU. 1:101(100) ack 1 win 10000 urg 50");
  in("PU. 101:201(100) ack 1 win 10000 urg 0");
  in("PU. 201:301(100) ack 1 win 10000 urg 65535");
  in("U. 301:301(0) ack 1 win 10000 urg 9");
  EXPECT_EQ(read(), 300u);
}

// --- timestamps ---

TEST_F(SegmentArrivesTest, TimestampsGoBothWays) {
  established_with_timestamps();
  at(20);
  send(10);
  EXPECT_EQ(out(), "P. 1:11(10) ack 1 win 65535 ts 20 1000");
  in("P. 1:11(10) ack 11 win 10000 ts 1010 20");
  at(60);
  EXPECT_EQ(out(), ". 11:11(0) ack 11 win 65525 ts 60 1010");
}

TEST_F(SegmentArrivesTest, AnOlderTimestampIsRejected) {
  established_with_timestamps();
  in("P. 1:11(10) ack 1 win 10000 ts 999 5");
  EXPECT_EQ(read(), 0u);
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535 ts 5 1000");
  EXPECT_EQ(resources.counters.paws_rejected, 1u);
  in("P. 1:11(10) ack 1 win 10000 ts 1000 5");
  EXPECT_EQ(read(), 10u);
}

TEST_F(SegmentArrivesTest, ASegmentWithoutTheAgreedTimestampIsDropped) {
  established_with_timestamps();
  in("P. 1:11(10) ack 1 win 10000");
  EXPECT_EQ(read(), 0u);
  EXPECT_EQ(out(), "");
  EXPECT_EQ(resources.counters.without_timestamp, 1u);
  in("R 1:1(0)");
  EXPECT_EQ(state(), TcpState::kClosed) << "a RST needs none";
}

TEST_F(SegmentArrivesTest, TheEchoIsOfTheSegmentThatIsAcknowledged) {
  // RFC 7323 4.3: the one that was first not acknowledged, not the one behind a hole.
  established_with_timestamps();
  in("P. 1:11(10) ack 1 win 10000 ts 1100 5");
  in("P. 11:21(10) ack 1 win 10000 ts 1200 5");
  at(45);
  EXPECT_EQ(out(), ". 1:1(0) ack 21 win 65515 ts 45 1100");
  in("P. 31:41(10) ack 1 win 10000 ts 1300 5");
  EXPECT_EQ(out(), ". 1:1(0) ack 21 win 65515 ts 45 1100") << "what lies behind a hole does not count";
}

TEST_F(SegmentArrivesTest, ATimestampOf24DaysAgoIsForgotten) {
  established_with_timestamps();
  now = ms(int64_t{25} * 24 * 3'600'000);
  in("P. 1:11(10) ack 1 win 10000 ts 999 5");
  EXPECT_EQ(read(), 10u);
}

TEST_F(SegmentArrivesTest, TenQuietMinutesChangeNothing) {
  established_with_timestamps();
  at(600'000);
  EXPECT_EQ(out(), "");
  in("P. 1:11(10) ack 1 win 10000 ts 601000 5");
  EXPECT_EQ(read(), 10u);
  send(10);
  EXPECT_EQ(out(), "P. 1:11(10) ack 11 win 65525 ts 600000 601000");
}

// --- nonsense ---

TEST_F(SegmentArrivesTest, AllFlagsAtOnceDoNotHarm) {
  established();
  in("SFRPU. 1:101(100) ack 1 win 10000");
  EXPECT_EQ(state(), TcpState::kClosed) << "a RST where it is waited for";
  now = Instant();
  established();
  in("SFPU. 1:101(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  EXPECT_EQ(state(), TcpState::kEstablished);
}

}  // namespace
}  // namespace demi
