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


TEST_F(LoopbackNamespaceTest, TheV4WildcardAndTheV6OnlyWildcardShareAPort) {
  const QDesc four = bound(any_ipv4(kPort)), six = bound(any_ipv6(kPort), true);
  EXPECT_TRUE(receives(four, localhost(kPort)));
  EXPECT_TRUE(receives(six, Endpoint::ipv6_loopback(kPort)));
  EXPECT_FALSE(receives(six, localhost(kPort)));
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


TEST_F(LoopbackOptionsTest, TheTypeCanBeRead) {
  EXPECT_EQ(a.get(a.stream(), kSolSocket, kSoType), kSockStream);
  EXPECT_EQ(a.get(a.datagram(), kSolSocket, kSoType), kSockDgram);
  EXPECT_EQ(a.set(a.stream(), kSolSocket, kSoType, 1), Errno::kEINVAL);
  EXPECT_EQ(a.set(a.stream(), kSolSocket, kSoError, 1), Errno::kEINVAL);
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
