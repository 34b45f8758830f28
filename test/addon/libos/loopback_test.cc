#include "libos/loopback.h"

#include <gtest/gtest.h>

#include <set>

#include "libos/loopback_tokens.h"

namespace demi {
namespace {

constexpr uint16_t kPort = 80;

Endpoint mapped(const Endpoint& endpoint) { return endpoint.to_v4_mapped(); }

class LoopbackNamespaceTest : public TokensFixture {
 protected:
  // What binding a second socket comes to when the first is bound already.
  Errno second(const Endpoint& first, const Endpoint& then, bool first_v6only = false, bool then_v6only = false) {
    const QDesc holder = bound(first, first_v6only);
    const QDesc other = b.datagram(then.family);
    if (then_v6only) b.set(other, kIpprotoIpv6, kIpv6V6only, 1);
    const Errno result = b.bind(other, then);
    a.close(holder);
    b.close(other);
    return result;
  }
  QDesc bound(const Endpoint& name, bool v6only = false) {
    const QDesc socket = a.datagram(name.family);
    if (v6only) a.set(socket, kIpprotoIpv6, kIpv6V6only, 1);
    EXPECT_EQ(a.bind(socket, name), Errno::kOk);
    return socket;
  }
  // Whether the socket at `a` gets what is sent to that address.
  bool receives(QDesc socket, const Endpoint& to) {
    const QDesc sender = b.datagram(to.family);
    EXPECT_EQ(b.push_to(sender, "x", to).came_to(), "ok");
    b.close(sender);
    const Token popped = a.pop(socket);
    const bool received = !popped.pending();
    a.cancel(popped);
    return received;
  }
};

TEST_F(LoopbackNamespaceTest, AnAddressIsTakenOnce) {
  EXPECT_EQ(second(localhost(kPort), localhost(kPort)), Errno::kEADDRINUSE);
  EXPECT_EQ(second(localhost(kPort), localhost(kPort + 1)), Errno::kOk);
  EXPECT_EQ(second(localhost(kPort), Endpoint::ipv4(127, 0, 0, 2, kPort)), Errno::kOk);
  EXPECT_EQ(second(Endpoint::ipv6_loopback(kPort), Endpoint::ipv6_loopback(kPort)), Errno::kEADDRINUSE);
  EXPECT_EQ(second(Endpoint::ipv6_loopback(kPort), localhost(kPort)), Errno::kOk);
}

TEST_F(LoopbackNamespaceTest, AWildcardOverlapsEveryAddressOfItsFamily) {
  EXPECT_EQ(second(any_ipv4(kPort), localhost(kPort)), Errno::kEADDRINUSE);
  EXPECT_EQ(second(localhost(kPort), any_ipv4(kPort)), Errno::kEADDRINUSE);
  EXPECT_EQ(second(any_ipv4(kPort), any_ipv4(kPort)), Errno::kEADDRINUSE);
  EXPECT_EQ(second(any_ipv4(kPort), localhost(kPort + 1)), Errno::kOk);
  EXPECT_EQ(second(any_ipv4(kPort), Endpoint::ipv6_loopback(kPort)), Errno::kOk);
  EXPECT_EQ(second(Endpoint::ipv6_loopback(kPort), any_ipv6(kPort)), Errno::kEADDRINUSE);
}

TEST_F(LoopbackNamespaceTest, AnIPv6WildcardOverlapsBothFamiliesUnlessItIsV6Only) {
  EXPECT_EQ(second(any_ipv6(kPort), localhost(kPort)), Errno::kEADDRINUSE);
  EXPECT_EQ(second(localhost(kPort), any_ipv6(kPort)), Errno::kEADDRINUSE);
  EXPECT_EQ(second(any_ipv4(kPort), any_ipv6(kPort)), Errno::kEADDRINUSE);
  EXPECT_EQ(second(any_ipv6(kPort), localhost(kPort), true), Errno::kOk);
  EXPECT_EQ(second(localhost(kPort), any_ipv6(kPort), false, true), Errno::kOk);
  EXPECT_EQ(second(any_ipv6(kPort), any_ipv4(kPort), true), Errno::kOk);
  EXPECT_EQ(second(any_ipv6(kPort), any_ipv6(kPort), true, false), Errno::kEADDRINUSE);
  EXPECT_EQ(second(any_ipv6(kPort), Endpoint::ipv6_loopback(kPort), true), Errno::kEADDRINUSE);
}

TEST_F(LoopbackNamespaceTest, AMappedAddressIsTheIPv4Address) {
  EXPECT_EQ(second(localhost(kPort), mapped(localhost(kPort))), Errno::kEADDRINUSE);
  EXPECT_EQ(second(mapped(localhost(kPort)), localhost(kPort)), Errno::kEADDRINUSE);
  EXPECT_EQ(second(mapped(localhost(kPort)), any_ipv4(kPort)), Errno::kEADDRINUSE);
  EXPECT_EQ(second(any_ipv4(kPort), mapped(localhost(kPort))), Errno::kEADDRINUSE);
  EXPECT_EQ(second(any_ipv6(kPort), mapped(localhost(kPort))), Errno::kEADDRINUSE);
  EXPECT_EQ(second(mapped(localhost(kPort)), any_ipv6(kPort)), Errno::kEADDRINUSE);
  EXPECT_EQ(second(mapped(any_ipv4(kPort)), localhost(kPort)), Errno::kEADDRINUSE);
  EXPECT_EQ(second(mapped(any_ipv4(kPort)), Endpoint::ipv6_loopback(kPort)), Errno::kOk);
  EXPECT_EQ(second(mapped(localhost(kPort)), Endpoint::ipv6_loopback(kPort)), Errno::kOk);
  EXPECT_EQ(second(any_ipv6(kPort), mapped(localhost(kPort)), true), Errno::kOk);
}

TEST_F(LoopbackNamespaceTest, AMappedAddressIsNoneOfAV6OnlySocket) {
  const QDesc socket = a.datagram(Family::kIPv6);
  a.set(socket, kIpprotoIpv6, kIpv6V6only, 1);
  EXPECT_EQ(a.bind(socket, mapped(localhost(kPort))), Errno::kEINVAL);
  EXPECT_EQ(a.push_to(socket, "x", mapped(localhost(kPort))).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.connect(socket, mapped(localhost(kPort))).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.bind(socket, Endpoint::ipv6_loopback(kPort)), Errno::kOk);
}

TEST_F(LoopbackNamespaceTest, ASocketBoundToOneFamilyReachesThatFamilyOnly) {
  const QDesc six = a.datagram(Family::kIPv6);
  a.bind(six, Endpoint::ipv6_loopback(kPort));
  EXPECT_EQ(a.push_to(six, "x", mapped(localhost(9))).came_to(), "thrown EINVAL");
  const QDesc four = a.datagram(Family::kIPv6);
  a.bind(four, mapped(localhost(kPort)));
  EXPECT_EQ(a.push_to(four, "x", Endpoint::ipv6_loopback(9)).came_to(), "thrown EINVAL");
  EXPECT_EQ(a.push_to(four, "x", mapped(localhost(9))).came_to(), "ok");
}

TEST_F(LoopbackNamespaceTest, StreamsAndDatagramsHavePortsOfTheirOwn) {
  const QDesc stream = a.stream(), datagram = a.datagram();
  EXPECT_EQ(a.bind(stream, any_ipv4(kPort)), Errno::kOk);
  EXPECT_EQ(a.bind(datagram, any_ipv4(kPort)), Errno::kOk);
}

TEST_F(LoopbackNamespaceTest, AnAddressIsFreeAfterClose) {
  const QDesc first = a.stream();
  EXPECT_EQ(a.bind(first, localhost(kPort)), Errno::kOk);
  a.close(first);
  EXPECT_EQ(b.bind(b.stream(), localhost(kPort)), Errno::kOk);
}

TEST_F(LoopbackNamespaceTest, DatagramsReachTheVeryAddressOrTheWildcard) {
  EXPECT_TRUE(receives(bound(localhost(1)), localhost(1)));
  EXPECT_FALSE(receives(bound(localhost(2)), Endpoint::ipv4(127, 0, 0, 2, 2)));
  EXPECT_TRUE(receives(bound(any_ipv4(3)), Endpoint::ipv4(10, 1, 2, 3, 3)));
  EXPECT_FALSE(receives(bound(any_ipv4(4)), Endpoint::ipv6_loopback(4)));
  EXPECT_TRUE(receives(bound(any_ipv4(5)), mapped(localhost(5))));
  EXPECT_TRUE(receives(bound(any_ipv6(6)), Endpoint::ipv6_loopback(6)));
  EXPECT_TRUE(receives(bound(any_ipv6(7)), localhost(7)));
  EXPECT_FALSE(receives(bound(any_ipv6(8), true), localhost(8)));
  EXPECT_TRUE(receives(bound(mapped(localhost(9))), localhost(9)));
  EXPECT_TRUE(receives(bound(mapped(localhost(10))), mapped(localhost(10))));
  EXPECT_TRUE(receives(bound(mapped(any_ipv4(11))), localhost(11)));
  EXPECT_FALSE(receives(bound(mapped(any_ipv4(12))), Endpoint::ipv6_loopback(12)));
}

TEST_F(LoopbackNamespaceTest, TheV4WildcardAndTheV6OnlyWildcardShareAPort) {
  const QDesc four = bound(any_ipv4(kPort)), six = bound(any_ipv6(kPort), true);
  EXPECT_TRUE(receives(four, localhost(kPort)));
  EXPECT_TRUE(receives(six, Endpoint::ipv6_loopback(kPort)));
  EXPECT_FALSE(receives(six, localhost(kPort)));
}

TEST_F(LoopbackNamespaceTest, WhatCannotBeBound) {
  EXPECT_EQ(a.bind(a.datagram(), Endpoint::ipv6_loopback(kPort)), Errno::kEINVAL) << "the other family";
  EXPECT_EQ(a.bind(a.datagram(Family::kIPv6), localhost(kPort)), Errno::kEINVAL);
  EXPECT_EQ(a.bind(a.datagram(), Endpoint::ipv4(224, 0, 0, 1, kPort)), Errno::kEADDRNOTAVAIL);
  EXPECT_EQ(a.bind(a.datagram(), Endpoint::ipv4(255, 255, 255, 255, kPort)), Errno::kEADDRNOTAVAIL);
  EXPECT_EQ(a.bind(a.datagram(Family::kIPv6), mapped(Endpoint::ipv4(224, 0, 0, 1, kPort))), Errno::kEADDRNOTAVAIL);
  const QDesc socket = a.datagram();
  EXPECT_EQ(a.bind(socket, localhost(kPort)), Errno::kOk);
  EXPECT_EQ(a.bind(socket, localhost(kPort + 1)), Errno::kEINVAL) << "a socket is bound once";
}

TEST_F(LoopbackNamespaceTest, Port0IsADynamicPort) {
  std::set<uint16_t> ports;
  for (int i = 0; i < 100; ++i) {
    const QDesc socket = a.datagram();
    EXPECT_EQ(a.name(socket), any_ipv4(0)) << "a socket that has no name yet";
    EXPECT_EQ(a.bind(socket, localhost(0)), Errno::kOk);
    EXPECT_EQ(a.name(socket).words, localhost(0).words);
    EXPECT_GE(a.name(socket).port, 49152);
    EXPECT_TRUE(ports.insert(a.name(socket).port).second);
  }
}

TEST_F(LoopbackNamespaceTest, AMappedNameKeepsItsForm) {
  const QDesc socket = a.datagram(Family::kIPv6);
  EXPECT_EQ(a.bind(socket, mapped(localhost(0))), Errno::kOk);
  EXPECT_EQ(a.name(socket), mapped(localhost(a.name(socket).port)));
}

class DynamicPortsTest : public TokensFixture {
 protected:
  DynamicPortsTest() : TokensFixture(uint64_t{8} << 20, 1024, 20000) {}
};

TEST_F(DynamicPortsTest, EveryDynamicPortIsGivenOutBeforeThereIsNone) {
  constexpr int kDynamicPorts = 65536 - 49152;
  std::vector<QDesc> sockets;
  for (int i = 0; i < kDynamicPorts; ++i) {
    sockets.push_back(a.datagram());
    ASSERT_EQ(a.bind(sockets.back(), any_ipv4(0)), Errno::kOk) << "after " << i << " ports";
  }
  const QDesc late = a.datagram();
  EXPECT_EQ(a.bind(late, any_ipv4(0)), Errno::kEADDRNOTAVAIL);
  EXPECT_EQ(a.push_to(late, "x", localhost(kPort)).came_to(), "thrown EADDRNOTAVAIL");
  EXPECT_EQ(a.connect(late, localhost(kPort)).came_to(), "thrown EADDRNOTAVAIL");
  EXPECT_EQ(a.bind(late, any_ipv4(kPort)), Errno::kOk) << "a port by number has nothing to do with it";
  const uint16_t given_back = a.name(sockets[1234]).port;
  a.close(sockets[1234]);
  const QDesc again = a.datagram();
  EXPECT_EQ(a.bind(again, any_ipv4(0)), Errno::kOk);
  EXPECT_EQ(a.name(again).port, given_back);
}

// --- sockets ---

class LoopbackOptionsTest : public TokensFixture {};

TEST_F(LoopbackOptionsTest, WhatKindsThereAre) {
  for (Family family : {Family::kIPv4, Family::kIPv6}) {
    EXPECT_TRUE(a.libos().socket(family, kSockStream, 0).ok());
    EXPECT_TRUE(a.libos().socket(family, kSockStream, kIpprotoTcp).ok());
    EXPECT_TRUE(a.libos().socket(family, kSockDgram, 0).ok());
    EXPECT_TRUE(a.libos().socket(family, kSockDgram, kIpprotoUdp).ok());
    EXPECT_EQ(a.libos().socket(family, kSockStream, kIpprotoUdp).error(), Errno::kENOTSUP);
    EXPECT_EQ(a.libos().socket(family, kSockDgram, kIpprotoTcp).error(), Errno::kENOTSUP);
    EXPECT_EQ(a.libos().socket(family, 3, 0).error(), Errno::kENOTSUP) << "SOCK_RAW";
  }
}

TEST_F(LoopbackOptionsTest, NothingComesFromOutside) {
  EXPECT_STREQ(a.libos().name(), "loopback");
  EXPECT_FALSE(a.libos().has_outside_world());
  EXPECT_FALSE(a.libos().poll_backend(at_ms(1)));
}

TEST_F(LoopbackOptionsTest, OptionsKeepTheirValues) {
  for (QDesc socket : {a.stream(), a.datagram()}) {
    EXPECT_EQ(a.get(socket, kSolSocket, kSoReuseaddr), 0);
    EXPECT_EQ(a.set(socket, kSolSocket, kSoReuseaddr, 5), Errno::kOk);
    EXPECT_EQ(a.get(socket, kSolSocket, kSoReuseaddr), 1);
    EXPECT_EQ(a.get(socket, kSolSocket, kSoError), 0);
    for (int option : {kSoSndbuf, kSoRcvbuf}) {
      EXPECT_EQ(a.get(socket, kSolSocket, option), 256 * 1024);
      EXPECT_EQ(a.set(socket, kSolSocket, option, 100000), Errno::kOk);
      EXPECT_EQ(a.get(socket, kSolSocket, option), 100000);
      EXPECT_EQ(a.set(socket, kSolSocket, option, 1), Errno::kOk);
      EXPECT_EQ(a.get(socket, kSolSocket, option), 2048) << "the least there is";
      EXPECT_EQ(a.set(socket, kSolSocket, option, 0), Errno::kEINVAL);
      EXPECT_EQ(a.set(socket, kSolSocket, option, -1), Errno::kEINVAL);
      EXPECT_EQ(a.set(socket, kSolSocket, option, (int64_t{1} << 30) + 1), Errno::kEINVAL);
    }
  }
}

TEST_F(LoopbackOptionsTest, LingerIsAPair) {
  const QDesc socket = a.stream();
  OptionValue value = *a.queue(socket).get_option(kSolSocket, kSoLinger);
  EXPECT_EQ(value.number, 0);
  EXPECT_EQ(a.set(socket, kSolSocket, kSoLinger, 1, 30), Errno::kOk);
  value = *a.queue(socket).get_option(kSolSocket, kSoLinger);
  EXPECT_EQ(value.number, 1);
  EXPECT_EQ(value.seconds, 30);
  EXPECT_EQ(a.set(socket, kSolSocket, kSoLinger, 1, -1), Errno::kEINVAL);
  EXPECT_EQ(a.set(socket, kSolSocket, kSoLinger, 1, int64_t{1} << 31), Errno::kEINVAL) << "an int in struct linger";
  EXPECT_EQ(a.set(socket, kSolSocket, kSoLinger, 1, (int64_t{1} << 31) - 1), Errno::kOk);
  EXPECT_EQ(a.set(socket, kSolSocket, kSoLinger, 0, 0), Errno::kOk);
}

TEST_F(LoopbackOptionsTest, TheTypeCanBeRead) {
  EXPECT_EQ(a.get(a.stream(), kSolSocket, kSoType), kSockStream);
  EXPECT_EQ(a.get(a.datagram(), kSolSocket, kSoType), kSockDgram);
  EXPECT_EQ(a.set(a.stream(), kSolSocket, kSoType, 1), Errno::kENOPROTOOPT);
  EXPECT_EQ(a.set(a.stream(), kSolSocket, kSoError, 1), Errno::kENOPROTOOPT);
}

TEST_F(LoopbackOptionsTest, NoDelayIsForStreams) {
  const QDesc stream = a.stream(), datagram = a.datagram();
  EXPECT_EQ(a.set(stream, kIpprotoTcp, kTcpNodelay, 1), Errno::kOk);
  EXPECT_EQ(a.get(stream, kIpprotoTcp, kTcpNodelay), 1);
  EXPECT_EQ(a.set(datagram, kIpprotoTcp, kTcpNodelay, 1), Errno::kENOPROTOOPT);
  EXPECT_EQ(a.queue(datagram).get_option(kIpprotoTcp, kTcpNodelay).error(), Errno::kENOPROTOOPT);
}

TEST_F(LoopbackOptionsTest, V6OnlyIsForIPv6SocketsThatAreNotBound) {
  const QDesc four = a.stream(), six = a.stream(Family::kIPv6);
  EXPECT_EQ(a.set(four, kIpprotoIpv6, kIpv6V6only, 1), Errno::kENOPROTOOPT);
  EXPECT_EQ(a.queue(four).get_option(kIpprotoIpv6, kIpv6V6only).error(), Errno::kENOPROTOOPT);
  EXPECT_EQ(a.get(six, kIpprotoIpv6, kIpv6V6only), 0);
  EXPECT_EQ(a.set(six, kIpprotoIpv6, kIpv6V6only, 1), Errno::kOk);
  EXPECT_EQ(a.get(six, kIpprotoIpv6, kIpv6V6only), 1);
  EXPECT_EQ(a.bind(six, any_ipv6(kPort)), Errno::kOk);
  EXPECT_EQ(a.set(six, kIpprotoIpv6, kIpv6V6only, 0), Errno::kEINVAL);
}

TEST_F(LoopbackOptionsTest, OptionsThatItLacksAreRefused) {
  const QDesc socket = a.stream();
  for (int level : {kSolSocket, kIpprotoTcp, kIpprotoIpv6, 0, 12345}) {
    EXPECT_EQ(a.set(socket, level, 9999, 1), Errno::kENOPROTOOPT);
    EXPECT_EQ(a.queue(socket).get_option(level, 9999).error(), Errno::kENOPROTOOPT);
  }
}

}  // namespace
}  // namespace demi
