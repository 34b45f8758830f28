// SlabPool: a BufferPool of rooms of one size, cut from windows of ordinary memory.
//
// It grows by one window when it is empty and the budget allows, and it keeps its windows: memory that was once mapped for a size
// stays with that size (memory.h falls back to other sizes when one has run out). Buffers are made one by one as they are
// first needed, so that growing costs a system call and nothing per room, and pages that were never used are never committed.
#pragma once

#include <vector>

#include "memory/buffer_pool.h"
#include "memory/memory_budget.h"
#include "memory/window.h"

namespace demi {

class SlabPool final : public BufferPool {
 public:
  // `windows` and `budget` outlive the pool.
  SlabPool(WindowTable& windows, MemoryBudget& budget, uint32_t room_bytes, uint32_t headroom);
  ~SlabPool();

  // Rooms that could be had without a new window.
  size_t free_rooms() const { return rooms_ - outstanding(); }
  uint64_t free_bytes() const { return uint64_t{free_rooms()} * room_bytes(); }
  // Bytes from one room to the next, headroom and alignment included.
  uint32_t stride() const { return stride_; }

 protected:
  size_t allocate_bulk(Buffer** buffers, size_t wanted) override;
  void release_bulk(Buffer** buffers, size_t count) override;

 private:
  bool grow();
  Buffer* make_next();

  WindowTable& windows_;
  MemoryBudget& budget_;
  const uint32_t stride_;
  // Rooms of all windows, whether their buffers were made or not.
  size_t rooms_ = 0;
  Buffer* free_ = nullptr;
  // The newest window, whose buffers are still being made: headers_.back() has `window_rooms_` places, `made_` are in use.
  uint32_t window_ = 0;
  uint8_t* window_data_ = nullptr;
  size_t window_rooms_ = 0;
  size_t made_ = 0;
  // One array of headers for each window: raw storage, a Buffer is constructed when it is first needed.
  std::vector<Buffer*> headers_;
};

}  // namespace demi
