// The receiving half through a connection: when it acknowledges, what it offers, what it keeps.
#include "inet/tcp/receiver.h"

#include <gtest/gtest.h>

#include "inet/tcp/tcp_fixture.h"

namespace demi {
namespace {

class ReceiverTest : public TcpTest {
 protected:
  void established_with_sack() {
    config.sack = true;
    make();
    connection->connect(now);
    out();
    in("S. 0:0(0) ack 1 win 10000 mss 1000 sackok");
    EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  }
  // Text in a room of a frame, however short it is.
  void in_frame(uint32_t begin, uint32_t length) {
    ParsedSegment parsed = segment_from("P. 1:1(0) ack 1 win 10000", kIrs, kIss);
    parsed.header.sequence_number = kIrs + begin;
    BufferRef room = memory.allocate_room(2048);
    for (uint32_t i = 0; i < length; ++i) room->payload()[i] = byte_at(begin - 1 + i);
    SgArray text = memory.make_array();
    const uint32_t headroom = room->headroom;
    text.append_segment(std::move(room), headroom, length);
    connection->handle_segment(parsed.header, std::move(text), now);
  }
};

// --- acknowledgments ---

TEST_F(ReceiverTest, EverySecondFullSegmentIsAcknowledged) {
  established();
  in(". 1:1001(1000) ack 1 win 10000");
  EXPECT_EQ(out(), "");
  in(". 1001:2001(1000) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 2001 win 63535");
  in(". 2001:3001(1000) ack 1 win 10000");
  EXPECT_EQ(out(), "");
}

TEST_F(ReceiverTest, OneSegmentIsAcknowledgedAfter40Milliseconds) {
  established();
  in("P. 1:11(10) ack 1 win 10000");
  EXPECT_EQ(out(), "");
  EXPECT_EQ(connection->poll_timeout(), ms(140));
  at(139);
  EXPECT_EQ(out(), "");
  at(140);
  EXPECT_EQ(out(), ". 1:1(0) ack 11 win 65525");
  at(100'000);
  EXPECT_EQ(out(), "");
}

TEST_F(ReceiverTest, TheAckRidesOnText) {
  established();
  in("P. 1:11(10) ack 1 win 10000");
  send(5);
  EXPECT_EQ(out(), "P. 1:6(5) ack 11 win 65525");
  EXPECT_FALSE(connection->timers().is_armed(TcpTimer::kDelayedAck));
  EXPECT_EQ(out(), "");
}

TEST_F(ReceiverTest, WhatLiesBehindAHoleIsAcknowledgedAtOnceAndSoIsWhatFillsIt) {
  established();
  in("P. 101:201(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  in("P. 201:301(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  in("P. 1:101(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 301 win 65235");
  EXPECT_EQ(read(), 300u);
}

TEST_F(ReceiverTest, OldTextIsAcknowledgedAtOnce) {
  established();
  in("P. 1:101(100) ack 1 win 10000");
  at(140);
  out();
  in("P. 1:101(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 101 win 65435");
  EXPECT_EQ(read(), 100u);
  EXPECT_EQ(resources.counters.duplicate_text, 1u);
}

TEST_F(ReceiverTest, WhereThereWasTroubleFifteenSegmentsAreNotDelayed) {
  established();
  in(". 1001:2001(1000) ack 1 win 10000");
  in(". 1:1001(1000) ack 1 win 10000");
  all_out();
  for (uint32_t place = 2001; place < 16'001; place += 1000) {
    in(". " + std::to_string(place) + ":" + std::to_string(place + 1000) + "(1000) ack 1 win 10000");
    EXPECT_EQ(all_out().size(), 1u) << "at " << place;
    read();
    all_out();
  }
  in(". 16001:17001(1000) ack 1 win 10000");
  EXPECT_EQ(all_out().size(), 0u) << "the one that filled the hole was the first of them";
}

// --- SACK ---

TEST_F(ReceiverTest, SackBlocksTellWhatIsHereNewestFirst) {
  established_with_sack();
  in("P. 101:201(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535 sack 101:201");
  in("P. 301:401(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535 sack 301:401 sack 101:201");
  in("P. 501:601(100) ack 1 win 10000");
  in("P. 701:801(100) ack 1 win 10000");
  in("P. 901:1001(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535 sack 901:1001 sack 701:801 sack 501:601 sack 301:401");
  in("P. 201:301(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535 sack 101:401 sack 901:1001 sack 701:801 sack 501:601");
  in("P. 1:101(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 401 win 65135 sack 901:1001 sack 701:801 sack 501:601");
}

TEST_F(ReceiverTest, BesideTimestampsThereIsRoomForThree) {
  config.sack = config.timestamps = true;
  make();
  at(5);
  connection->connect(now);
  out();
  in("S. 0:0(0) ack 1 win 10000 mss 1000 sackok ts 9 5");
  out();
  for (int begin = 101; begin < 1000; begin += 200) {
    in("P. " + std::to_string(begin) + ":" + std::to_string(begin + 100) + "(100) ack 1 win 10000 ts 9 5");
  }
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535 ts 5 9 sack 901:1001 sack 701:801 sack 501:601");
}

TEST_F(ReceiverTest, DuplicatesAreReportedOnce) {
  // RFC 2883 4.1.
  established_with_sack();
  in("P. 1:101(100) ack 1 win 10000");
  at(40);
  EXPECT_EQ(out(), ". 1:1(0) ack 101 win 65435");
  in("P. 1:101(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 101 win 65435 sack 1:101");
  in("P. 201:301(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 101 win 65435 sack 201:301");
  in("P. 201:301(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 101 win 65435 sack 201:301 sack 201:301");
  in("P. 51:151(100) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 151 win 65385 sack 51:101 sack 201:301");
}

TEST_F(ReceiverTest, TextMakesRoomForSackBlocks) {
  established_with_sack();
  in("P. 101:201(100) ack 1 win 10000");
  out();
  in("P. 301:401(100) ack 1 win 10000");
  send(2000);
  EXPECT_EQ(out(), ". 1:981(980) ack 1 win 65535 sack 301:401 sack 101:201");
}

// --- the window ---

TEST_F(ReceiverTest, TheWindowShrinksWithWhatIsNotRead) {
  config.receive_buffer_bytes = 3000;
  established();
  in(". 1:1001(1000) ack 1 win 10000");
  in(". 1001:2001(1000) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 2001 win 1000");
  in(". 2001:3001(1000) ack 1 win 10000");
  at(140);
  EXPECT_EQ(out(), ". 1:1(0) ack 3001 win 0");
  EXPECT_EQ(read(500), 500u);
  EXPECT_EQ(out(), "") << "half of a segment is not worth telling";
  EXPECT_EQ(read(1200), 1200u);
  EXPECT_EQ(out(), ". 1:1(0) ack 3001 win 1700");
}

TEST_F(ReceiverTest, ASmallPartOfALargeWindowIsNotWorthTelling) {
  established();
  for (int i = 0; i < 4; ++i) {
    const int at = 1 + i * 1000;
    in(". " + std::to_string(at) + ":" + std::to_string(at + 1000) + "(1000) ack 1 win 10000");
  }
  all_out();
  EXPECT_EQ(read(), 4000u);
  EXPECT_EQ(out(), "");
  in(". 4001:5001(1000) ack 1 win 10000");
  in(". 5001:6001(1000) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 6001 win 63535") << "but an ACK that goes anyway tells it";
}

TEST_F(ReceiverTest, TheRightEdgeNeverMovesBack) {
  established();
  connection->set_receive_buffer(4000);
  in(". 1:1001(1000) ack 1 win 10000");
  in(". 1001:2001(1000) ack 1 win 10000");
  EXPECT_EQ(out(), ". 1:1(0) ack 2001 win 63535");
  // What was promised is taken.
  for (int i = 2; i < 65; ++i) {
    const int at = 1 + i * 1000;
    in(". " + std::to_string(at) + ":" + std::to_string(at + 1000) + "(1000) ack 1 win 10000");
  }
  all_out();
  EXPECT_EQ(connection->readable_bytes(), 65'000u);
}

TEST_F(ReceiverTest, AScaledWindowKeepsItsEdgeToo) {
  config.window_scale = true;
  config.receive_buffer_bytes = 1'000'000;
  make();
  connection->connect(now);
  EXPECT_EQ(out(), "S 0:0(0) win 65535 mss 1000 ws 4");
  in("S. 0:0(0) ack 1 win 10000 mss 1000 ws 0");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 62500");
  int64_t edge = 1 + 62'500 * 16;
  for (int i = 0; i < 200; ++i) {
    const int at = 1 + i * 999;
    in(". " + std::to_string(at) + ":" + std::to_string(at + 999) + "(999) ack 1 win 10000");
    for (const std::string& line : all_out()) {
      const ParsedSegment parsed = segment_from(line, kIss, kIrs);
      const int64_t told = (parsed.header.acknowledgment_number - kIrs) + int64_t{parsed.header.window} * 16;
      EXPECT_GE(told, edge);
      edge = told;
    }
  }
  EXPECT_LE(edge, 1 + 1'000'000 + 16 * 100);
}

class ReceiveBufferTest : public ReceiverTest {
 protected:
  // With a buffer of 64,000 bytes that grows by itself, unless one is chosen.
  void connect(uint32_t chosen = 0) {
    config.receive_auto_tuning = config.window_scale = true;
    config.receive_buffer_bytes = 64'000;
    make();
    connection->connect(now);
    if (chosen != 0) connection->set_receive_buffer(chosen);
    out();
    at(100);
    in("S. 0:0(0) ack 1 win 10000 mss 1000 ws 0");
    out();
  }

  // A round trip takes 100 ms, and brings a window of text, which is read at once.
  void read_for_forty_round_trips(uint32_t chosen) {
    config.receive_buffer_max_bytes = 1'000'000;
    connect(chosen);
    uint32_t place = 1;
    for (int round = 0; round < 40; ++round) {
      const uint32_t window = connection->info().receive_window / 1000;
      for (uint32_t i = 0; i < window; ++i, place += 1000) {
        in(". " + std::to_string(place) + ":" + std::to_string(place + 1000) + "(1000) ack 1 win 10000");
        read();
      }
      at(100 + round * 100 + 100);
      all_out();
    }
  }
};

TEST_F(ReceiveBufferTest, GrowsWithWhatIsRead) {
  read_for_forty_round_trips(0);
  EXPECT_EQ(connection->info().receive_buffer, 1'000'000u);
}

// A sender in slow start sends 1, 2, 4, ... of what it began with: it never meets the end of the window.
TEST_F(ReceiveBufferTest, GrowsAheadOfASenderInSlowStart) {
  connect();
  uint32_t place = 1, flight = 10;
  for (int round = 1; flight <= 1280; ++round, flight *= 2) {
    at(100 + round * 100);
    // What the last round trip has left of the window, before anything of this one is read.
    ASSERT_GE(connection->info().receive_window, flight * 1000) << "in round trip " << round;
    for (uint32_t i = 0; i < flight; ++i, place += 1000) {
      in(". " + std::to_string(place) + ":" + std::to_string(place + 1000) + "(1000) ack 1 win 10000");
      read();
    }
    all_out();
  }
}

TEST_F(ReceiveBufferTest, StaysAsTheUserHasChosenIt) {
  read_for_forty_round_trips(50'000);
  EXPECT_EQ(connection->info().receive_buffer, 50'000u);
}

TEST_F(ReceiveBufferTest, AndNotWithWhatIsNotRead) {
  connect();
  for (uint32_t i = 0; i < 60; ++i) in(". " + std::to_string(1 + i * 1000) + ":" + std::to_string(1001 + i * 1000) + "(1000) ack 1 win 10000");
  at(1000);
  all_out();
  EXPECT_EQ(connection->info().receive_buffer, 64'000u);
}

// --- what text keeps from the pools ---

TEST_F(ReceiverTest, SmallTextInLargeRoomsIsCopiedTogether) {
  established();
  for (uint32_t i = 0; i < 30'000; ++i) in_frame(1 + i, 1);
  EXPECT_EQ(connection->readable_bytes(), 30'000u);
  EXPECT_LE(connection->receiver().charged_bytes(), 3u * 65'535) << "not 30,000 rooms of two kilobytes";
  EXPECT_LE(memory.buffers_outstanding(), 100u);
  EXPECT_EQ(read(), 30'000u);
  EXPECT_EQ(connection->receiver().charged_bytes(), 0u);
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
  all_out();
}

TEST_F(ReceiverTest, BehindAHoleItIsBoundedToo) {
  established();
  for (uint32_t i = 0; i < 30'000; ++i) in_frame(2 + i, 1);
  EXPECT_LE(connection->receiver().charged_bytes(), 2u * 65'535 + 4096);
  EXPECT_GT(resources.counters.text_over_buffer, 0u);
  all_out();
}

TEST_F(ReceiverTest, HolesAreBounded) {
  established();
  for (uint32_t i = 0; i < 10'000; ++i) in_frame(3 + 2 * i, 1);
  EXPECT_EQ(connection->receiver().reassembly()->count(), kReassemblyBlocksMax);
  EXPECT_GT(resources.counters.reassembly_refused, 0u);
  all_out();
}

TEST_F(ReceiverTest, WithoutMemoryTextIsNotAcknowledged) {
  config.receive_buffer_bytes = 20'000;
  established();
  for (uint32_t i = 0; i < 19; ++i) in_frame(1 + i, 1);
  // Every room is taken, so what is wasteful cannot be copied together.
  std::vector<BufferRef> rooms;
  all_out();
  resources.memory_is_short = true;
  for (BufferRef room = memory.allocate_any_room(1); room; room = memory.allocate_any_room(1)) rooms.push_back(std::move(room));
  rooms.pop_back();
  const uint64_t before = connection->readable_bytes();
  SgArray text = memory.make_array();
  BufferRef room = memory.allocate_any_room(1);
  ASSERT_TRUE(room);
  const uint32_t headroom = room->headroom;
  text.append_segment(std::move(room), headroom, 1);
  connection->handle_segment(segment_from("P. 20:21(1) ack 1 win 10000", kIrs, kIss).header, std::move(text), now);
  EXPECT_EQ(connection->readable_bytes(), before);
  EXPECT_EQ(resources.counters.text_without_memory, 1u);
  EXPECT_EQ(out(), ". 1:1(0) ack 20 win 19981");
}

// Without a scale the window ends at 65535, however large the buffer is: there is nothing to tell.
TEST_F(ReceiverTest, AReadOpensNoWindowThatTheFieldCannotSay) {
  config.receive_buffer_bytes = 256 << 10;
  make();
  connection->connect(now);
  out();
  at(100);
  in("S. 0:0(0) ack 1 win 10000 mss 1000");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 65535");
  EXPECT_EQ(read(), 0u);
  EXPECT_EQ(out(), "");
  in("P. 1:101(100) ack 1 win 10000");
  EXPECT_EQ(read(), 100u);
  EXPECT_EQ(out(), "") << "the ACK is delayed like any other";
  at(140);
  EXPECT_EQ(out(), ". 1:1(0) ack 101 win 65535");
}

// A scale that was chosen for the largest buffer counts the window of a small one, too: in units that must not be larger than all of it.
TEST_F(ReceiverTest, ABufferBelowOneUnitOfTheScaleStillHasAWindow) {
  config.window_scale = config.receive_auto_tuning = true;
  config.receive_buffer_bytes = 600;
  make();
  connection->connect(now);
  out();
  in("S. 0:0(0) ack 1 win 10000 mss 1000 ws 2");
  EXPECT_EQ(out(), ". 1:1(0) ack 1 win 4");
  connection->set_receive_buffer(1);
  EXPECT_GE(connection->info().receive_buffer, 4096u);
  for (uint32_t begin = 1; begin < 20'000; begin += 500) {
    in_frame(begin, 500);
    EXPECT_EQ(read(), 500u);
    EXPECT_GT(connection->receiver().window(), 0u);
    all_out();
  }
}

}  // namespace
}  // namespace demi
