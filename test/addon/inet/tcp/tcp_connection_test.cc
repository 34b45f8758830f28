// Opening and closing: RFC 9293 3.5 and 3.6, 3.10.1 to 3.10.5.
#include "inet/tcp/tcp_connection.h"

#include <gtest/gtest.h>

#include "inet/tcp/tcp_fixture.h"

namespace demi {
namespace {

class TcpConnectionTest : public TcpTest {};
using Events = std::vector<TcpEvent>;

// --- active open ---

TEST_F(TcpConnectionTest, AnActiveOpenIsThreeSegments) {
  make(1460);
  connection->connect(now);
  EXPECT_EQ(state(), TcpState::kSynSent);
  EXPECT_EQ(out(), "S 0:0(0) win 65535 mss 1460");
  EXPECT_EQ(out(), "");
  at(50);
  in("S. 0:0(0) ack 1 win 5000 mss 1460");
  EXPECT_EQ(state(), TcpState::kEstablished);
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  EXPECT_EQ(out(), "");
  EXPECT_EQ(events(), (Events{TcpEvent::kConnected, TcpEvent::kWritable}));
  EXPECT_EQ(connection->info().srtt, Duration::milliseconds(50));
  EXPECT_EQ(connection->info().cwnd, 14'600u);
}

TEST_F(TcpConnectionTest, TheSynSaysWhatWeCan) {
  config.window_scale = config.timestamps = config.sack = true;
  make(1460);
  at(5);
  connection->connect(now);
  EXPECT_EQ(out(), "S 0:0(0) win 65535 mss 1460 ws 0 sackok ts 5 0");
  in("S. 0:0(0) ack 1 win 5000 mss 1460 ws 3 sackok ts 900 5");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535 ts 5 900");
  const TcpConnectionInfo info = connection->info();
  EXPECT_TRUE(info.timestamps && info.sack && info.window_scaling);
  EXPECT_EQ(info.mss, 1448u) << "12 bytes of each segment are the timestamps";
  EXPECT_EQ(info.send_window, 5000u) << "the window of a SYN is not scaled";
  in(". 1:1(0) ack 1 win 5000 ts 901 5");
  EXPECT_EQ(connection->info().send_window, 40'000u);
}

TEST_F(TcpConnectionTest, APeerWithoutOptionsWorks) {
  config.window_scale = config.timestamps = config.sack = true;
  make(1460);
  connection->connect(now);
  out();
  in("S. 0:0(0) ack 1 win 5000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  const TcpConnectionInfo info = connection->info();
  EXPECT_FALSE(info.timestamps || info.sack || info.window_scaling);
  EXPECT_EQ(info.mss, 536u);
  EXPECT_EQ(send(600), 600u);
  EXPECT_EQ(out(), ". 1:537(536) ack 1 win 65535");
  in("P. 1:11(10) ack 537 win 5000");
  EXPECT_EQ(read(), 10u);
}

TEST_F(TcpConnectionTest, ASynIsSentAgainAndGivenUpInTheEnd) {
  config.syn_retries = 3;
  make();
  connection->connect(now);
  EXPECT_EQ(out(), "S 0:0(0) win 65535 mss 1000");
  at(999);
  EXPECT_EQ(out(), "");
  at(1000);
  EXPECT_EQ(out(), "S 0:0(0) win 65535 mss 1000");
  at(1000 + 1999);
  EXPECT_EQ(out(), "");
  at(1000 + 2000);  // RFC 6298 5.5; the 3 s of 5.7 are for text
  EXPECT_EQ(out(), "S 0:0(0) win 65535 mss 1000");
  at(3000 + 4000);
  EXPECT_EQ(out(), "S 0:0(0) win 65535 mss 1000");
  at(7000 + 7999);
  EXPECT_EQ(state(), TcpState::kSynSent);
  at(7000 + 8000);
  EXPECT_TRUE(connection->is_finished());
  EXPECT_EQ(connection->error(), Errno::kETIMEDOUT);
  EXPECT_EQ(events(), (Events{TcpEvent::kClosed}));
  EXPECT_EQ(resources.counters.failed_opens, 1u);
}

TEST_F(TcpConnectionTest, AfterALostSynTheWindowIsOneSegment) {
  make();
  connection->connect(now);
  out();
  at(1000);
  out();
  in("S. 0:0(0) ack 1 win 5000 mss 1000");
  EXPECT_EQ(connection->info().cwnd, 1000u);
  EXPECT_EQ(connection->info().srtt, Duration()) << "an ACK of one of two SYNs measures nothing";
  EXPECT_EQ(connection->info().rto, Duration::milliseconds(3000));
}

TEST_F(TcpConnectionTest, AnAnswerThatComesBeforeTheSynLeavesAgain) {
  syn_sent();
  // The time to send it again has come, and the network was faster.
  now = ms(1000);
  connection->handle_timeout(now);
  in("S. 0:0(0) ack 1 win 10000 mss 1000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  EXPECT_EQ(out(), "");
  EXPECT_EQ(connection->sender().flight(), nullptr) << "nothing waits for an acknowledgment";
  EXPECT_TRUE(connection->poll_timeout().is_never());
}

TEST_F(TcpConnectionTest, AResetRefuses) {
  syn_sent();
  in("R. 0:0(0) ack 1");
  EXPECT_EQ(connection->error(), Errno::kECONNREFUSED);
  EXPECT_TRUE(connection->is_finished());
  EXPECT_EQ(out(), "") << "a reset never answers a reset";
  EXPECT_EQ(events(), (Events{TcpEvent::kClosed}));
}

TEST_F(TcpConnectionTest, AResetOfSomethingElseDoesNot) {
  syn_sent();
  in("R 0:0(0)");
  in("R. 0:0(0) ack 2");
  in("R. 0:0(0) ack 0");
  EXPECT_EQ(state(), TcpState::kSynSent);
  EXPECT_EQ(out(), "");
}

TEST_F(TcpConnectionTest, AnAckOfSomethingElseGetsAReset) {
  // RFC 9293 figure 9: an old connection of the peer.
  syn_sent();
  in(". 700:700(0) ack 500 win 1000");
  EXPECT_EQ(out(), "R 500:500(0)");
  EXPECT_EQ(state(), TcpState::kSynSent);
  in("S. 0:0(0) ack 1 win 5000 mss 1000");
  EXPECT_EQ(state(), TcpState::kEstablished);
}

TEST_F(TcpConnectionTest, SimultaneousOpen) {
  // RFC 9293 figure 7, both ways of ending it: the peer's SYN-ACK, and its pure ACK.
  for (const char* last : {"S. 0:0(0) ack 1 win 5000 mss 1000", ". 1:1(0) ack 1 win 5000"}) {
    now = Instant();
    syn_sent();
    in("S 0:0(0) win 5000 mss 1000");
    EXPECT_EQ(state(), TcpState::kSynReceived);
    EXPECT_EQ(out(), "S. 0:0(0) ack 1 win 65535 mss 1000");
    in(last);
    EXPECT_EQ(state(), TcpState::kEstablished);
    send(10);
    EXPECT_EQ(out(), "P. 1:11(10) ack 1 win 65535");
  }
}

// RFC 7323 2.2: beside a SYN the window is never scaled, in a simultaneous open neither.
TEST_F(TcpConnectionTest, TheWindowOfASimultaneousOpenIsNotScaled) {
  config.window_scale = true;
  make();
  connection->connect(now);
  out();
  in("S 0:0(0) win 300 mss 1000 ws 10");
  out();
  in("S. 0:0(0) ack 1 win 300 mss 1000 ws 10");
  EXPECT_EQ(state(), TcpState::kEstablished);
  EXPECT_EQ(connection->sender().window(), 300u);
  EXPECT_EQ(connection->sender().max_window(), 300u);
  in(". 1:1(0) ack 1 win 2");
  EXPECT_EQ(connection->sender().window(), 2048u);
  all_out();
}

TEST_F(TcpConnectionTest, TextThatWasGivenEarlyGoesOutWithTheLastAck) {
  syn_sent();
  EXPECT_EQ(send(300), 300u);
  connection->shutdown_send(now);
  EXPECT_EQ(out(), "");
  in("S. 0:0(0) ack 1 win 5000 mss 1000");
  EXPECT_EQ(out(), "FP. 1:301(300) ack 1 win 65535");
  EXPECT_EQ(state(), TcpState::kFinWait1);
  EXPECT_EQ(out(), "");
}

TEST_F(TcpConnectionTest, ClosingBeforeTheAnswerIsSilent) {
  syn_sent();
  send(10);
  connection->close(now);
  EXPECT_TRUE(connection->is_finished());
  EXPECT_EQ(out(), "");
  EXPECT_EQ(connection->error(), Errno::kOk);
}

TEST_F(TcpConnectionTest, TextBesideTheSynAckIsKept) {
  syn_sent();
  in("S. 0:20(20) ack 1 win 5000 mss 1000");
  EXPECT_EQ(out(), ". 1:1(0) ack 21 win 65515");
  EXPECT_EQ(read(), 20u);
}

// --- passive open ---

TEST_F(TcpConnectionTest, APassiveOpen) {
  make();
  connection->accept(segment_from("S 0:0(0) win 5000 mss 700", kIrs, kIss).header, SgArray(), now);
  EXPECT_EQ(state(), TcpState::kSynReceived);
  EXPECT_EQ(out(), "S. 0:0(0) ack 1 win 65535 mss 1000");
  at(80);
  in(". 1:1(0) ack 1 win 6000");
  EXPECT_EQ(state(), TcpState::kEstablished);
  EXPECT_EQ(out(), "");
  EXPECT_EQ(connection->info().mss, 700u);
  EXPECT_EQ(connection->info().send_window, 6000u);
  EXPECT_EQ(connection->info().srtt, Duration::milliseconds(80));
}

TEST_F(TcpConnectionTest, TextOnTheSynIsKeptUntilTheConnectionStands) {
  make();
  connection->accept(segment_from("S 0:50(50) win 5000 mss 1000", kIrs, kIss).header, text_at(memory, 0, 50), now);
  EXPECT_EQ(out(), "S. 0:0(0) ack 51 win 65485 mss 1000");
  EXPECT_EQ(read(), 0u);
  in(". 51:51(0) ack 1 win 5000");
  EXPECT_TRUE(has_event(TcpEvent::kReadable));
  EXPECT_EQ(read(), 50u);
}

TEST_F(TcpConnectionTest, TheLastAckMayBringTextAndFin) {
  syn_received();
  in("FP. 1:101(100) ack 1 win 5000");
  EXPECT_EQ(state(), TcpState::kCloseWait);
  EXPECT_EQ(out(), ". 1:1(0) ack 102 win 65434");
  EXPECT_EQ(read(), 100u);
  EXPECT_TRUE(connection->is_ended());
}

TEST_F(TcpConnectionTest, TheSynAgainIsAnsweredAgain) {
  syn_received();
  in("S 0:0(0) win 10000 mss 1000");
  EXPECT_EQ(out(), "S. 0:0(0) ack 1 win 65535 mss 1000");
  EXPECT_EQ(out(), "");
}

TEST_F(TcpConnectionTest, ASynAckIsSentAgainAndGivenUpInTheEnd) {
  config.syn_ack_retries = 1;
  syn_received();
  at(1000);
  EXPECT_EQ(out(), "S. 0:0(0) ack 1 win 65535 mss 1000");
  at(3000);
  EXPECT_TRUE(connection->is_finished());
  EXPECT_EQ(connection->error(), Errno::kETIMEDOUT);
}

TEST_F(TcpConnectionTest, AnAckOfAnotherSynGetsAReset) {
  syn_received();
  in(". 1:1(0) ack 500 win 5000");
  EXPECT_EQ(out(), "R 500:500(0)");
  EXPECT_EQ(state(), TcpState::kSynReceived);
}

TEST_F(TcpConnectionTest, ATextBeforeTheAckOfTheSynWaits) {
  syn_received();
  in("P. 101:201(100) ack 1 win 5000");
  EXPECT_EQ(state(), TcpState::kEstablished);
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  in("P. 1:101(100) ack 1 win 5000");
  EXPECT_EQ(out(), ". 1:1(0) ack 201 win 65335");
  EXPECT_EQ(read(), 200u);
}

// --- closing ---

TEST_F(TcpConnectionTest, TheNormalClose) {
  // RFC 9293 figure 12.
  established();
  connection->shutdown_send(now);
  EXPECT_EQ(out(), "F. 1:1(0) ack 1 win 65535");
  EXPECT_EQ(state(), TcpState::kFinWait1);
  in(". 1:1(0) ack 2 win 10000");
  EXPECT_EQ(state(), TcpState::kFinWait2);
  EXPECT_TRUE(has_event(TcpEvent::kDelivered));
  in("F. 1:1(0) ack 2 win 10000");
  EXPECT_EQ(state(), TcpState::kTimeWait);
  EXPECT_EQ(out(), ". 2:2(0) ack 2 win 65534");
  EXPECT_EQ(events(), (Events{TcpEvent::kReadable, TcpEvent::kClosed}));
  EXPECT_TRUE(connection->is_ended());
  at(100 + 59'999);
  EXPECT_EQ(state(), TcpState::kTimeWait);
  at(100 + 60'000);
  EXPECT_TRUE(connection->is_finished());
  EXPECT_EQ(connection->error(), Errno::kOk);
}

TEST_F(TcpConnectionTest, TheOtherSideOfIt) {
  close_wait();
  EXPECT_TRUE(connection->is_ended());
  EXPECT_EQ(send(10), 10u) << "half-closed: this side still sends";
  EXPECT_EQ(out(), "P. 1:11(10) ack 2 win 65534");
  in(". 2:2(0) ack 11 win 10000");
  connection->shutdown_send(now);
  EXPECT_EQ(out(), "F. 11:11(0) ack 2 win 65534");
  EXPECT_EQ(state(), TcpState::kLastAck);
  in(". 2:2(0) ack 12 win 10000");
  EXPECT_TRUE(connection->is_finished());
  EXPECT_TRUE(has_event(TcpEvent::kClosed));
  EXPECT_TRUE(connection->poll_timeout().is_never());
}

TEST_F(TcpConnectionTest, SimultaneousClose) {
  // RFC 9293 figure 13.
  fin_wait_1();
  in("F. 1:1(0) ack 1 win 10000");
  EXPECT_EQ(state(), TcpState::kClosing);
  EXPECT_EQ(out(), ". 2:2(0) ack 2 win 65534");
  in(". 2:2(0) ack 2 win 10000");
  EXPECT_EQ(state(), TcpState::kTimeWait);
  EXPECT_EQ(out(), "");
}

TEST_F(TcpConnectionTest, AFinThatAcknowledgesOursLeadsToTimeWait) {
  fin_wait_1();
  in("F. 1:1(0) ack 2 win 10000");
  EXPECT_EQ(state(), TcpState::kTimeWait);
  EXPECT_EQ(out(), ". 2:2(0) ack 2 win 65534");
}

TEST_F(TcpConnectionTest, InFinWait1OnlyTheAckOfTheFinCounts) {
  established();
  send(500);
  connection->shutdown_send(now);
  EXPECT_EQ(out(), "FP. 1:501(500) ack 1 win 65535");
  in(". 1:1(0) ack 501 win 10000");
  EXPECT_EQ(state(), TcpState::kFinWait1);
  in(". 1:1(0) ack 502 win 10000");
  EXPECT_EQ(state(), TcpState::kFinWait2);
}

TEST_F(TcpConnectionTest, HalfClosedTheOtherSideGoesOnSending) {
  fin_wait_2();
  in("P. 1:101(100) ack 2 win 10000");
  EXPECT_EQ(read(), 100u);
  at(140);
  EXPECT_EQ(out(), ". 2:2(0) ack 101 win 65435");
  at(3'600'000);
  EXPECT_EQ(state(), TcpState::kFinWait2) << "somebody still reads";
}

TEST_F(TcpConnectionTest, AFinInFrontOfItsTextWaits) {
  established();
  in("FP. 101:201(100) ack 1 win 10000");
  EXPECT_EQ(state(), TcpState::kEstablished);
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  EXPECT_FALSE(connection->is_ended());
  in("P. 1:101(100) ack 1 win 10000");
  EXPECT_EQ(state(), TcpState::kCloseWait);
  EXPECT_EQ(out(), ". 1:1(0) ack 202 win 65334");
  EXPECT_EQ(read(), 200u);
}

TEST_F(TcpConnectionTest, ABareFinInFrontOfTextWaits) {
  established();
  in("F. 101:101(0) ack 1 win 10000");
  EXPECT_EQ(state(), TcpState::kEstablished);
  in("P. 1:101(100) ack 1 win 10000");
  EXPECT_EQ(state(), TcpState::kCloseWait);
}

TEST_F(TcpConnectionTest, TextBehindAFinIsNotBelieved) {
  close_wait();
  in("P. 2:102(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 2 win 65534");
  EXPECT_EQ(read(), 0u);
  EXPECT_EQ(state(), TcpState::kCloseWait);
}

TEST_F(TcpConnectionTest, EverythingStillRetransmitsAfterThePeersFin) {
  close_wait();
  send(10);
  EXPECT_EQ(out(), "P. 1:11(10) ack 2 win 65534");
  at(400);
  EXPECT_EQ(out(), "P. 1:11(10) ack 2 win 65534");
  connection->shutdown_send(now);
  EXPECT_EQ(out(), "F. 11:11(0) ack 2 win 65534");
  at(1000);
  EXPECT_EQ(out(), "FP. 1:11(10) ack 2 win 65534");
}

TEST_F(TcpConnectionTest, AFinIsSentAgain) {
  fin_wait_1();
  at(400);
  EXPECT_EQ(out(), "F. 1:1(0) ack 1 win 65535");
  at(1000);
  EXPECT_EQ(out(), "F. 1:1(0) ack 1 win 65535");
}

TEST_F(TcpConnectionTest, ThePeersFinAgainIsAcknowledgedAgain) {
  time_wait();
  at(30'000);
  in("F. 1:1(0) ack 2 win 10000");
  EXPECT_EQ(out(), ". 2:2(0) ack 2 win 65534");
  at(89'999);
  EXPECT_EQ(state(), TcpState::kTimeWait) << "and two segment lifetimes begin anew";
  at(90'000);
  EXPECT_TRUE(connection->is_finished());
}

TEST_F(TcpConnectionTest, SendingAfterShutdownIsRefused) {
  fin_wait_1();
  SgArray text = text_at(memory, 0, 10);
  EXPECT_EQ(connection->send(text, now).error(), Errno::kEPIPE);
  EXPECT_EQ(text.bytes(), 10u);
  EXPECT_EQ(connection->writable_bytes(), 0u);
}

TEST_F(TcpConnectionTest, AReset) {
  established();
  send(10);
  in("P. 1:11(10) ack 1 win 10000");
  in("R. 11:11(0) ack 1");
  EXPECT_EQ(connection->error(), Errno::kECONNRESET);
  EXPECT_TRUE(connection->is_finished());
  EXPECT_EQ(out(), "");
  EXPECT_TRUE(has_event(TcpEvent::kClosed));
  SgArray text = text_at(memory, 0, 10);
  EXPECT_EQ(connection->send(text, now).error(), Errno::kECONNRESET);
  EXPECT_EQ(read(), 10u) << "what had arrived can be read";
}

TEST_F(TcpConnectionTest, AbortTellsThePeer) {
  established();
  send(10);
  EXPECT_EQ(out(), "P. 1:11(10) ack 1 win 65535");
  connection->abort(now);
  EXPECT_FALSE(connection->is_finished());
  EXPECT_EQ(out(), "R. 11:11(0) ack 1");
  EXPECT_TRUE(connection->is_finished());
  EXPECT_EQ(out(), "");
}

TEST_F(TcpConnectionTest, AbortIsSilentWhereNobodyIsToBeTold) {
  syn_sent();
  connection->abort(now);
  EXPECT_TRUE(connection->is_finished());
  EXPECT_EQ(out(), "");
  now = Instant();
  time_wait();
  connection->abort(now);
  EXPECT_TRUE(connection->is_finished());
  EXPECT_EQ(out(), "");
}

TEST_F(TcpConnectionTest, CloseWithUnreadTextIsAReset) {
  established();
  in("P. 1:11(10) ack 1 win 10000");
  connection->close(now);
  EXPECT_EQ(out(), "R. 1:1(0) ack 11");
  EXPECT_TRUE(connection->is_finished());
}

TEST_F(TcpConnectionTest, TextAfterCloseIsAnsweredByAReset) {
  established();
  send(10);
  connection->close(now);
  EXPECT_EQ(out(), "FP. 1:11(10) ack 1 win 65535") << "what was sent is delivered nevertheless";
  in("P. 1:101(100) ack 12 win 10000");
  EXPECT_EQ(out(), "R. 12:12(0) ack 1");
  EXPECT_TRUE(connection->is_finished());
  EXPECT_EQ(resources.counters.text_after_close, 1u);
}

TEST_F(TcpConnectionTest, AnOrphanDoesNotWaitForEver) {
  established();
  connection->close(now);
  out();
  in(". 1:1(0) ack 2 win 10000");
  EXPECT_EQ(state(), TcpState::kFinWait2);
  at(100 + 59'999);
  EXPECT_EQ(state(), TcpState::kFinWait2);
  at(100 + 60'000);
  EXPECT_TRUE(connection->is_finished());
}

TEST_F(TcpConnectionTest, AReceiverThatIsShutDownDropsAndAcknowledges) {
  established();
  in("P. 1:11(10) ack 1 win 10000");
  connection->shutdown_receive();
  EXPECT_EQ(connection->readable_bytes(), 0u);
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
  in("P. 1011:2011(1000) ack 1 win 10000");
  in("P. 11:1011(1000) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1011 win 65535");
  in("FP. 1011:2011(1000) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 2012 win 65535");
  EXPECT_EQ(state(), TcpState::kCloseWait);
}

TEST_F(TcpConnectionTest, AnIdleConnectionIsSmall) {
  established();
  EXPECT_EQ(resources.flights.live(), 0u);
  EXPECT_EQ(resources.reassembly_queues.live(), 0u);
  EXPECT_LE(sizeof(TcpConnection), 560u);
}

}  // namespace
}  // namespace demi
