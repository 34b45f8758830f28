// Settings: what the flags of the shared object choose: "key=value,key=value".
//
//   mtu=BYTES          the longest packet (1500)
//   mss=BYTES          text and TCP options of a segment, sent and asked for, at most (what the MTU leaves)
//   rcvbuf=BYTES       the receive buffer of each connection, which does not grow then (131072, growing to 6 MiB)
//   sndbuf=BYTES       the send buffer of each connection, which does not grow then (1 MiB, growing to 32 MiB)
//   ttl=HOPS           of the packets that leave (64)
//   deadline=SECONDS   of virtual time that somebody waits for a packet (10)
//   syn_options=LIST   which options a SYN offers, in their order, of mss, sack, ts, wscale and nop (mss+sack+ts+nop+wscale)
//   cc=NAME            cubic or reno (cubic)
//   iw=SEGMENTS        the initial congestion window (10)
#pragma once

#include <string>

#include "base/time.h"
#include "inet/stack_config.h"

namespace demi {

struct Settings {
  Settings();

  StackConfig stack;  // without an address: that is learned
  Duration deadline = Duration::seconds(10);

  // Takes the flags, which may be nullptr. What is wrong with them, in one sentence; empty when all is well.
  std::string parse(const char* flags);

 private:
  std::string set(const std::string& key, const std::string& value);
};

}  // namespace demi
