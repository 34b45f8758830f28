#include "libos/connection_count.h"

#include "libos/loopback_tokens.h"

namespace demi {
namespace {

constexpr uint16_t kPort = 80;

TEST(ConnectionCount, IsFullAtItsLimit) {
  ConnectionCount two(2), unlimited(0);
  for (ConnectionCount* count : {&two, &unlimited}) {
    count->add();
    EXPECT_FALSE(count->full());
    count->add();
  }
  EXPECT_TRUE(two.full());
  EXPECT_FALSE(unlimited.full());
  two.remove();
  EXPECT_FALSE(two.full());
  EXPECT_EQ(two.count(), 1u);
}

// Either libOS has two connections at most.
class ConnectionLimitTest : public TokensFixture {
 protected:
  ConnectionLimitTest() : TokensFixture(uint64_t{8} << 20, 1024, 1024, 2) {}

  // A libOS without any limit for the other end.
  std::unique_ptr<Loopback> make_outside() { return make(2, outside_descriptors_, 0); }

 private:
  std::vector<double> outside_descriptors_ = std::vector<double>(64);

 protected:
  std::unique_ptr<Loopback> outside_ = make_outside();
  Host outside{outside_, memory};

  void TearDown() override {
    outside.destroy();
    TokensFixture::TearDown();
  }
  void settle_all() {
    for (int i = 0; i < 4; ++i) {
      settle();
      outside.libos().run_ready();
      outside.collect();
    }
  }
};

TEST_F(ConnectionLimitTest, AConnectBeyondItIsRefusedAtTheCall) {
  listening(outside, localhost(kPort));
  const QDesc first = a.stream(), second = a.stream(), third = a.stream();
  EXPECT_EQ(a.connect(first, localhost(kPort)).came_to(), "ok");
  EXPECT_EQ(a.connect(second, localhost(kPort)).came_to(), "ok");
  EXPECT_EQ(a.connect(third, localhost(kPort)).came_to(), "thrown EAGAIN");
  EXPECT_EQ(a.connect(second, localhost(kPort)).came_to(), "thrown EISCONN");
  EXPECT_EQ(a.connect(third, localhost(0)).came_to(), "thrown EINVAL");
  a.close(first);
  EXPECT_EQ(a.connect(third, localhost(kPort)).came_to(), "ok");
  EXPECT_EQ(a.libos().connections().count(), 2u);
}

TEST_F(ConnectionLimitTest, AConnectThatFailsOrIsCanceledCountsNoMore) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(a.connect(a.stream(), localhost(9)).came_to(), "ECONNREFUSED");
  const QDesc listener = listening(outside, localhost(kPort), 1);
  a.connect(a.stream(), localhost(kPort));
  const Token waiting = a.connect(a.stream(), localhost(kPort));
  EXPECT_TRUE(waiting.pending());
  EXPECT_EQ(a.connect(a.stream(), localhost(kPort)).came_to(), "thrown EAGAIN") << "an open that is under way counts";
  a.cancel(waiting);
  EXPECT_EQ(a.libos().connections().count(), 1u);
  outside.accept(listener);
  EXPECT_EQ(a.connect(a.stream(), localhost(kPort)).came_to(), "ok");
}

TEST_F(ConnectionLimitTest, DatagramSocketsAndListenersDoNotCount) {
  for (uint16_t port = 1; port < 5; ++port) {
    listening(a, localhost(port));
    EXPECT_EQ(a.connect(a.datagram(), localhost(port)).came_to(), "ok");
  }
  EXPECT_EQ(a.libos().connections().count(), 0u);
}

TEST_F(ConnectionLimitTest, ConnectionsBeyondItStayInTheBacklogUntilOneCloses) {
  const QDesc listener = listening(b, localhost(kPort));
  std::vector<QDesc> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(outside.stream());
    EXPECT_EQ(outside.connect(clients.back(), localhost(kPort)).came_to(), "ok");
    outside.push(clients.back(), std::to_string(i));
  }
  const QDesc first = b.accept(listener).new_queue();
  b.accept(listener);
  const Token third = b.accept(listener), fourth = b.accept(listener);
  settle_all();
  EXPECT_TRUE(third.pending());
  EXPECT_FALSE(b.libos().has_work());
  b.close(first);
  settle_all();
  EXPECT_EQ(b.pop(third.new_queue()).text(), "2");
  EXPECT_TRUE(fourth.pending());
  outside.linger(clients[2], 0);
  outside.close(clients[2]);
  settle_all();
  EXPECT_TRUE(fourth.pending()) << "a connection that was reset counts until it is closed";
  b.close(third.new_queue());
  settle_all();
  EXPECT_EQ(b.pop(fourth.new_queue()).text(), "3");
}

TEST_F(ConnectionLimitTest, ACloseThatLingersCounts) {
  const QDesc listener = listening(outside, localhost(kPort));
  const QDesc client = a.stream();
  outside.set(listener, kSolSocket, kSoRcvbuf, 2048);
  a.connect(client, localhost(kPort));
  const QDesc server = outside.accept(listener).new_queue();
  a.push(client, pattern(4000));
  a.linger(client, 50);
  const Token closing = a.close(client);
  EXPECT_EQ(a.connect(a.stream(), localhost(kPort)).came_to(), "ok");
  EXPECT_EQ(a.connect(a.stream(), localhost(kPort)).came_to(), "thrown EAGAIN");
  outside.pop(server);
  settle_all();
  EXPECT_EQ(closing.came_to(), "ok");
  EXPECT_EQ(a.connect(a.stream(), localhost(kPort)).came_to(), "ok");
}

TEST_F(ConnectionLimitTest, EveryListenerThatWaitsHearsOfAPlace) {
  const QDesc listeners[] = {listening(b, localhost(1)), listening(b, localhost(2))};
  for (uint16_t port : {1, 1, 2}) outside.connect(outside.stream(), localhost(port));
  const QDesc held[] = {b.accept(listeners[0]).new_queue(), b.accept(listeners[0]).new_queue()};
  outside.connect(outside.stream(), localhost(1));
  const Token first = b.accept(listeners[0]), second = b.accept(listeners[1]);
  b.close(held[0]);
  b.cancel(first);
  settle_all();
  EXPECT_EQ(second.came_to(), "ok") << "the place is not lost with the accept that was cancelled";
  const Token again = b.accept(listeners[0]);
  EXPECT_TRUE(again.pending());
  b.close(listeners[0]);
  settle_all();
  EXPECT_EQ(again.came_to(), "ECANCELED");
  b.close(held[1]);
  EXPECT_EQ(b.libos().connections().count(), 1u);
}

TEST_F(ConnectionLimitTest, AnAcceptWhereNobodyListensIsRefusedAllTheSame) {
  listening(outside, localhost(kPort));
  for (int i = 0; i < 2; ++i) a.connect(a.stream(), localhost(kPort));
  EXPECT_EQ(a.accept(a.stream()).came_to(), "thrown EINVAL");
}

}  // namespace
}  // namespace demi
