#include "memory/segment.h"

namespace demi {

void SegmentPool::grow() {
  DEMI_ASSERT(blocks_.size() * kSegmentsPerBlock < hard_max_, "more segments than operations could have asked for");
  std::unique_ptr<Segment[]> block(new Segment[kSegmentsPerBlock]);
  for (size_t i = 0; i + 1 < kSegmentsPerBlock; ++i) block[i].next = &block[i + 1];
  block[kSegmentsPerBlock - 1].next = free_;
  free_ = &block[0];
  blocks_.push_back(std::move(block));
}

}  // namespace demi
