// Whatever arrives, in whatever state, whatever the user does meanwhile: nothing breaks, nothing leaks, nothing grows without bound.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/random.h"
#include "inet/tcp/tcp_fixture.h"

namespace demi {
namespace {

class AnySegment {
 public:
  explicit AnySegment(uint64_t seed) : random_(seed) {
    config_.timestamps = chance(2);
    config_.sack = chance(2);
    config_.window_scale = chance(2);
    config_.congestion = chance(2) ? CongestionAlgorithm::kNewReno : CongestionAlgorithm::kCubic;
    if (chance(2)) config_.receive_buffer_bytes = 1 + static_cast<uint32_t>(random_.below(100'000));
    if (chance(2)) config_.send_buffer_bytes = config_.send_buffer_max_bytes = 1 + static_cast<uint32_t>(random_.below(100'000));
  }

  const TcpCounters& counters() const { return resources_.counters; }

  void run() {
    TcpOpen open;
    open.iss = SeqNumber(static_cast<uint32_t>(random_.next()));
    open.entropy = random_.next();
    open.path_mss = static_cast<uint16_t>(100 + random_.below(9000));
    connection_ = std::make_unique<TcpConnection>(resources_, open);
    peer_ = SeqNumber(static_cast<uint32_t>(random_.next()));
    const TcpHeader syn = opening_segment(TcpFlags::kSyn);
    if (chance(2)) {
      connection_->connect(now_);
      drain();
      if (chance(4)) connection_->handle_segment(syn, SgArray(), now_);
      else connection_->handle_segment(opening_segment(TcpFlags::kSyn | TcpFlags::kAck), SgArray(), now_);
    } else {
      connection_->accept(syn, text(random_.below(50)), now_);
    }
    drain();
    for (int step = 0; step < 400; ++step) {
      act();
      drain();
      check();
    }
    connection_.reset();
    segment_.text.clear();
    EXPECT_EQ(memory_.buffers_outstanding(), 0u);
    EXPECT_EQ(memory_.segments().live(), 0u);
    EXPECT_EQ(resources_.flights.live(), 0u);
    EXPECT_EQ(resources_.scoreboards.live(), 0u);
    EXPECT_EQ(resources_.reassembly_queues.live(), 0u);
    EXPECT_EQ(resources_.reassembly_blocks.live(), 0u);
  }

 private:
  bool chance(uint64_t of) { return random_.below(of) == 0; }
  uint32_t around(uint32_t spread) { return static_cast<uint32_t>(random_.below(2 * spread + 1)) - spread; }
  SgArray text(uint64_t length) { return text_at(memory_, random_.below(1000), length); }

  TcpHeader opening_segment(uint16_t flags) {
    TcpHeader header;
    header.sequence_number = peer_;
    header.acknowledgment_number = connection_->sender().nxt();
    header.flags.bits = flags;
    header.window = static_cast<uint16_t>(random_.next());
    if (chance(2)) header.options.maximum_segment_size = static_cast<uint16_t>(chance(4) ? random_.below(100) : random_.below(65536));
    if (chance(2)) header.options.window_scale = static_cast<uint8_t>(random_.below(15));
    header.options.sack_permitted = chance(2);
    if (chance(2)) header.options.timestamps = TcpTimestamps{static_cast<uint32_t>(random_.next()), 0};
    return header;
  }

  // Mostly close to what would be right, so that it gets far.
  TcpHeader any_header() {
    TcpHeader header;
    const Sender& sender = connection_->sender();
    header.sequence_number = connection_->receiver().nxt() + (chance(2) ? 0 : chance(10) ? static_cast<uint32_t>(random_.next()) : around(3000));
    const SeqNumber acks[] = {sender.una(), sender.nxt(), sender.una() + static_cast<uint32_t>(random_.below(sender.flight_bytes() + 2))};
    header.acknowledgment_number = acks[random_.below(3)] + (chance(10) ? around(100'000) : 0);
    header.flags.bits = chance(10) ? 0 : TcpFlags::kAck;
    if (chance(20)) header.flags.bits |= TcpFlags::kFin;
    if (chance(50)) header.flags.bits |= TcpFlags::kSyn;
    if (chance(100)) header.flags.bits |= TcpFlags::kRst;
    if (chance(20)) header.flags.bits |= static_cast<uint16_t>(random_.next() & TcpFlags::kAll & ~TcpFlags::kRst);
    header.window = static_cast<uint16_t>(chance(4) ? random_.below(10) : random_.next());
    header.urgent_pointer = static_cast<uint16_t>(random_.next());
    if (!chance(10)) {
      stamp_ += static_cast<uint32_t>(random_.below(3));
      header.options.timestamps = TcpTimestamps{stamp_ + (chance(10) ? around(1000) : 0), static_cast<uint32_t>(random_.next())};
    }
    if (chance(2)) {
      header.options.sack_block_count = static_cast<uint8_t>(random_.below(5));
      for (size_t i = 0; i < header.options.sack_block_count; ++i) {
        const SeqNumber begin = sender.una() + static_cast<uint32_t>(random_.below(sender.flight_bytes() + 100));
        header.options.sack_blocks[i] = {begin, begin + (chance(10) ? around(100) : static_cast<uint32_t>(random_.below(2000)))};
      }
    }
    return header;
  }

  void act() {
    const uint64_t which = random_.below(100);
    if (which < 55) {
      connection_->handle_segment(any_header(), text(chance(2) ? 0 : random_.below(3000)), now_);
    } else if (which < 70) {
      SgArray given = text(1 + random_.below(chance(5) ? 100'000 : 500));
      (void)connection_->send(given, now_);
    } else if (which < 80) {
      connection_->receive(random_.below(50'000), now_);
    } else if (which < 90) {
      const Instant due = connection_->poll_timeout();
      now_ = chance(2) && !due.is_never() ? std::max(now_, due) : now_ + Duration::microseconds(static_cast<int64_t>(random_.below(500'000)));
      connection_->handle_timeout(now_);
    } else {
      act_rarely();
    }
  }

  void act_rarely() {
    const SeqNumber quoted = connection_->sender().una() + around(5);
    switch (random_.below(14)) {
      case 0:
        return connection_->set_keepalive(chance(2), now_);
      case 1:
        return connection_->set_keepalive_times(Duration::seconds(1), Duration::seconds(1), 3);
      case 2:
        return connection_->handle_path_mss(static_cast<uint32_t>(random_.below(2000)), quoted);
      case 3:
        return connection_->handle_icmp_error(chance(2) ? IcmpErrorKind::kHard : IcmpErrorKind::kSoft, Errno::kEHOSTUNREACH, quoted);
      case 4:
        return connection_->set_receive_buffer(static_cast<uint32_t>(random_.below(1'000'000)));
      case 5:
        resources_.memory_is_short = !resources_.memory_is_short;
        return;
      case 6:
        return connection_->set_nagle(chance(2));
      case 7:
        return connection_->set_congestion(chance(2) ? CongestionAlgorithm::kNewReno : CongestionAlgorithm::kCubic);
      case 8:
        if (chance(4)) connection_->shutdown_send(now_);
        return;
      case 9:
        if (chance(8)) connection_->shutdown_receive();
        return;
      case 10:
        if (chance(10)) connection_->close(now_);
        return;
      case 11:
        if (chance(20)) connection_->abort(now_);
        return;
      case 12:
        return connection_->set_send_buffer(static_cast<uint32_t>(random_.below(100'000)));
      default:
        connection_->yields_to(any_header());
        connection_->info();
        return;
    }
  }

  void drain() {
    uint32_t sent = 0;
    while (connection_->poll_transmit(segment_, now_)) ASSERT_LT(++sent, 10'000u) << "it never stops sending";
    while (connection_->poll_event() != TcpEvent::kNone) {
    }
  }

  void check() {
    const Sender& sender = connection_->sender();
    EXPECT_LE(sender.una(), sender.nxt());
    EXPECT_LE(connection_->receiver().charged_bytes(), uint64_t{16} << 20);
    if (connection_->state() == TcpState::kClosed) {
      EXPECT_TRUE(connection_->poll_timeout().is_never());
      EXPECT_EQ(resources_.flights.live(), 0u);
    } else if (connection_->state() != TcpState::kTimeWait) {
      EXPECT_EQ(sender.una() != sender.nxt(), connection_->timers().is_armed(TcpTimer::kRetransmit));
    }
  }

  Random random_;
  TcpConfig config_;
  Memory memory_;
  TcpResources resources_{config_, memory_};
  std::unique_ptr<TcpConnection> connection_;
  OutgoingSegment segment_;
  SeqNumber peer_;
  uint32_t stamp_ = 0;
  Instant now_;
};

// DEMI_ANY_SEGMENT_SEED=N runs that seed alone, DEMI_ANY_SEGMENT_SEEDS=N so many.
TEST(AnySegmentTest, BreaksNothing) {
  const char* one = std::getenv("DEMI_ANY_SEGMENT_SEED");
  const char* many = std::getenv("DEMI_ANY_SEGMENT_SEEDS");
  const uint64_t first = one == nullptr ? 1 : std::strtoull(one, nullptr, 10);
  const uint64_t count = one != nullptr ? 1 : many == nullptr ? 500 : std::strtoull(many, nullptr, 10);
  uint64_t recoveries = 0, timeouts = 0, duplicates = 0, challenges = 0, probes = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    AnySegment any(seed);
    any.run();
    if (HasFailure()) return;
    recoveries += any.counters().fast_recoveries;
    timeouts += any.counters().retransmission_timeouts;
    duplicates += any.counters().duplicate_text;
    challenges += any.counters().challenge_acks;
    probes += any.counters().zero_window_probes;
  }
  // It gets far enough to mean something.
  if (one != nullptr) return;
  EXPECT_GT(recoveries, count / 10);
  EXPECT_GT(timeouts, count / 2);
  EXPECT_GT(duplicates, count / 2);
  EXPECT_GT(challenges, count / 2);
  EXPECT_GT(probes, count / 20);
}

}  // namespace
}  // namespace demi
