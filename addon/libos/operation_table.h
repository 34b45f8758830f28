// OperationTable: slots for operations that could not finish at once. It owns their results until they are delivered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "inet/tcp/object_pool.h"
#include "libos/operation.h"

namespace demi {

class OperationTable {
 public:
  OperationTable(LibOS& libos, uint32_t limit);
  ~OperationTable();
  OperationTable(const OperationTable&) = delete;
  OperationTable& operator=(const OperationTable&) = delete;

  // A pending operation, or nullptr when `limit` are in use. Closing must always be possible: it goes `beyond_limit`.
  Operation* open(bool beyond_limit = false);
  // The pending operation is a push, and this is what it still has to hand over. It leaves the operation when that is done.
  void give_request(Operation& operation, PushRequest&& request);
  // Of a pending operation; made if it has none.
  OperationExtras& extras_of(Operation& operation) { return operation.extras != nullptr ? *operation.extras : *(operation.extras = extras_.make(operation)); }
  // What it comes to; made if there is none.
  Completion& completion_of(Operation& operation) { return operation.completion != nullptr ? *operation.completion : *(operation.completion = completions_.make()); }
  // It has come to nothing yet.
  void drop_completion(Operation& operation) {
    if (operation.completion != nullptr) completions_.release(std::exchange(operation.completion, nullptr));
  }
  // From pending to done, exactly once, in no line any more: behind everything that was done before.
  void finish(Operation& operation);
  // The oldest result that was not taken yet, or nullptr. It stays in its slot until release(). Results that nobody asked for are skipped.
  Operation* take_done();
  // Whether take_done() would give one.
  bool has_done() {
    release_unasked();
    return !done_.empty();
  }
  // Gives the slot back; the result in it is destroyed.
  void release(Operation& operation);

  // The operation in that slot if it is in use, else nullptr.
  Operation* at(uint32_t slot);
  Operation* find(uint32_t slot, uint32_t generation);
  bool full() const { return in_use_ >= limit_; }
  uint32_t pending() const { return pending_; }
  uint32_t in_use() const { return in_use_; }
  uint32_t slots() const { return static_cast<uint32_t>(chunks_.size()) * kChunkSlots; }

 private:
  // Slots are made in chunks, side by side, and never move: coroutines and timers hold their addresses.
  static constexpr uint32_t kChunkSlots = 64;
  class Chunk {
   public:
    Chunk(LibOS& libos, uint32_t first_slot);
    ~Chunk();
    Operation& at(uint32_t index) { return *std::launder(reinterpret_cast<Operation*>(places_[index].bytes)); }

   private:
    struct Place {
      alignas(Operation) std::byte bytes[sizeof(Operation)];
    };
    Place places_[kChunkSlots];
  };
  void grow();
  void drop_extras(Operation& operation) {
    if (operation.extras != nullptr) extras_.release(std::exchange(operation.extras, nullptr));
  }
  // Leaves a result that somebody asked for at the front of `done_`, if there is any.
  void release_unasked();

  LibOS& libos_;
  const uint32_t limit_;
  uint32_t pending_ = 0;
  uint32_t in_use_ = 0;
  ObjectPool<Completion> completions_;
  ObjectPool<OperationExtras> extras_;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<std::unique_ptr<PushRequest>> spare_requests_;  // empty: as many as pushes have ever been pending, less those that are
  IntrusiveList<Operation, &Operation::hook> free_;
  IntrusiveList<Operation, &Operation::hook> done_;
};

}  // namespace demi
