#include "sched/frame_pool.h"

#include <new>

#include "base/assert.h"

namespace demi {

FramePool::~FramePool() {
  DEMI_ASSERT(live_ == 0, "a coroutine outlives its scheduler");
  while (blocks_ != nullptr) {
    Block* block = blocks_;
    blocks_ = block->next;
    unpoison(block, kFrameBlockBytes);
    ::operator delete(block);
  }
}

FramePool::Header* FramePool::allocate_slowly(size_t bytes, size_t size_class) {
  if (size_class >= kClasses) return static_cast<Header*>(::operator new(sizeof(Header) + bytes));
  const size_t size = size_class * kFrameGranuleBytes;
  if (static_cast<size_t>(fresh_end_[size_class] - fresh_[size_class]) < size) {
    char* block = static_cast<char*>(::operator new(kFrameBlockBytes));
    blocks_ = new (block) Block{blocks_};
    block_bytes_ += kFrameBlockBytes;
    fresh_[size_class] = block + sizeof(Block);
    fresh_end_[size_class] = block + kFrameBlockBytes;
  }
  char* header = fresh_[size_class];
  fresh_[size_class] += size;
  return new (header) Header;
}

void FramePool::release_to_heap(Header* header) { ::operator delete(header); }

}  // namespace demi
