#include "libos/loopback_socket.h"

#include "libos/loopback_fixture.h"

namespace demi {
namespace {

using LoopbackSocketTest = LoopbackFixture;

TEST_F(LoopbackSocketTest, IsBoundOnce) {
  Queue& queue = stream(*one);
  EXPECT_EQ(*queue.local_endpoint(), Endpoint::wildcard(Family::kIPv4, 0));
  EXPECT_EQ(queue.bind(Endpoint::ipv6_loopback(1)).error(), Errno::kEINVAL);
  EXPECT_EQ(queue.bind(Endpoint::ipv4(224, 0, 0, 1, 1)).error(), Errno::kEADDRNOTAVAIL);
  EXPECT_TRUE(queue.bind(here(7)).ok());
  EXPECT_EQ(*queue.local_endpoint(), here(7));
  EXPECT_EQ(queue.bind(here(8)).error(), Errno::kEINVAL);
}

TEST_F(LoopbackSocketTest, KeepsItsOptions) {
  Queue& queue = stream(*one);
  option(queue, kSoLinger, 1, 5);
  EXPECT_EQ(queue.get_option(kSolSocket, kSoLinger)->seconds, 5);
  option(queue, kSoReuseaddr, 1);
  EXPECT_EQ(queue.get_option(kSolSocket, kSoReuseaddr)->number, 1);
  option(queue, kSoSndbuf, 1);
  EXPECT_EQ(queue.get_option(kSolSocket, kSoSndbuf)->number, 2048);
  option(queue, kSoRcvbuf, 5000);
  EXPECT_EQ(queue.get_option(kSolSocket, kSoRcvbuf)->number, 5000);
  EXPECT_TRUE(queue.set_option(kIpprotoTcp, kTcpNodelay, {1, 0}).ok());
  EXPECT_EQ(queue.get_option(kIpprotoTcp, kTcpNodelay)->number, 1);
  EXPECT_EQ(queue.get_option(kSolSocket, kSoType)->number, kSockStream);
  EXPECT_EQ(queue.get_option(kSolSocket, kSoError)->number, 0);
}

TEST_F(LoopbackSocketTest, RefusesWhatIsNoOption) {
  Queue& queue = datagram(*one);
  EXPECT_EQ(queue.set_option(kIpprotoTcp, kTcpNodelay, {1, 0}).error(), Errno::kENOPROTOOPT);
  EXPECT_EQ(queue.set_option(kIpprotoIpv6, kIpv6V6only, {1, 0}).error(), Errno::kENOPROTOOPT);
  EXPECT_EQ(queue.set_option(kSolSocket, 999, {1, 0}).error(), Errno::kENOPROTOOPT);
  EXPECT_EQ(queue.get_option(kSolSocket, 999).error(), Errno::kENOPROTOOPT);
  EXPECT_EQ(queue.set_option(kSolSocket, kSoType, {1, 0}).error(), Errno::kENOPROTOOPT);
  EXPECT_EQ(queue.set_option(kSolSocket, kSoSndbuf, {0, 0}).error(), Errno::kEINVAL);
  EXPECT_EQ(queue.set_option(kSolSocket, kSoRcvbuf, {(int64_t{1} << 30) + 1, 0}).error(), Errno::kEINVAL);
}

}  // namespace
}  // namespace demi
