// TcpResources: what all connections and listeners of one stack share: the configuration, memory for text, pools, counters. It outlives them.
#pragma once

#include "inet/tcp/flight.h"
#include "inet/tcp/object_pool.h"
#include "inet/tcp/reassembly_queue.h"
#include "inet/tcp/sack_scoreboard.h"
#include "inet/tcp/tcp_config.h"
#include "inet/tcp/tcp_counters.h"
#include "memory/memory.h"

namespace demi {

struct TcpResources {
  TcpResources(const TcpConfig& tcp_config, Memory& tcp_memory) : config(tcp_config), memory(tcp_memory) {}

  const TcpConfig& config;
  Memory& memory;
  TcpCounters counters;
  ObjectPool<Flight> flights;
  ObjectPool<SackScoreboard> scoreboards;
  ObjectPool<ReassemblyQueue> reassembly_queues;
  ReassemblyBlockPool reassembly_blocks;
  // Set by the stack while its memory runs short: windows do not grow, and what arrives moves into compact rooms.
  bool memory_is_short = false;
  // As well, while nearly nothing is left: text is not kept at all then, so that what arrives, acknowledgments above all, finds room.
  bool memory_is_reserved = false;
};

}  // namespace demi
