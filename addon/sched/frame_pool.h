// FramePool: memory for coroutine frames. Freed frames wait in a list of their size and are used again, last freed first while they
// are still in the cache; so starting an operation takes no heap allocation once as many have been pending before.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.h"

namespace demi {

class FramePool {
 public:
  FramePool() = default;
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;
  // Gives all memory back. Asserts that no frame is live: a coroutine never outlives its scheduler.
  ~FramePool();

  // Memory for a frame of `bytes`, aligned to 16. Never null.
  void* allocate(size_t bytes) {
    const size_t size_class = class_of(bytes);
    Header* header = nullptr;
    if (size_class < kClasses && free_[size_class] != nullptr) [[likely]] {
      header = free_[size_class];
      free_[size_class] = header->next;
      unpoison(header + 1, bytes);
    } else {
      header = allocate_slowly(bytes, size_class);
    }
    header->pool = this;
    ++live_;
    return header + 1;
  }

  // `bytes` as it was allocated. The frame itself knows its pool.
  static void release(void* frame, size_t bytes) {
    Header* header = static_cast<Header*>(frame) - 1;
    FramePool& pool = *header->pool;
    const size_t size_class = class_of(bytes);
    --pool.live_;
    if (size_class >= kClasses) [[unlikely]] {
      release_to_heap(header);
      return;
    }
    poison(frame, bytes);
    header->next = pool.free_[size_class];
    pool.free_[size_class] = header;
  }

  // Frames allocated and not released.
  size_t live() const { return live_; }
  // Memory held for frames of pooled sizes, whether in use or free.
  size_t block_bytes() const { return block_bytes_; }

 private:
  // In front of each frame. 16 bytes, because frames are aligned to that.
  struct alignas(16) Header {
    union {
      FramePool* pool;  // while allocated
      Header* next;     // while free
    };
  };
  struct alignas(16) Block {
    Block* next;
  };
  static constexpr size_t kClasses = kPooledFrameBytesMax / kFrameGranuleBytes + 1;

  static size_t class_of(size_t bytes) { return (sizeof(Header) + bytes + kFrameGranuleBytes - 1) / kFrameGranuleBytes; }
  // Under AddressSanitizer a freed frame is out of bounds, as it would be if it came from the heap.
  static void poison(void* frame, size_t bytes);
  static void unpoison(void* frame, size_t bytes);

  Header* allocate_slowly(size_t bytes, size_t size_class);
  static void release_to_heap(Header* header);

  Header* free_[kClasses] = {};
  // The rest of the newest block of each class, not carved into frames yet.
  char* fresh_[kClasses] = {};
  char* fresh_end_[kClasses] = {};
  Block* blocks_ = nullptr;
  size_t block_bytes_ = 0;
  size_t live_ = 0;
};

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __asan_poison_memory_region(void const volatile* address, size_t size);
extern "C" void __asan_unpoison_memory_region(void const volatile* address, size_t size);
inline void FramePool::poison(void* frame, size_t bytes) { __asan_poison_memory_region(frame, bytes); }
inline void FramePool::unpoison(void* frame, size_t bytes) { __asan_unpoison_memory_region(frame, bytes); }
#else
inline void FramePool::poison(void*, size_t) {}
inline void FramePool::unpoison(void*, size_t) {}
#endif

}  // namespace demi
