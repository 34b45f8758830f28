#include "libos/netos.h"

#include <map>

#include "heap_count.h"
#include "libos/netos_fixture.h"

namespace demi {
namespace {

class NetosTest : public NetosFixture {
 protected:
  static std::map<std::string, uint64_t> counters_of(const Netos& libos) {
    std::map<std::string, uint64_t> counters;
    libos.list_counters([&](const char* group, const char* name, uint64_t value) { counters[std::string(group) + "." + name] = value; });
    return counters;
  }
  // What `one` has been given comes to those who wait at `two`, in one turn of each.
  void hand_over() {
    one->turn(clock.now());
    two->turn(clock.now());
    b.collect();
  }
  // The server has heard a question of the client, and says nothing yet.
  void ask(const Connection& made) {
    const Token asked = b.pop(made.server);
    a.push(made.client, "question");
    hand_over();
    EXPECT_EQ(asked.text(), "question");
  }
};

TEST_F(NetosTest, HasTheSocketsOfItsStackOnly) {
  EXPECT_EQ(one->socket(Family::kIPv6, kSockStream, 0).error(), Errno::kENOTSUP);
  EXPECT_EQ(one->socket(Family::kIPv4, kSockStream, kIpprotoUdp).error(), Errno::kENOTSUP);
  EXPECT_EQ(one->socket(Family::kIPv4, kSockDgram, kIpprotoTcp).error(), Errno::kENOTSUP);
  EXPECT_TRUE(one->socket(Family::kIPv4, kSockStream, kIpprotoTcp).ok());
  EXPECT_TRUE(one->socket(Family::kIPv4, kSockDgram, kIpprotoUdp).ok());
  EXPECT_STREQ(one->name(), "catpowder");
  EXPECT_FALSE(one->has_outside_world());
  EXPECT_TRUE(one->is_worth_spinning());
}

TEST_F(NetosTest, WhatACallHasCausedLeavesWithTheTurn) {
  const QDesc to = b.datagram();
  ASSERT_EQ(b.bind(to, at(2)), Errno::kOk);
  const QDesc from = a.datagram();
  EXPECT_EQ(a.push_to(from, "x", at(2)).came_to(), "ok");
  EXPECT_EQ(hub->addresses(), 0u);
  // The neighbor is asked for first.
  EXPECT_LE(one->next_deadline(), clock.now());
  one->turn(clock.now());
  EXPECT_EQ(hub->addresses(), 1u);
  EXPECT_EQ(text(b.pop(to)), "x");
}

// What was pushed between two turns is on its way while the turn looks for what has come.
TEST_F(NetosTest, WhatACallHasCausedLeavesBeforeAnythingIsReceived) {
  const Connection made = established();
  run_for(Duration::seconds(1));
  plug_one->records = true;
  a.push(made.client, "x");
  EXPECT_EQ(plug_one->calls, "");
  one->turn(clock.now());
  EXPECT_EQ(plug_one->calls, "tr");
  one->turn(clock.now());
  EXPECT_EQ(plug_one->calls, "trr");
}

// Whoever listens again has said what there was to say to what came.
TEST_F(NetosTest, AnAnswerNeedNotWaitForATurn) {
  const Connection made = established();
  ask(made);
  // In two pushes, which leave together.
  b.push(made.server, "ans");
  b.push(made.server, "wer");
  EXPECT_FALSE(two->must_flush());
  const Token again = b.pop(made.server);
  ASSERT_TRUE(two->must_flush());
  const Token answered = a.pop(made.client);
  EXPECT_TRUE(two->flush(clock.now()));
  EXPECT_FALSE(two->must_flush());
  one->turn(clock.now());
  a.collect();
  EXPECT_EQ(answered.text(), "answer");
  // What is said unasked waits for the turn.
  b.push(made.server, "more");
  const Token another = b.pop(made.server);
  EXPECT_FALSE(two->must_flush());
}

TEST_F(NetosTest, SeveralAnswersLeaveTogether) {
  const Connection first = established();
  const Connection second = established();
  const Token asked_first = b.pop(first.server);
  const Token asked_second = b.pop(second.server);
  a.push(first.client, "1");
  a.push(second.client, "2");
  one->turn(clock.now());
  two->turn(clock.now());
  // Who takes one result after the other has not seen the second yet.
  b.push(first.server, "x");
  const Token again_first = b.pop(first.server);
  EXPECT_FALSE(two->must_flush());
  b.push(second.server, "y");
  const Token again_second = b.pop(second.server);
  EXPECT_TRUE(two->must_flush());
  b.collect();
  EXPECT_EQ(asked_first.text() + asked_second.text(), "12");
}

TEST_F(NetosTest, WhoListensAgainWithoutAnAnswerSendsNothing) {
  const Connection made = established();
  ask(made);
  const Token asked = b.pop(made.server);
  EXPECT_FALSE(two->must_flush());
  // Nor does what the turn has found count when the next one has come.
  a.push(made.client, "again");
  hand_over();
  EXPECT_EQ(asked.text(), "again");
  two->turn(clock.now());
  b.push(made.server, "late");
  const Token again = b.pop(made.server);
  EXPECT_FALSE(two->must_flush());
}

TEST_F(NetosTest, CallsThatMakeABurstNeedNotWaitForATurn) {
  const Connection made = established();
  const Token popping = b.pop(made.server);
  for (size_t i = 1; i < LibOS::kBurst; ++i) a.push(made.client, "x");
  EXPECT_FALSE(one->must_flush());
  a.push(made.client, "x");
  ASSERT_TRUE(one->must_flush());
  EXPECT_TRUE(one->flush(clock.now()));
  EXPECT_FALSE(one->must_flush());
  two->turn(clock.now());
  b.collect();
  EXPECT_EQ(popping.text(), std::string(LibOS::kBurst, 'x'));
}

TEST_F(NetosTest, RestsWhenNothingIsToBeDone) {
  const Connection made = established();
  // Timers may stand earlier than they must; in the end only the neighbor is forgotten some day.
  run_for(Duration::seconds(60));
  EXPECT_GT(one->next_deadline(), clock.now() + Duration::seconds(600));
  EXPECT_FALSE(one->turn(clock.now()));
  EXPECT_EQ(a.push(made.client, "x").came_to(), "ok");
  EXPECT_EQ(one->next_deadline(), Instant());
  EXPECT_TRUE(one->turn(clock.now()));
}

TEST_F(NetosTest, AnAcknowledgmentRidesOnTheAnswer) {
  const Connection made = established();
  // A SYN-ACK cannot say how large the window is: the first acknowledgment does, at once.
  a.push(made.client, "first");
  EXPECT_EQ(text(b.pop(made.server)), "first");
  run_for(Duration::seconds(1));
  const uint64_t before = two->stack().counters().frames_out;
  a.push(made.client, "question");
  const Token popping = b.pop(made.server);
  one->turn(clock.now());
  two->turn(clock.now());
  b.collect();
  ASSERT_EQ(popping.text(), "question");
  b.push(made.server, "answer");
  EXPECT_EQ(text(a.pop(made.client)), "answer");
  EXPECT_EQ(two->stack().counters().frames_out, before + 1);
}

TEST_F(NetosTest, ConnectsToItself) {
  const QDesc listener = listening(a, at(1));
  const QDesc client = a.stream();
  EXPECT_EQ(finish(a.connect(client, at(1))), "ok");
  const Token accepting = a.accept(listener);
  a.push(client, pattern(100'000));
  EXPECT_EQ(read(a, accepting.new_queue(), 100'000), pattern(100'000));
  EXPECT_EQ(one->stack().counters().frames_out, 0u);
}

TEST_F(NetosTest, MoreFramesThanADeviceTakesGoOutWithLaterTurns) {
  const Connection made = established(1 << 20);
  const std::string much = pattern(900'000);
  const Token pushing = a.push(made.client, much);
  EXPECT_EQ(pushing.came_to(), "ok");
  EXPECT_EQ(read(b, made.server, much.size()), much);
}

TEST_F(NetosTest, AStopWaitsForWhatClosedQueuesStillDeliver) {
  const Connection made = established();
  cut_the_wire();
  a.push(made.client, "last words");
  EXPECT_EQ(a.close(made.client).came_to(), "ok");
  EXPECT_EQ(one->deliveries(), 1u);
  const Token stopping = a.stop();
  run_for(Duration::milliseconds(300));
  EXPECT_TRUE(stopping.pending());
  cut_the_wire(false);
  EXPECT_EQ(finish(stopping), "ok");
  EXPECT_EQ(one->deliveries(), 0u);
  EXPECT_EQ(text(b.pop(made.server)), "last words");
  EXPECT_EQ(text(b.pop(made.server)), "");
}

TEST_F(NetosTest, AStopAtItsDeadlineResetsWhatWasNotDelivered) {
  const Connection made = established();
  const Token popping = b.pop(made.server);
  settle();
  link_one->outgoing().configure({.loss = 1});
  a.push(made.client, "never seen");
  a.close(made.client);
  const Token stopping = a.stop();
  a.set_deadline(stopping, clock.now() + Duration::milliseconds(100));
  run_for(Duration::milliseconds(99));
  EXPECT_TRUE(stopping.pending());
  link_one->outgoing().configure({});
  run_for(Duration::milliseconds(1));
  EXPECT_EQ(stopping.came_to(), "ok");
  EXPECT_EQ(finish(popping), "ECONNRESET");
  EXPECT_EQ(one->stack().connections(), 0u);
}

TEST_F(NetosTest, TheEndOfALibOSTellsThePeers) {
  const Connection made = established();
  const Token popping = b.pop(made.server);
  settle();
  a.destroy();
  EXPECT_EQ(finish(popping), "ECONNRESET");
}

TEST_F(NetosTest, APeerThatWaitsForOurEndIsToldWhenTheLibOSEnds) {
  const Connection made = established();
  a.close(made.client);
  EXPECT_EQ(text(b.pop(made.server)), "");
  EXPECT_EQ(one->deliveries(), 0u);
  a.destroy();
  settle();
  EXPECT_EQ(finish(b.push(made.server, "anybody?")), "ECONNRESET");
  // It had said all that it had to say.
  EXPECT_EQ(text(b.pop(made.server)), "");
}

TEST_F(NetosTest, ItsCountersHaveNames) {
  established();
  const auto counters = counters_of(*one);
  EXPECT_EQ(counters.at("tcp.active_opens"), 1u);
  EXPECT_GT(counters.at("stack.frames_out"), 0u);
  EXPECT_EQ(counters.at("stack.frame_foreign"), 0u);
}

TEST_F(NetosTest, SteadyTrafficTakesNothingFromTheHeap) {
  const Connection made = established();
  const auto round_trip = [&](HostOf<Netos>& from, QDesc near, HostOf<Netos>& to, QDesc far) {
    const Started popping = to.libos().pop(to.queue(far), UINT64_MAX);
    ASSERT_EQ(popping.state, Started::State::kPending);
    PushRequest pushed;
    pushed.data = (&from == &a ? memory_one : memory_two)->make_array();
    const uint8_t bytes[64] = {};
    pushed.total_bytes = (&from == &a ? memory_one : memory_two)->copy_in(bytes, pushed.data);
    ASSERT_EQ(from.libos().push(from.queue(near), pushed).state, Started::State::kFinished);
    from.libos().turn(clock.now());
    to.libos().turn(clock.now());
    Operation* done = to.libos().take_done();
    ASSERT_NE(done, nullptr);
    done->completion->sga.clear();
    to.libos().release(*done);
  };
  const auto many = [&](int times) {
    for (int i = 0; i < times; ++i) {
      clock.advance(Duration::microseconds(10));
      round_trip(a, made.client, b, made.server);
      round_trip(b, made.server, a, made.client);
    }
  };
  many(1000);
  const size_t before = heap_allocations();
  many(1000);
  EXPECT_EQ(heap_allocations() - before, 0u);
}

// With a limit of two connections.
class NetosConnectionLimit : public NetosFixture {
 protected:
  NetosConnectionLimit() : NetosFixture(2) {}
};

TEST_F(NetosConnectionLimit, WhatIsClosedAndStillDeliversCounts) {
  const QDesc listener = listening(b, at(2));
  const QDesc first = a.stream(), second = a.stream(), third = a.stream();
  EXPECT_EQ(finish(a.connect(first, at(2))), "ok");
  EXPECT_EQ(finish(a.connect(second, at(2))), "ok");
  EXPECT_EQ(a.connect(third, at(2)).came_to(), "thrown EAGAIN");
  cut_the_wire();
  a.close(first);
  EXPECT_EQ(a.connect(third, at(2)).came_to(), "thrown EAGAIN");
  cut_the_wire(false);
  run_for(Duration::seconds(1));
  EXPECT_EQ(finish(a.connect(third, at(2))), "ok");
  // On the other side the third one waits until one of the others has gone.
  const Token one_more = b.accept(listener), two_more = b.accept(listener), three_more = b.accept(listener);
  settle();
  EXPECT_EQ(one_more.came_to(), "ok");
  EXPECT_EQ(two_more.came_to(), "ok");
  EXPECT_TRUE(three_more.pending());
  b.close(one_more.new_queue());
  EXPECT_EQ(finish(three_more), "ok");
}

}  // namespace
}  // namespace demi
