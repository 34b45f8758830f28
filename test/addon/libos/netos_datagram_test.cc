#include "libos/netos_datagram.h"

#include "libos/netos_fixture.h"

namespace demi {
namespace {

class NetosDatagramTest : public NetosFixture {
 protected:
  QDesc bound(HostOf<Netos>& host, const Endpoint& name) {
    const QDesc socket = host.datagram();
    EXPECT_EQ(host.bind(socket, name), Errno::kOk);
    return socket;
  }
};

TEST_F(NetosDatagramTest, ADatagramArrivesWholeAndSaysWhereItCameFrom) {
  const QDesc from = bound(a, at(1, 1000)), to = bound(b, at(2));
  EXPECT_EQ(a.push_to(from, "hello", at(2)).came_to(), "ok");
  const Token popped = b.pop(to);
  EXPECT_EQ(text(popped), "hello");
  EXPECT_EQ(popped.endpoint(), at(1, 1000));
  EXPECT_EQ(a.push_to(from, "", at(2)).came_to(), "ok");
  const Token empty = b.pop(to);
  EXPECT_EQ(text(empty), "");
  EXPECT_TRUE(empty.has_endpoint());
}

TEST_F(NetosDatagramTest, WhatDoesNotFitTheSizeIsLost) {
  const QDesc from = bound(a, at(1, 0)), to = bound(b, at(2));
  a.push_to(from, "long one", at(2));
  a.push_to(from, "next", at(2));
  EXPECT_EQ(text(b.pop(to, 4)), "long");
  EXPECT_EQ(text(b.pop(to)), "next");
}

TEST_F(NetosDatagramTest, ASocketWithoutANameGetsOneWhenItSends) {
  const QDesc to = bound(b, at(2));
  const QDesc from = a.datagram();
  EXPECT_EQ(a.name(from), any_ipv4(0));
  const Token waiting = a.pop(from);
  a.push_to(from, "x", at(2));
  const uint16_t port = a.name(from).port;
  EXPECT_GE(port, 49152);
  const Token popped = b.pop(to);
  EXPECT_EQ(text(popped), "x");
  EXPECT_EQ(popped.endpoint(), at(1, port));
  b.push_to(to, "y", popped.endpoint());
  EXPECT_EQ(text(waiting), "y");
}

TEST_F(NetosDatagramTest, OnePacketIsTheMost) {
  const QDesc from = a.datagram();
  EXPECT_EQ(a.push_to(from, pattern(1473), at(2)).came_to(), "thrown EMSGSIZE");
  const QDesc to = bound(b, at(2));
  EXPECT_EQ(a.push_to(from, pattern(1472), at(2)).came_to(), "ok");
  EXPECT_EQ(text(b.pop(to)), pattern(1472));
}

TEST_F(NetosDatagramTest, NamesAreCheckedAndTakenOnce) {
  const QDesc first = bound(a, at(1));
  EXPECT_EQ(a.bind(first, at(1, 81)), Errno::kEINVAL);
  const QDesc other = a.datagram();
  EXPECT_EQ(a.bind(other, at(1)), Errno::kEADDRINUSE);
  EXPECT_EQ(a.bind(other, at(9)), Errno::kEADDRNOTAVAIL);
  EXPECT_EQ(a.bind(other, Endpoint::ipv6_loopback(80)), Errno::kEINVAL);
  a.close(first);
  EXPECT_EQ(a.bind(other, at(1)), Errno::kOk);
}

TEST_F(NetosDatagramTest, DestinationsThatCannotBe) {
  const QDesc from = a.datagram();
  EXPECT_EQ(a.push(from, "x").came_to(), "thrown ENOTCONN");
  EXPECT_EQ(a.push_to(from, "x", at(2, 0)).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.push_to(from, "x", any_ipv4(80)).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.push_to(from, "x", Endpoint::ipv6_loopback(80)).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.connect(from, at(2, 0)).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.push_to(from, "x", Endpoint::ipv4(192, 0, 2, 1, 80)).came_to(), "ENETUNREACH");
  EXPECT_EQ(a.connect(from, Endpoint::ipv4(192, 0, 2, 1, 80)).came_to(), "ENETUNREACH");
}

TEST_F(NetosDatagramTest, ABroadcastHasToBeAskedFor) {
  const QDesc to = bound(b, any_ipv4(kPort));
  const QDesc from = a.datagram();
  EXPECT_EQ(a.push_to(from, "all", at(255)).came_to(), "thrown EACCES");
  EXPECT_EQ(a.set(from, kSolSocket, kSoBroadcast, 1), Errno::kOk);
  EXPECT_EQ(a.get(from, kSolSocket, kSoBroadcast), 1);
  EXPECT_EQ(a.push_to(from, "all", at(255)).came_to(), "ok");
  EXPECT_EQ(text(b.pop(to)), "all");
}

TEST_F(NetosDatagramTest, AConnectedSocketHasOnePeer) {
  const QDesc near = bound(a, at(1, 1000)), far = bound(b, at(2)), stranger = bound(b, at(2, 81));
  EXPECT_EQ(a.queue(near).peer_endpoint().error(), Errno::kENOTCONN);
  EXPECT_EQ(a.connect(near, at(2)).came_to(), "ok");
  EXPECT_EQ(a.peer(near), at(2));
  b.push_to(stranger, "unheard", at(1, 1000));
  b.push_to(far, "heard", at(1, 1000));
  EXPECT_EQ(text(a.pop(near)), "heard");
  EXPECT_EQ(a.push(near, "to the peer").came_to(), "ok");
  EXPECT_EQ(text(b.pop(far)), "to the peer");
}

TEST_F(NetosDatagramTest, AConnectedSocketHearsThatNobodyIsThere) {
  const QDesc near = bound(a, at(1, 1000));
  a.connect(near, at(2));
  const Token popping = a.pop(near);
  a.push(near, "anybody?");
  EXPECT_EQ(finish(popping), "ECONNREFUSED");
  a.push(near, "anybody?");
  settle();
  EXPECT_EQ(a.so_error(near), static_cast<int64_t>(Errno::kECONNREFUSED));
  EXPECT_EQ(a.so_error(near), 0);
  a.push(near, "anybody?");
  settle();
  EXPECT_EQ(a.push(near, "really?").came_to(), "ECONNREFUSED");
  EXPECT_EQ(a.push(near, "really?").came_to(), "ok");
}

TEST_F(NetosDatagramTest, ANeighborThatDoesNotAnswerIsToldToAConnectedSocket) {
  const QDesc near = bound(a, at(1, 1000));
  a.connect(near, at(7));
  const Token popping = a.pop(near);
  a.push(near, "anybody?");
  EXPECT_EQ(finish(popping), "EHOSTUNREACH");
}

TEST_F(NetosDatagramTest, TheReceiveBufferBoundsWhatWaits) {
  const QDesc to = b.datagram();
  EXPECT_EQ(b.set(to, kSolSocket, kSoRcvbuf, 1), Errno::kOk);
  EXPECT_EQ(b.get(to, kSolSocket, kSoRcvbuf), 2048);
  EXPECT_EQ(b.set(to, kSolSocket, kSoSndbuf, 4096), Errno::kENOPROTOOPT);
  ASSERT_EQ(b.bind(to, at(2)), Errno::kOk);
  const QDesc from = bound(a, at(1, 0));
  for (int i = 0; i < 10; ++i) a.push_to(from, pattern(1000), at(2));
  settle();
  EXPECT_EQ(two->stack().counters().udp_queue_full, 9u);
  EXPECT_EQ(text(b.pop(to)), pattern(1000));
  EXPECT_EQ(b.set(to, kSolSocket, kSoRcvbuf, 1 << 20), Errno::kOk);
  for (int i = 0; i < 10; ++i) a.push_to(from, pattern(1000), at(2));
  settle();
  EXPECT_EQ(two->stack().counters().udp_queue_full, 9u);
}

TEST_F(NetosDatagramTest, PushesWaitWhenTooMuchWaitsToBeSent) {
  // The first frame to a neighbor makes him known.
  const QDesc to = bound(b, at(2)), from = bound(a, at(1, 1000));
  a.push_to(from, "first", at(2));
  EXPECT_EQ(text(b.pop(to)), "first");
  std::vector<Token> pushing;
  for (size_t i = 0; i < kTransmitQueueFrames + 10; ++i) pushing.push_back(a.push_to(from, "x", at(2)));
  EXPECT_EQ(pushing[kTransmitQueueFrames - 1].came_to(), "ok");
  EXPECT_TRUE(pushing[kTransmitQueueFrames].pending());
  settle();
  for (const Token& token : pushing) EXPECT_EQ(token.came_to(), "ok");
  for (size_t i = 0; i < kTransmitQueueFrames + 10; ++i) ASSERT_EQ(text(b.pop(to)), "x");
}

TEST_F(NetosDatagramTest, AShutdownEndsWhatIsReceived) {
  const QDesc near = bound(a, at(1, 1000));
  EXPECT_EQ(a.shutdown(near, ShutdownHow::kRead).came_to(), "thrown ENOTCONN");
  a.connect(near, at(2));
  const Token popping = a.pop(near);
  EXPECT_EQ(a.shutdown(near, ShutdownHow::kRead).came_to(), "ok");
  settle();
  EXPECT_EQ(popping.text(), "");
  EXPECT_FALSE(popping.has_endpoint());
}

}  // namespace
}  // namespace demi
