// MemoryBudget: how many bytes of windows a libOS may map. Shared by its pools: what one class took, the others lack.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/assert.h"
#include "memory/memory_limits.h"
#include "memory/window.h"

namespace demi {

class MemoryBudget {
 public:
  // Rounded down to pages, because windows are made of pages.
  explicit MemoryBudget(uint64_t limit_bytes) : limit_(round_down_to_pages(std::min(limit_bytes, kMemoryBytesMax))) {}

  uint64_t limit() const { return limit_; }
  uint64_t used() const { return used_; }
  uint64_t remaining() const { return limit_ - used_; }
  // How large a window should be under this budget: a share of it, but no smaller than a large room and no larger than a window.
  uint64_t window_bytes() const {
    return std::clamp<uint64_t>(round_down_to_pages(limit_ / kWindowsPerBudget), kLargestRoomBytes, kWindowBytes);
  }

  // Takes `bytes` (whole pages), or nothing if they are not there.
  [[nodiscard]] bool take(uint64_t bytes) {
    DEMI_ASSERT(bytes % page_bytes() == 0, "windows are made of whole pages");
    if (bytes > remaining()) return false;
    used_ += bytes;
    return true;
  }
  void give_back(uint64_t bytes) {
    DEMI_ASSERT(bytes <= used_, "more came back than was taken");
    used_ -= bytes;
  }

 private:
  uint64_t limit_;
  uint64_t used_ = 0;
};

}  // namespace demi
