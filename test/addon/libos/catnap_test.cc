#include "libos/catnap.h"

#include <sys/wait.h>

#include "libos/catnap_fixture.h"

namespace demi {
namespace {

class CatnapTest : public CatnapFixture {
 protected:
  QDesc bound_datagram(HostOf<Catnap>& host) {
    const QDesc qd = host.datagram();
    EXPECT_EQ(host.bind(qd, here(Family::kIPv4)), Errno::kOk);
    return qd;
  }
  static bool is_readable(int fd, int timeout_ms) {
    pollfd wakeup{fd, POLLIN, 0};
    return ::poll(&wakeup, 1, timeout_ms) == 1;
  }
};

TEST_F(CatnapTest, TheWakeupFdIsReadableFromAChangeToTheTurnThatTakesIt) {
  const QDesc to = bound_datagram(a);
  const Token popping = a.pop(to);
  settle();
  one->prepare_to_sleep();
  settle();
  EXPECT_FALSE(is_readable(one->wakeup_fd(), 0));
  b.push_to(bound_datagram(b), "wake", a.name(to));
  EXPECT_TRUE(is_readable(one->wakeup_fd(), 1000));
  EXPECT_EQ(text(popping), "wake");
  settle();
  EXPECT_FALSE(is_readable(one->wakeup_fd(), 0));
}

TEST_F(CatnapTest, WhatSucceedsAtOnceNeverAsksTheEpoll) {
  const QDesc to = bound_datagram(a);
  b.push_to(bound_datagram(b), "one", a.name(to));
  EXPECT_EQ(a.pop(to).text(), "one");
  // Nothing is watched: a turn finds nothing and makes no system call.
  EXPECT_FALSE(one->poll_backend(clock.now()));
}

TEST_F(CatnapTest, MoreChangesThanOneTurnTakesAreTakenByTheNextTurns) {
  constexpr size_t kSockets = 600;
  const QDesc from = bound_datagram(b);
  std::vector<Token> popping;
  std::vector<QDesc> sockets;
  for (size_t i = 0; i < kSockets; ++i) {
    sockets.push_back(bound_datagram(a));
    popping.push_back(a.pop(sockets.back()));
  }
  settle();
  for (QDesc qd : sockets) b.push_to(from, "x", a.name(qd));
  for (const Token& token : popping) EXPECT_EQ(text(token), "x");
}

TEST_F(CatnapTest, AClosedSocketIsNotHeardOfEvenIfAChildProcessStillHasItsFd) {
  const QDesc to = bound_datagram(a);
  const Endpoint name = a.name(to);
  const Token popping = a.pop(to);
  const QDesc other = bound_datagram(a);
  const Token waiting = a.pop(other);
  int hold[2];
  ASSERT_EQ(::pipe(hold), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    // Has a copy of every fd until the other end of the pipe is closed.
    char end;
    ::close(hold[1]);
    while (::read(hold[0], &end, 1) > 0) {
    }
    ::_exit(0);
  }
  ::close(hold[0]);
  EXPECT_EQ(a.close(to).came_to(), "ok");
  a.collect();
  EXPECT_EQ(popping.came_to(), "ECANCELED");
  b.push_to(bound_datagram(b), "late", name);
  settle();
  EXPECT_TRUE(waiting.pending());
  ::close(hold[1]);
  ::waitpid(child, nullptr, 0);
}

// --- sockets that are tried in each turn, and those that are watched ---

class CatnapTryingTest : public CatnapTest {
 protected:
  bool shows(int milliseconds = 0) { return is_readable(one->wakeup_fd(), milliseconds); }
  void send_to(QDesc to, const std::string& bytes) { b.push_to(from_, bytes, a.name(to)); }
  // Datagrams to this machine are there when the call that sends them returns.
  bool one_turn_brings(const Token& token, const std::string& bytes) {
    one->turn(clock.now());
    a.collect();
    return !token.pending() && token.text() == bytes;
  }

 private:
  const QDesc from_ = bound_datagram(b);
};

TEST_F(CatnapTryingTest, AFewWaitingSocketsAreTriedAndNotWatched) {
  const QDesc first = bound_datagram(a);
  const QDesc second = bound_datagram(a);
  const Token from_first = a.pop(first);
  const Token from_second = a.pop(second);
  send_to(second, "2");
  send_to(first, "1");
  EXPECT_FALSE(shows());
  EXPECT_TRUE(one_turn_brings(from_first, "1"));
  EXPECT_EQ(from_second.text(), "2");
}

TEST_F(CatnapTryingTest, WithOneMoreAllOfThemAreWatched) {
  std::vector<Token> popping;
  std::vector<QDesc> sockets;
  for (int i = 0; i < 4; ++i) {
    sockets.push_back(bound_datagram(a));
    popping.push_back(a.pop(sockets.back()));
  }
  settle();
  EXPECT_FALSE(shows());
  for (size_t i = 0; i < sockets.size(); ++i) {
    send_to(sockets[i], "x");
    EXPECT_TRUE(shows(1000)) << i;
    EXPECT_TRUE(one_turn_brings(popping[i], "x")) << i;
  }
}

TEST_F(CatnapTryingTest, AfterManyChangesAWatchedSocketIsTriedAgain) {
  const QDesc qd = bound_datagram(a);
  Token popping = a.pop(qd);
  one->prepare_to_sleep();
  for (int i = 0; i < 20; ++i) {
    settle();
    send_to(qd, "x");
    EXPECT_EQ(text(popping), "x");
    popping = a.pop(qd);
  }
  settle();
  send_to(qd, "last");
  EXPECT_FALSE(shows());
  EXPECT_TRUE(one_turn_brings(popping, "last"));
}

TEST_F(CatnapTryingTest, AChangeThatBroughtTheReaderNothingLeavesItTried) {
  const QDesc qd = bound_datagram(a);
  Token popping = a.pop(qd);
  one->prepare_to_sleep();
  settle();
  // It becomes writable at every datagram that it has sent.
  for (int i = 0; i < 20; ++i) {
    a.push_to(qd, "out", b.name(bound_datagram(b)));
    settle();
  }
  EXPECT_TRUE(popping.pending());
  send_to(qd, "in");
  EXPECT_EQ(text(popping), "in");
}

TEST_F(CatnapTryingTest, WhileOneIsTriedTheOthersHaveTheirTurn) {
  const QDesc qd = bound_datagram(a);
  const Token popping = a.pop(qd);
  const QDesc listener = listening(a, Family::kIPv4);
  const Token accepting = a.accept(listener);
  settle();
  RawSocket peer(Family::kIPv4);
  peer.connect(a.name(listener));
  int turns = 0;
  for (; accepting.pending() && turns < 100; ++turns) {
    one->turn(clock.now());
    a.collect();
  }
  EXPECT_LE(turns, 8);
  EXPECT_EQ(accepting.came_to(), "ok");
  EXPECT_TRUE(popping.pending());
}

TEST_F(CatnapTryingTest, WhoLooksEverywhereFindsItInTheNextTurn) {
  const Token popping = a.pop(bound_datagram(a));
  const QDesc listener = listening(a, Family::kIPv4);
  for (int i = 0; i < 20; ++i) {
    const Token accepting = a.accept(listener);
    for (int k = 0; k < i; ++k) one->turn(clock.now());
    RawSocket peer(Family::kIPv4);
    peer.connect(a.name(listener));
    one->look_everywhere();
    one->turn(clock.now());
    a.collect();
    EXPECT_EQ(accepting.came_to(), "ok") << i;
  }
  EXPECT_TRUE(popping.pending());
}

TEST_F(CatnapTryingTest, WhatCameWhileNobodyWaitedIsPoppedAtOnce) {
  for (const bool sleeps : {false, true}) {
    const QDesc qd = bound_datagram(a);
    const Token canceled = a.pop(qd);
    a.cancel(canceled);
    if (sleeps) one->prepare_to_sleep();
    settle();
    send_to(qd, "x");
    EXPECT_EQ(a.pop(qd).text(), "x");
    EXPECT_EQ(a.close(qd).came_to(), "ok");
  }
}

TEST_F(CatnapTryingTest, ATriedSocketThatIsClosedIsForgotten) {
  const QDesc first = bound_datagram(a);
  const QDesc second = bound_datagram(a);
  const Token canceled = a.pop(first);
  const Token popping = a.pop(second);
  EXPECT_EQ(a.close(first).came_to(), "ok");
  a.collect();
  EXPECT_EQ(canceled.came_to(), "ECANCELED");
  send_to(second, "x");
  EXPECT_TRUE(one_turn_brings(popping, "x"));
}

TEST_F(CatnapTryingTest, AStreamThatIsReadAndWrittenIsWatchedWhileItsPushWaits) {
  const Connection connection = established(Family::kIPv4, 4096, 4096);
  const Token answer = a.pop(connection.client);
  const std::string much(1 << 20, 'm');
  const Token pushing = a.push(connection.client, much);
  settle();
  EXPECT_TRUE(pushing.pending());
  b.push(connection.server, "meanwhile");
  EXPECT_EQ(text(answer), "meanwhile");
  EXPECT_EQ(read(b, connection.server, much.size()).size(), much.size());
  EXPECT_EQ(finish(pushing), "ok");
}

TEST_F(CatnapTest, WithoutAFileForItsEpollItIsNotMade) {
  std::vector<double> descriptors(4);
  LibOSSettings settings;
  settings.tokens_limit = 4;
  settings.descriptors = descriptors;
  settings.memory = memory;
  settings.names = std::make_shared<MemoryQueueNames>();
  settings.clock = &clock;
  const NoMoreFiles none;
  EXPECT_EQ(Catnap::create(settings).error(), Errno::kEMFILE);
}

TEST_F(CatnapTest, SocketsOfAnotherKindAreNotSupported) {
  EXPECT_EQ(one->socket(Family::kIPv4, 3, 0).error(), Errno::kENOTSUP);
  EXPECT_EQ(one->socket(Family::kIPv4, kSockStream, kIpprotoUdp).error(), Errno::kENOTSUP);
  EXPECT_EQ(one->socket(Family::kIPv6, kSockDgram, kIpprotoTcp).error(), Errno::kENOTSUP);
}

TEST_F(CatnapTest, ItsEndResetsConnectionsAndEndsWhatIsPending) {
  RawSocket peer(Family::kIPv4);
  const QDesc server = accepted(Family::kIPv4, peer);
  const Token popping = b.pop(server);
  b.destroy();
  char byte;
  EXPECT_EQ(::recv(peer.fd(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

}  // namespace
}  // namespace demi
