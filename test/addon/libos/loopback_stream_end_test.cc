// How connections of the loopback libOS end, and what is known of the bytes that were on their way.
#include "libos/loopback_tokens.h"

namespace demi {
namespace {

class StreamEndTest : public TokensFixture {};

// --- until_acknowledged ---

TEST_F(StreamEndTest, APushUntilAcknowledgedWaitsForThePeersReceiveBuffer) {
  const Connection made = established();
  const Token fits = a.push(made.client, pattern(kAcknowledged), true), beyond = a.push(made.client, pattern(1, kAcknowledged), true);
  EXPECT_EQ(fits.came_to(), "ok");
  EXPECT_TRUE(beyond.pending());
  EXPECT_EQ(b.pop(made.server, 1).text(), pattern(1));
  settle();
  EXPECT_EQ(beyond.came_to(), "ok");
  EXPECT_EQ(beyond.bytes_accepted(), 1u);
}

TEST_F(StreamEndTest, APushUntilAcknowledgedHoldsUpThoseBehindIt) {
  const Connection made = established();
  const Token first = a.push(made.client, pattern(3000), true), second = a.push(made.client, pattern(10, 3000));
  EXPECT_TRUE(first.pending());
  EXPECT_TRUE(second.pending());
  EXPECT_EQ(b.pop(made.server).text(), pattern(3000));
  settle();
  EXPECT_EQ(first.came_to(), "ok");
  EXPECT_EQ(second.came_to(), "ok");
  EXPECT_EQ(b.pop(made.server).text(), pattern(10, 3000));
}

TEST_F(StreamEndTest, APushUntilAcknowledgedThatIsCanceledSaysWhatWasAccepted) {
  const Connection made = established();
  const Token pushed = a.push(made.client, pattern(3000), true);
  a.cancel(pushed);
  EXPECT_EQ(pushed.came_to(), "ECANCELED");
  EXPECT_EQ(pushed.bytes_accepted(), 3000u);
  EXPECT_EQ(b.pop(made.server).text(), pattern(3000));
}

TEST_F(StreamEndTest, WhatWasReadBeforeThePeerClosedIsAcknowledged) {
  const Connection made = established();
  const Token pushed = a.push(made.client, pattern(3000), true);
  EXPECT_EQ(b.pop(made.server).text(), pattern(3000));
  EXPECT_EQ(b.close(made.server).came_to(), "ok");
  settle();
  EXPECT_EQ(pushed.came_to(), "ok");
  EXPECT_EQ(a.pop(made.client).text(), "") << "an orderly end, no reset";
  EXPECT_EQ(a.counters().resets, 0u);
}

TEST_F(StreamEndTest, WhatWasReadBeforeAResetIsAcknowledged) {
  const Connection made = established();
  const Token pushed = a.push(made.client, pattern(3000), true);
  b.pop(made.server);
  b.linger(made.server, 0);
  b.close(made.server);
  settle();
  EXPECT_EQ(pushed.came_to(), "ok");
  EXPECT_EQ(a.pop(made.client).came_to(), "ECONNRESET");
}

TEST_F(StreamEndTest, WhatWasNotAcknowledgedBeforeAResetFails) {
  const Connection made = established();
  const Token pushed = a.push(made.client, pattern(3000), true);
  b.close(made.server);
  settle();
  EXPECT_EQ(pushed.came_to(), "ECONNRESET");
  EXPECT_EQ(pushed.bytes_accepted(), 3000u);
}

// --- lingering closes ---

TEST_F(StreamEndTest, AResetWhileACloseLingersIsToldToTheCloser) {
  const Connection made = send_buffer_full();
  a.linger(made.client, 50);
  const Token closing = a.close(made.client);
  b.linger(made.server, 0);
  b.close(made.server);
  settle();
  EXPECT_EQ(closing.came_to(), "ECONNRESET") << "bytes were lost";
}

TEST_F(StreamEndTest, ACloseLingersOnlyForWhatIsNotAcknowledged) {
  const Connection made = established();
  a.push(made.client, pattern(kAcknowledged));
  a.linger(made.client, 50);
  EXPECT_EQ(a.close(made.client).came_to(), "ok");
  EXPECT_EQ(b.pop(made.server).text(), pattern(kAcknowledged));
  EXPECT_EQ(b.pop(made.server).text(), "");
}

TEST_F(StreamEndTest, ClosingAConnectionThatWasResetIsNoFailure) {
  const Connection made = established();
  b.linger(made.server, 0);
  b.close(made.server);
  a.linger(made.client, 50);
  EXPECT_EQ(a.close(made.client).came_to(), "ok");
}

TEST_F(StreamEndTest, AConnectionBeginsWithTheOptionsOfItsListener) {
  const QDesc listener = listening(b, localhost(80));
  b.linger(listener, 0);
  b.set(listener, kIpprotoTcp, kTcpNodelay, 1);
  const QDesc client = a.stream();
  a.connect(client, localhost(80));
  const QDesc server = b.accept(listener).new_queue();
  EXPECT_EQ(b.get(server, kIpprotoTcp, kTcpNodelay), 1);
  b.close(server);
  EXPECT_EQ(a.pop(client).came_to(), "ECONNRESET");
}

// --- SHUT_RD ---

TEST_F(StreamEndTest, ShutRdEndsPopsAndDropsWhatIsThere) {
  const Connection made = established();
  const Token pops[] = {b.pop(made.server), b.pop(made.server)};
  EXPECT_EQ(b.shutdown(made.server, ShutdownHow::kRead).came_to(), "ok");
  settle();
  for (const Token& popped : pops) EXPECT_EQ(popped.text(), "");
  EXPECT_EQ(a.push(made.client, "dropped").came_to(), "ok");
  EXPECT_EQ(b.pop(made.server).text(), "");
  EXPECT_EQ(memory->buffers_outstanding(), 0u);
  EXPECT_EQ(b.push(made.server, "still sends").came_to(), "ok");
  EXPECT_EQ(a.pop(made.client).text(), "still sends");
  b.close(made.server);
  EXPECT_EQ(a.pop(made.client).text(), "") << "nothing unread was lost, so no reset";
}

TEST_F(StreamEndTest, ShutRdGivesTheRoomBack) {
  const Connection made = send_buffer_full();
  const Token waiting = a.push(made.client, pattern(100000));
  EXPECT_EQ(b.shutdown(made.server, ShutdownHow::kRead).came_to(), "ok");
  settle();
  EXPECT_EQ(waiting.came_to(), "ok") << "nobody reads, so there is always room";
  EXPECT_EQ(memory->buffers_outstanding(), 0u);
}

TEST_F(StreamEndTest, WhatNobodyReadsNeedsNoMemory) {
  const Connection made = established();
  b.shutdown(made.server, ShutdownHow::kRead);
  const std::vector<SgArray> taken = exhaust();
  EXPECT_EQ(a.push_bytes(made.client, callers_bytes(pattern(100000))).came_to(), "ok");
  EXPECT_EQ(a.counters().memory_waits, 0u);
}

TEST_F(StreamEndTest, ShutRdOvertakesPushesThatWait) {
  const Connection made = send_buffer_full();
  const Token waiting = a.push(made.client, "x"), both = a.shutdown(made.client, ShutdownHow::kReadWrite);
  EXPECT_EQ(a.shutdown(made.client, ShutdownHow::kRead).came_to(), "ok");
  EXPECT_TRUE(both.pending());
  b.pop(made.server);
  settle();
  EXPECT_EQ(waiting.came_to(), "ok");
  EXPECT_EQ(both.came_to(), "ok");
  EXPECT_EQ(b.pop(made.server).text(), "x");
  EXPECT_EQ(b.pop(made.server).text(), "");
}

// --- buffers ---

TEST_F(StreamEndTest, ALargerBufferLetsThoseGoOnWhoWaitForRoom) {
  for (const bool near : {true, false}) {
    const Connection made = send_buffer_full();
    const Token waiting = a.push(made.client, pattern(1000, kRoom));
    if (near) a.set(made.client, kSolSocket, kSoSndbuf, 4096);
    if (!near) b.set(made.server, kSolSocket, kSoRcvbuf, 4096);
    settle();
    EXPECT_EQ(waiting.came_to(), "ok");
    EXPECT_EQ(b.pop(made.server).text(), pattern(kRoom + 1000));
    a.close(made.client);
    b.close(made.server);
  }
}

}  // namespace
}  // namespace demi
