// The numbers of socket levels and options that this room acts on: Linux's, on every platform. lib/core/constants.ts exports the same.
#pragma once

#include <cstdint>

namespace demi {

constexpr int kSolSocket = 1;
constexpr int kIpprotoTcp = 6;
constexpr int kIpprotoUdp = 17;
constexpr int kIpprotoIpv6 = 41;

constexpr int kSockStream = 1;
constexpr int kSockDgram = 2;

constexpr int kSoReuseaddr = 2;
constexpr int kSoType = 3;
constexpr int kSoError = 4;
constexpr int kSoBroadcast = 6;
constexpr int kSoSndbuf = 7;
constexpr int kSoRcvbuf = 8;
constexpr int kSoKeepalive = 9;
constexpr int kSoLinger = 13;
constexpr int kTcpNodelay = 1;
constexpr int kTcpMaxseg = 2;
constexpr int kTcpKeepidle = 4;
constexpr int kTcpKeepintvl = 5;
constexpr int kTcpKeepcnt = 6;
constexpr int kTcpCongestion = 13;
constexpr int kTcpUserTimeout = 18;
constexpr int kIpv6V6only = 26;

// What SO_SNDBUF and SO_RCVBUF may be on the libOSes whose buffers are ours. A smaller value is raised, as on Linux (socket(7)).
constexpr int64_t kLeastSocketBufferBytes = 2048;
constexpr int64_t kLargestSocketBufferBytes = int64_t{1} << 30;

}  // namespace demi
