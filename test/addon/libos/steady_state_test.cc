// In steady state no operation takes anything from the heap, whether it finishes at once or waits. operator new is counted.
#include "heap_count.h"
#include "libos/loopback_fixture.h"

namespace demi {
namespace {

constexpr size_t kMessageBytes = 8;

class SteadyStateTest : public LoopbackFixture {
 protected:
  SteadyStateTest() : LoopbackFixture() {
    connected_ = established();
    option(*connected_.near, kSoSndbuf, 2048);
    option(*connected_.far, kSoRcvbuf, 2048);
    receiver_ = &bound_datagram(*two, 53);
    sender_ = &datagram(*one);
    EXPECT_EQ(one->connect(*sender_, here(53)).state, Started::State::kFinished);
    queue_ = &at(*one->memory_queue(1));
  }

  // One of the ways in which bytes travel: where they are pushed and where they are popped.
  struct Way {
    LibOS& from;
    Queue& in;
    LibOS& to;
    Queue& out;
  };
  Way through_queue() { return {*one, *queue_, *one, *queue_}; }
  Way through_stream() { return {*one, *connected_.near, *two, *connected_.far}; }
  Way through_datagrams() { return {*one, *sender_, *two, *receiver_}; }

  Started push_bytes_to(const Way& way, size_t bytes = kMessageBytes) {
    PushRequest pushed;
    pushed.data = std::move(*memory->allocate(bytes));
    pushed.total_bytes = bytes;
    return way.from.push(way.in, pushed);
  }
  static void take_at_once(const Way& way, size_t bytes = kMessageBytes) {
    ASSERT_EQ(way.to.pop(way.out, kAll).state, Started::State::kFinished);
    ASSERT_EQ(way.to.immediate().sga.bytes(), bytes);
    way.to.immediate().sga.clear();
  }
  static void take_done(LibOS& libos, Errno expected = Errno::kOk) {
    Operation* done = libos.take_done();
    ASSERT_NE(done, nullptr);
    ASSERT_EQ(done->completion->error, expected);
    libos.release(*done);
  }
  template <class Round>
  static void expect_no_allocations(Round round) {
    for (int i = 0; i < 50; ++i) round();
    const size_t before = heap_allocations();
    for (int i = 0; i < 1000; ++i) round();
    EXPECT_EQ(heap_allocations(), before);
  }

  void at_once(const Way& way) {
    expect_no_allocations([&] {
      ASSERT_EQ(push_bytes_to(way).state, Started::State::kFinished);
      take_at_once(way);
    });
  }
  void reader_waits(const Way& way) {
    expect_no_allocations([&] {
      pending(way.to.pop(way.out, kAll));
      ASSERT_EQ(push_bytes_to(way).state, Started::State::kFinished);
      run();
      take_done(way.to);
    });
  }
  // `filling` bytes are as much as fits.
  void writer_waits(const Way& way, size_t filling) {
    expect_no_allocations([&] {
      ASSERT_EQ(push_bytes_to(way, filling).state, Started::State::kFinished);
      pending(push_bytes_to(way));
      take_at_once(way, filling);
      run();
      take_done(way.from);
      take_at_once(way);
    });
  }

 private:
  Pair connected_;
  Queue* receiver_;
  Queue* sender_;
  Queue* queue_;
};

TEST_F(SteadyStateTest, AMemoryQueueAtOnce) { at_once(through_queue()); }
TEST_F(SteadyStateTest, AMemoryQueueWhoseReaderWaits) { reader_waits(through_queue()); }
TEST_F(SteadyStateTest, AMemoryQueueWhoseWriterWaits) { writer_waits(through_queue(), kMessageBytes); }
TEST_F(SteadyStateTest, AStreamAtOnce) { at_once(through_stream()); }
TEST_F(SteadyStateTest, AStreamWhoseReaderWaits) { reader_waits(through_stream()); }
TEST_F(SteadyStateTest, AStreamWhoseWriterWaits) { writer_waits(through_stream(), 4096); }
TEST_F(SteadyStateTest, DatagramsAtOnce) { at_once(through_datagrams()); }
TEST_F(SteadyStateTest, DatagramsWhoseReaderWaits) { reader_waits(through_datagrams()); }

TEST_F(SteadyStateTest, CancelingAndDeadlines) {
  const Way way = through_stream();
  expect_no_allocations([&] {
    two->cancel(pending(two->pop(way.out, kAll)));
    two->set_deadline(pending(two->pop(way.out, kAll)), clock.now() + Duration::milliseconds(1));
    clock.advance(Duration::milliseconds(1));
    run();
    take_done(*two, Errno::kECANCELED);
    take_done(*two, Errno::kETIMEDOUT);
  });
}

TEST_F(SteadyStateTest, ManyOperationsAtATime) {
  const Way way = through_stream();
  expect_no_allocations([&] {
    for (int i = 0; i < 100; ++i) pending(two->pop(way.out, 1));
    ASSERT_EQ(push_bytes_to(way, 100).state, Started::State::kFinished);
    run();
    for (int i = 0; i < 100; ++i) take_done(*two);
  });
}

}  // namespace
}  // namespace demi
