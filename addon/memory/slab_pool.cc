#include "memory/slab_pool.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace demi {

static uint32_t stride_of(uint32_t room_bytes, uint32_t headroom) {
  const size_t bytes = size_t{room_bytes} + headroom;
  return static_cast<uint32_t>((bytes + kRoomAlignment - 1) / kRoomAlignment * kRoomAlignment);
}

SlabPool::SlabPool(WindowTable& windows, MemoryBudget& budget, uint32_t room_bytes, uint32_t headroom)
    : BufferPool(room_bytes, headroom), windows_(windows), budget_(budget), stride_(stride_of(room_bytes, headroom)) {
  DEMI_ASSERT(room_bytes > 0 && room_bytes <= kLargestRoomBytes, "a room size out of bounds");
  DEMI_ASSERT(headroom <= kHeadroomMax, "a headroom out of bounds");
}

SlabPool::~SlabPool() {
  for (Buffer* headers : headers_) std::free(headers);
}

size_t SlabPool::allocate_bulk(Buffer** buffers, size_t wanted) {
  size_t count = 0;
  while (count < wanted && free_ != nullptr) {
    buffers[count++] = free_;
    free_ = free_->next_free;
  }
  if (count == 0 && made_ == window_rooms_ && !grow()) return 0;
  // The cache hands out the last one first; making them in reverse lets rooms be used in the order of their addresses.
  const size_t making = std::min(wanted - count, window_rooms_ - made_);
  for (size_t i = making; i > 0; --i) buffers[count + i - 1] = make_next();
  return count + making;
}

void SlabPool::release_bulk(Buffer** buffers, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    buffers[i]->next_free = free_;
    free_ = buffers[i];
  }
}

// Maps one window: as large as is usual under the budget, or as what is left of the budget allows, but of one room at least.
bool SlabPool::grow() {
  const uint64_t usual = std::max<uint64_t>(1, budget_.window_bytes() / stride_) * stride_;
  const uint64_t possible = budget_.remaining() / stride_ * stride_;
  const uint64_t bytes = round_up_to_pages(std::min(usual, possible));
  if (bytes == 0 || !budget_.take(bytes)) return false;
  const size_t rooms = bytes / stride_;
  auto* headers = static_cast<Buffer*>(std::malloc(rooms * sizeof(Buffer)));
  Result<uint32_t> window = headers == nullptr ? Result<uint32_t>(Errno::kENOMEM) : windows_.add(bytes);
  if (!window.ok()) {
    std::free(headers);
    budget_.give_back(bytes);
    return false;
  }
  headers_.push_back(headers);
  window_ = *window;
  window_data_ = windows_.at(window_)->data();
  window_rooms_ = rooms;
  made_ = 0;
  rooms_ += rooms;
  return true;
}

Buffer* SlabPool::make_next() {
  const size_t offset = made_ * stride_;
  return new (&headers_.back()[made_++]) Buffer{
      .references = 0,
      .generation = 0,
      .pool = this,
      .room = window_data_ + offset,
      .capacity = headroom() + room_bytes(),
      .headroom = headroom(),
      .window = window_,
      .window_offset = static_cast<uint32_t>(offset),
      .next_free = nullptr,
  };
}

}  // namespace demi
