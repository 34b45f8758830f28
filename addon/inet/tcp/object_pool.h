// ObjectPool<T>: objects of one type, made and given back in O(1). Blocks are kept, so that in steady state nothing touches the heap.
// It is not bounded by itself: each connection has at most one object of each pool, or as many as tcp_limits.h says.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace demi {

template <class T>
class ObjectPool {
 public:
  ObjectPool() = default;
  ObjectPool(const ObjectPool&) = delete;
  ObjectPool& operator=(const ObjectPool&) = delete;
  ~ObjectPool() { DEMI_ASSERT(live_ == 0, "an object outlives its pool"); }

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
  size_t bytes() const { return blocks_.size() * kPlacesPerBlock * sizeof(Place); }

 private:
  union Place {
    Place* next;
    alignas(T) unsigned char object[sizeof(T)];
  };
  static constexpr size_t kBlockBytes = 32 * 1024;
  static constexpr size_t kPlacesPerBlock = std::max<size_t>(1, kBlockBytes / sizeof(Place));

  void grow() {
    std::unique_ptr<Place[]> block(new Place[kPlacesPerBlock]);
    for (size_t i = 0; i < kPlacesPerBlock; ++i) {
      block[i].next = free_;
      free_ = &block[i];
    }
    blocks_.push_back(std::move(block));
  }

  Place* free_ = nullptr;
  size_t live_ = 0;
  std::vector<std::unique_ptr<Place[]>> blocks_;
};

}  // namespace demi
