// TcpResources: what all connections and listeners of one stack share: the configuration, memory for text, pools, counters. It outlives them.
#pragma once

#include "inet/tcp/flight.h"
#include "inet/tcp/loss_recovery.h"
#include "inet/tcp/object_pool.h"
#include "inet/tcp/reassembly_queue.h"
#include "inet/tcp/received_text.h"
#include "inet/tcp/tcp_config.h"
#include "inet/tcp/tcp_counters.h"
#include "inet/tcp/tcp_timers.h"
#include "memory/memory.h"
#include "wire/address.h"

namespace demi {

// The addresses of a connection over IPv6. Those over IPv4 have no need of so much room.
struct Ipv6Ends {
  IpAddress local;
  IpAddress remote;
};

struct TcpResources {
  TcpResources(const TcpConfig& tcp_config, Memory& tcp_memory) : config(tcp_config), memory(tcp_memory) {}

  const TcpConfig& config;
  Memory& memory;
  TcpCounters counters;
  ObjectPool<Flight> flights;
  ObjectPool<SackState> scoreboards;
  ObjectPool<ReassemblyQueue> reassembly_queues;
  ReassemblyBlockPool reassembly_blocks;
  ObjectPool<ReceivedText> received_texts;
  ObjectPool<TcpDeadlines> deadlines;
  ObjectPool<Ipv6Ends> ipv6_ends;
  // Set by the stack while its memory runs short: windows do not grow, and what arrives moves into compact rooms.
  bool memory_is_short = false;
  // As well, while nearly nothing is left: text is not kept at all then, so that what arrives, acknowledgments above all, finds room.
  bool memory_is_reserved = false;
};

}  // namespace demi
