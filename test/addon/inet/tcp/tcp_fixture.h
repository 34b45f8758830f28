// TcpTest: one connection, a peer that is a list of literal segments, and a clock that is told.
//
//     in("S. 0:0(0) ack 1 win 1000 mss 1000");      the peer sends
//     EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");  what the connection transmits, "" for nothing
//     at(1000);                                     the clock goes on to 1000 ms, and every timer on the way fires
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "inet/tcp/known_text.h"
#include "inet/tcp/segment_text.h"
#include "inet/tcp/tcp_connection.h"
#include "memory/memory.h"

namespace demi {

class TcpTest : public testing::Test {
 protected:
  static constexpr uint16_t kWindow = 65535;
  // Just below a wrap, so that every test of more than some kilobytes goes through it.
  static constexpr SeqNumber kIss{0xfffff000};
  static constexpr SeqNumber kIrs{0xffffe000};

  TcpTest() {
    // Plain TCP: each option is a test of its own.
    config.window_scale = config.timestamps = config.sack = false;
    config.receive_buffer_bytes = kWindow;
    config.receive_auto_tuning = false;
    config.congestion = CongestionAlgorithm::kNewReno;
  }
  void TearDown() override {
    connection.reset();
    segment.text.clear();
    EXPECT_EQ(memory.buffers_outstanding(), 0u);
    EXPECT_EQ(memory.segments().live(), 0u);
    EXPECT_EQ(resources.flights.live(), 0u);
    EXPECT_EQ(resources.scoreboards.live(), 0u);
    EXPECT_EQ(resources.reassembly_queues.live(), 0u);
    EXPECT_EQ(resources.reassembly_blocks.live(), 0u);
  }

  static Instant ms(int64_t count) { return Instant::from_nanoseconds(count * 1'000'000); }

  void make(uint16_t path_mss = 1000) {
    TcpOpen open;
    open.local_port = 1;
    open.remote_port = 2;
    open.iss = kIss;
    open.path_mss = path_mss_ = path_mss;
    // The timestamps begin with 0.
    open.entropy = uint64_t{0x1234567} << 32;
    connection = std::make_unique<TcpConnection>(resources, open);
    sent_bytes = read_bytes = 0;
  }

  void at(int64_t milliseconds) {
    for (;;) {
      const Instant due = connection->poll_timeout();
      if (due > ms(milliseconds)) break;
      now = std::max(now, due);
      connection->handle_timeout(now);
      while (connection->poll_timeout() <= now && transmit()) {
      }
      // What a timer sends is kept for out().
      while (transmit()) {
      }
    }
    now = ms(milliseconds);
  }

  void in(const std::string& line) {
    const ParsedSegment parsed = segment_from(line, kIrs, kIss);
    const auto place = static_cast<int64_t>(parsed.header.sequence_number - kIrs) - !parsed.header.flags.syn();
    connection->handle_segment(parsed.header, text_at(memory, static_cast<uint64_t>(place), parsed.text_length), now);
  }

  // The next segment; with `text_place` also checks its bytes, which is done anyway for what was sent by send().
  std::string out() {
    if (sent_lines.empty()) transmit();
    if (sent_lines.empty()) return "";
    std::string line = sent_lines.front();
    sent_lines.erase(sent_lines.begin());
    return line;
  }
  // All that is due now.
  std::vector<std::string> all_out() {
    while (transmit()) {
    }
    return std::exchange(sent_lines, {});
  }

  uint64_t send(uint64_t length) {
    SgArray text = text_at(memory, sent_bytes, length);
    Result<uint64_t> taken = connection->send(text, now);
    EXPECT_TRUE(taken.ok());
    sent_bytes += *taken;
    return *taken;
  }
  // Reads and checks; returns how many bytes came.
  uint64_t read(uint64_t limit = UINT64_MAX) {
    const SgArray text = connection->receive(limit, now);
    EXPECT_TRUE(is_text_at(text, read_bytes));
    read_bytes += text.bytes();
    return text.bytes();
  }
  std::vector<TcpEvent> events() {
    std::vector<TcpEvent> polled;
    for (TcpEvent event = connection->poll_event(); event != TcpEvent::kNone; event = connection->poll_event()) polled.push_back(event);
    return polled;
  }
  bool has_event(TcpEvent wanted) {
    const std::vector<TcpEvent> polled = events();
    return std::find(polled.begin(), polled.end(), wanted) != polled.end();
  }
  TcpState state() const { return connection->state(); }

  // --- the states, each reached in the usual way ---
  // The round trip of the handshake takes 100 ms, so that RTO is 300 ms.

  void syn_sent() {
    make();
    connection->connect(now);
    ASSERT_EQ(out(), "S 0:0(0) win " + std::to_string(config.receive_buffer_bytes) + " mss 1000");
  }
  void syn_received() {
    make();
    connection->accept(segment_from("S 0:0(0) win 10000 mss 1000", kIrs, kIss).header, SgArray(), now);
    ASSERT_EQ(out(), "S. 0:0(0) ack 1 win 65535 mss 1000");
  }
  void established(int window = 10'000) {
    syn_sent();
    at(100);
    in("S. 0:0(0) ack 1 win " + std::to_string(window) + " mss 1000");
    ASSERT_EQ(out(), ". 1:1(0) ack 1 win " + std::to_string(config.receive_buffer_bytes));
    ASSERT_EQ(state(), TcpState::kEstablished);
    events();
  }
  void fin_wait_1() {
    established();
    connection->shutdown_send(now);
    ASSERT_EQ(out(), "F. 1:1(0) ack 1 win 65535");
    ASSERT_EQ(state(), TcpState::kFinWait1);
  }
  void fin_wait_2() {
    fin_wait_1();
    in(". 1:1(0) ack 2 win 10000");
    ASSERT_EQ(state(), TcpState::kFinWait2);
    events();
  }
  void closing() {
    fin_wait_1();
    in("F. 1:1(0) ack 1 win 10000");
    ASSERT_EQ(out(), ". 2:2(0) ack 2 win 65534");
    ASSERT_EQ(state(), TcpState::kClosing);
  }
  void time_wait() {
    fin_wait_2();
    in("F. 1:1(0) ack 2 win 10000");
    ASSERT_EQ(out(), ". 2:2(0) ack 2 win 65534");
    ASSERT_EQ(state(), TcpState::kTimeWait);
    events();
  }
  void close_wait() {
    established();
    in("F. 1:1(0) ack 1 win 10000");
    ASSERT_EQ(out(), ". 1:1(0) ack 2 win 65534");
    ASSERT_EQ(state(), TcpState::kCloseWait);
    events();
  }
  void last_ack() {
    close_wait();
    connection->shutdown_send(now);
    ASSERT_EQ(out(), "F. 1:1(0) ack 2 win 65534");
    ASSERT_EQ(state(), TcpState::kLastAck);
  }

  TcpConfig config;
  Memory memory;
  TcpResources resources{config, memory};
  std::unique_ptr<TcpConnection> connection;
  Instant now;
  uint64_t sent_bytes = 0;
  uint64_t read_bytes = 0;
  uint32_t cut_bytes = 0;  // of the segment that was sent last: what a device is to cut it to

 private:
  bool transmit() {
    if (!connection->poll_transmit(segment, now)) return false;
    if (!segment.text.empty()) {
      EXPECT_TRUE(is_text_at(segment.text, static_cast<uint64_t>(segment.header.sequence_number - kIss - 1)));
    }
    EXPECT_LE(segment.segments() == 1 ? segment.header.options.bytes() + segment.text.bytes() : segment.segment_bytes, path_mss_);
    cut_bytes = segment.segment_bytes;
    sent_lines.push_back(text_of(segment.header, static_cast<uint32_t>(segment.text.bytes()), kIss, kIrs));
    return true;
  }

  uint32_t path_mss_ = 0;
  OutgoingSegment segment;
  std::vector<std::string> sent_lines;
};

}  // namespace demi
