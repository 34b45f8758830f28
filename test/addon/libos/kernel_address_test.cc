#include "libos/kernel_address.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cerrno>

namespace demi {
namespace {

TEST(KernelAddress, AnIPv4EndpointIsThereAndBackTheSame) {
  const Endpoint endpoint = Endpoint::ipv4(10, 1, 2, 3, 4567);
  KernelAddress address = KernelAddress::of(endpoint);
  EXPECT_EQ(address.length, sizeof(sockaddr_in));
  EXPECT_EQ(address.get()->sa_family, AF_INET);
  EXPECT_EQ(reinterpret_cast<sockaddr_in*>(address.get())->sin_addr.s_addr, htonl(0x0a010203));
  EXPECT_EQ(address.endpoint(), endpoint);
}

TEST(KernelAddress, AnIPv6EndpointKeepsItsScope) {
  Endpoint endpoint = Endpoint::wildcard(Family::kIPv6, 80);
  endpoint.words = {0xfe800000, 1, 2, 3};
  endpoint.scope_id = 7;
  KernelAddress address = KernelAddress::of(endpoint);
  EXPECT_EQ(address.length, sizeof(sockaddr_in6));
  EXPECT_EQ(address.endpoint(), endpoint);
}

TEST(KernelAddress, WhatTheKernelLeftEmptyIsNoEndpoint) {
  KernelAddress address;
  address.length = 0;
  EXPECT_EQ(address.endpoint().family, Family::kNone);
}

TEST(KernelError, IsTheCodeOfTheApiOrTheOneThatSaysTheSame) {
  EXPECT_EQ(kernel_error(ECONNREFUSED), Errno::kECONNREFUSED);
  EXPECT_EQ(kernel_error(EADDRINUSE), Errno::kEADDRINUSE);
  EXPECT_EQ(kernel_error(ENFILE), Errno::kEMFILE);
  EXPECT_EQ(kernel_error(EAFNOSUPPORT), Errno::kENOTSUP);
  EXPECT_EQ(kernel_error(EHOSTDOWN), Errno::kEHOSTUNREACH);
  EXPECT_EQ(kernel_error(EPROTO), Errno::kECONNRESET);
}

TEST(KernelError, IsThrownIfTheCallerIsWrongAndGoesThroughTheTokenIfTheNetworkDecided) {
  for (Errno wrong : {Errno::kEINVAL, Errno::kEADDRNOTAVAIL, Errno::kEACCES, Errno::kEMSGSIZE}) EXPECT_TRUE(is_thrown(wrong));
  for (Errno decided : {Errno::kECONNREFUSED, Errno::kENETUNREACH, Errno::kEHOSTUNREACH, Errno::kENETDOWN, Errno::kETIMEDOUT}) {
    EXPECT_FALSE(is_thrown(decided));
  }
}

}  // namespace
}  // namespace demi
