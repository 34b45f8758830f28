#include "libos/queue_table.h"

#include "base/assert.h"

namespace demi {

QueueTable::QueueTable(uint32_t libos_id, std::span<double> published) : libos_id_(libos_id), published_(published) {
  DEMI_ASSERT(published.size() <= (size_t{1} << QDesc::kSlotBits), "a descriptor has too few bits for that many slots");
}

QueueTable::~QueueTable() {
  for (Entry& entry : queues_) delete entry.queue();
}

bool QueueTable::full() const { return free_.empty() && queues_.size() >= published_.size(); }

QDesc QueueTable::add(std::unique_ptr<Queue> queue) {
  DEMI_ASSERT(!full(), "the queue table is full");
  uint32_t slot = 0;
  if (queues_.size() < published_.size() && free_.size() < kReuseAfter) {
    slot = static_cast<uint32_t>(queues_.size());
    queues_.emplace_back();
  } else {
    slot = free_.pop_front();
  }
  Entry& entry = queues_[slot];
  const QDesc descriptor(libos_id_, entry.generation(), slot);
  queue->descriptor = descriptor;
  entry.put(queue.release());
  published_[slot] = static_cast<double>(descriptor.bits());
  ++count_;
  return descriptor;
}

Queue* QueueTable::find(QDesc descriptor) {
  Queue* queue = at(descriptor.slot());
  return queue != nullptr && queue->descriptor == descriptor ? queue : nullptr;
}

std::unique_ptr<Queue> QueueTable::remove(QDesc descriptor) {
  DEMI_ASSERT(find(descriptor) != nullptr, "only an open descriptor can be removed");
  const uint32_t slot = descriptor.slot();
  Entry& entry = queues_[slot];
  std::unique_ptr<Queue> queue(entry.queue());
  queue->descriptor = QDesc();
  published_[slot] = 0;
  --count_;
  // A slot whose generations are used up is retired: no descriptor is ever issued twice.
  const uint32_t next_generation = descriptor.generation() + 1;
  entry.clear(next_generation);
  if (next_generation < (1u << QDesc::kGenerationBits)) free_.push_back(slot);
  return queue;
}

}  // namespace demi
