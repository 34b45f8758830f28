#include "libos/loopback_datagram.h"

#include <gtest/gtest.h>

#include "libos/loopback_tokens.h"

namespace demi {
namespace {

class LoopbackDatagramTest : public TokensFixture {
 protected:
  static constexpr uint16_t kPort = 53;

  QDesc bound(Host& host, const Endpoint& name) {
    const QDesc socket = host.datagram(name.family);
    EXPECT_EQ(host.bind(socket, name), Errno::kOk);
    return socket;
  }
  // The client is connected to the server, which is bound and knows nothing of it.
  struct Pair {
    QDesc client;
    QDesc server;
    Endpoint client_name;
  };
  Pair connected() {
    Pair pair;
    pair.server = bound(b, localhost(kPort));
    pair.client = bound(a, localhost(1000));
    EXPECT_EQ(a.connect(pair.client, localhost(kPort)).came_to(), "ok");
    pair.client_name = a.name(pair.client);
    return pair;
  }
};

TEST_F(LoopbackDatagramTest, ADatagramArrivesWithItsSender) {
  const QDesc server = bound(b, localhost(kPort)), client = bound(a, localhost(1000));
  EXPECT_EQ(a.push_to(client, "question", localhost(kPort)).bytes_accepted(), 8u);
  const Token question = b.pop(server);
  EXPECT_EQ(question.text(), "question");
  ASSERT_TRUE(question.has_endpoint());
  EXPECT_EQ(question.endpoint(), localhost(1000));
  b.push_to(server, "answer", question.endpoint());
  EXPECT_EQ(a.pop(client).text(), "answer");
}

TEST_F(LoopbackDatagramTest, ASenderThatIsNotBoundGetsAPort) {
  const QDesc server = bound(b, localhost(kPort)), client = a.datagram();
  a.push_to(client, "question", localhost(kPort));
  const uint16_t port = a.name(client).port;
  EXPECT_GE(port, 49152);
  EXPECT_EQ(a.name(client), any_ipv4(port));
  const Token question = b.pop(server);
  EXPECT_EQ(question.endpoint(), localhost(port)) << "from the address by which it is reached";
  b.push_to(server, "answer", question.endpoint());
  EXPECT_EQ(a.pop(client).text(), "answer");
}

TEST_F(LoopbackDatagramTest, PopsThatWaitAreServedInOrder) {
  const QDesc server = bound(b, localhost(kPort)), client = a.datagram();
  const Token pops[] = {b.pop(server), b.pop(server), b.pop(server)};
  for (const char* text : {"one", "two", "three"}) a.push_to(client, text, localhost(kPort));
  b.cancel(pops[0]);
  settle();
  EXPECT_EQ(pops[0].came_to(), "ECANCELED");
  EXPECT_EQ(pops[1].text(), "one") << "what had arrived is not lost";
  EXPECT_EQ(pops[2].text(), "two");
  EXPECT_EQ(b.pop(server).text(), "three");
}

TEST_F(LoopbackDatagramTest, WhatDoesNotFitThePopIsLost) {
  const QDesc server = bound(b, localhost(kPort)), client = a.datagram();
  a.push_to(client, "hello world", localhost(kPort));
  a.push_to(client, "next", localhost(kPort));
  EXPECT_EQ(b.pop(server, 5).text(), "hello");
  EXPECT_EQ(b.pop(server, 5).text(), "next");
  EXPECT_EQ(memory->buffers_outstanding(), 0u);
}

TEST_F(LoopbackDatagramTest, ADatagramMayBeEmpty) {
  const QDesc server = bound(b, localhost(kPort)), client = bound(a, localhost(1000));
  EXPECT_EQ(a.push_to(client, "", localhost(kPort)).came_to(), "ok");
  const Endpoint to = localhost(kPort);
  EXPECT_EQ(a.push_bytes(client, callers_bytes(""), &to).came_to(), "ok");
  for (int i = 0; i < 2; ++i) {
    const Token popped = b.pop(server);
    EXPECT_EQ(popped.text(), "");
    EXPECT_EQ(popped.endpoint(), localhost(1000)) << "the sender tells it from an end";
  }
  EXPECT_TRUE(b.pop(server).pending());
}

TEST_F(LoopbackDatagramTest, TheLargestDatagram) {
  const QDesc server = bound(b, localhost(kPort)), client = a.datagram();
  EXPECT_EQ(a.push_to(client, pattern(65508), localhost(kPort)).came_to(), "thrown EMSGSIZE");
  EXPECT_EQ(a.push_to(client, pattern(65507), localhost(kPort)).came_to(), "ok");
  EXPECT_EQ(b.pop(server).text(), pattern(65507));
}

TEST_F(LoopbackDatagramTest, BytesOfTheCallerAreCopiedAtTheCall) {
  const QDesc server = bound(b, localhost(kPort)), client = a.datagram();
  const auto bytes = callers_bytes("before");
  const Endpoint to = localhost(kPort);
  EXPECT_EQ(a.push_bytes(client, bytes, &to).came_to(), "ok");
  bytes->bytes = "after!";
  EXPECT_EQ(b.pop(server).text(), "before");
}

TEST_F(LoopbackDatagramTest, WhatCannotBeADestination) {
  const QDesc client = a.datagram();
  EXPECT_EQ(a.push(client, "x").came_to(), "thrown ENOTCONN");
  for (const Endpoint& to : {any_ipv4(kPort), localhost(0), Endpoint::ipv4(224, 0, 0, 1, kPort), Endpoint::ipv4(255, 255, 255, 255, kPort),
                             Endpoint::ipv6_loopback(kPort), Endpoint()}) {
    EXPECT_EQ(a.push_to(client, "x", to).came_to(), "thrown EINVAL");
    EXPECT_EQ(a.connect(client, to).came_to(), "thrown EINVAL");
  }
  const QDesc six = a.datagram(Family::kIPv6);
  EXPECT_EQ(a.push_to(six, "x", localhost(kPort)).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.push_to(six, "x", any_ipv4(kPort).to_v4_mapped()).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.name(client), any_ipv4(0)) << "a call that was refused did nothing";
}

TEST_F(LoopbackDatagramTest, DoesNotListenOrAccept) {
  const QDesc socket = bound(a, localhost(kPort));
  EXPECT_EQ(a.listen(socket, 1), Errno::kENOTSUP);
  EXPECT_EQ(a.accept(socket).came_to(), "thrown EINVAL");
}

TEST_F(LoopbackDatagramTest, ADatagramForNobodyIsDroppedAndCounted) {
  const QDesc client = a.datagram();
  EXPECT_EQ(a.push_to(client, "x", localhost(kPort)).came_to(), "ok");
  EXPECT_EQ(a.counters().datagrams_dropped, 1u);
  EXPECT_EQ(a.get(client, kSolSocket, kSoError), 0) << "a socket that is not connected hears nothing of it";
  EXPECT_TRUE(a.pop(client).pending());
}

TEST_F(LoopbackDatagramTest, AFullReceiveBufferDropsAndCounts) {
  const QDesc server = bound(b, localhost(kPort)), client = a.datagram();
  b.set(server, kSolSocket, kSoRcvbuf, 4096);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(a.push_to(client, pattern(960), localhost(kPort)).came_to(), "ok");
  EXPECT_EQ(b.counters().datagrams_dropped, 0u);
  EXPECT_EQ(a.push_to(client, "too many", localhost(kPort)).came_to(), "ok") << "the sender is not told";
  EXPECT_EQ(b.counters().datagrams_dropped, 1u);
  b.pop(server);
  a.push_to(client, "there is room", localhost(kPort));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(b.pop(server).text(), pattern(960));
  EXPECT_EQ(b.pop(server).text(), "there is room");
}

TEST_F(LoopbackDatagramTest, ATruncatedPopFreesTheRoomOfTheWholeDatagram) {
  const QDesc server = bound(b, localhost(kPort)), client = a.datagram();
  b.set(server, kSolSocket, kSoRcvbuf, 2048);
  for (int i = 0; i < 100; ++i) {
    a.push_to(client, pattern(1900), localhost(kPort));
    EXPECT_EQ(b.pop(server, 1).text().size(), 1u);
  }
  EXPECT_EQ(b.counters().datagrams_dropped, 0u);
}

TEST_F(LoopbackDatagramTest, EmptyDatagramsDoNotPileUpWithoutEnd) {
  const QDesc server = bound(b, localhost(kPort)), client = a.datagram();
  b.set(server, kSolSocket, kSoRcvbuf, 4096);
  for (int i = 0; i < 100; ++i) a.push_to(client, "", localhost(kPort));
  EXPECT_EQ(b.counters().datagrams_dropped, 36u);
}

// --- connected ---

TEST_F(LoopbackDatagramTest, AConnectedSocketHasAPeer) {
  EXPECT_EQ(a.queue(a.datagram()).peer_endpoint().error(), Errno::kENOTCONN);
  const Pair pair = connected();
  EXPECT_EQ(a.peer(pair.client), localhost(kPort));
  EXPECT_EQ(a.push(pair.client, "question").came_to(), "ok");
  EXPECT_EQ(b.pop(pair.server).endpoint(), pair.client_name);
  a.push_to(pair.client, "elsewhere", localhost(9));
  EXPECT_EQ(a.counters().datagrams_dropped, 1u) << "it may still name another destination";
}

TEST_F(LoopbackDatagramTest, ConnectingAgainNamesAnotherPeer) {
  const Pair pair = connected();
  const QDesc other = bound(b, localhost(kPort + 1));
  EXPECT_EQ(a.connect(pair.client, localhost(kPort + 1)).came_to(), "ok");
  a.push(pair.client, "x");
  EXPECT_EQ(b.pop(other).text(), "x");
}

TEST_F(LoopbackDatagramTest, AConnectedSocketHearsItsPeerOnly) {
  const Pair pair = connected();
  const QDesc stranger = bound(b, localhost(66));
  b.push_to(stranger, "strange", pair.client_name);
  EXPECT_EQ(a.counters().datagrams_dropped, 1u);
  b.push_to(pair.server, "answer", pair.client_name);
  EXPECT_EQ(a.pop(pair.client).text(), "answer");
  EXPECT_TRUE(a.pop(pair.client).pending());
}

TEST_F(LoopbackDatagramTest, ARefusalIsReportedOnceByPop) {
  const Pair pair = connected();
  b.close(pair.server);
  const Token waiting = a.pop(pair.client);
  EXPECT_EQ(a.push(pair.client, "x").came_to(), "ok");
  settle();
  EXPECT_EQ(waiting.came_to(), "ECONNREFUSED");
  EXPECT_TRUE(a.pop(pair.client).pending());
}

TEST_F(LoopbackDatagramTest, ARefusalIsReportedOnceByPush) {
  const Pair pair = connected();
  b.close(pair.server);
  a.push(pair.client, "x");
  EXPECT_EQ(a.push(pair.client, "x").came_to(), "ECONNREFUSED");
  const QDesc again = bound(b, localhost(kPort));
  EXPECT_EQ(a.push(pair.client, "hello").came_to(), "ok");
  EXPECT_EQ(b.pop(again).text(), "hello");
}

TEST_F(LoopbackDatagramTest, ARefusalIsReportedOnceBySoError) {
  const Pair pair = connected();
  b.close(pair.server);
  a.push(pair.client, "x");
  EXPECT_EQ(a.get(pair.client, kSolSocket, kSoError), static_cast<int>(Errno::kECONNREFUSED));
  EXPECT_EQ(a.get(pair.client, kSolSocket, kSoError), 0);
  EXPECT_TRUE(a.pop(pair.client).pending());
}

TEST_F(LoopbackDatagramTest, WhatArrivedIsPoppedBeforeTheRefusal) {
  const Pair pair = connected();
  b.push_to(pair.server, "answer", pair.client_name);
  b.close(pair.server);
  a.push(pair.client, "x");
  EXPECT_EQ(a.pop(pair.client).text(), "answer");
  EXPECT_EQ(a.pop(pair.client).came_to(), "ECONNREFUSED");
}

TEST_F(LoopbackDatagramTest, ARefusalOfAnotherDestinationIsNotThePeers) {
  const Pair pair = connected();
  a.push_to(pair.client, "x", localhost(9));
  EXPECT_EQ(a.get(pair.client, kSolSocket, kSoError), 0);
}

TEST_F(LoopbackDatagramTest, ARefusalOfTheLastPeerIsNotTheNextOnes) {
  const Pair pair = connected();
  b.close(pair.server);
  a.push(pair.client, "x");
  const QDesc next = bound(b, localhost(kPort + 1));
  EXPECT_EQ(a.connect(pair.client, localhost(kPort + 1)).came_to(), "ok");
  EXPECT_EQ(a.get(pair.client, kSolSocket, kSoError), 0);
  EXPECT_EQ(a.push(pair.client, "hello").came_to(), "ok");
  EXPECT_EQ(b.pop(next).text(), "hello");
}

// --- both families ---

TEST_F(LoopbackDatagramTest, AnIPv6SocketSeesIPv4PeersMapped) {
  const QDesc server = bound(b, any_ipv6(kPort)), client = bound(a, localhost(1000));
  a.push_to(client, "question", localhost(kPort));
  const Token question = b.pop(server);
  EXPECT_EQ(question.endpoint(), localhost(1000).to_v4_mapped());
  EXPECT_EQ(b.push_to(server, "answer", question.endpoint()).came_to(), "ok");
  const Token answer = a.pop(client);
  EXPECT_EQ(answer.text(), "answer");
  EXPECT_EQ(answer.endpoint(), localhost(kPort)) << "and the IPv4 socket sees plain addresses";
}

TEST_F(LoopbackDatagramTest, AnIPv6ClientConnectsToAMappedAddress) {
  const QDesc server = bound(b, localhost(kPort)), client = a.datagram(Family::kIPv6);
  EXPECT_EQ(a.connect(client, localhost(kPort).to_v4_mapped()).came_to(), "ok");
  a.push(client, "question");
  const Token question = b.pop(server);
  EXPECT_EQ(question.endpoint(), localhost(a.name(client).port));
  b.push_to(server, "answer", question.endpoint());
  EXPECT_EQ(a.pop(client).text(), "answer") << "its peer is no stranger";
}

TEST_F(LoopbackDatagramTest, TheScopeOfAnAddressThatNeedsNoneIsIgnored) {
  Endpoint scoped = Endpoint::ipv6_loopback(kPort);
  scoped.scope_id = 7;
  const QDesc server = bound(b, scoped), client = bound(a, Endpoint::ipv6_loopback(1000));
  EXPECT_EQ(a.connect(client, scoped).came_to(), "ok");
  a.push(client, "question");
  EXPECT_EQ(b.pop(server).text(), "question");
  b.push_to(server, "answer", Endpoint::ipv6_loopback(1000));
  EXPECT_EQ(a.pop(client).text(), "answer") << "its peer is no stranger";
}

TEST_F(LoopbackDatagramTest, ASocketBoundToTheMappedWildcardSendsFromAnAddress) {
  const QDesc server = bound(b, localhost(kPort)), client = bound(a, any_ipv4(1000).to_v4_mapped());
  a.push_to(client, "question", localhost(kPort).to_v4_mapped());
  EXPECT_EQ(b.pop(server).endpoint(), localhost(1000));
}

// --- the end ---

TEST_F(LoopbackDatagramTest, ShutdownNeedsAPeer) {
  const QDesc socket = bound(a, localhost(kPort));
  for (ShutdownHow how : {ShutdownHow::kRead, ShutdownHow::kWrite, ShutdownHow::kReadWrite}) {
    EXPECT_EQ(a.shutdown(socket, how).came_to(), "thrown ENOTCONN");
  }
  EXPECT_EQ(a.push_to(socket, "x", localhost(9)).came_to(), "ok");
}

TEST_F(LoopbackDatagramTest, ShutWrEndsPushes) {
  const Pair pair = connected();
  EXPECT_EQ(a.shutdown(pair.client, ShutdownHow::kWrite).came_to(), "ok");
  EXPECT_EQ(a.push(pair.client, "x").came_to(), "thrown EPIPE");
  b.push_to(pair.server, "answer", pair.client_name);
  EXPECT_EQ(a.pop(pair.client).text(), "answer");
}

TEST_F(LoopbackDatagramTest, ShutRdEndsPops) {
  const Pair pair = connected();
  const Token pops[] = {a.pop(pair.client), a.pop(pair.client)};
  EXPECT_EQ(a.shutdown(pair.client, ShutdownHow::kRead).came_to(), "ok");
  settle();
  for (const Token& popped : pops) {
    EXPECT_EQ(popped.text(), "");
    EXPECT_FALSE(popped.has_endpoint());
  }
  b.push_to(pair.server, "late", pair.client_name);
  EXPECT_EQ(a.counters().datagrams_dropped, 1u);
  EXPECT_EQ(a.pop(pair.client).text(), "");
  EXPECT_EQ(a.push(pair.client, "still sends").came_to(), "ok");
}

TEST_F(LoopbackDatagramTest, CloseCancelsThePopsThatWait) {
  const Pair pair = connected();
  const Token popped = a.pop(pair.client);
  EXPECT_EQ(a.close(pair.client).came_to(), "ok");
  settle();
  EXPECT_EQ(popped.came_to(), "ECANCELED");
  EXPECT_EQ(b.push_to(pair.server, "x", pair.client_name).came_to(), "ok");
  EXPECT_EQ(b.counters().datagrams_dropped, 1u);
}

// --- memory that has run out ---

class DatagramWithoutMemoryTest : public SmallMemoryFixture {};

TEST_F(DatagramWithoutMemoryTest, APushWaitsForMemory) {
  const QDesc server = b.datagram(), client = a.datagram();
  b.bind(server, localhost(53));
  const Endpoint to = localhost(53);
  std::vector<SgArray> taken = exhaust();
  const Token first = a.push_bytes(client, callers_bytes("one"), &to), second = a.push_bytes(client, callers_bytes("two"), &to);
  EXPECT_TRUE(first.pending());
  taken.clear();
  settle();
  EXPECT_EQ(first.came_to(), "ok");
  EXPECT_EQ(second.came_to(), "ok");
  EXPECT_EQ(b.pop(server).text(), "one");
  EXPECT_EQ(b.pop(server).text(), "two");
}

TEST_F(DatagramWithoutMemoryTest, AShutdownThatIsRefusedLateTakesNothingAway) {
  const QDesc client = a.datagram();
  const Endpoint to = localhost(53);
  std::vector<SgArray> taken = exhaust();
  const Token pushed = a.push_bytes(client, callers_bytes("one"), &to);
  const Token end = a.shutdown(client, ShutdownHow::kWrite);
  EXPECT_TRUE(end.pending());
  taken.clear();
  settle();
  EXPECT_EQ(pushed.came_to(), "ok");
  EXPECT_EQ(end.came_to(), "ENOTCONN");
  EXPECT_EQ(a.push_to(client, "x", to).came_to(), "ok") << "nothing was shut down";
}

TEST_F(DatagramWithoutMemoryTest, BytesThatAreGoneFailThePush) {
  const QDesc client = a.datagram();
  const Endpoint to = localhost(53);
  const auto bytes = callers_bytes("one");
  std::vector<SgArray> taken = exhaust();
  const Token pushed = a.push_bytes(client, bytes, &to);
  bytes->detached = true;
  taken.clear();
  settle();
  EXPECT_EQ(pushed.came_to(), "EFAULT");
}

}  // namespace
}  // namespace demi
