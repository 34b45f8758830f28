#include "libos/memory_queue.h"

#include "libos/loopback_fixture.h"

namespace demi {
namespace {

using MemoryQueueTest = LoopbackFixture;

TEST_F(MemoryQueueTest, KeepsMessagesInOrder) {
  Queue& queue = at(*one->memory_queue(3));
  for (const char* text : {"a", "bb", "ccc"}) EXPECT_EQ(now(*one, push(*one, queue, text)).accepted, std::string(text).size());
  for (const char* text : {"a", "bb", "ccc"}) EXPECT_EQ(popped(*one, queue), text);
}

TEST_F(MemoryQueueTest, AShortPopTakesThePartsOfAMessage) {
  Queue& queue = at(*one->memory_queue(2));
  now(*one, push(*one, queue, "abcdef"));
  now(*one, push(*one, queue, "g"));
  EXPECT_EQ(popped(*one, queue, 4), "abcd");
  EXPECT_EQ(popped(*one, queue, 4), "ef");
  EXPECT_EQ(popped(*one, queue, 4), "g");
}

TEST_F(MemoryQueueTest, AZeroLengthPushIsRefused) {
  EXPECT_EQ(refusal(push(*one, at(*one->memory_queue(2)), "")), Errno::kEINVAL);
}

TEST_F(MemoryQueueTest, PushesWaitForRoomInOrder) {
  Queue& queue = at(*one->memory_queue(1));
  now(*one, push(*one, queue, "1"));
  pending(push(*one, queue, "2"));
  pending(push(*one, queue, "3"));
  EXPECT_EQ(popped(*one, queue), "1");
  run();
  EXPECT_EQ(next().accepted, 1u);
  EXPECT_TRUE(nothing_done(*one));
  EXPECT_EQ(popped(*one, queue), "2");
  run();
  EXPECT_EQ(popped(*one, queue), "3");
}

TEST_F(MemoryQueueTest, ARendezvousNeedsBoth) {
  Queue& queue = at(*one->memory_queue(0));
  pending(push(*one, queue, "1"));
  pending(push(*one, queue, "2"));
  run();
  EXPECT_TRUE(nothing_done(*one));
  pending(one->pop(queue, kAll));
  pending(one->pop(queue, kAll));
  pending(one->pop(queue, kAll));
  run();
  std::string texts;
  for (int i = 0; i < 4; ++i) texts += next().text;
  EXPECT_EQ(texts, "12");
  EXPECT_TRUE(nothing_done(*one));
  now(*one, push(*one, queue, "3"));
  run();
  EXPECT_EQ(next().text, "3");
}

TEST_F(MemoryQueueTest, TheEndComesBehindWhatIsThere) {
  Queue& queue = at(*one->memory_queue(1));
  now(*one, push(*one, queue, "1"));
  pending(push(*one, queue, "2"));
  pending(one->shutdown(queue, ShutdownHow::kWrite));
  EXPECT_EQ(refusal(push(*one, queue, "3")), Errno::kEPIPE);
  EXPECT_EQ(popped(*one, queue), "1");
  run();
  EXPECT_EQ(next().accepted, 1u);
  EXPECT_EQ(next().error, Errno::kOk);
  EXPECT_EQ(popped(*one, queue), "2");
  EXPECT_EQ(popped(*one, queue), "");
  EXPECT_EQ(popped(*one, queue), "");
}

TEST_F(MemoryQueueTest, WithoutReadersPushesEnd) {
  Queue& queue = at(*one->memory_queue(1));
  now(*one, push(*one, queue, "1"));
  pending(push(*one, queue, "2"));
  now(*one, one->shutdown(queue, ShutdownHow::kRead));
  run();
  EXPECT_EQ(next().error, Errno::kEPIPE);
  EXPECT_EQ(refusal(push(*one, queue, "3")), Errno::kEPIPE);
  EXPECT_EQ(popped(*one, queue), "");
}

TEST_F(MemoryQueueTest, NamesLastAsLongAsADescriptor) {
  EXPECT_EQ(one->open_pipe("p").error(), Errno::kENOENT);
  const QDesc created = *one->create_pipe("p", 2);
  EXPECT_EQ(two->create_pipe("p", 2).error(), Errno::kEEXIST);
  const QDesc opened = *two->open_pipe("p");
  now(*one, one->close(at(created)));
  EXPECT_EQ(one->create_pipe("p", 2).error(), Errno::kEEXIST);
  now(*two, two->close(at(*two, opened)));
  EXPECT_EQ(one->open_pipe("p").error(), Errno::kENOENT);
  EXPECT_TRUE(one->create_pipe("p", 2).ok());
}

TEST_F(MemoryQueueTest, NamesThatAreGoneCanBeTakenAgainAmongManyThatAreNot) {
  std::vector<QDesc> kept;
  for (int i = 0; i < 40; ++i) kept.push_back(*one->create_pipe("kept" + std::to_string(i), 1));
  for (int round = 0; round < 200; ++round) {
    const QDesc passing = *one->create_pipe("passing" + std::to_string(round % 50), 1);
    EXPECT_EQ(two->create_pipe("passing" + std::to_string(round % 50), 1).error(), Errno::kEEXIST);
    now(*one, one->close(at(passing)));
  }
  for (int i = 0; i < 40; ++i) EXPECT_EQ(two->create_pipe("kept" + std::to_string(i), 1).error(), Errno::kEEXIST);
}

TEST_F(MemoryQueueTest, AMessageHandedToAReaderThatIsCanceledIsNotLost) {
  Queue& queue = at(*one->memory_queue(0));
  Operation& reader = pending(one->pop(queue, kAll));
  EXPECT_EQ(now(*one, push(*one, queue, "1")).accepted, 1u);
  one->cancel(reader);
  run();
  EXPECT_EQ(next().error, Errno::kECANCELED);
  pending(push(*one, queue, "2"));
  EXPECT_EQ(popped(*one, queue), "1");
  pending(one->pop(queue, kAll));
  run();
  EXPECT_EQ(next().accepted, 1u);
  EXPECT_EQ(next().text, "2");
}

TEST_F(MemoryQueueTest, AnotherReaderGetsWhatWasHandedToOneThatIsCanceled) {
  Queue& queue = at(*one->create_pipe("p", 0));
  Queue& elsewhere = at(*two, *two->open_pipe("p"));
  Operation& reader = pending(one->pop(queue, kAll));
  pending(two->pop(elsewhere, kAll));
  now(*one, push(*one, queue, "1"));
  one->cancel(reader);
  run();
  EXPECT_EQ(next(*two).text, "1");
  EXPECT_EQ(next().error, Errno::kECANCELED);
}

TEST_F(MemoryQueueTest, ANamedPipeJoinsTwoLibOSes) {
  Queue& in = at(*one->create_pipe("p", 1));
  Queue& out = at(*two, *two->open_pipe("p"));
  pending(two->pop(out, kAll));
  pending(one->pop(in, kAll));
  now(*one, push(*one, in, "1"));
  run();
  EXPECT_EQ(next(*two).text, "1");
  now(*two, push(*two, out, "2"));
  run();
  EXPECT_EQ(next(*one).text, "2");
}

TEST_F(MemoryQueueTest, ClosingOneDescriptorLeavesTheOthersAlone) {
  Queue& first = at(*one->create_pipe("p", 1));
  Queue& second = at(*one->open_pipe("p"));
  Queue& third = at(*two, *two->open_pipe("p"));
  pending(one->pop(first, kAll));
  pending(one->pop(second, kAll));
  pending(two->pop(third, kAll));
  now(*one, one->close(first));
  run();
  EXPECT_EQ(next().error, Errno::kECANCELED);
  EXPECT_TRUE(nothing_done(*one));
  now(*two, push(*two, third, "x"));
  run();
  EXPECT_EQ(next().text, "x");
  EXPECT_TRUE(nothing_done(*two));
}

}  // namespace
}  // namespace demi
