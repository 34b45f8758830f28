// BufferPool: where buffers come from. The contract for every kind of memory (ours: slab_pool.h).
//
// A kind implements two virtual calls in bulk; everybody else calls allocate() and release(), which are not virtual and mostly end
// in a small cache of the buffers used last, whose bytes are still warm. Nothing here blocks. A pool outlives its buffers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "memory/buffer.h"
#include "memory/memory_limits.h"

namespace demi {

class BufferPool {
 public:
  BufferPool(uint32_t room_bytes, uint32_t headroom) : room_bytes_(room_bytes), headroom_(headroom) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // A buffer with one reference, which the caller owns; nullptr when the pool is exhausted. Its bytes are whatever they were.
  Buffer* allocate() {
    if (cached_ == 0) [[unlikely]] {
      cached_ = static_cast<uint32_t>(allocate_bulk(cache_, kPoolCacheBuffers / 2));
      if (cached_ == 0) return nullptr;
    }
    Buffer* buffer = cache_[--cached_];
    buffer->references = 1;
    ++outstanding_;
    return buffer;
  }
  // Takes back a buffer that nobody refers to any more. Called by drop_reference.
  void release(Buffer* buffer) {
    DEMI_ASSERT(buffer->references == 0, "a buffer was released that is still in use");
    ++buffer->generation;
    if (poison_) [[unlikely]] std::memset(buffer->room, kPoison, buffer->capacity);
    if (cached_ == kPoolCacheBuffers) [[unlikely]] spill();
    cache_[cached_++] = buffer;
    --outstanding_;
  }

  // Payload bytes that a room holds, behind its headroom.
  uint32_t room_bytes() const { return room_bytes_; }
  uint32_t headroom() const { return headroom_; }
  // Buffers that are in somebody's hands.
  size_t outstanding() const { return outstanding_; }

  // Rooms are overwritten when they return, so that a test sees who reads bytes that are no longer his.
  static constexpr uint8_t kPoison = 0xDF;
  void set_poison(bool on) { poison_ = on; }

 protected:
  // Nobody deletes a pool through this class.
  ~BufferPool() = default;

  // Puts up to `wanted` buffers into `buffers` and returns how many; 0 only when exhausted. Their references are 0.
  virtual size_t allocate_bulk(Buffer** buffers, size_t wanted) = 0;
  // Takes back `count` buffers that came from allocate_bulk of this pool, or were taken in.
  virtual void release_bulk(Buffer** buffers, size_t count) = 0;
  // A buffer that did not come by allocate() is in somebody's hands from now on: its user has one reference, and it returns like any other.
  void take_in(Buffer& buffer) {
    buffer.references = 1;
    ++outstanding_;
  }
  // Gives back what lies in the cache, for pools that are not alone with their buffers.
  void empty_cache() { release_bulk(cache_, std::exchange(cached_, 0)); }

 private:
  // Half of the cache goes back: the half that was not used for longest.
  void spill() {
    constexpr size_t kHalf = kPoolCacheBuffers / 2;
    release_bulk(cache_, kHalf);
    std::memmove(cache_, cache_ + kHalf, kHalf * sizeof(Buffer*));
    cached_ = kHalf;
  }

  const uint32_t room_bytes_;
  const uint32_t headroom_;
  bool poison_ = false;
  size_t outstanding_ = 0;
  // Not as wide as its neighbour: compilers update two equal neighbours as one vector, whose load then waits for the stores of
  // its parts.
  uint32_t cached_ = 0;
  Buffer* cache_[kPoolCacheBuffers];
};

inline void drop_reference(Buffer& buffer) {
  DEMI_ASSERT(buffer.references > 0, "a reference too many was dropped");
  if (--buffer.references == 0) buffer.pool->release(&buffer);
}

}  // namespace demi
