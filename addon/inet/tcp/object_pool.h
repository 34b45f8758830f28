// ObjectPool<T>: objects of one type, made and given back in O(1). Blocks are kept, so that in steady state nothing touches the heap.
// It is not bounded by itself: each connection has at most one object of each pool, or as many as tcp_limits.h says.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/huge_pages.h"

namespace demi {

template <class T>
class ObjectPool {
 public:
  ObjectPool() = default;
  ObjectPool(const ObjectPool&) = delete;
  ObjectPool& operator=(const ObjectPool&) = delete;
  ~ObjectPool() {
    DEMI_ASSERT(live_ == 0, "an object outlives its pool");
    for (void* block : blocks_) std::free(block);
  }

  template <class... Arguments>
  T* make(Arguments&&... arguments) {
    if (free_ == nullptr) [[unlikely]] grow();
    Place* place = free_;
    free_ = place->next;
    ++live_;
    return new (place->object) T(std::forward<Arguments>(arguments)...);
  }
  void release(T* object) {
    object->~T();
    auto* place = reinterpret_cast<Place*>(object);
    place->next = free_;
    free_ = place;
    --live_;
  }

  size_t live() const { return live_; }
  // What the pool itself takes.
  size_t bytes() const { return bytes_; }

 private:
  union Place {
    Place* next;
    alignas(T) unsigned char object[sizeof(T)];
  };
  static constexpr size_t kBlockBytes = 32 * 1024;
  static_assert(sizeof(Place) <= kBlockBytes && kBlockBytes % alignof(Place) == 0);

  // A small block, or once there are as many objects as fill one, a huge page.
  void grow() {
    const size_t block_bytes = bytes_ < kHugePageBytes ? kBlockBytes : kHugePageBytes;
    void* memory = bytes_ < kHugePageBytes ? std::aligned_alloc(std::max(alignof(Place), sizeof(void*)), block_bytes) : allocate_huge_pages(block_bytes);
    DEMI_ASSERT(memory != nullptr, "no memory for a pool");
    blocks_.push_back(memory);
    bytes_ += block_bytes;
    // The first place is the first that is handed out: neighbors in memory are neighbors in time.
    auto* places = static_cast<Place*>(memory);
    for (size_t i = block_bytes / sizeof(Place); i > 0; --i) {
      places[i - 1].next = free_;
      free_ = &places[i - 1];
    }
  }

  Place* free_ = nullptr;
  size_t live_ = 0;
  size_t bytes_ = 0;
  std::vector<void*> blocks_;
};

}  // namespace demi
