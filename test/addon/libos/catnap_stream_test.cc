#include "libos/catnap_stream.h"

#include "libos/catnap_fixture.h"

namespace demi {
namespace {

class CatnapStreamTest : public CatnapFamilies {
 protected:
  using CatnapFamilies::CatnapFamilies;
  static constexpr int64_t kSmallBuffer = 16 * 1024;
  // More than a receive buffer of that size takes, and less than the send buffer that the tests give with it.
  static constexpr size_t kUnread = 250'000;
  static constexpr size_t kMuch = 512 * 1024;
};
INSTANTIATE_TEST_SUITE_P(Families, CatnapStreamTest, testing::Values(Family::kIPv4, Family::kIPv6), family_name);

// --- opening ---

TEST_P(CatnapStreamTest, BytesGoBothWays) {
  const Connection made = established(family());
  EXPECT_EQ(a.push(made.client, "there").came_to(), "ok");
  EXPECT_EQ(text(b.pop(made.server)), "there");
  EXPECT_EQ(b.push(made.server, "back").came_to(), "ok");
  EXPECT_EQ(text(a.pop(made.client)), "back");
  EXPECT_EQ(a.peer(made.client), b.name(made.server));
}

TEST_P(CatnapStreamTest, ARefusedConnectFailsThroughTheTokenAndCanBeRepeated) {
  const QDesc server = b.stream(family());
  ASSERT_EQ(b.bind(server, here(family())), Errno::kOk);
  const QDesc client = a.stream(family());
  EXPECT_EQ(finish(a.connect(client, b.name(server))), "ECONNREFUSED");
  EXPECT_EQ(a.so_error(client), 0);
  ASSERT_EQ(b.listen(server, 4), Errno::kOk);
  EXPECT_EQ(finish(a.connect(client, b.name(server))), "ok");
  const Token accepting = b.accept(server);
  ASSERT_EQ(finish(accepting), "ok");
  b.push(accepting.new_queue(), "bye");
  b.close(accepting.new_queue());
  EXPECT_EQ(text(a.pop(client)), "bye");
  EXPECT_EQ(text(a.pop(client)), "");
}

TEST_P(CatnapStreamTest, ConnectRefusesWhatCannotBe) {
  const QDesc client = a.stream(family());
  EXPECT_EQ(a.connect(client, here(family(), 0)).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.connect(client, Endpoint::wildcard(family(), 80)).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.connect(listening(a, family()), here(family(), 80)).came_to(), "thrown EISCONN");
  const Connection made = established(family());
  EXPECT_EQ(a.connect(made.client, here(family(), 80)).came_to(), "thrown EISCONN");
}

// Whoever listens there has a backlog that is full: the kernel answers a SYN only when it comes for the second time, after a second.
class FullBacklog : public CatnapStreamTest {
 protected:
  void SetUp() override {
    listener.bind_and_listen(here(family()), 0);
    filler.connect(listener.name());
  }
  RawSocket listener{GetParam()};
  RawSocket filler{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Families, FullBacklog, testing::Values(Family::kIPv4, Family::kIPv6), family_name);

TEST_P(FullBacklog, AnEndThatArrivesTogetherWithTheConnectionIsNotLost) {
  const QDesc client = a.stream(family());
  const Token connecting = a.connect(client, listener.name());
  settle();
  ASSERT_TRUE(connecting.pending());
  listener.accept();
  RawSocket peer = listener.accept();
  peer.send("bye");
  peer.close();
  // The connection, the bytes and the end are one change for the epoll.
  EXPECT_EQ(finish(connecting), "ok");
  EXPECT_EQ(text(a.pop(client)), "bye");
  EXPECT_EQ(text(a.pop(client)), "");
}

TEST_P(FullBacklog, AConnectThatWasCanceledLeavesASocketThatCanConnect) {
  const QDesc client = a.stream(family());
  const Token connecting = a.connect(client, listener.name());
  EXPECT_EQ(a.connect(client, listener.name()).came_to(), "thrown EALREADY");
  // It waits for the connection; there is none.
  const Token early = a.push(client, "too early");
  settle();
  a.cancel(connecting);
  EXPECT_EQ(connecting.came_to(), "ECANCELED");
  EXPECT_EQ(finish(early), "ENOTCONN");
  EXPECT_EQ(a.so_error(client), 0);
  RawSocket other(family());
  other.bind_and_listen(here(family()), 4);
  EXPECT_EQ(finish(a.connect(client, other.name())), "ok");
  RawSocket peer = other.accept();
  peer.send("hello");
  EXPECT_EQ(text(a.pop(client)), "hello");
}

TEST_P(CatnapStreamTest, ManyConnectionsAreAcceptedInOneTurn) {
  constexpr size_t kMany = 50;
  const QDesc listener = listening(b, family());
  std::vector<Token> accepting;
  for (size_t i = 0; i < kMany; ++i) accepting.push_back(b.accept(listener));
  settle();
  std::vector<RawSocket> peers;
  for (size_t i = 0; i < kMany; ++i) {
    peers.emplace_back(family());
    peers.back().connect(b.name(listener));
  }
  turn();
  for (const Token& token : accepting) EXPECT_EQ(token.came_to(), "ok");
}

TEST_P(CatnapStreamTest, WithoutAFileForItAConnectionStaysInTheBacklog) {
  const QDesc listener = listening(b, family());
  RawSocket peer(family());
  peer.connect(b.name(listener));
  {
    const NoMoreFiles none;
    EXPECT_EQ(finish(b.accept(listener)), "EMFILE");
  }
  EXPECT_EQ(finish(b.accept(listener)), "ok");
}

TEST_P(CatnapStreamTest, AcceptIsForSocketsThatListen) {
  const QDesc fresh = a.stream(family());
  EXPECT_EQ(a.accept(fresh).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.listen(fresh, 1), Errno::kEDESTADDRREQ);
  EXPECT_EQ(a.pop(fresh).came_to(), "thrown ENOTCONN");
}

class OneConnection : public CatnapStreamTest {
 protected:
  OneConnection() : CatnapStreamTest(uint64_t{8} << 20, 1) {}
};
INSTANTIATE_TEST_SUITE_P(Families, OneConnection, testing::Values(Family::kIPv4, Family::kIPv6), family_name);

TEST_P(OneConnection, BeyondTheLimitAnAcceptWaitsAndAConnectIsRefused) {
  const QDesc listener = listening(b, family());
  RawSocket first(family());
  RawSocket second(family());
  first.connect(b.name(listener));
  second.connect(b.name(listener));
  const Token accepting = b.accept(listener);
  ASSERT_EQ(finish(accepting), "ok");
  const Token next = b.accept(listener);
  settle();
  EXPECT_TRUE(next.pending());
  EXPECT_EQ(b.connect(b.stream(family()), b.name(listener)).came_to(), "thrown EAGAIN");
  b.close(accepting.new_queue());
  EXPECT_EQ(finish(next), "ok");
}

// --- data ---

TEST_P(CatnapStreamTest, AMessageOfMoreSegmentsThanOneCallTakesIsSentInOrder) {
  const Connection made = established(family());
  const std::string whole = pattern(4000);
  PushRequest request;
  request.data = memory->make_array();
  for (size_t i = 0; i < whole.size(); i += 20) {
    memory->copy_in({reinterpret_cast<const uint8_t*>(whole.data()) + i, 20}, request.data);
  }
  ASSERT_EQ(request.data.count(), 200u);
  request.total_bytes = whole.size();
  EXPECT_EQ(finish(a.record(one->push(a.queue(made.client), request))), "ok");
  EXPECT_EQ(read(b, made.server, whole.size()), whole);
}

TEST_P(CatnapStreamTest, APushWaitsForAPeerThatDoesNotReadAndGoesOnWhenItDoes) {
  const Connection made = established(family(), kSmallBuffer, kSmallBuffer);
  const Token pushing = a.push(made.client, pattern(kMuch));
  const Token behind = a.push(made.client, "last");
  settle();
  EXPECT_TRUE(pushing.pending());
  EXPECT_EQ(read(b, made.server, kMuch + 4), pattern(kMuch) + "last");
  EXPECT_EQ(finish(pushing), "ok");
  EXPECT_EQ(pushing.bytes_accepted(), kMuch);
  EXPECT_EQ(finish(behind), "ok");
}

TEST_P(CatnapStreamTest, BytesOfTheCallerAreSentFromWhereTheyAre) {
  const Connection made = established(family(), kSmallBuffer, kSmallBuffer);
  const auto bytes = callers_bytes(pattern(kMuch));
  const Token pushing = a.push_bytes(made.client, bytes);
  settle();
  ASSERT_TRUE(pushing.pending());
  bytes->detached = true;
  read(b, made.server, 1);
  EXPECT_EQ(finish(pushing), "EFAULT");
  EXPECT_EQ(bytes->kept, 0);
}

TEST_P(CatnapStreamTest, OneReadFillsSeveralRooms) {
  RawSocket peer(family());
  const QDesc server = accepted(family(), peer);
  peer.send(pattern(60'000));
  const Started started = two->pop(b.queue(server), UINT64_MAX);
  ASSERT_EQ(started.state, Started::State::kFinished);
  EXPECT_GE(two->immediate().sga.count(), 2u);
  const std::string first = text_of(two->immediate().sga);
  two->immediate().sga.clear();
  EXPECT_EQ(first + read(b, server, 60'000 - first.size()), pattern(60'000));
}

TEST_P(CatnapStreamTest, APopTakesNoMoreThanItsLimit) {
  RawSocket peer(family());
  const QDesc server = accepted(family(), peer);
  peer.send("abcdef");
  EXPECT_EQ(text(b.pop(server, 2)), "ab");
  EXPECT_EQ(text(b.pop(server, 3)), "cde");
  EXPECT_EQ(text(b.pop(server, 100)), "f");
}

TEST_P(CatnapStreamTest, UrgentDataHidesNothingThatIsBehindIt) {
  RawSocket peer(family());
  const QDesc server = accepted(family(), peer);
  const Token popping = b.pop(server);
  settle();
  peer.send("ab");
  peer.send("!", MSG_OOB);
  peer.send("def");
  EXPECT_EQ(text(popping), "ab");
  EXPECT_EQ(text(b.pop(server)), "def");
}

TEST_P(CatnapStreamTest, ACanceledPopLosesNothing) {
  const Connection made = established(family());
  const Token popping = b.pop(made.server);
  settle();
  b.cancel(popping);
  a.push(made.client, "still here");
  EXPECT_EQ(text(b.pop(made.server)), "still here");
}

TEST_P(CatnapStreamTest, APopWaitsForMemoryAndTakesTheSmallestRoomsIfThereAreNoOthers) {
  RawSocket peer(family());
  const QDesc server = accepted(family(), peer);
  std::vector<SgArray> taken = exhaust();
  peer.send(pattern(1000));
  const Token popping = b.pop(server);
  settle();
  EXPECT_TRUE(popping.pending());
  // The last that was taken is a room of 256 bytes.
  ASSERT_EQ(taken.back().front()->buffer->payload_capacity(), kRoomBytes[0]);
  taken.pop_back();
  EXPECT_EQ(text(popping), pattern(256));
  taken.clear();
  EXPECT_EQ(read(b, server, 744), pattern(744, 256));
}

// --- the end ---

TEST_P(CatnapStreamTest, AHalfClosedConnectionGoesOnTheOtherWay) {
  const Connection made = established(family());
  EXPECT_EQ(a.shutdown(made.client, ShutdownHow::kWrite).came_to(), "ok");
  EXPECT_EQ(text(b.pop(made.server)), "");
  EXPECT_EQ(b.push(made.server, "answer").came_to(), "ok");
  EXPECT_EQ(text(a.pop(made.client)), "answer");
  EXPECT_EQ(a.push(made.client, "x").came_to(), "thrown EPIPE");
}

TEST_P(CatnapStreamTest, AResetIsToldOnceAndThenThereIsNobodyToSendTo) {
  RawSocket peer(family());
  const QDesc server = accepted(family(), peer);
  const Token popping = b.pop(server);
  settle();
  peer.reset();
  EXPECT_EQ(finish(popping), "ECONNRESET");
  EXPECT_EQ(b.push(server, "x").came_to(), "EPIPE");
  EXPECT_EQ(finish(b.pop(server)), "ECONNRESET");
  EXPECT_EQ(b.counters().resets, 1u);
}

TEST_P(CatnapStreamTest, APushToAPeerThatHasClosedIsToldOfTheReset) {
  RawSocket peer(family());
  const QDesc server = accepted(family(), peer);
  peer.close();
  EXPECT_EQ(text(b.pop(server)), "");
  EXPECT_EQ(b.push(server, "into the void").came_to(), "ok");
  std::string came_to = "ok";
  turn_until([&] { return (came_to = finish(b.push(server, "x"))) != "ok"; });
  EXPECT_EQ(came_to, "ECONNRESET");
  EXPECT_EQ(b.push(server, "x").came_to(), "EPIPE");
}

TEST_P(CatnapStreamTest, AskingForTheErrorDoesNotHideItFromThePop) {
  RawSocket peer(family());
  const QDesc server = accepted(family(), peer);
  peer.reset();
  EXPECT_EQ(b.so_error(server), static_cast<int64_t>(Errno::kECONNRESET));
  EXPECT_EQ(finish(b.pop(server)), "ECONNRESET");
}

TEST_P(CatnapStreamTest, APushUntilAcknowledgedWaitsForThePeersKernel) {
  const Connection made = established(family(), 1 << 20, kSmallBuffer);
  const Token pushing = a.push(made.client, pattern(kUnread), true);
  settle();
  EXPECT_TRUE(pushing.pending());
  EXPECT_EQ(read(b, made.server, kUnread), pattern(kUnread));
  EXPECT_EQ(finish(pushing), "ok");
}

TEST_P(CatnapStreamTest, APushUntilAcknowledgedLearnsOfAResetThoughNobodyReads) {
  const Connection made = established(family(), 1 << 20, kSmallBuffer);
  const Token pushing = a.push(made.client, pattern(kUnread), true);
  settle();
  ASSERT_TRUE(pushing.pending());
  b.linger(made.server, 0);
  b.close(made.server);
  EXPECT_EQ(finish(pushing), "ECONNRESET");
  EXPECT_EQ(pushing.bytes_accepted(), kUnread);
}

TEST_P(CatnapStreamTest, ShutReadDropsWhatArrivesSoThatThePeerGoesOn) {
  const Connection made = established(family(), kSmallBuffer, kSmallBuffer);
  const Token popping = b.pop(made.server);
  EXPECT_EQ(b.shutdown(made.server, ShutdownHow::kRead).came_to(), "ok");
  EXPECT_EQ(text(popping), "");
  EXPECT_EQ(finish(a.push(made.client, pattern(4 * kMuch))), "ok");
  EXPECT_EQ(text(b.pop(made.server)), "");
  b.push(made.server, "the other way");
  EXPECT_EQ(text(a.pop(made.client)), "the other way");
}

TEST_P(CatnapStreamTest, LingerZeroResets) {
  const Connection made = established(family());
  a.linger(made.client, 0);
  EXPECT_EQ(a.close(made.client).came_to(), "ok");
  EXPECT_EQ(finish(b.pop(made.server)), "ECONNRESET");
}

TEST_P(CatnapStreamTest, ALingeringCloseEndsWhenThePeerHasEverything) {
  const Connection made = established(family(), 1 << 20, kSmallBuffer);
  a.push(made.client, pattern(kUnread));
  a.linger(made.client, 100);
  const Token closing = a.close(made.client);
  settle();
  EXPECT_TRUE(closing.pending());
  EXPECT_EQ(read(b, made.server, kUnread), pattern(kUnread));
  EXPECT_EQ(text(b.pop(made.server)), "");
  EXPECT_EQ(finish(closing), "ok");
}

TEST_P(CatnapStreamTest, ALingeringCloseIsOverAtItsTimeAndResets) {
  const Connection made = established(family(), 1 << 20, kSmallBuffer);
  a.push(made.client, pattern(kUnread));
  a.linger(made.client, 100);
  const Token closing = a.close(made.client);
  settle();
  clock.advance(Duration::seconds(100));
  EXPECT_EQ(finish(closing), "ETIMEDOUT");
  // What had arrived before can still be read.
  std::string came_to;
  turn_until([&] { return (came_to = finish(b.pop(made.server))) != "ok"; });
  EXPECT_EQ(came_to, "ECONNRESET");
}

TEST_P(CatnapStreamTest, ALingeringCloseLearnsOfAReset) {
  const Connection made = established(family(), 1 << 20, kSmallBuffer);
  a.push(made.client, pattern(kUnread));
  a.linger(made.client, 100);
  const Token closing = a.close(made.client);
  settle();
  ASSERT_TRUE(closing.pending());
  b.linger(made.server, 0);
  b.close(made.server);
  EXPECT_EQ(finish(closing), "ECONNRESET");
}

TEST_P(CatnapStreamTest, StopDrainsWhatLingersAndResetsTheRestAtItsTime) {
  const Connection drained = established(family(), 1 << 20, kSmallBuffer);
  const Connection stalled = established(family(), 1 << 20, kSmallBuffer);
  for (const Connection& made : {drained, stalled}) {
    a.push(made.client, pattern(kUnread));
    a.linger(made.client, 100);
  }
  const Token stopping = a.stop();
  a.set_deadline(stopping, clock.now() + Duration::seconds(50));
  EXPECT_EQ(read(b, drained.server, kUnread), pattern(kUnread));
  EXPECT_TRUE(turn_until([&] { return one->orphans() == 1; }));
  EXPECT_TRUE(stopping.pending());
  clock.advance(Duration::seconds(50));
  EXPECT_EQ(finish(stopping), "ok");
  EXPECT_EQ(a.counters().resets, 1u);
}

TEST_P(CatnapStreamTest, ClosingAListenerResetsWhatIsInItsBacklog) {
  const QDesc listener = listening(b, family());
  RawSocket peer(family());
  peer.connect(b.name(listener));
  const Token accepting = b.accept(listener);
  ASSERT_EQ(finish(accepting), "ok");
  RawSocket waiting(family());
  waiting.connect(b.name(listener));
  b.close(listener);
  char byte;
  EXPECT_EQ(::recv(waiting.fd(), &byte, 1, 0), -1);
  EXPECT_EQ(b.push(accepting.new_queue(), "alive").came_to(), "ok");
}

}  // namespace
}  // namespace demi
