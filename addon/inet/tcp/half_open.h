// HalfOpen: a SYN that was answered, until the ACK of the answer comes: all that is known of a connection in SYN-RECEIVED. So small because
// anybody can make as many as the SYN queue holds.
#pragma once

#include <cstdint>

#include "base/intrusive_list.h"
#include "base/time.h"
#include "inet/tcp/isn.h"
#include "inet/tcp/object_pool.h"
#include "inet/tcp/peer_syn.h"
#include "memory/sg_array.h"

namespace demi {

struct HalfOpen {
  TcpTuple tuple;
  PeerSyn peer;
  SeqNumber iss;
  uint32_t entropy_high = 0;          // with timestamp_offset: TcpOpen::entropy
  uint32_t timestamp_offset = 0;
  uint16_t path_mss = 0;              // bytes of text and TCP options
  uint8_t transmissions = 0;          // of the SYN-ACK
  uint8_t acks = 0;                   // of segments that are not acceptable
  Instant answered;                   // when the SYN-ACK last left
  Instant next_transmission;          // when it leaves again, or the entry goes
  HalfOpen* next_in_bucket = nullptr;
  ListHook order_hook;                // among those that are due, or those that wait for as long as it does
  ListHook ack_hook;                  // among those that have an ACK to send
  SgArray text;                       // that came with the SYN (RFC 9293 3.10.7.2)

  // What is waited for next.
  SeqNumber rcv_nxt() const { return peer.irs + 1 + static_cast<uint32_t>(text.bytes()); }
};
static_assert(sizeof(HalfOpen) <= 192);

using HalfOpenPool = ObjectPool<HalfOpen>;

}  // namespace demi
