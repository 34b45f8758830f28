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
