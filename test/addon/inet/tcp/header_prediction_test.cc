// Two connections get the same segments, calls and timers: one predicts headers, the other takes each segment through all steps. After each of
// them both have said the same, and are the same.
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "base/random.h"
#include "inet/tcp/tcp_fixture.h"

namespace demi {
namespace {

class OneWay {
 public:
  OneWay(const TcpConfig& config, const TcpOpen& open, bool header_prediction) : config_(config) {
    config_.header_prediction = header_prediction;
    connection = std::make_unique<TcpConnection>(resources, open);
  }
  ~OneWay() {
    connection.reset();
    segment_.text.clear();
    EXPECT_EQ(memory.buffers_outstanding(), 0u);
    EXPECT_EQ(resources.flights.live(), 0u);
  }

  // All that it transmits and tells, and what it is then.
  std::string report(Instant now) {
    std::ostringstream all;
    while (connection->poll_transmit(segment_, now)) {
      all << text_of(segment_.header, static_cast<uint32_t>(segment_.text.bytes()), SeqNumber(0), SeqNumber(0));
      for (const Segment& piece : segment_.text) all << ' ' << piece.length << " of " << int{piece.data()[0]};
      all << '\n';
    }
    for (TcpEvent event = connection->poll_event(); event != TcpEvent::kNone; event = connection->poll_event()) all << "event " << int(event) << '\n';
    const TcpConnectionInfo info = connection->info();
    all << tcp_state_name(info.state) << ' ' << info.srtt.count_nanoseconds() << ' ' << info.rttvar.count_nanoseconds() << ' '
        << info.min_rtt.count_nanoseconds() << ' ' << info.rto.count_nanoseconds() << ' ' << int{info.back_offs} << ' ' << int{info.zero_window_probes};
    for (uint64_t number : {uint64_t{info.cwnd}, uint64_t{info.ssthresh}, uint64_t{info.in_flight}, uint64_t{info.pipe}, uint64_t{info.sacked},
                            uint64_t{info.lost}, uint64_t{info.send_window}, uint64_t{info.receive_window}, uint64_t{info.receive_buffer},
                            uint64_t{info.unsent}, uint64_t{info.send_queue}, info.bytes_acked, info.bytes_received, info.bytes_sent,
                            info.bytes_retransmitted, uint64_t{info.segments_retransmitted}, uint64_t{info.segments_in},
                            uint64_t{info.segments_out}, uint64_t{info.data_segments_in}, uint64_t{info.data_segments_out},
                            uint64_t{info.peer_segment_size}, connection->readable_bytes(), connection->receiver().charged_bytes(),
                            uint64_t{connection->receiver().nxt().value()}, uint64_t{connection->receiver().last_ack_sent().value()},
                            uint64_t{connection->sender().una().value()}, uint64_t{connection->sender().nxt().value()},
                            uint64_t{connection->sender().max_window()}, uint64_t{connection->receiver().ack_is_due()}}) {
      all << ' ' << number;
    }
    for (size_t timer = 0; timer < TcpTimers::kCount; ++timer) all << ' ' << connection->timers().due(static_cast<TcpTimer>(timer)).nanoseconds();
    TcpCounters counters = resources.counters;
    counters.segments_expected = 0;
#define DEMI_TCP_COUNTER_PRINTED(member) all << ' ' << counters.member;
    DEMI_TCP_COUNTERS(DEMI_TCP_COUNTER_PRINTED)
#undef DEMI_TCP_COUNTER_PRINTED
    return all.str();
  }

 private:
  TcpConfig config_;

 public:
  Memory memory;
  TcpResources resources{config_, memory};
  std::unique_ptr<TcpConnection> connection;

 private:
  OutgoingSegment segment_;
};

// What a peer might send that mostly behaves.
class BothWays {
 public:
  explicit BothWays(uint64_t seed) : random_(seed) {
    TcpConfig config;
    config.timestamps = chance(2);
    config.sack = chance(2);
    config.nagle = chance(2);
    config.congestion = chance(2) ? CongestionAlgorithm::kNewReno : CongestionAlgorithm::kCubic;
    if (chance(3)) config.receive_buffer_bytes = 3000 + below(60'000);
    TcpOpen open;
    open.iss = SeqNumber(static_cast<uint32_t>(random_.next()));
    open.entropy = random_.next();
    ways_[0] = std::make_unique<OneWay>(config, open, true);
    ways_[1] = std::make_unique<OneWay>(config, open, false);
    iss_ = open.iss;
    peer_ = SeqNumber(static_cast<uint32_t>(random_.next()));
  }

  uint64_t expected() const { return ways_[0]->resources.counters.segments_expected; }
  uint64_t expected_without() const { return ways_[1]->resources.counters.segments_expected; }
  uint64_t segments() const { return ways_[0]->resources.counters.segments_in; }

  void run() {
    establish();
    for (int step = 0; step < 300 && !testing::Test::HasFailure(); ++step) {
      if (chance(3)) call();
      if (chance(4)) pass_time();
      arrive();
      compare();
      if (connection(0).state() == TcpState::kClosed) return;
    }
  }

 private:
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_.below(bound)); }
  bool chance(uint32_t one_of) { return below(one_of) == 0; }
  TcpConnection& connection(size_t way) { return *ways_[way]->connection; }

  template <class Do>
  void both(Do&& act) {
    for (auto& way : ways_) act(*way);
  }
  void compare() {
    const std::string a = ways_[0]->report(now_), b = ways_[1]->report(now_);
    ASSERT_EQ(a, b);
  }

  void establish() {
    TcpHeader syn = header(TcpFlags::kSyn, peer_);
    syn.window = 20'000;
    syn.options.maximum_segment_size = 1460;
    syn.options.sack_permitted = true;
    if (chance(2)) syn.options.window_scale = static_cast<uint8_t>(below(8));
    both([&](OneWay& way) { way.connection->accept(syn, SgArray(), now_); });
    compare();
    peer_ += 1;
    TcpHeader ack = header(TcpFlags::kAck, peer_);
    ack.acknowledgment_number = iss_ + 1;
    ack.options.timestamps = TcpTimestamps{stamp_, 0};
    both([&](OneWay& way) { way.connection->handle_segment(ack, SgArray(), now_); });
    compare();
    ASSERT_EQ(connection(0).state(), TcpState::kEstablished);
  }

  TcpHeader header(uint16_t flags, SeqNumber seq) {
    TcpHeader header;
    header.sequence_number = seq;
    header.flags.bits = flags;
    header.window = static_cast<uint16_t>(chance(20) ? below(3) * below(2000) : 20'000 + below(2) * below(40'000));
    const Sender& sender = connection(0).sender();
    header.acknowledgment_number = chance(4) ? sender.una() + below(sender.flight_bytes() + 1) : sender.nxt();
    if (connection(0).state() == TcpState::kClosed) header.acknowledgment_number = iss_ + 1;
    stamp_ += below(3);
    if (!chance(50)) header.options.timestamps = TcpTimestamps{stamp_ - (chance(30) ? below(5) : 0), below(1000)};
    return header;
  }

  void arrive() {
    uint16_t flags = TcpFlags::kAck;
    if (chance(2)) flags |= TcpFlags::kPsh;
    if (chance(100)) flags |= TcpFlags::kUrg;
    if (chance(400)) flags |= TcpFlags::kFin;
    if (chance(300)) flags |= TcpFlags::kSyn;
    if (chance(400)) flags |= TcpFlags::kRst;
    if (chance(100)) flags &= static_cast<uint16_t>(~TcpFlags::kAck);
    uint32_t length = chance(3) ? 0 : 1 + below(chance(4) ? 1448 : 100);
    SeqNumber seq = connection(0).receiver().nxt();
    if (seq == SeqNumber()) seq = peer_;
    if (chance(10)) seq = chance(2) ? seq - below(2000) : seq + below(2000);
    if (chance(60)) length = below(9000);
    TcpHeader made = header(flags, seq);
    if (chance(100)) made.acknowledgment_number += below(100'000) - 50'000;
    if (chance(15)) {
      const Sender& sender = connection(0).sender();
      made.options.sack_block_count = static_cast<uint8_t>(1 + below(2));
      for (size_t i = 0; i < made.options.sack_block_count; ++i) {
        const SeqNumber begin = sender.una() + below(sender.flight_bytes() + 2);
        made.options.sack_blocks[i] = {begin, begin + below(3000)};
      }
    }
    both([&](OneWay& way) { way.connection->handle_segment(made, text_at(way.memory, seq.value(), length), now_); });
  }

  void call() {
    const uint32_t length = 1 + below(chance(5) ? 20'000 : 300), what = below(100), limit = 1 + below(4000);
    const bool on = chance(2);
    both([&](OneWay& way) {
      TcpConnection& each = *way.connection;
      if (what < 45) {
        SgArray text = text_at(way.memory, 0, length);
        (void)each.send(text, now_);
      } else if (what < 90) {
        (void)each.receive(limit, now_);
      } else if (what < 93) {
        way.resources.memory_is_short = on;
      } else if (what < 95) {
        each.set_keepalive(on, now_);
      } else if (what == 95) {
        each.set_nagle(on);
      } else if (what == 96 && length < 40) {
        each.shutdown_send(now_);
      } else if (what == 97 && length < 40) {
        each.close(now_);
      } else if (what == 98 && length < 40) {
        each.shutdown_receive();
      } else if (what == 99) {
        each.set_receive_buffer(length);
      }
    });
  }

  void pass_time() {
    now_ = now_ + Duration::microseconds(below(chance(10) ? 2'000'000 : 20'000));
    const Instant due = connection(0).poll_timeout();
    both([&](OneWay& way) {
      if (due <= now_) way.connection->handle_timeout(now_);
    });
  }

  Random random_;
  std::unique_ptr<OneWay> ways_[2];
  SeqNumber iss_;
  SeqNumber peer_;
  uint32_t stamp_ = 1000;
  Instant now_ = Instant() + Duration::seconds(1);
};

// DEMI_HEADER_PREDICTION_SEEDS=N runs so many seeds, from 1 on.
TEST(HeaderPredictionTest, ChangesNothing) {
  const char* many = std::getenv("DEMI_HEADER_PREDICTION_SEEDS");
  const uint64_t count = many == nullptr ? 300 : std::strtoull(many, nullptr, 10);
  uint64_t expected = 0, segments = 0;
  for (uint64_t seed = 1; seed <= count; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    BothWays both(seed);
    both.run();
    if (HasFailure()) return;
    expected += both.expected();
    segments += both.segments();
    EXPECT_EQ(both.expected_without(), 0u);
  }
  // Both ways were gone often enough to mean something.
  EXPECT_GT(expected, segments / 5);
  EXPECT_GT(segments - expected, segments / 5);
}

// What is waited for is found by its header alone, and what is not is not.
class ExpectedSegmentTest : public TcpTest {
 protected:
  bool is_expected(const std::string& line) {
    const uint64_t before = resources.counters.segments_expected;
    in(line);
    return resources.counters.segments_expected > before;
  }
};

TEST_F(ExpectedSegmentTest, TextAndAcknowledgments) {
  established();
  EXPECT_TRUE(is_expected(". 1:101(100) ack 1 win 10000"));
  EXPECT_TRUE(is_expected("P. 101:201(100) ack 1 win 10000"));
  EXPECT_TRUE(is_expected(". 201:201(0) ack 1 win 9000"));
  send(100);
  ASSERT_EQ(out(), "P. 1:101(100) ack 201 win 65335");
  EXPECT_TRUE(is_expected("P. 201:301(100) ack 101 win 10000"));
  EXPECT_EQ(read(), 300u);
}

TEST_F(ExpectedSegmentTest, NothingElse) {
  established();
  EXPECT_FALSE(is_expected(". 101:201(100) ack 1 win 10000")) << "behind a hole";
  EXPECT_FALSE(is_expected(". 1:51(50) ack 1 win 10000")) << "something is behind the hole";
  EXPECT_FALSE(is_expected(". 51:101(50) ack 1 win 10000")) << "it fills the hole";
  EXPECT_EQ(read(), 200u);
  EXPECT_FALSE(is_expected(". 151:201(50) ack 1 win 10000")) << "old";
  EXPECT_FALSE(is_expected(". 201:301(100) ack 2 win 10000")) << "an acknowledgment of what was never sent";
  EXPECT_FALSE(is_expected("- 201:301(100) win 10000")) << "no acknowledgment";
  EXPECT_FALSE(is_expected("S. 201:201(0) ack 1 win 10000")) << "SYN";
  EXPECT_TRUE(is_expected(". 201:301(100) ack 1 win 10000"));
  EXPECT_FALSE(is_expected("F. 301:401(100) ack 1 win 10000")) << "FIN";
  EXPECT_FALSE(is_expected(". 402:402(0) ack 1 win 10000")) << "another state";
}

}  // namespace
}  // namespace demi
