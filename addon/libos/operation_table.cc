#include "libos/operation_table.h"

#include <utility>

#include "base/assert.h"
#include "libos/queue.h"

namespace demi {

OperationTable::OperationTable(LibOS& libos, uint32_t limit) : libos_(libos), limit_(limit) {}

OperationTable::~OperationTable() {
  for (uint32_t slot = 0; slot < slots(); ++slot) {
    Operation* operation = at(slot);
    if (operation == nullptr) continue;
    drop_extras(*operation);
    drop_completion(*operation);
  }
}

Operation* OperationTable::open(bool beyond_limit) {
  if (in_use_ >= limit_ && !beyond_limit) return nullptr;
  if (free_.empty()) grow();
  Operation* operation = free_.pop_front();
  operation->state = Operation::State::kPending;
  ++in_use_;
  ++pending_;
  return operation;
}

void OperationTable::give_request(Operation& operation, PushRequest&& request) {
  if (spare_requests_.empty()) {
    operation.push = std::make_unique<PushRequest>();
  } else {
    operation.push = std::move(spare_requests_.back());
    spare_requests_.pop_back();
  }
  *operation.push = std::move(request);
}

void OperationTable::finish(Operation& operation) {
  DEMI_ASSERT(operation.state == Operation::State::kPending, "an operation completes exactly once");
  operation.state = Operation::State::kDone;
  --pending_;
  drop_extras(operation);
  // What a push still held goes back now: its result may lie in the ring for long.
  if (operation.push != nullptr) {
    operation.push->data.clear();
    operation.push->kept.reset();
    spare_requests_.push_back(std::move(operation.push));
  }
  done_.push_back(operation);
}

void OperationTable::release_unasked() {
  for (Operation* first = done_.front(); first != nullptr && first->nobody_asked; first = done_.front()) release(*first);
}

Operation* OperationTable::take_done() {
  release_unasked();
  return done_.pop_front();
}

void OperationTable::release(Operation& operation) {
  DEMI_ASSERT(operation.state == Operation::State::kDone, "only what is done can be released");
  operation.hook.unlink();
  operation.task = Task<void>();
  drop_completion(operation);
  operation.stops_libos = false;
  operation.nobody_asked = false;
  ++operation.generation;
  operation.state = Operation::State::kFree;
  --in_use_;
  // Last in, first out: the entry that is still in the cache goes next.
  free_.push_front(operation);
}

Operation* OperationTable::at(uint32_t slot) {
  if (slot >= slots()) return nullptr;
  Operation* operation = &chunks_[slot / kChunkSlots]->at(slot % kChunkSlots);
  return operation->state == Operation::State::kFree ? nullptr : operation;
}

Operation* OperationTable::find(uint32_t slot, uint32_t generation) {
  Operation* operation = at(slot);
  return operation != nullptr && operation->generation == generation ? operation : nullptr;
}

OperationTable::Chunk::Chunk(LibOS& libos, uint32_t first_slot) {
  for (uint32_t i = 0; i < kChunkSlots; ++i) new (places_[i].bytes) Operation(libos, first_slot + i);
}

OperationTable::Chunk::~Chunk() {
  for (uint32_t i = 0; i < kChunkSlots; ++i) at(i).~Operation();
}

void OperationTable::grow() {
  chunks_.push_back(std::make_unique<Chunk>(libos_, slots()));
  for (uint32_t i = 0; i < kChunkSlots; ++i) free_.push_back(chunks_.back()->at(i));
}

}  // namespace demi
