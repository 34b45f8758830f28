#include "inet/tcp/tcp_listener.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "inet/tcp/reset.h"
#include "inet/tcp/tcp_fixture.h"

namespace demi {
namespace {

using Verdict = TcpListener::Verdict;

class TcpListenerTest : public testing::Test {
 protected:
  static constexpr SeqNumber kIrs{0xffffff00};
  static constexpr uint16_t kPeer = 40'000;

  TcpListenerTest() {
    config.window_scale = config.timestamps = config.sack = false;
    config.receive_buffer_bytes = 65'535;
    config.receive_auto_tuning = false;
  }
  void TearDown() override {
    connections.clear();
    listener.reset();
    segment.text.clear();
    EXPECT_EQ(half_opens.live(), 0u);
    EXPECT_EQ(memory.buffers_outstanding(), 0u);
  }

  void listen(uint32_t backlog = 10) { listener = std::make_unique<TcpListener>(resources, half_opens, secret, backlog); }
  void at(int64_t milliseconds) {
    now = Instant::from_nanoseconds(milliseconds * 1'000'000);
    listener->handle_timeout(now);
  }
  static TcpTuple tuple(uint16_t port) { return {IpAddress::ipv4(10, 0, 0, 1), IpAddress::ipv4(10, 0, 0, 2), 80, port}; }
  SeqNumber iss(uint16_t port = kPeer) const { return initial_sequence_number(tuple(port), secret, Instant()); }

  Verdict in(const std::string& line, uint16_t port = kPeer) {
    const ParsedSegment parsed = segment_from(line, kIrs, iss(port));
    SgArray text = text_at(memory, 0, parsed.text_length);
    SynContext context;
    context.entropy = uint64_t{77} << 32;
    const Verdict verdict = listener->handle_segment(tuple(port), parsed.header, text, context, now);
    if (verdict == Verdict::kEstablished) {
      TcpListener::Opened opened = listener->take();
      connections.push_back(std::make_unique<TcpConnection>(resources, opened.open));
      connections.back()->resume(opened.peer, std::move(opened.text), opened.transmissions, opened.answered, now);
      connections.back()->handle_segment(parsed.header, std::move(text), now);
      listener->enqueue(*connections.back());
    }
    return verdict;
  }
  std::string out() {
    TcpTuple to;
    if (!listener->poll_transmit(segment, to, now)) return "";
    last_port = to.remote_port;
    return text_of(segment.header, 0, iss(to.remote_port), kIrs);
  }

  TcpConfig config;
  Memory memory;
  TcpResources resources{config, memory};
  HalfOpenPool half_opens;
  SipHashKey secret{1, 2};
  std::unique_ptr<TcpListener> listener;
  std::vector<std::unique_ptr<TcpConnection>> connections;
  OutgoingSegment segment;
  Instant now;
  uint16_t last_port = 0;
};

TEST_F(TcpListenerTest, ThreeSegmentsMakeAConnection) {
  listen();
  EXPECT_EQ(in("S 0:0(0) win 5000 mss 1200"), Verdict::kNothing);
  EXPECT_EQ(listener->half_open(), 1u);
  EXPECT_EQ(out(), "S. 0:0(0) ack 1 win 65535 mss 1460");
  EXPECT_EQ(last_port, kPeer);
  EXPECT_EQ(out(), "");
  EXPECT_EQ(listener->accept(), nullptr);
  EXPECT_EQ(in("P. 1:11(10) ack 1 win 6000"), Verdict::kEstablished);
  EXPECT_EQ(listener->half_open(), 0u);
  EXPECT_TRUE(listener->poll_timeout().is_never());
  TcpConnection* accepted = listener->accept();
  ASSERT_NE(accepted, nullptr);
  EXPECT_EQ(accepted->state(), TcpState::kEstablished);
  EXPECT_EQ(accepted->local_port(), 80);
  EXPECT_EQ(accepted->remote_port(), kPeer);
  EXPECT_EQ(accepted->info().mss, 1200u);
  EXPECT_EQ(accepted->info().send_window, 6000u);
  EXPECT_EQ(accepted->receive(100, now).bytes(), 10u);
  EXPECT_EQ(listener->accept(), nullptr);
}

TEST_F(TcpListenerTest, OptionsAreAgreed) {
  config.window_scale = config.timestamps = config.sack = true;
  listen();
  in("S 0:0(0) win 5000 mss 1460 ws 5 sackok ts 100 0");
  EXPECT_EQ(out(), "S. 0:0(0) ack 1 win 65535 mss 1460 ws 0 sackok ts 0 100");
  at(10);
  in(". 1:1(0) ack 1 win 5000 ts 110 0");
  const TcpConnectionInfo info = connections.back()->info();
  EXPECT_TRUE(info.window_scaling && info.timestamps && info.sack);
  EXPECT_EQ(info.send_window, 160'000u);
  EXPECT_EQ(info.mss, 1448u);
  EXPECT_EQ(info.srtt, Duration::milliseconds(10)) << "the SYN-ACK was timed";
}

TEST_F(TcpListenerTest, ASynAckIsSentAgainAndTheEntryGoesInTheEnd) {
  config.syn_ack_retries = 2;
  listen();
  in("S 0:0(0) win 5000");
  EXPECT_EQ(out(), "S. 0:0(0) ack 1 win 65535 mss 1460");
  EXPECT_EQ(listener->poll_timeout(), Instant::from_nanoseconds(1'000'000'000));
  at(999);
  EXPECT_EQ(out(), "");
  at(1000);
  EXPECT_EQ(out(), "S. 0:0(0) ack 1 win 65535 mss 1460");
  at(3000);
  EXPECT_EQ(out(), "S. 0:0(0) ack 1 win 65535 mss 1460");
  at(6999);
  EXPECT_EQ(listener->half_open(), 1u);
  at(7000);
  EXPECT_EQ(listener->half_open(), 0u);
  EXPECT_EQ(out(), "");
  EXPECT_EQ(resources.counters.syn_ack_timeouts, 1u);
  EXPECT_EQ(in(". 1:1(0) ack 1 win 5000"), Verdict::kReset);
}

TEST_F(TcpListenerTest, AnAckAfterALostSynAckBeginsWithOneSegment) {
  listen();
  in("S 0:0(0) win 5000 mss 1460");
  out();
  at(1000);
  out();
  in(". 1:1(0) ack 1 win 5000");
  EXPECT_EQ(connections.back()->info().cwnd, 1460u);
  EXPECT_EQ(connections.back()->info().srtt, Duration());
}

TEST_F(TcpListenerTest, WhatBelongsToNothingIsTreatedAsTheRfcSays) {
  listen();
  EXPECT_EQ(in("R 1:1(0)"), Verdict::kNothing);
  EXPECT_EQ(in("R. 1:1(0) ack 1"), Verdict::kNothing);
  EXPECT_EQ(in(". 1:1(0) ack 1 win 5000"), Verdict::kReset);
  EXPECT_EQ(in("S. 0:0(0) ack 1 win 5000"), Verdict::kReset);
  EXPECT_EQ(in("P 1:11(10) win 5000"), Verdict::kNothing);
  EXPECT_EQ(in("F 1:1(0) win 5000"), Verdict::kNothing);
  EXPECT_EQ(in("- 1:1(0) win 5000"), Verdict::kNothing);
  EXPECT_EQ(in("SF 0:0(0) win 5000"), Verdict::kNothing);
  EXPECT_EQ(listener->half_open(), 0u);
  EXPECT_EQ(out(), "");
}

TEST_F(TcpListenerTest, AResetOfAHalfOpenConnectionMustBeExact) {
  listen();
  in("S 0:0(0) win 5000");
  out();
  in("R 5:5(0)");
  EXPECT_EQ(listener->half_open(), 1u);
  in("R 1:1(0)");
  EXPECT_EQ(listener->half_open(), 0u);
  EXPECT_EQ(out(), "");
}

TEST_F(TcpListenerTest, TheSynAgainIsAnsweredAgain) {
  listen();
  in("S 0:0(0) win 5000");
  EXPECT_EQ(out(), "S. 0:0(0) ack 1 win 65535 mss 1460");
  in("S 0:0(0) win 5000");
  EXPECT_EQ(out(), "S. 0:0(0) ack 1 win 65535 mss 1460");
  EXPECT_EQ(out(), "");
  EXPECT_EQ(listener->half_open(), 1u);
}

TEST_F(TcpListenerTest, AnAckThatDoesNotFitOpensNothing) {
  listen();
  in("S 0:0(0) win 5000");
  out();
  EXPECT_EQ(in(". 1:1(0) ack 2 win 5000"), Verdict::kReset);
  EXPECT_EQ(in(". 1:1(0) ack 0 win 5000"), Verdict::kReset);
  EXPECT_EQ(in(". 100000:100000(0) ack 1 win 5000"), Verdict::kNothing);
  EXPECT_EQ(in("P 1:11(10) win 5000"), Verdict::kNothing);
  EXPECT_EQ(listener->half_open(), 1u);
  EXPECT_EQ(in(". 1:1(0) ack 1 win 5000"), Verdict::kEstablished);
}

TEST_F(TcpListenerTest, TextOnTheSynIsKept) {
  listen();
  in("S 0:30(30) win 5000");
  EXPECT_EQ(out(), "S. 0:0(0) ack 31 win 65535 mss 1460");
  EXPECT_EQ(in(". 31:31(0) ack 1 win 5000"), Verdict::kEstablished);
  EXPECT_EQ(listener->accept()->receive(100, now).bytes(), 30u);
}

TEST_F(TcpListenerTest, TextOnSynsIsBounded) {
  listen(100);
  for (uint16_t i = 0; i < kSynTextsMax; ++i) {
    in("S 0:30(30) win 5000", static_cast<uint16_t>(1000 + i));
    EXPECT_EQ(out(), "S. 0:0(0) ack 31 win 65535 mss 1460");
  }
  in("S 0:30(30) win 5000", 5000);
  EXPECT_EQ(out(), "S. 0:0(0) ack 1 win 65535 mss 1460") << "it comes again";
  EXPECT_EQ(memory.buffers_outstanding(), kSynTextsMax);
  in("R 31:31(0)", 1000);
  in("S 0:30(30) win 5000", 5001);
  EXPECT_EQ(out(), "S. 0:0(0) ack 31 win 65535 mss 1460");
}

TEST_F(TcpListenerTest, TheSynQueueIsBounded) {
  config.syn_queue_entries = 100;
  listen();
  for (uint16_t i = 0; i < 1000; ++i) in("S 0:0(0) win 5000", static_cast<uint16_t>(1 + i));
  EXPECT_EQ(listener->half_open(), 100u);
  EXPECT_EQ(resources.counters.syn_queue_full, 900u);
  while (!out().empty()) {
  }
  // One that has its place is not disturbed.
  EXPECT_EQ(in(". 1:1(0) ack 1 win 5000", 50), Verdict::kEstablished);
  EXPECT_EQ(listener->half_open(), 99u);
}

TEST_F(TcpListenerTest, TheAcceptQueueIsBounded) {
  listen(2);
  for (uint16_t port = 1; port <= 3; ++port) in("S 0:0(0) win 5000", port);
  while (!out().empty()) {
  }
  EXPECT_EQ(in(". 1:1(0) ack 1 win 5000", 1), Verdict::kEstablished);
  EXPECT_EQ(in(". 1:1(0) ack 1 win 5000", 2), Verdict::kEstablished);
  EXPECT_EQ(in(". 1:1(0) ack 1 win 5000", 3), Verdict::kNothing) << "no room: as if the ACK was lost";
  EXPECT_EQ(in("S 0:0(0) win 5000", 4), Verdict::kNothing);
  EXPECT_EQ(listener->half_open(), 1u);
  EXPECT_EQ(resources.counters.accept_queue_full, 2u);
  EXPECT_NE(listener->accept(), nullptr);
  // The SYN-ACK goes out again, and its ACK finds room.
  at(1000);
  EXPECT_EQ(out(), "S. 0:0(0) ack 1 win 65535 mss 1460");
  EXPECT_EQ(in(". 1:1(0) ack 1 win 5000", 3), Verdict::kEstablished);
}

TEST_F(TcpListenerTest, ATupleThatComesAgainBeginsAboveItsPast) {
  listen();
  TcpHeader syn = segment_from("S 0:0(0) win 5000", kIrs, SeqNumber()).header;
  SgArray text;
  SynContext context;
  context.previous_end = iss() + 1'000'000;
  listener->handle_segment(tuple(kPeer), syn, text, context, now);
  TcpTuple to;
  ASSERT_TRUE(listener->poll_transmit(segment, to, now));
  EXPECT_EQ(segment.header.sequence_number, *context.previous_end + 1);
}

TEST_F(TcpListenerTest, ClosingItForgetsWhatIsHalfOpen) {
  listen();
  for (uint16_t i = 0; i < 100; ++i) in("S 0:10(10) win 5000", static_cast<uint16_t>(1 + i));
  EXPECT_EQ(half_opens.live(), 100u);
  listener.reset();
  EXPECT_EQ(half_opens.live(), 0u);
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
}

}  // namespace
}  // namespace demi
