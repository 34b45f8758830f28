// ReassemblyQueue: text that arrived behind a hole, until the hole is filled (RFC 9293 3.10.7.4, seventh), and the SACK blocks that tell the
// peer of it (RFC 2018 4).
//
// Sorted blocks that neither touch nor overlap, at most kReassemblyBlocksMax; a segment finds its place by binary search. Bytes that are here
// already stay: what comes again is cut off. What is charged is the rooms that hold the text, not the text (SegmentSmack).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/intrusive_list.h"
#include "inet/tcp/object_pool.h"
#include "inet/tcp/tcp_limits.h"
#include "memory/sg_array.h"
#include "wire/seq_number.h"
#include "wire/tcp_options.h"

namespace demi {

struct ReassemblyBlock {
  SeqNumber begin;
  SeqNumber end;
  SgArray text;
  ListHook recent_hook;
};
using ReassemblyBlockPool = ObjectPool<ReassemblyBlock>;

// The rooms that `text` keeps from their pools.
uint64_t charge_of(const SgArray& text);

class ReassemblyQueue {
 public:
  explicit ReassemblyQueue(ReassemblyBlockPool& pool) : pool_(pool) {}
  ReassemblyQueue(const ReassemblyQueue&) = delete;
  ReassemblyQueue& operator=(const ReassemblyQueue&) = delete;
  ~ReassemblyQueue();

  enum class Inserted : uint8_t {
    kKept,       // all or a part of it is new
    kDuplicate,  // nothing of it is
    kRefused,    // it would be a block too many
  };
  // `text` is not empty and begins at `seq`, behind RCV.NXT.
  Inserted insert(SeqNumber seq, SgArray text);
  // The text that follows `rcv_nxt` without a hole, if that is here; empty otherwise. What lies below is given back.
  SgArray take_at(SeqNumber rcv_nxt);

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  uint64_t text_bytes() const { return text_bytes_; }
  uint64_t charged_bytes() const { return charged_bytes_; }
  // RFC 2018 4: appends blocks until there are `limit`, the one that was touched last first.
  void add_sack_blocks(TcpOptions& options, size_t limit);

 private:
  size_t first_ending_at_or_after(SeqNumber place) const;
  void append(ReassemblyBlock& block, SgArray text);
  void remove(size_t index);

  ReassemblyBlockPool& pool_;
  IntrusiveList<ReassemblyBlock, &ReassemblyBlock::recent_hook> recent_;
  uint64_t text_bytes_ = 0;
  uint64_t charged_bytes_ = 0;
  size_t count_ = 0;
  ReassemblyBlock* blocks_[kReassemblyBlocksMax];
};

}  // namespace demi
