#include "libos/catnap_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "libos/catnap_fixture.h"

namespace demi {
namespace {

class CatnapSocketTest : public CatnapFamilies {};
INSTANTIATE_TEST_SUITE_P(Families, CatnapSocketTest, testing::Values(Family::kIPv4, Family::kIPv6), family_name);

TEST_P(CatnapSocketTest, OptionsAreTheKernels) {
  const QDesc qd = a.stream(family());
  const std::pair<int, int> options[] = {{SOL_SOCKET, SO_KEEPALIVE}, {SOL_SOCKET, SO_REUSEADDR}, {SOL_SOCKET, SO_REUSEPORT},
                                         {IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_TCP, TCP_KEEPIDLE}, {IPPROTO_TCP, TCP_KEEPINTVL},
                                         {IPPROTO_TCP, TCP_KEEPCNT}, {IPPROTO_TCP, TCP_USER_TIMEOUT}};
  for (const auto& [level, name] : options) {
    EXPECT_EQ(a.set(qd, level, name, 1), Errno::kOk) << level << "/" << name;
    EXPECT_EQ(a.get(qd, level, name), 1) << level << "/" << name;
  }
  EXPECT_EQ(a.get(qd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
  EXPECT_EQ(a.so_error(qd), 0);
}

TEST_P(CatnapSocketTest, ValuesThatTheKernelDoesNotTakeAreRefused) {
  const QDesc qd = a.stream(family());
  EXPECT_EQ(a.set(qd, IPPROTO_TCP, TCP_KEEPIDLE, 0), Errno::kEINVAL);
  EXPECT_EQ(a.set(qd, SOL_SOCKET, SO_SNDBUF, int64_t{1} << 40), Errno::kEINVAL);
  EXPECT_EQ(a.set(qd, SOL_SOCKET, SO_TYPE, 1), Errno::kENOPROTOOPT);
  EXPECT_EQ(a.set(qd, SOL_SOCKET, SO_LINGER, 1, -1), Errno::kEINVAL);
}

TEST_P(CatnapSocketTest, TheCongestionControlIsAText) {
  Queue& queue = a.queue(a.stream(family()));
  EXPECT_EQ(queue.set_text_option(IPPROTO_TCP, TCP_CONGESTION, "no such").error(), Errno::kEINVAL);
  EXPECT_TRUE(queue.set_text_option(IPPROTO_TCP, TCP_CONGESTION, "reno").ok());
  EXPECT_EQ(*queue.text_option(IPPROTO_TCP, TCP_CONGESTION), "reno");
}

TEST_P(CatnapSocketTest, AnAcceptedConnectionHasTheLingerOfItsListener) {
  const QDesc listener = listening(b, family());
  b.linger(listener, 7);
  RawSocket peer(family());
  peer.connect(b.name(listener));
  const Token accepting = b.accept(listener);
  ASSERT_EQ(finish(accepting), "ok");
  const Result<OptionValue> linger = b.queue(accepting.new_queue()).get_option(SOL_SOCKET, SO_LINGER);
  EXPECT_EQ(const_cast<Result<OptionValue>&>(linger)->seconds, 7);
}

TEST_P(CatnapSocketTest, IsBoundOnceAndToAnAddressOfItsFamily) {
  const QDesc qd = a.stream(family());
  const Family other = family() == Family::kIPv4 ? Family::kIPv6 : Family::kIPv4;
  EXPECT_EQ(a.bind(qd, here(other)), Errno::kEINVAL);
  EXPECT_EQ(a.bind(qd, here(family())), Errno::kOk);
  EXPECT_EQ(a.bind(qd, here(family())), Errno::kEINVAL);
  EXPECT_EQ(a.bind(a.stream(family()), a.name(qd)), Errno::kEADDRINUSE);
}

TEST_P(CatnapSocketTest, BeyondTheLimitOfFilesThereIsNoSocket) {
  {
    const NoMoreFiles none;
    EXPECT_EQ(one->socket(family(), kSockStream, 0).error(), Errno::kEMFILE);
  }
  EXPECT_TRUE(one->socket(family(), kSockStream, 0).ok());
}

TEST_P(CatnapSocketTest, AFewBytesHoldARoomOfTheirSizeOnly) {
  RawSocket peer(family());
  const QDesc server = accepted(family(), peer);
  peer.send("small");
  const Started started = two->pop(b.queue(server), UINT64_MAX);
  ASSERT_EQ(started.state, Started::State::kFinished);
  EXPECT_EQ(memory->pool(0).outstanding(), 1u);
  EXPECT_EQ(memory->buffers_outstanding(), 1u);
  two->immediate().sga.clear();
}

TEST_P(CatnapSocketTest, ALittleBehindAFullRoomHoldsNoLargeOne) {
  RawSocket peer(family());
  const QDesc server = accepted(family(), peer);
  // A read begins with 2 KiB, and a large room behind them.
  peer.send(pattern(2100));
  ASSERT_EQ(two->pop(b.queue(server), UINT64_MAX).state, Started::State::kFinished);
  EXPECT_EQ(text_of(two->immediate().sga), pattern(2100));
  EXPECT_EQ(memory->pool(3).outstanding(), 0u);
  EXPECT_EQ(memory->pool(0).outstanding(), 1u);
  two->immediate().sga.clear();
}

}  // namespace
}  // namespace demi
