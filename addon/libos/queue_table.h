// QueueTable: queue descriptor -> queue. A descriptor names its queue until it is closed and nothing ever after.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/ring_queue.h"
#include "libos/descriptor.h"
#include "libos/queue.h"

namespace demi {

class QueueTable {
 public:
  // `published` mirrors the table for readers outside: published[slot] is the descriptor as a number, or 0. Its length is the limit.
  QueueTable(uint32_t libos_id, std::span<double> published);
  QueueTable(const QueueTable&) = delete;
  QueueTable& operator=(const QueueTable&) = delete;
  ~QueueTable();

  bool full() const;
  // The queue's new descriptor; the table must not be full.
  QDesc add(std::unique_ptr<Queue> queue);
  // nullptr when the slot is empty or the descriptor is stale or foreign.
  Queue* at(uint32_t slot) { return slot < queues_.size() ? queues_[slot].queue() : nullptr; }
  Queue* find(QDesc descriptor);
  // Ends the descriptor and hands the queue over.
  std::unique_ptr<Queue> remove(QDesc descriptor);
  uint32_t size() const { return count_; }
  uint32_t slots() const { return static_cast<uint32_t>(queues_.size()); }

 private:
  // A queue, which the table owns and which knows its generation; or if there is none, the generation of the next.
  class Entry {
   public:
    Queue* queue() const { return (bits_ & kEmpty) != 0 ? nullptr : reinterpret_cast<Queue*>(bits_); }
    uint32_t generation() const { return static_cast<uint32_t>(bits_ >> 1); }
    void put(Queue* queue) { bits_ = reinterpret_cast<uintptr_t>(queue); }
    void clear(uint32_t generation) { bits_ = (uintptr_t{generation} << 1) | kEmpty; }

   private:
    static constexpr uintptr_t kEmpty = 1;
    uintptr_t bits_ = (uintptr_t{1} << 1) | kEmpty;
  };

  // New slots are preferred until this many old ones wait: a descriptor kept too long then meets an empty slot, and generations last.
  // A small number, so that a program which opens and closes one queue at a time keeps to a few cache lines.
  static constexpr size_t kReuseAfter = 16;

  const uint32_t libos_id_;
  std::span<double> published_;
  std::vector<Entry> queues_;
  RingQueue<uint32_t> free_;  // oldest first, so that generations are used up evenly
  uint32_t count_ = 0;
};

}  // namespace demi
