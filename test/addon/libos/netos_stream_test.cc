#include "libos/netos_stream.h"

#include "libos/netos_fixture.h"

namespace demi {
namespace {

class NetosStreamTest : public NetosFixture {
 protected:
  // More than both buffers of established(kSmall) hold.
  static constexpr int64_t kSmall = 16 * 1024;
  static constexpr size_t kMuch = 100'000;
};

// --- opening ---

TEST_F(NetosStreamTest, BytesGoBothWays) {
  const Connection made = established();
  EXPECT_EQ(a.push(made.client, "there").came_to(), "ok");
  EXPECT_EQ(text(b.pop(made.server)), "there");
  EXPECT_EQ(b.push(made.server, "back").came_to(), "ok");
  EXPECT_EQ(text(a.pop(made.client)), "back");
  EXPECT_EQ(a.peer(made.client), at(2));
  EXPECT_EQ(b.peer(made.server), a.name(made.client));
  EXPECT_EQ(b.name(made.server), at(2));
}

TEST_F(NetosStreamTest, ARefusedConnectFailsThroughTheTokenAndCanBeRepeated) {
  const QDesc client = a.stream();
  EXPECT_EQ(finish(a.connect(client, at(2))), "ECONNREFUSED");
  EXPECT_EQ(a.queue(client).peer_endpoint().error(), Errno::kENOTCONN);
  const QDesc listener = listening(b, at(2));
  EXPECT_EQ(finish(a.connect(client, at(2))), "ok");
  EXPECT_EQ(finish(b.accept(listener)), "ok");
}

TEST_F(NetosStreamTest, ConnectRefusesWhatCannotBe) {
  const QDesc client = a.stream();
  EXPECT_EQ(a.connect(client, at(2, 0)).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.connect(client, any_ipv4(80)).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.connect(client, Endpoint::ipv6_loopback(80)).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.connect(client, Endpoint::ipv4(224, 0, 0, 1, 80)).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.connect(listening(a, at(1)), at(2)).came_to(), "thrown EISCONN");
  const Token connecting = a.connect(client, at(2));
  EXPECT_EQ(a.connect(client, at(2)).came_to(), "thrown EALREADY");
  EXPECT_EQ(finish(connecting), "ECONNREFUSED");
  const Connection made = established();
  EXPECT_EQ(a.connect(made.client, at(2)).came_to(), "thrown EISCONN");
}

TEST_F(NetosStreamTest, WhatTheNetworkSaysOfAConnect) {
  EXPECT_EQ(finish(a.connect(a.stream(), Endpoint::ipv4(192, 0, 2, 1, 80))), "ENETUNREACH");
  EXPECT_EQ(finish(a.connect(a.stream(), at(9))), "EHOSTUNREACH");
  // The neighbor is known, and then says nothing, not even when it is asked whether it is there.
  established();
  cut_the_wire();
  const Token connecting = a.connect(a.stream(), at(2));
  run_for(Duration::seconds(120));
  EXPECT_EQ(connecting.came_to(), "EHOSTUNREACH");
}

TEST_F(NetosStreamTest, AConnectThatWasCanceledLeavesASocketThatCanConnect) {
  const QDesc client = a.stream();
  const Token connecting = a.connect(client, at(9));
  a.cancel(connecting);
  EXPECT_EQ(connecting.came_to(), "ECANCELED");
  listening(b, at(2));
  EXPECT_EQ(finish(a.connect(client, at(2))), "ok");
}

TEST_F(NetosStreamTest, NamesAreTakenFromBindToClose) {
  const QDesc first = a.stream();
  EXPECT_EQ(a.name(first), any_ipv4(0));
  EXPECT_EQ(a.listen(first, 1), Errno::kEDESTADDRREQ);
  EXPECT_EQ(a.bind(first, at(1)), Errno::kOk);
  EXPECT_EQ(a.bind(first, at(1, 81)), Errno::kEINVAL);
  EXPECT_EQ(a.name(first), at(1));
  const QDesc second = a.stream();
  EXPECT_EQ(a.bind(second, at(1)), Errno::kEADDRINUSE);
  EXPECT_EQ(a.bind(second, any_ipv4(kPort)), Errno::kEADDRINUSE);
  EXPECT_EQ(a.bind(second, at(9)), Errno::kEADDRNOTAVAIL);
  EXPECT_EQ(a.listen(first, 1), Errno::kOk);
  EXPECT_EQ(a.listen(first, 5), Errno::kOk);
  a.close(first);
  EXPECT_EQ(a.bind(second, at(1)), Errno::kOk);
  const QDesc third = a.stream();
  EXPECT_EQ(a.bind(third, any_ipv4(0)), Errno::kOk);
  EXPECT_GE(a.name(third).port, 49152);
}

TEST_F(NetosStreamTest, ABoundSocketConnectsFromItsName) {
  listening(b, at(2));
  const QDesc client = a.stream();
  ASSERT_EQ(a.bind(client, at(1, 1234)), Errno::kOk);
  EXPECT_EQ(finish(a.connect(client, at(2))), "ok");
  EXPECT_EQ(a.name(client), at(1, 1234));
  // The very connection is there already.
  a.close(client);
  settle();
  const QDesc again = a.stream();
  ASSERT_EQ(a.bind(again, at(1, 1234)), Errno::kOk);
  EXPECT_EQ(a.connect(again, at(2)).came_to(), "thrown EADDRNOTAVAIL");
}

TEST_F(NetosStreamTest, AFullBacklogLetsConnectsWait) {
  const QDesc listener = listening(b, at(2), 1);
  EXPECT_EQ(finish(a.connect(a.stream(), at(2))), "ok");
  const Token late = a.connect(a.stream(), at(2));
  run_for(Duration::milliseconds(100));
  EXPECT_TRUE(late.pending());
  EXPECT_EQ(finish(b.accept(listener)), "ok");
  EXPECT_EQ(finish(late), "ok");
}

TEST_F(NetosStreamTest, ALargerBacklogTakesMore) {
  const QDesc listener = listening(b, at(2), 1);
  EXPECT_EQ(b.listen(listener, 3), Errno::kOk);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(finish(a.connect(a.stream(), at(2))), "ok");
}

TEST_F(NetosStreamTest, ClosingAListenerResetsWhoWasNotAccepted) {
  const QDesc listener = listening(b, at(2));
  const QDesc client = a.stream();
  EXPECT_EQ(finish(a.connect(client, at(2))), "ok");
  b.close(listener);
  EXPECT_EQ(finish(a.pop(client)), "ECONNRESET");
  EXPECT_EQ(finish(a.connect(a.stream(), at(2))), "ECONNREFUSED");
}

// --- data ---

TEST_F(NetosStreamTest, APushIsDoneWhenTheSendBufferHasIt) {
  const Connection made = established(kSmall);
  const Token pushing = a.push(made.client, pattern(kMuch));
  settle();
  EXPECT_TRUE(pushing.pending());
  EXPECT_EQ(read(b, made.server, kMuch), pattern(kMuch));
  EXPECT_EQ(finish(pushing), "ok");
  EXPECT_EQ(pushing.bytes_accepted(), kMuch);
}

TEST_F(NetosStreamTest, BytesOfTheCallerAreTakenAsRoomAppears) {
  const Connection made = established(kSmall);
  const auto bytes = callers_bytes(pattern(kMuch));
  const Token pushing = a.push_bytes(made.client, bytes);
  settle();
  EXPECT_EQ(bytes->kept, 1);
  EXPECT_EQ(read(b, made.server, kMuch), pattern(kMuch));
  EXPECT_EQ(finish(pushing), "ok");
  EXPECT_EQ(bytes->kept, 0);
  const Token gone = a.push_bytes(made.client, bytes);
  bytes->detached = true;
  settle();
  read(b, made.server, static_cast<size_t>(kSmall));
  EXPECT_EQ(finish(gone), "EFAULT");
}

TEST_F(NetosStreamTest, APushUntilAcknowledgedWaitsForThePeersStack) {
  const Connection made = established();
  const Token pushing = a.push(made.client, "seen", true);
  EXPECT_TRUE(pushing.pending());
  link_two->outgoing().configure({.loss = 1});
  run_for(Duration::milliseconds(100));
  EXPECT_TRUE(pushing.pending());
  link_two->outgoing().configure({});
  EXPECT_EQ(finish(pushing), "ok");
  EXPECT_EQ(text(b.pop(made.server)), "seen");
}

TEST_F(NetosStreamTest, ACanceledPopLosesNothing) {
  const Connection made = established();
  const Token canceled = b.pop(made.server);
  b.cancel(canceled);
  EXPECT_EQ(canceled.came_to(), "ECANCELED");
  a.push(made.client, "kept");
  EXPECT_EQ(text(b.pop(made.server, 2)), "ke");
  EXPECT_EQ(text(b.pop(made.server)), "pt");
}

TEST_F(NetosStreamTest, PushesWithoutAConnectionAreRefused) {
  const QDesc fresh = a.stream();
  EXPECT_EQ(a.push(fresh, "x").came_to(), "thrown ENOTCONN");
  EXPECT_EQ(a.pop(fresh).came_to(), "thrown ENOTCONN");
  EXPECT_EQ(a.accept(fresh).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.shutdown(fresh, ShutdownHow::kWrite).came_to(), "thrown ENOTCONN");
}

// --- the end ---

TEST_F(NetosStreamTest, HalfCloseLeavesTheOtherHalf) {
  const Connection made = established();
  a.push(made.client, "request");
  EXPECT_EQ(a.shutdown(made.client, ShutdownHow::kWrite).came_to(), "ok");
  EXPECT_EQ(a.push(made.client, "x").came_to(), "thrown EPIPE");
  EXPECT_EQ(text(b.pop(made.server)), "request");
  EXPECT_EQ(text(b.pop(made.server)), "");
  b.push(made.server, "answer");
  EXPECT_EQ(text(a.pop(made.client)), "answer");
}

TEST_F(NetosStreamTest, WhoReadsNoMoreDropsWhatComes) {
  const Connection made = established(kSmall);
  const Token popping = b.pop(made.server);
  EXPECT_EQ(b.shutdown(made.server, ShutdownHow::kRead).came_to(), "ok");
  settle();
  EXPECT_EQ(popping.text(), "");
  EXPECT_EQ(finish(a.push(made.client, pattern(kMuch), true)), "ok");
}

TEST_F(NetosStreamTest, WhatWasAcceptedIsDeliveredBehindTheClose) {
  const Connection made = established(kSmall);
  EXPECT_EQ(a.push(made.client, pattern(kSmall)).came_to(), "ok");
  EXPECT_EQ(a.close(made.client).came_to(), "ok");
  EXPECT_EQ(read(b, made.server, kSmall), pattern(kSmall));
  EXPECT_EQ(text(b.pop(made.server)), "");
}

TEST_F(NetosStreamTest, AResetIsToldOnceAndThenThePipeIsBroken) {
  const Connection made = established();
  b.linger(made.server, 0);
  EXPECT_EQ(b.close(made.server).came_to(), "ok");
  settle();
  EXPECT_EQ(a.counters().resets, 1u);
  EXPECT_EQ(b.counters().resets, 1u);
  EXPECT_EQ(finish(a.push(made.client, "x")), "ECONNRESET");
  EXPECT_EQ(finish(a.push(made.client, "x")), "EPIPE");
  EXPECT_EQ(finish(a.pop(made.client)), "ECONNRESET");
}

TEST_F(NetosStreamTest, SoErrorTellsAResetOnce) {
  const Connection made = established();
  b.linger(made.server, 0);
  b.close(made.server);
  settle();
  EXPECT_EQ(a.so_error(made.client), static_cast<int64_t>(Errno::kECONNRESET));
  EXPECT_EQ(a.so_error(made.client), 0);
}

TEST_F(NetosStreamTest, ClosingWithBytesUnreadResetsThePeer) {
  const Connection made = established();
  a.push(made.client, "never read");
  settle();
  b.close(made.server);
  EXPECT_EQ(finish(a.pop(made.client)), "ECONNRESET");
  EXPECT_EQ(b.counters().resets, 1u);
}

TEST_F(NetosStreamTest, LingeringWaitsForThePeersAcknowledgment) {
  const Connection made = established();
  settle();
  link_two->outgoing().configure({.loss = 1});
  a.linger(made.client, 10);
  a.push(made.client, "last words");
  const Token closing = a.close(made.client);
  run_for(Duration::seconds(1));
  EXPECT_TRUE(closing.pending());
  link_two->outgoing().configure({});
  EXPECT_EQ(finish(closing), "ok");
  EXPECT_EQ(text(b.pop(made.server)), "last words");
  EXPECT_EQ(text(b.pop(made.server)), "");
}

TEST_F(NetosStreamTest, LingeringEndsWithAResetWhenItsTimeIsOver) {
  const Connection made = established();
  const Token popping = b.pop(made.server);
  settle();
  link_one->outgoing().configure({.loss = 1});
  a.linger(made.client, 2);
  a.push(made.client, "never seen");
  const Token closing = a.close(made.client);
  run_for(Duration::milliseconds(1999));
  EXPECT_TRUE(closing.pending());
  link_one->outgoing().configure({});
  run_for(Duration::milliseconds(1));
  EXPECT_EQ(closing.came_to(), "ETIMEDOUT");
  settle();
  EXPECT_EQ(popping.came_to(), "ECONNRESET");
}

TEST_F(NetosStreamTest, LingeringHearsOfTheReset) {
  const Connection made = established(kSmall);
  a.push(made.client, pattern(kMuch));
  settle();
  a.linger(made.client, 10);
  const Token closing = a.close(made.client);
  settle();
  EXPECT_TRUE(closing.pending());
  b.linger(made.server, 0);
  b.close(made.server);
  EXPECT_EQ(finish(closing), "ECONNRESET");
}

TEST_F(NetosStreamTest, APeerThatVanishedIsGivenUpAfterTheUserTimeout) {
  const Connection made = established();
  EXPECT_EQ(a.set(made.client, kIpprotoTcp, kTcpUserTimeout, 3000), Errno::kOk);
  EXPECT_EQ(a.get(made.client, kIpprotoTcp, kTcpUserTimeout), 3000);
  const Token popping = a.pop(made.client);
  cut_the_wire();
  a.push(made.client, "anybody?");
  run_for(Duration::milliseconds(2900));
  EXPECT_TRUE(popping.pending());
  run_for(Duration::milliseconds(200));
  EXPECT_EQ(popping.came_to(), "ETIMEDOUT");
}

TEST_F(NetosStreamTest, KeepaliveFindsAPeerThatVanished) {
  const Connection made = established();
  EXPECT_EQ(a.get(made.client, kIpprotoTcp, kTcpKeepidle), 7200);
  EXPECT_EQ(a.get(made.client, kIpprotoTcp, kTcpKeepintvl), 75);
  EXPECT_EQ(a.get(made.client, kIpprotoTcp, kTcpKeepcnt), 9);
  EXPECT_EQ(a.set(made.client, kIpprotoTcp, kTcpKeepidle, 10), Errno::kOk);
  EXPECT_EQ(a.set(made.client, kIpprotoTcp, kTcpKeepintvl, 2), Errno::kOk);
  EXPECT_EQ(a.set(made.client, kIpprotoTcp, kTcpKeepcnt, 3), Errno::kOk);
  EXPECT_EQ(a.set(made.client, kSolSocket, kSoKeepalive, 1), Errno::kOk);
  EXPECT_EQ(a.get(made.client, kSolSocket, kSoKeepalive), 1);
  EXPECT_EQ(a.get(made.client, kIpprotoTcp, kTcpKeepidle), 10);
  const Token popping = a.pop(made.client);
  run_for(Duration::seconds(60));
  EXPECT_TRUE(popping.pending());
  cut_the_wire();
  run_for(Duration::seconds(30));
  EXPECT_EQ(popping.came_to(), "ETIMEDOUT");
}

class NetosKeepaliveTest : public NetosFixture {
 protected:
  static void ask_for_probes(StackConfig& config) {
    config.tcp.keepalive = true;
    config.tcp.keepalive_idle = Duration::seconds(10);
    config.tcp.keepalive_interval = Duration::seconds(2);
    config.tcp.keepalive_probes = 3;
  }
  NetosKeepaliveTest() : NetosFixture(0, ask_for_probes) {}
};

TEST_F(NetosKeepaliveTest, ConfiguredForAllSocketsUntilOneIsToldOtherwise) {
  const Connection made = established();
  EXPECT_EQ(a.get(made.client, kSolSocket, kSoKeepalive), 1);
  EXPECT_EQ(b.get(made.server, kSolSocket, kSoKeepalive), 1);
  EXPECT_EQ(b.set(made.server, kSolSocket, kSoKeepalive, 0), Errno::kOk);
  const Token asks = a.pop(made.client);
  const Token waits = b.pop(made.server);
  cut_the_wire();
  run_for(Duration::seconds(30));
  EXPECT_EQ(asks.came_to(), "ETIMEDOUT");
  EXPECT_TRUE(waits.pending());
}

// --- options ---

TEST_F(NetosStreamTest, OptionsHoldForTheConnectionTheyWereSetBefore) {
  listening(b, at(2));
  const QDesc client = a.stream();
  EXPECT_EQ(a.get(client, kIpprotoTcp, kTcpNodelay), 0);
  EXPECT_EQ(a.set(client, kIpprotoTcp, kTcpNodelay, 1), Errno::kOk);
  EXPECT_TRUE(a.queue(client).set_text_option(kIpprotoTcp, kTcpCongestion, "reno").ok());
  EXPECT_EQ(finish(a.connect(client, at(2))), "ok");
  EXPECT_EQ(a.get(client, kIpprotoTcp, kTcpNodelay), 1);
  EXPECT_EQ(*a.queue(client).text_option(kIpprotoTcp, kTcpCongestion), "reno");
  // Two small segments leave in one turn, without waiting for an acknowledgment.
  const uint64_t before = one->stack().counters().frames_out;
  a.push(client, "one");
  one->turn(clock.now());
  a.push(client, "two");
  one->turn(clock.now());
  EXPECT_EQ(one->stack().counters().frames_out, before + 2);
}

TEST_F(NetosStreamTest, AnAcceptedConnectionBeginsWithTheOptionsOfItsListener) {
  const QDesc listener = listening(b, at(2));
  b.linger(listener, 5);
  b.set(listener, kIpprotoTcp, kTcpNodelay, 1);
  b.set(listener, kSolSocket, kSoSndbuf, 30'000);
  a.connect(a.stream(), at(2));
  const Token accepting = b.accept(listener);
  EXPECT_EQ(finish(accepting), "ok");
  const QDesc server = accepting.new_queue();
  EXPECT_EQ(b.queue(server).get_option(kSolSocket, kSoLinger)->seconds, 5);
  EXPECT_EQ(b.get(server, kIpprotoTcp, kTcpNodelay), 1);
  EXPECT_EQ(b.get(server, kSolSocket, kSoSndbuf), 30'000);
}

TEST_F(NetosStreamTest, OptionsThatCannotBe) {
  const QDesc socket = a.stream();
  EXPECT_EQ(a.set(socket, kIpprotoTcp, kTcpKeepidle, 0), Errno::kEINVAL);
  EXPECT_EQ(a.set(socket, kIpprotoTcp, kTcpKeepintvl, 40'000), Errno::kEINVAL);
  EXPECT_EQ(a.set(socket, kIpprotoTcp, kTcpKeepcnt, 128), Errno::kEINVAL);
  EXPECT_EQ(a.set(socket, kIpprotoTcp, kTcpUserTimeout, -1), Errno::kEINVAL);
  EXPECT_EQ(a.set(socket, kSolSocket, kSoSndbuf, 0), Errno::kEINVAL);
  EXPECT_EQ(a.set(socket, kIpprotoTcp, kTcpMaxseg, 87), Errno::kEINVAL);
  EXPECT_EQ(a.set(socket, kIpprotoTcp, 4242, 1), Errno::kENOPROTOOPT);
  EXPECT_EQ(a.queue(socket).get_option(kIpprotoTcp, 4242).error(), Errno::kENOPROTOOPT);
  EXPECT_EQ(a.queue(socket).set_text_option(kIpprotoTcp, kTcpCongestion, "bbr").error(), Errno::kEINVAL);
  EXPECT_EQ(a.queue(socket).set_text_option(kIpprotoTcp, kTcpNodelay, "1").error(), Errno::kENOPROTOOPT);
  EXPECT_EQ(a.queue(socket).text_option(kSolSocket, kTcpCongestion).error(), Errno::kENOPROTOOPT);
}

TEST_F(NetosStreamTest, TcpInfoAndMaxseg) {
  const QDesc fresh = a.stream();
  EXPECT_EQ(a.queue(fresh).tcp_info()->state, static_cast<uint64_t>(TcpState::kClosed));
  EXPECT_EQ(a.get(fresh, kIpprotoTcp, kTcpMaxseg), 536);
  EXPECT_EQ(b.queue(listening(b, at(2, 81))).tcp_info()->state, static_cast<uint64_t>(TcpState::kListen));
  EXPECT_EQ(a.set(fresh, kIpprotoTcp, kTcpMaxseg, 1000), Errno::kOk);
  EXPECT_EQ(a.get(fresh, kIpprotoTcp, kTcpMaxseg), 1000);
  listening(b, at(2, 82));
  EXPECT_EQ(finish(a.connect(fresh, at(2, 82))), "ok");
  EXPECT_EQ(a.get(fresh, kIpprotoTcp, kTcpMaxseg), 988);
  EXPECT_EQ(a.set(fresh, kIpprotoTcp, kTcpMaxseg, 500), Errno::kEINVAL);
  const Connection made = established();
  a.push(made.client, "12345");
  settle();
  const TcpInfo info = *a.queue(made.client).tcp_info();
  EXPECT_EQ(info.state, static_cast<uint64_t>(TcpState::kEstablished));
  EXPECT_EQ(info.snd_mss, 1448u);
  EXPECT_EQ(info.bytes_sent, 5u);
  EXPECT_EQ(a.get(made.client, kIpprotoTcp, kTcpMaxseg), 1448);
}

}  // namespace
}  // namespace demi
