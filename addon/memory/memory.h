// Memory: all payload memory of one libOS. This is the door of the room: read it first, then sg_array.h, then buffer_pool.h.
//
//   windows (window.h)  ->  rooms of four sizes (slab_pool.h)  ->  buffers (buffer.h)  ->  segments (segment.h)  ->  SgArray
//
// One owning thread, no locks. What is mapped for one size of room stays with that size and is mapped until the Memory ends; when
// one size has run out and the budget is used up, the others stand in. Everything that came from a Memory is given back before
// the Memory ends: buffers_outstanding() tells. Only the mappings may outlive it, by who shares them (WindowTable::at).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "memory/memory_budget.h"
#include "memory/sg_array.h"
#include "memory/slab_pool.h"
#include "memory/window.h"

namespace demi {

struct MemoryConfig {
  // Bytes of all windows; cut to whole pages and to kMemoryBytesMax.
  uint64_t limit_bytes = uint64_t{256} << 20;
  // Bytes in front of each payload, for the headers of protocols; at most kHeadroomMax.
  uint32_t headroom = 0;
  // Segments that callers can make (allocate, copy_in, clone, slice).
  uint32_t max_segments = kSegmentsMax;
  // Where windows come from; nullptr: the system.
  std::shared_ptr<MappingSource> source = nullptr;
};

class Memory {
 public:
  explicit Memory(const MemoryConfig& config = {});
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // `bytes` of memory that is not initialized, in few segments. ENOMEM when there is not enough; then nothing is taken.
  Result<SgArray> allocate(uint64_t bytes) {
    // Small messages by a way of their own, which the compiler can keep in registers.
    if (bytes > 0 && bytes <= kRoomBytes[0] && segments_.admits(1)) {
      if (Buffer* buffer = pools_[0].allocate()) [[likely]] {
        SgArray array(segments_);
        array.append_segment(BufferRef::adopt(buffer), buffer->headroom, static_cast<uint32_t>(bytes));
        return array;
      }
    }
    return allocate_rooms(bytes);
  }
  // Appends a copy of the first min(from.size(), max_bytes) bytes to `out`, as many as the pools give now. Returns how many.
  size_t copy_in(std::span<const uint8_t> from, SgArray& out, uint64_t max_bytes = UINT64_MAX);
  // Makes `out`, which is empty, a copy of all of `from`, or takes nothing and returns false.
  [[nodiscard]] bool copy_whole(std::span<const uint8_t> from, SgArray& out);
  // One room of at least `at_least` payload bytes, from the buffer's `headroom` on; empty when there is none.
  BufferRef allocate_room(size_t at_least);
  // One room towards `bytes`: the same if it can be had, otherwise a smaller one; empty when there is none of any size.
  BufferRef allocate_any_room(uint64_t bytes);
  // An empty SgArray whose segments are counted here.
  SgArray make_array() { return SgArray(segments_); }
  // The same bytes, shared. ENOMEM when that needs more segments than there may be.
  Result<SgArray> clone(const SgArray& array);
  Result<SgArray> slice(const SgArray& array, uint64_t begin, uint64_t end);

  // Whether so many bytes could be had now, in rooms of any size: for who was refused, to know when to ask again. Cheap enough to be
  // asked every turn.
  bool has(uint64_t bytes) const { return segments_.admits(1) && bytes <= available_bytes(); }
  // How many calls were refused, or copied less than they should.
  uint64_t exhausted_count() const { return exhausted_count_; }

  size_t buffers_outstanding() const;
  uint64_t bytes_in_windows() const { return budget_.used(); }
  uint64_t limit_bytes() const { return budget_.limit(); }
  // Payload bytes that can be had now, counting what may still be mapped.
  uint64_t available_bytes() const;
  // The largest array that can always be had again once enough has come back, even when all windows have gone to the smallest rooms.
  // A sixteenth of the memory does not count: it is for those who keep a room for long (each libOS a staging room).
  uint64_t largest_whole_bytes() const;
  uint32_t headroom() const { return pools_[0].headroom(); }

  WindowTable& windows() { return windows_; }
  SegmentPool& segments() { return segments_; }
  // The pool of size class `index` < kRoomClasses (kRoomBytes).
  SlabPool& pool(size_t index) { return pools_[index]; }

  // Fills rooms with BufferPool::kPoison when they return.
  void set_poison(bool on);

  // Keeps a pool of another kind, whose buffers are in our segments, until the Memory ends. It has added its windows to ours.
  void keep(std::shared_ptr<BufferPool> pool);

 private:
  Result<SgArray> allocate_rooms(uint64_t bytes);
  Buffer* take_room(uint64_t bytes);

  WindowTable windows_;
  MemoryBudget budget_;
  SegmentPool segments_;
  SlabPool pools_[kRoomClasses];
  std::vector<std::shared_ptr<BufferPool>> kept_;
  bool poison_ = false;
  uint64_t exhausted_count_ = 0;
};

}  // namespace demi
