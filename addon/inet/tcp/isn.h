// The initial sequence number of a connection (RFC 6528): a clock, so that numbers of one tuple never come again too soon, plus a keyed hash of
// the tuple, so that nobody can tell the number of one connection from that of another.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "inet/tcp/siphash.h"
#include "wire/address.h"
#include "wire/seq_number.h"

namespace demi {

// From where to where. Both addresses are of one family.
struct TcpTuple {
  IpAddress local_address;
  IpAddress remote_address;
  uint16_t local_port = 0;
  uint16_t remote_port = 0;

  bool operator==(const TcpTuple&) const = default;
};

// Keyed, since strangers choose most of a tuple. The second one is faster, and for tables alone, where nobody sees it.
uint64_t hash_of(const TcpTuple& tuple, const SipHashKey& secret);
uint64_t table_hash_of(const TcpTuple& tuple, const SipHashKey& secret);

// ISN = M + F(localip, localport, remoteip, remoteport, secretkey), RFC 6528 3. `secret` is of 128 bits, from the operating system, and lasts as
// long as the stack.
SeqNumber initial_sequence_number(const TcpTuple& tuple, const SipHashKey& secret, Instant now);

}  // namespace demi
