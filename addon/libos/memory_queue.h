// MemoryQueue: a queue of messages inside the libOS, anonymous (demi_queue) or named (demi_create_pipe, demi_open_pipe).
// A pop gives one message, or its next part if the caller asked for less. Capacity counts messages; a queue of capacity 0 is a
// rendezvous: a push finishes when somebody pops. A message is accepted whole, so none can be larger than the memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/ring_queue.h"
#include "libos/queue.h"

namespace demi {

// What all descriptors of one queue share.
class MemoryQueueCore {
 public:
  explicit MemoryQueueCore(uint64_t capacity_messages) : capacity(capacity_messages) {}

  const uint64_t capacity;
  RingQueue<SgArray> messages;
  QueueLines lines;
  bool ended = false;             // SHUT_WR: readers get what is here, then zero-length results
  bool discards = false;          // SHUT_RD: nobody will read any more
};

class MemoryQueue final : public Queue {
 public:
  MemoryQueue(LibOS& libos, std::shared_ptr<MemoryQueueCore> core);

  Attempt try_push(PushRequest& request, Completion& completion) override;
  Attempt try_pop(uint64_t limit, Completion& completion) override;
  Attempt try_shutdown(ShutdownHow how, Completion& completion) override;
  void begin_close() override {}
  void abort() override {}
  void reader_waits() override;
  uint64_t largest_push_bytes() const override { return largest_push_bytes_; }

 private:
  QueueLines& shared_lines() override { return core_->lines; }
  bool has_room() const;
  std::shared_ptr<MemoryQueueCore> core_;
  const uint64_t largest_push_bytes_;
};

// The named queues of one environment. A name lasts as long as a descriptor of its queue is open.
class MemoryQueueNames {
 public:
  // EEXIST when the name is taken.
  Result<std::shared_ptr<MemoryQueueCore>> create(std::string_view name, uint64_t capacity_messages);
  // ENOENT when nobody has created it.
  Result<std::shared_ptr<MemoryQueueCore>> open(std::string_view name);

 private:
  std::unordered_map<std::string, std::weak_ptr<MemoryQueueCore>> cores_;
  size_t sweep_at_ = 16;  // names; those whose queues are gone are forgotten when there are so many
};

}  // namespace demi
