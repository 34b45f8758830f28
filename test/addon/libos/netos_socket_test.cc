#include "libos/netos_socket.h"

#include "libos/netos_fixture.h"

namespace demi {
namespace {

TEST(NetosSocket, EndpointsAreTheSameInTheStack) {
  const Endpoint endpoint = Endpoint::ipv4(10, 0, 0, 1, 80);
  EXPECT_EQ(inet_endpoint_of(endpoint), (InetEndpoint{IpAddress::ipv4(10, 0, 0, 1), 80}));
  EXPECT_EQ(endpoint_of(inet_endpoint_of(endpoint)), endpoint);
  EXPECT_EQ(endpoint_of({IpAddress::ipv6(1, 2, 3, 4), 5}).words, (std::array<uint32_t, 4>{1, 2, 3, 4}));
}

class NetosSocketTest : public NetosFixture {};

TEST_F(NetosSocketTest, OptionsOfEverySocket) {
  for (const QDesc socket : {a.stream(), a.datagram()}) {
    EXPECT_EQ(a.get(socket, kSolSocket, kSoLinger), 0);
    a.linger(socket, 3);
    EXPECT_EQ(a.queue(socket).get_option(kSolSocket, kSoLinger)->seconds, 3);
    EXPECT_EQ(a.set(socket, kSolSocket, kSoLinger, 1, -1), Errno::kEINVAL);
    EXPECT_EQ(a.set(socket, kSolSocket, kSoReuseaddr, 1), Errno::kOk);
    EXPECT_EQ(a.get(socket, kSolSocket, kSoReuseaddr), 1);
    EXPECT_EQ(a.set(socket, kSolSocket, kSoRcvbuf, 0), Errno::kEINVAL);
    EXPECT_EQ(a.set(socket, kSolSocket, kSoRcvbuf, kLargestSocketBufferBytes + 1), Errno::kEINVAL);
    EXPECT_EQ(a.set(socket, kSolSocket, kSoRcvbuf, 100'000), Errno::kOk);
    EXPECT_EQ(a.get(socket, kSolSocket, kSoRcvbuf), 100'000);
    EXPECT_EQ(a.so_error(socket), 0);
    EXPECT_EQ(a.set(socket, kSolSocket, kSoError, 0), Errno::kENOPROTOOPT);
    EXPECT_EQ(a.set(socket, kSolSocket, kSoType, 0), Errno::kENOPROTOOPT);
    EXPECT_EQ(a.set(socket, kIpprotoIpv6, kIpv6V6only, 1), Errno::kENOPROTOOPT);
    EXPECT_EQ(a.queue(socket).get_option(kIpprotoIpv6, kIpv6V6only).error(), Errno::kENOPROTOOPT);
  }
  EXPECT_EQ(a.get(a.stream(), kSolSocket, kSoType), kSockStream);
  EXPECT_EQ(a.get(a.datagram(), kSolSocket, kSoType), kSockDgram);
}

TEST_F(NetosSocketTest, AnEventOfASocketThatIsGoneIsNobodys) {
  const Connection made = established();
  a.push(made.client, "x");
  one->turn(clock.now());
  // The event for the first socket is on its way when its place is taken by another.
  b.close(made.server);
  const QDesc other = b.datagram();
  ASSERT_EQ(b.bind(other, at(2, 81)), Errno::kOk);
  const Token popping = b.pop(other);
  settle();
  EXPECT_TRUE(popping.pending());
}

}  // namespace
}  // namespace demi
