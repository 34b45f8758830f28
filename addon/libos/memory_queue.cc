#include "libos/memory_queue.h"

#include <algorithm>
#include <utility>

#include "libos/libos.h"

namespace demi {

MemoryQueue::MemoryQueue(LibOS& libos, std::shared_ptr<MemoryQueueCore> core)
    : Queue(libos), core_(std::move(core)), largest_push_bytes_(libos.memory().largest_whole_bytes()) {
  // A zero-length message could not be told from the end of the queue.
  is_stream = true;
  bounds_pushes = true;
  shares_lines = true;
}

bool MemoryQueue::has_room() const {
  if (core_->capacity > 0) return core_->messages.size() < core_->capacity;
  // Rendezvous: one message for each reader that waits.
  return !core_->lines.readers.empty() && core_->messages.empty();
}

Attempt MemoryQueue::try_push(PushRequest& request, Completion&) {
  if (core_->ended || core_->discards) return Attempt::refused(Errno::kEPIPE);
  if (!has_room()) return Attempt::would_block();
  // A message is accepted whole or not at all: first all of its bytes, then its place in the queue.
  const Errno wrong = request.gather(libos().memory());
  if (wrong == Errno::kENOMEM) return Attempt::no_memory();
  if (wrong != Errno::kOk) return Attempt::refused(wrong);
  core_->messages.push_back(std::move(request.data));
  request.accepted_bytes = request.total_bytes;
  wake_reader();
  return Attempt::done();
}

Attempt MemoryQueue::try_pop(uint64_t limit, Completion& completion) {
  if (core_->messages.empty()) {
    if (core_->ended || core_->discards) return Attempt::done();
    return Attempt::would_block();
  }
  SgArray& first = core_->messages.front();
  if (first.bytes() > limit) {
    completion.sga = first.split_front(limit);
    return Attempt::done();
  }
  completion.sga = core_->messages.pop_front();
  wake_writer();
  return Attempt::done();
}

Attempt MemoryQueue::try_shutdown(ShutdownHow how, Completion&) {
  if (how != ShutdownHow::kRead) core_->ended = true;
  if (how != ShutdownHow::kWrite) {
    core_->discards = true;
    core_->messages.clear();
  }
  wake_reader();
  wake_writer();
  return Attempt::done();
}

void MemoryQueue::reader_waits() {
  if (core_->capacity == 0) wake_writer();
}

Result<std::shared_ptr<MemoryQueueCore>> MemoryQueueNames::create(std::string_view name, uint64_t capacity_messages) {
  std::weak_ptr<MemoryQueueCore>& entry = cores_[std::string(name)];
  if (!entry.expired()) return Errno::kEEXIST;
  auto core = std::make_shared<MemoryQueueCore>(capacity_messages);
  entry = core;
  if (cores_.size() >= sweep_at_) {
    std::erase_if(cores_, [](const auto& named) { return named.second.expired(); });
    // Twice what is in use: a sweep costs each name that came since the last one a constant.
    sweep_at_ = std::max<size_t>(16, cores_.size() * 2);
  }
  return core;
}

Result<std::shared_ptr<MemoryQueueCore>> MemoryQueueNames::open(std::string_view name) {
  const auto found = cores_.find(std::string(name));
  std::shared_ptr<MemoryQueueCore> core = found == cores_.end() ? nullptr : found->second.lock();
  if (core == nullptr) return Errno::kENOENT;
  return core;
}

}  // namespace demi
