// OperationTable: slots for operations that could not finish at once. It owns their results until they are delivered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "libos/operation.h"

namespace demi {

class OperationTable {
 public:
  OperationTable(LibOS& libos, Scheduler& scheduler, uint32_t limit);
  OperationTable(const OperationTable&) = delete;
  OperationTable& operator=(const OperationTable&) = delete;

  // A pending operation, or nullptr when `limit` are in use. Closing must always be possible: it goes `beyond_limit`.
  Operation* open(bool beyond_limit = false);
  // The pending operation is a push, and this is what it still has to hand over. It leaves the operation when that is done.
  void give_request(Operation& operation, PushRequest&& request);
  // From pending to done, exactly once: behind everything that was done before.
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
    Chunk(LibOS& libos, Scheduler& scheduler, uint32_t first_slot);
    ~Chunk();
    Operation& at(uint32_t index) { return *std::launder(reinterpret_cast<Operation*>(places_[index].bytes)); }

   private:
    struct Place {
      alignas(Operation) std::byte bytes[sizeof(Operation)];
    };
    Place places_[kChunkSlots];
  };
  void grow();
  // Leaves a result that somebody asked for at the front of `done_`, if there is any.
  void release_unasked();

  LibOS& libos_;
  Scheduler& scheduler_;
  const uint32_t limit_;
  uint32_t pending_ = 0;
  uint32_t in_use_ = 0;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<std::unique_ptr<PushRequest>> spare_requests_;  // empty: as many as pushes have ever been pending, less those that are
  IntrusiveList<Operation, &Operation::table_hook> free_;
  IntrusiveList<Operation, &Operation::table_hook> done_;
};

}  // namespace demi
