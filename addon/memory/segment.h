// Segment and SegmentPool: the links of an SgArray, and where they come from.
// Segments are recycled and their blocks are kept, so that in steady state no message touches the heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/assert.h"
#include "memory/buffer.h"
#include "memory/memory_limits.h"

namespace demi {

// `length` bytes of a buffer's room, from `offset` on. Holds one reference to the buffer while it is part of an SgArray.
struct Segment {
  Buffer* buffer;
  uint32_t offset;
  uint32_t length;
  Segment* next;

  uint8_t* data() const { return buffer->room + offset; }
  // Where JavaScript finds these bytes: the index of the window and the bytes from its start.
  uint32_t window() const { return buffer->window; }
  uint32_t window_offset() const { return buffer->window_offset + offset; }
  // Whether `buffer`, from `offset` on, goes on where this segment ends.
  bool continues_at(const Buffer* other, uint32_t other_offset) const {
    return buffer == other && offset + length == other_offset;
  }
};

class SegmentPool {
 public:
  explicit SegmentPool(uint32_t max_segments = kSegmentsMax, uint32_t hard_max_segments = kSegmentsHardMax)
      : max_(max_segments), hard_max_(hard_max_segments) {}
  SegmentPool(const SegmentPool&) = delete;
  SegmentPool& operator=(const SegmentPool&) = delete;

  // Whether `count` more may be handed out at a caller's wish. To be asked where a caller decides how many there are; take()
  // itself does not refuse, because a stream that is cut at a byte must not fail.
  bool admits(uint64_t count) const { return live_ + count <= max_; }
  // An uninitialized segment.
  Segment* take() {
    if (free_ == nullptr) [[unlikely]] grow();
    Segment* segment = free_;
    free_ = segment->next;
    ++live_;
    return segment;
  }
  // Takes back `count` segments, linked from `first` to `last`, whose references were dropped.
  void give_back(Segment* first, Segment* last, size_t count) {
    last->next = free_;
    free_ = first;
    live_ -= count;
  }
  void give_back(Segment* segment) { give_back(segment, segment, 1); }

  size_t live() const { return live_; }
  size_t max() const { return max_; }

 private:
  void grow();

  const size_t max_;
  const size_t hard_max_;
  size_t live_ = 0;
  Segment* free_ = nullptr;
  std::vector<std::unique_ptr<Segment[]>> blocks_;
};

}  // namespace demi
