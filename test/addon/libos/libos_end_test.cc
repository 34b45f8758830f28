// How operations, queues and a whole libOS end: by cancellation, by deadline, by close, by stop().
#include "libos/loopback_tokens.h"

namespace demi {
namespace {

constexpr uint16_t kPort = 80;

class LibOSEndTest : public TokensFixture {
 protected:
  // A close of the client that lingers: the server has not read what was sent.
  Token lingering_close(const Connection& made, int64_t seconds) {
    a.linger(made.client, seconds);
    const Token closing = a.close(made.client);
    EXPECT_TRUE(closing.pending());
    return closing;
  }
};

TEST_F(LibOSEndTest, ADeadlineEndsAPopAndNothingIsLost) {
  const Connection made = established();
  const Token late = a.pop(made.client), patient = a.pop(made.client);
  a.set_deadline(late, at_ms(10));
  turn_at(at_ms(9));
  EXPECT_TRUE(late.pending());
  turn_at(at_ms(10));
  EXPECT_EQ(late.came_to(), "ETIMEDOUT");
  b.push(made.server, "x");
  settle();
  EXPECT_EQ(patient.text(), "x");
}

TEST_F(LibOSEndTest, ADeadlineThatIsPastEndsTheOperationInTheNextTurn) {
  const Token popped = a.pop(a.memory_queue(1));
  turn_at(at_ms(5));
  a.set_deadline(popped, at_ms(1));
  EXPECT_TRUE(popped.pending());
  turn_at(at_ms(5));
  EXPECT_EQ(popped.came_to(), "ETIMEDOUT");
}

TEST_F(LibOSEndTest, ADeadlineEndsAConnectAndTheSocketCanTryAgain) {
  const QDesc listener = listening(b, localhost(kPort), 1), socket = a.stream();
  a.connect(a.stream(), localhost(kPort));
  const Token connecting = a.connect(socket, localhost(kPort));
  const Token behind = a.connect(a.stream(), localhost(kPort));
  a.set_deadline(connecting, at_ms(10));
  turn_at(at_ms(10));
  EXPECT_EQ(connecting.came_to(), "ETIMEDOUT");
  EXPECT_EQ(a.connect(socket, localhost(9)).came_to(), "ECONNREFUSED");
  b.accept(listener);
  settle();
  EXPECT_EQ(behind.came_to(), "ok") << "who gave up holds no place";
}

TEST_F(LibOSEndTest, ACloseThatIsCanceledResetsTheConnection) {
  const Connection made = send_buffer_full();
  const Token closing = lingering_close(made, 50);
  EXPECT_EQ(a.libos().orphans(), 1u);
  a.cancel(closing);
  EXPECT_EQ(closing.came_to(), "ECANCELED");
  EXPECT_EQ(a.libos().orphans(), 0u);
  EXPECT_EQ(b.so_error(made.server), static_cast<int64_t>(Errno::kECONNRESET));
  EXPECT_EQ(b.pop(made.server).text(), pattern(kRoom)) << "what had arrived is still there";
  EXPECT_EQ(b.pop(made.server).came_to(), "ECONNRESET");
}

TEST_F(LibOSEndTest, ALingeringCloseIsOverWhenTheEarlierOfItsTimesHasCome) {
  for (const bool deadline_first : {true, false}) {
    const int64_t start = deadline_first ? 0 : 10000;
    clock.set(at_ms(start));
    const Connection made = send_buffer_full();
    const Token closing = lingering_close(made, 2);
    a.set_deadline(closing, at_ms(start + (deadline_first ? 1000 : 5000)));
    turn_at(at_ms(start + (deadline_first ? 999 : 1999)));
    EXPECT_TRUE(closing.pending());
    turn_at(at_ms(start + (deadline_first ? 1000 : 2000)));
    EXPECT_EQ(closing.came_to(), "ETIMEDOUT");
    b.close(made.server);
  }
}

TEST_F(LibOSEndTest, CloseCancelsEverythingThatIsPendingOnce) {
  const Connection made = send_buffer_full();
  const Token tokens[] = {a.push(made.client, "x"), a.push(made.client, "y"), a.shutdown(made.client, ShutdownHow::kWrite),
                          a.pop(made.client), a.pop(made.client)};
  EXPECT_EQ(a.close(made.client).came_to(), "ok");
  a.collect();
  for (const Token& token : tokens) EXPECT_EQ(token.came_to(), "ECANCELED");
  EXPECT_EQ(b.pop(made.server).text(), pattern(kRoom)) << "what was accepted is delivered";
  EXPECT_EQ(b.pop(made.server).text(), "");
}

// --- stop ---

TEST_F(LibOSEndTest, StoppingAgainJoinsTheFirst) {
  const Connection made = send_buffer_full();
  a.linger(made.client, 50);
  const Token stops[] = {a.stop(), a.stop(), a.stop()};
  settle();
  for (const Token& stop : stops) EXPECT_TRUE(stop.pending());
  b.pop(made.server);
  settle();
  for (const Token& stop : stops) EXPECT_EQ(stop.came_to(), "ok");
  EXPECT_EQ(a.stop().came_to(), "ok") << "and there is nothing more to stop";
  EXPECT_EQ(a.libos().operations().in_use(), 0u);
}

TEST_F(LibOSEndTest, TheDeadlineOfOneStopEndsAllOfThem) {
  const Connection made = send_buffer_full();
  a.linger(made.client, 50);
  const Token first = a.stop(), second = a.stop(), third = a.stop();
  a.set_deadline(second, at_ms(10));
  turn_at(at_ms(10));
  for (const Token& stop : {first, second, third}) EXPECT_EQ(stop.came_to(), "ok");
  EXPECT_EQ(a.libos().orphans(), 0u);
  EXPECT_EQ(b.so_error(made.server), static_cast<int64_t>(Errno::kECONNRESET));
}

TEST_F(LibOSEndTest, AfterStopThereAreNoNewQueues) {
  const QDesc pipe = *b.libos().create_pipe("p", 1);
  const Connection made = send_buffer_full();
  a.linger(made.client, 50);
  const Token stop = a.stop();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(a.libos().socket(Family::kIPv4, kSockStream, 0).error(), Errno::kECANCELED);
    EXPECT_EQ(a.libos().memory_queue(1).error(), Errno::kECANCELED);
    EXPECT_EQ(a.libos().create_pipe("q", 1).error(), Errno::kECANCELED);
    EXPECT_EQ(a.libos().open_pipe("p").error(), Errno::kECANCELED);
    b.pop(made.server);
    settle();
  }
  EXPECT_EQ(stop.came_to(), "ok");
  EXPECT_TRUE(b.libos().create_pipe("q", 1).ok()) << "a refused call leaves no name behind";
  EXPECT_TRUE(b.is_open(pipe));
}

TEST_F(LibOSEndTest, AStopLeavesNoResultThatNobodyAskedFor) {
  const Connection made = send_buffer_full();
  a.linger(made.client, 50);
  a.libos().stop();
  b.pop(made.server);
  a.libos().run_ready();
  EXPECT_TRUE(a.libos().operations().has_done());
  Operation* stop = a.libos().take_done();
  ASSERT_NE(stop, nullptr);
  a.libos().release(*stop);
  EXPECT_FALSE(a.libos().operations().has_done());
  EXPECT_EQ(a.libos().operations().in_use(), 0u);
}

TEST_F(LibOSEndTest, StopTellsThePeers) {
  const Connection made = established();
  const QDesc listener = listening(a, localhost(99), 1);
  const QDesc waiting = b.stream();
  EXPECT_EQ(b.connect(b.stream(), localhost(99)).came_to(), "ok");
  const Token connecting = b.connect(waiting, localhost(99)), popped = b.pop(made.server);
  EXPECT_EQ(a.stop().came_to(), "ok");
  settle();
  EXPECT_FALSE(a.is_open(listener));
  EXPECT_EQ(connecting.came_to(), "ECONNREFUSED");
  EXPECT_EQ(popped.text(), "");
}

}  // namespace
}  // namespace demi
