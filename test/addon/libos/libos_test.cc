#include "libos/libos.h"

#include "base/random.h"
#include "libos/loopback_fixture.h"

namespace demi {
namespace {

using LibOSTest = LoopbackFixture;

TEST_F(LibOSTest, CountsWhatItDoes) {
  Queue& queue = at(*one->memory_queue(1));
  now(*one, push(*one, queue, "1"));
  one->cancel(pending(push(*one, queue, "2")));
  EXPECT_EQ(next().error, Errno::kECANCELED);
  EXPECT_EQ(one->counters().operations, 2u);
  EXPECT_EQ(one->counters().operations_pending, 1u);
  EXPECT_EQ(one->counters().canceled, 1u);
  EXPECT_EQ(one->counters().queues_opened, 1u);
}

TEST_F(LibOSTest, WhatIsRefusedDoesNotCount) {
  Queue& queue = stream(*one);
  EXPECT_EQ(refusal(one->pop(queue, kAll)), Errno::kENOTCONN);
  EXPECT_EQ(refusal(push(*one, queue, "x")), Errno::kENOTCONN);
  EXPECT_EQ(refusal(one->accept(queue)), Errno::kEINVAL);
  EXPECT_EQ(refusal(one->shutdown(queue, ShutdownHow::kWrite)), Errno::kENOTCONN);
  EXPECT_EQ(one->counters().operations, 0u);
}

TEST_F(LibOSTest, AnImmediateResultKeepsNothingOfTheLast) {
  Queue& listening = listener(*two, 80);
  now(*two, two->connect(stream(*two), here(80)));
  now(*two, two->accept(listening));
  EXPECT_TRUE(two->immediate().new_queue.valid());
  now(*two, push(*two, at(*two, *two->memory_queue(1)), "12345"));
  EXPECT_FALSE(two->immediate().new_queue.valid());
  EXPECT_EQ(two->immediate().bytes_accepted, 5u);
  EXPECT_EQ(now(*two, two->connect(stream(*two), here(9))).error, Errno::kECONNREFUSED);
  EXPECT_EQ(two->immediate().bytes_accepted, 0u);
}

TEST_F(LibOSTest, CancelingAnyOneKeepsTheOrderOfTheOthers) {
  for (int canceled = 0; canceled < 3; ++canceled) {
    Queue& queue = at(*one->memory_queue(8));
    Operation* pops[3];
    for (Operation*& pop : pops) pop = &pending(one->pop(queue, kAll));
    one->cancel(*pops[canceled]);
    EXPECT_EQ(next().error, Errno::kECANCELED);
    now(*one, push(*one, queue, "1"));
    now(*one, push(*one, queue, "2"));
    run();
    EXPECT_EQ(next().text, "1");
    EXPECT_EQ(next().text, "2");
    EXPECT_TRUE(nothing_done(*one));
  }
}

TEST_F(LibOSTest, ACanceledPopThatWasWokenPassesItsTurnOn) {
  Queue& queue = at(*one->memory_queue(8));
  Operation& first = pending(one->pop(queue, kAll));
  pending(one->pop(queue, kAll));
  now(*one, push(*one, queue, "1"));
  one->cancel(first);
  run();
  EXPECT_EQ(next().error, Errno::kECANCELED);
  EXPECT_EQ(next().text, "1");
}

TEST_F(LibOSTest, ADeadlineEndsWhateverIsPending) {
  Queue& queue = at(*one->memory_queue(0));
  Queue& listening = listener(*one, 80);
  for (Operation* operation : {&pending(push(*one, queue, "1")), &pending(one->shutdown(queue, ShutdownHow::kWrite)),
                               &pending(one->accept(listening))}) {
    one->set_deadline(*operation, clock.now() + Duration::seconds(1));
  }
  run();
  EXPECT_TRUE(nothing_done(*one));
  clock.advance(Duration::seconds(2));
  run();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(next().error, Errno::kETIMEDOUT);
  EXPECT_EQ(one->counters().timed_out, 3u);
  pending(push(*one, queue, "2"));
}

TEST_F(LibOSTest, StopWaitsForWhatStillLingers) {
  const auto [near, far] = established();
  option(*near, kSoLinger, 1, 50);
  option(*far, kSoRcvbuf, 2048);
  now(*one, push(*one, *near, std::string(4000, 'x')));
  pending(one->pop(*near, kAll));
  pending(one->stop());
  EXPECT_EQ(next().error, Errno::kECANCELED);
  EXPECT_TRUE(nothing_done(*one));
  popped(*two, *far);
  run();
  EXPECT_EQ(next().error, Errno::kOk);
  EXPECT_TRUE(nothing_done(*one));
  EXPECT_EQ(one->queues().size(), 0u);
  EXPECT_EQ(one->operations().in_use(), 0u);
}

TEST_F(LibOSTest, StopResetsTheRestAtItsDeadline) {
  const auto [near, far] = established();
  option(*near, kSoLinger, 1, 50);
  option(*far, kSoRcvbuf, 2048);
  now(*one, push(*one, *near, std::string(4000, 'x')));
  one->set_deadline(pending(one->stop()), clock.now() + Duration::seconds(1));
  clock.advance(Duration::seconds(2));
  run();
  EXPECT_EQ(next().error, Errno::kOk);
  EXPECT_EQ(one->orphans(), 0u);
  EXPECT_EQ(far->get_option(kSolSocket, kSoError)->number, static_cast<int64_t>(Errno::kECONNRESET));
}

TEST_F(LibOSTest, DestructionWithEverythingPendingLeaksNothing) {
  const auto [near, far] = established();
  option(*near, kSoSndbuf, 2048);
  option(*far, kSoRcvbuf, 2048);
  pending(push_bytes(*one, *near, bytes(10000)));
  pending(one->shutdown(*near, ShutdownHow::kWrite));
  pending(one->pop(*near, kAll));
  listener(*two, 90, 1);
  now(*one, one->connect(stream(*one), here(90)));
  pending(one->connect(stream(*one), here(90)));
  pending(one->accept(listener(*one, 91)));
  pending(two->pop(at(*two, *two->create_pipe("p", 1)), kAll));
  pending(one->pop(at(*one->open_pipe("p")), kAll));
}

class FewTokens : public LoopbackFixture {
 protected:
  FewTokens() : LoopbackFixture(uint64_t{8} << 20, 1, 3) {}
};

TEST_F(FewTokens, AtTheLimitNothingIsLost) {
  Queue& queue = at(*one->memory_queue(1));
  now(*one, push(*one, queue, "1"));
  pending(push(*one, queue, "2"));
  PushRequest third = request("3");
  EXPECT_EQ(refusal(one->push(queue, third)), Errno::kEAGAIN);
  EXPECT_EQ(text_of(third.data), "3");
  EXPECT_EQ(popped(*one, queue), "1");
  run();
  next();
  EXPECT_EQ(popped(*one, queue), "2");
  EXPECT_EQ(now(*one, one->push(queue, third)).accepted, 1u);
  EXPECT_EQ(popped(*one, queue), "3");
}

TEST_F(FewTokens, AnAcceptWithoutDescriptorsLeavesTheConnectionWaiting) {
  Queue& listening = listener(*two, 80);
  EXPECT_TRUE(two->memory_queue(1).ok());
  const QDesc last = *two->memory_queue(1);
  EXPECT_EQ(two->memory_queue(1).error(), Errno::kEMFILE);
  now(*one, one->connect(stream(*one), here(80)));
  EXPECT_EQ(now(*two, two->accept(listening)).error, Errno::kEMFILE);
  now(*two, two->close(at(*two, last)));
  EXPECT_EQ(now(*two, two->accept(listening)).error, Errno::kOk);
}

TEST_F(FewTokens, APendingAcceptWithoutDescriptorsLeavesTheConnectionWaiting) {
  Queue& listening = listener(*two, 80);
  pending(two->accept(listening));
  EXPECT_TRUE(two->memory_queue(1).ok());
  const QDesc last = *two->memory_queue(1);
  now(*one, one->connect(stream(*one), here(80)));
  run();
  EXPECT_EQ(next(*two).error, Errno::kEMFILE);
  now(*two, two->close(at(*two, last)));
  EXPECT_EQ(now(*two, two->accept(listening)).error, Errno::kOk);
}

TEST_F(FewTokens, TheEndCanAlwaysBeAskedForOnce) {
  Queue& queue = at(*one->memory_queue(1));
  now(*one, push(*one, queue, "1"));
  pending(push(*one, queue, "2"));
  EXPECT_EQ(refusal(push(*one, queue, "3")), Errno::kEAGAIN);
  pending(one->shutdown(queue, ShutdownHow::kWrite));
  EXPECT_EQ(refusal(one->shutdown(queue, ShutdownHow::kWrite)), Errno::kEAGAIN);
  EXPECT_EQ(refusal(push(*one, queue, "3")), Errno::kEPIPE);
}

class LittleMemory : public LoopbackFixture {
 protected:
  LittleMemory() : LoopbackFixture(64 * 1024) {}
};

TEST_F(LittleMemory, APushWaitsForMemoryAndGoesOn) {
  const auto [near, far] = established();
  const auto data = bytes(200000);
  pending(push_bytes(*one, *near, data));
  EXPECT_TRUE(one->waits_for_memory());
  std::string got;
  while (got.size() < data->size()) {
    got += popped(*two, *far);
    run();
  }
  EXPECT_EQ(got, std::string(data->begin(), data->end()));
  EXPECT_EQ(next().accepted, data->size());
  EXPECT_GT(one->counters().memory_waits, 0u);
  EXPECT_FALSE(one->waits_for_memory());
}

TEST_F(LibOSTest, RandomPushesPopsAndCancelsKeepEveryMessageInOrder) {
  Random random(7);
  Queue& queue = at(*one->memory_queue(3));
  std::vector<Operation*> waiting;
  std::string received;
  uint64_t pushed = 0, delivered = 0, lost = 0;
  const auto drain = [&] {
    run();
    while (Operation* done = one->take_done()) {
      std::erase(waiting, done);
      if (done->opcode == OpCode::kPop && done->completion->error == Errno::kOk) received += text_of(done->completion->sga);
      if (done->opcode == OpCode::kPush && done->completion->error != Errno::kOk) ++lost;
      one->release(*done);
    }
  };
  for (int step = 0; step < 5000; ++step) {
    const uint64_t action = random.below(5);
    if (action < 2 && waiting.size() < 100) {
      const Started started = push(*one, queue, std::string(1, static_cast<char>('a' + pushed++ % 26)));
      if (started.state == Started::State::kPending) waiting.push_back(started.operation);
    } else if (action < 4 && waiting.size() < 100) {
      const Started started = one->pop(queue, kAll);
      if (started.state == Started::State::kPending) waiting.push_back(started.operation);
      if (started.state == Started::State::kFinished) received += outcome_of(one->immediate()).text;
    } else if (!waiting.empty()) {
      Operation* victim = waiting[random.below(waiting.size())];
      // Only pops are taken back here, so that the letters stay in sequence.
      if (victim->opcode == OpCode::kPop) one->cancel(*victim);
    }
    if (random.below(3) == 0) drain();
  }
  drain();
  for (char letter : received) ASSERT_EQ(letter, static_cast<char>('a' + delivered++ % 26));
  EXPECT_EQ(lost, 0u);
  EXPECT_GT(delivered, 500u);
}

}  // namespace
}  // namespace demi
