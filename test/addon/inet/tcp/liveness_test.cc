// What becomes of connections to which nothing comes: keepalive, TIME-WAIT, ICMP.
#include <gtest/gtest.h>

#include "inet/tcp/tcp_fixture.h"

namespace demi {
namespace {

class LivenessTest : public TcpTest {};

// --- keepalive ---

TEST_F(LivenessTest, WithoutKeepaliveAnIdleConnectionIsSilentForEver) {
  established();
  EXPECT_TRUE(connection->poll_timeout().is_never());
}

TEST_F(LivenessTest, KeepaliveProbesAndGivesUp) {
  established();
  connection->set_keepalive_times(Duration::seconds(60), Duration::seconds(5), 3);
  connection->set_keepalive(true, now);
  at(60'099);
  EXPECT_EQ(out(), "");
  at(60'100);
  EXPECT_EQ(out(), ". 0:0(0) ack 1 win 65535");
  at(65'100);
  EXPECT_EQ(out(), ". 0:0(0) ack 1 win 65535");
  at(70'100);
  EXPECT_EQ(out(), ". 0:0(0) ack 1 win 65535");
  at(75'099);
  EXPECT_EQ(state(), TcpState::kEstablished);
  at(75'100);
  EXPECT_EQ(connection->error(), Errno::kETIMEDOUT);
  EXPECT_EQ(out(), "R. 1:1(0) ack 1");
  EXPECT_EQ(resources.counters.keepalive_timeouts, 1u);
}

TEST_F(LivenessTest, AnAnswerBeginsAnew) {
  established();
  connection->set_keepalive_times(Duration::seconds(60), Duration::seconds(5), 3);
  connection->set_keepalive(true, now);
  for (int round = 0; round < 5; ++round) {
    const int64_t start = 100 + round * 65'000;
    at(start + 60'000);
    EXPECT_EQ(out(), ". 0:0(0) ack 1 win 65535") << round;
    at(start + 65'000);
    in(". 1:1(0) ack 1 win 10000");
    all_out();
  }
  EXPECT_EQ(state(), TcpState::kEstablished);
}

TEST_F(LivenessTest, WhoIsHeardIsNotProbed) {
  established();
  connection->set_keepalive_times(Duration::seconds(60), Duration::seconds(5), 3);
  connection->set_keepalive(true, now);
  for (int second = 1; second < 300; second += 30) {
    at(second * 1000);
    in(". 1:1(0) ack 1 win 10000");
    EXPECT_EQ(out(), "");
  }
  connection->set_keepalive(false, now);
  EXPECT_TRUE(connection->poll_timeout().is_never());
}

TEST_F(LivenessTest, TheDefaultIsTwoHours) {
  established();
  connection->set_keepalive(true, now);
  EXPECT_EQ(connection->poll_timeout(), ms(100 + 7'200'000));
}

// --- TIME-WAIT ---

TEST_F(LivenessTest, TimeWaitGivesWayToALaterSequenceNumber) {
  time_wait();
  EXPECT_TRUE(connection->yields_to(segment_from("S 5000:5000(0) win 1000", kIrs, kIss).header));
  EXPECT_FALSE(connection->yields_to(segment_from("S 1:1(0) win 1000", kIrs, kIss).header));
  EXPECT_FALSE(connection->yields_to(segment_from("S. 5000:5000(0) ack 1 win 1000", kIrs, kIss).header));
  EXPECT_FALSE(connection->yields_to(segment_from(". 5000:5000(0) ack 1 win 1000", kIrs, kIss).header));
  EXPECT_FALSE(connection->yields_to_active_open(ms(50'000))) << "without timestamps the peer could not tell";
  now = Instant();
  established();
  EXPECT_FALSE(connection->yields_to(segment_from("S 5000:5000(0) win 1000", kIrs, kIss).header));
}

TEST_F(LivenessTest, AndToALaterTimestamp) {
  config.timestamps = true;
  make();
  connection->connect(now);
  out();
  in("S. 0:0(0) ack 1 win 10000 mss 1000 ts 100 0");
  connection->shutdown_send(now);
  all_out();
  in("F. 1:1(0) ack 2 win 10000 ts 200 0");
  EXPECT_EQ(state(), TcpState::kTimeWait);
  all_out();
  EXPECT_TRUE(connection->yields_to(segment_from("S -5000:-5000(0) win 1000 ts 201 0", kIrs, kIss).header));
  EXPECT_FALSE(connection->yields_to(segment_from("S 5000:5000(0) win 1000 ts 199 0", kIrs, kIss).header));
  EXPECT_TRUE(connection->yields_to(segment_from("S 5000:5000(0) win 1000 ts 200 0", kIrs, kIss).header));
  EXPECT_FALSE(connection->yields_to(segment_from("S -5000:-5000(0) win 1000 ts 200 0", kIrs, kIss).header));
  EXPECT_FALSE(connection->yields_to_active_open(ms(1000)));
  EXPECT_TRUE(connection->yields_to_active_open(ms(1001)));
}

TEST_F(LivenessTest, ASynInTimeWaitThatDoesNotFitIsAnswered) {
  time_wait();
  in("S -5000:-5000(0) win 1000");
  EXPECT_EQ(out(), ". 2:2(0) ack 2 win 65534");
  EXPECT_EQ(state(), TcpState::kTimeWait);
}

TEST_F(LivenessTest, TextInTimeWaitIsDropped) {
  time_wait();
  in("P. 2:102(100) ack 2 win 10000");
  EXPECT_EQ(out(), ". 2:2(0) ack 2 win 65534");
  EXPECT_EQ(read(), 0u);
}

TEST_F(LivenessTest, TimeWaitHoldsNothingButItself) {
  established();
  send(100);
  connection->shutdown_send(now);
  all_out();
  in("F. 1:1(0) ack 102 win 10000");
  all_out();
  EXPECT_EQ(state(), TcpState::kTimeWait);
  EXPECT_EQ(resources.flights.live(), 0u);
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
  EXPECT_EQ(connection->poll_timeout(), ms(100 + 60'000));
}

// --- ICMP ---

TEST_F(LivenessTest, AHardErrorRefusesAnOpen) {
  syn_sent();
  connection->handle_icmp_error(IcmpErrorKind::kHard, Errno::kECONNREFUSED, kIss);
  EXPECT_EQ(connection->error(), Errno::kECONNREFUSED);
  EXPECT_TRUE(connection->is_finished());
}

TEST_F(LivenessTest, ASoftErrorIsTheReasonOfATimeout) {
  config.syn_retries = 1;
  syn_sent();
  connection->handle_icmp_error(IcmpErrorKind::kSoft, Errno::kEHOSTUNREACH, kIss);
  EXPECT_EQ(state(), TcpState::kSynSent);
  at(100'000);
  all_out();
  EXPECT_EQ(connection->error(), Errno::kEHOSTUNREACH);
}

TEST_F(LivenessTest, NoMessageEndsAConnectionThatStands) {
  established();
  send(100);
  all_out();
  connection->handle_icmp_error(IcmpErrorKind::kHard, Errno::kECONNREFUSED, kIss + 1);
  connection->handle_icmp_error(IcmpErrorKind::kSoft, Errno::kEHOSTUNREACH, kIss + 1);
  EXPECT_EQ(state(), TcpState::kEstablished);
  in(". 1:1(0) ack 101 win 10000");
  EXPECT_EQ(connection->acked_bytes(), 100u);
}

TEST_F(LivenessTest, AMessageAboutSomethingElseIsIgnored) {
  syn_sent();
  connection->handle_icmp_error(IcmpErrorKind::kHard, Errno::kECONNREFUSED, kIss + 1);
  connection->handle_icmp_error(IcmpErrorKind::kHard, Errno::kECONNREFUSED, kIss - 1);
  EXPECT_EQ(state(), TcpState::kSynSent);
  EXPECT_EQ(resources.counters.icmp_ignored, 2u);
}

}  // namespace
}  // namespace demi
