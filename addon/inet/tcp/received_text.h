// ReceivedText: what a receiver needs only while it has something that nobody has read, or that is behind a hole. An idle connection has none: it is
// taken from a pool with the first byte, and goes back when the connection rests.
#pragma once

#include <cstdint>

#include "inet/tcp/reassembly_queue.h"
#include "memory/buffer.h"
#include "memory/sg_array.h"
#include "wire/tcp_options.h"

namespace demi {

struct ReceivedText {
  explicit ReceivedText(SegmentPool& segments) : queue(segments) {}

  bool is_idle() const { return queue.empty() && reassembly == nullptr && duplicate.begin == duplicate.end; }

  SgArray queue;                          // in order, not read yet
  uint64_t queue_charge = 0;              // bytes of the rooms that it keeps
  ReassemblyQueue* reassembly = nullptr;  // of the pool
  BufferRef compact_room;                 // where text that was copied together goes on
  uint32_t compact_used = 0;              // bytes of it
  SackBlock duplicate;                    // to be reported once; empty: nothing
};

}  // namespace demi
