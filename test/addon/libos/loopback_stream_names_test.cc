// The names of stream sockets and of connections: both families, v4-mapped addresses, and ports of active opens.
#include <set>

#include "libos/loopback_tokens.h"

namespace demi {
namespace {

constexpr uint16_t kPort = 80;

class StreamNamesTest : public TokensFixture {
 protected:
  // Connects a new socket of that family and checks that bytes go both ways.
  Connection connected(QDesc listener, const Endpoint& to) {
    Connection made{a.stream(to.family), QDesc()};
    EXPECT_EQ(a.connect(made.client, to).came_to(), "ok");
    const Token accepted = b.accept(listener);
    EXPECT_EQ(accepted.came_to(), "ok");
    made.server = accepted.new_queue();
    EXPECT_EQ(accepted.endpoint(), b.peer(made.server));
    EXPECT_EQ(a.peer(made.client), to);
    a.push(made.client, "question");
    EXPECT_EQ(b.pop(made.server).text(), "question");
    b.push(made.server, "answer");
    EXPECT_EQ(a.pop(made.client).text(), "answer");
    return made;
  }
};

TEST_F(StreamNamesTest, IPv6ToIPv6) {
  const QDesc listener = listening(b, Endpoint::ipv6_loopback(kPort));
  const Connection made = connected(listener, Endpoint::ipv6_loopback(kPort));
  EXPECT_EQ(a.name(made.client), Endpoint::ipv6_loopback(a.name(made.client).port));
  EXPECT_EQ(b.peer(made.server), a.name(made.client));
  EXPECT_EQ(b.name(made.server), Endpoint::ipv6_loopback(kPort));
}

TEST_F(StreamNamesTest, IPv4ToAnIPv6WildcardIsSeenMapped) {
  const QDesc listener = listening(b, any_ipv6(kPort));
  const Connection made = connected(listener, localhost(kPort));
  EXPECT_EQ(b.peer(made.server), a.name(made.client).to_v4_mapped());
  EXPECT_EQ(b.name(made.server), localhost(kPort).to_v4_mapped());
  EXPECT_EQ(a.name(made.client).words, localhost(0).words);
}

TEST_F(StreamNamesTest, AMappedAddressReachesAnIPv4Listener) {
  const QDesc listener = listening(b, localhost(kPort));
  const Connection made = connected(listener, localhost(kPort).to_v4_mapped());
  EXPECT_TRUE(a.name(made.client).is_v4_mapped());
  EXPECT_EQ(b.peer(made.server), a.name(made.client).from_v4_mapped());
  EXPECT_EQ(b.name(made.server), localhost(kPort));
}

TEST_F(StreamNamesTest, AMappedAddressReachesAnIPv6Wildcard) {
  const QDesc listener = listening(b, any_ipv6(kPort));
  const Connection made = connected(listener, localhost(kPort).to_v4_mapped());
  EXPECT_EQ(b.peer(made.server), a.name(made.client));
}

TEST_F(StreamNamesTest, AV6OnlyListenerIsNotReachedByIPv4) {
  const QDesc listener = b.stream(Family::kIPv6);
  b.set(listener, kIpprotoIpv6, kIpv6V6only, 1);
  EXPECT_EQ(b.bind(listener, any_ipv6(kPort)), Errno::kOk);
  b.listen(listener, 8);
  EXPECT_EQ(a.connect(a.stream(), localhost(kPort)).came_to(), "ECONNREFUSED");
  EXPECT_EQ(a.connect(a.stream(Family::kIPv6), localhost(kPort).to_v4_mapped()).came_to(), "ECONNREFUSED");
  connected(listener, Endpoint::ipv6_loopback(kPort));
}

TEST_F(StreamNamesTest, AV6OnlySocketDoesNotConnectToAMappedAddress) {
  listening(b, localhost(kPort));
  const QDesc client = a.stream(Family::kIPv6);
  a.set(client, kIpprotoIpv6, kIpv6V6only, 1);
  EXPECT_EQ(a.connect(client, localhost(kPort).to_v4_mapped()).came_to(), "thrown EINVAL");
}

TEST_F(StreamNamesTest, EveryUnicastAddressIsLocal) {
  const Endpoint far_away = Endpoint::ipv4(203, 0, 113, 9, kPort);
  connected(listening(b, far_away), far_away);
  const QDesc wildcard = listening(b, any_ipv4(kPort + 1));
  const Connection made = connected(wildcard, Endpoint::ipv4(8, 8, 8, 8, kPort + 1));
  EXPECT_EQ(b.name(made.server), Endpoint::ipv4(8, 8, 8, 8, kPort + 1));
}

TEST_F(StreamNamesTest, ABoundClientKeepsItsName) {
  const QDesc listener = listening(b, any_ipv4(kPort)), client = a.stream();
  EXPECT_EQ(a.bind(client, Endpoint::ipv4(10, 0, 0, 1, 1234)), Errno::kOk);
  a.connect(client, localhost(kPort));
  EXPECT_EQ(b.accept(listener).endpoint(), Endpoint::ipv4(10, 0, 0, 1, 1234));
  EXPECT_EQ(a.name(client), Endpoint::ipv4(10, 0, 0, 1, 1234));
}

TEST_F(StreamNamesTest, ConnectionsToOneListenerHavePortsOfTheirOwn) {
  const QDesc listener = listening(b, localhost(kPort));
  std::set<uint16_t> ports;
  for (int i = 0; i < 16384; ++i) {
    const QDesc client = a.stream();
    ASSERT_EQ(a.connect(client, localhost(kPort)).came_to(), "ok");
    const Token accepted = b.accept(listener);
    ASSERT_TRUE(ports.insert(accepted.endpoint().port).second) << i;
    b.close(accepted.new_queue());
    a.close(client);
  }
  EXPECT_GE(*ports.begin(), 49152);
}

TEST_F(StreamNamesTest, AnActiveOpenLeavesPortsAloneThatAreInUse) {
  const QDesc listener = listening(b, localhost(50000));
  for (int i = 0; i < 16384; ++i) {
    const QDesc client = a.stream();
    ASSERT_EQ(a.connect(client, localhost(50000)).came_to(), "ok");
    const Token accepted = b.accept(listener);
    ASSERT_NE(accepted.endpoint().port, 50000) << "both ends of a connection would have one name";
    b.close(accepted.new_queue());
    a.close(client);
  }
}

TEST_F(StreamNamesTest, ThousandsOfSocketsCanShareAPort) {
  std::vector<QDesc> sockets;
  for (int i = 0; i < 1000; ++i) {
    sockets.push_back(a.stream());
    const auto host = static_cast<uint8_t>(i % 250), net = static_cast<uint8_t>(i / 250);
    ASSERT_EQ(a.bind(sockets.back(), Endpoint::ipv4(10, 0, net, host, kPort)), Errno::kOk);
  }
  EXPECT_EQ(b.bind(b.stream(), any_ipv4(kPort)), Errno::kEADDRINUSE);
  EXPECT_EQ(b.bind(b.stream(Family::kIPv6), any_ipv6(kPort)), Errno::kEADDRINUSE);
  EXPECT_EQ(b.bind(b.stream(Family::kIPv6), Endpoint::ipv6_loopback(kPort)), Errno::kOk);
  for (QDesc socket : sockets) a.close(socket);
  EXPECT_EQ(b.bind(b.stream(), any_ipv4(kPort)), Errno::kOk);
}

}  // namespace
}  // namespace demi
