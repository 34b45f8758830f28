#include "memory/memory.h"

#include <algorithm>
#include <cstring>

namespace demi {

static_assert(kRoomClasses == 4, "the pools are made one by one below");

Memory::Memory(const MemoryConfig& config)
    : windows_(config.source),
      budget_(config.limit_bytes),
      segments_(config.max_segments),
      pools_{SlabPool(windows_, budget_, kRoomBytes[0], config.headroom),
             SlabPool(windows_, budget_, kRoomBytes[1], config.headroom),
             SlabPool(windows_, budget_, kRoomBytes[2], config.headroom),
             SlabPool(windows_, budget_, kRoomBytes[3], config.headroom)} {}

// The size of room to begin with for `bytes`: the smallest that holds them, or the largest there is. Where two rooms of the next
// smaller size hold them they are taken instead, as they waste less; but what fits a frame stays one segment.
static size_t preferred_class(uint64_t bytes) {
  size_t index = 0;
  while (index + 1 < kRoomClasses && bytes > kRoomBytes[index]) ++index;
  const bool two_smaller_do = index >= 2 && bytes <= 2 * uint64_t{kRoomBytes[index - 1]};
  return two_smaller_do ? index - 1 : index;
}

// One room towards `bytes`: of the preferred size, else a larger one, else a smaller one (the caller comes back for more).
Buffer* Memory::take_room(uint64_t bytes) {
  const size_t preferred = preferred_class(bytes);
  for (size_t index = preferred; index < kRoomClasses; ++index) {
    if (Buffer* buffer = pools_[index].allocate()) return buffer;
  }
  for (size_t index = preferred; index-- > 0;) {
    if (Buffer* buffer = pools_[index].allocate()) return buffer;
  }
  return nullptr;
}

Result<SgArray> Memory::allocate_rooms(uint64_t bytes) {
  // A large wish that must fail should not map and drain everything first to find that out.
  if (bytes > kLargestRoomBytes && bytes > available_bytes()) {
    ++exhausted_count_;
    return Errno::kENOMEM;
  }
  SgArray array(segments_);
  for (uint64_t remaining = bytes; remaining > 0;) {
    Buffer* buffer = segments_.admits(1) ? take_room(remaining) : nullptr;
    if (buffer == nullptr) {
      array.clear();
      ++exhausted_count_;
      return Errno::kENOMEM;
    }
    const auto length = static_cast<uint32_t>(std::min<uint64_t>(remaining, buffer->payload_capacity()));
    array.append_segment(BufferRef::adopt(buffer), buffer->headroom, length);
    remaining -= length;
  }
  return array;
}

size_t Memory::copy_in(std::span<const uint8_t> from, SgArray& out, uint64_t max_bytes) {
  if (out.pool() == nullptr) out = make_array();
  const size_t wanted = static_cast<size_t>(std::min<uint64_t>(from.size(), max_bytes));
  size_t copied = 0;
  while (copied < wanted) {
    Buffer* buffer = segments_.admits(1) ? take_room(wanted - copied) : nullptr;
    if (buffer == nullptr) {
      ++exhausted_count_;
      break;
    }
    const auto length = static_cast<uint32_t>(std::min<size_t>(wanted - copied, buffer->payload_capacity()));
    std::memcpy(buffer->payload(), from.data() + copied, length);
    out.append_segment(BufferRef::adopt(buffer), buffer->headroom, length);
    copied += length;
  }
  return copied;
}

bool Memory::copy_whole(std::span<const uint8_t> from, SgArray& out) {
  DEMI_ASSERT(out.empty(), "a whole copy goes into an empty array");
  // What cannot be had as a whole is not copied in vain. Only of what fits a room is that found out by trying.
  const bool possible = from.size() <= kLargestRoomBytes || from.size() <= available_bytes();
  if (!possible) ++exhausted_count_;
  if (possible && copy_in(from, out) == from.size()) return true;
  out.clear();
  return false;
}

BufferRef Memory::allocate_room(size_t at_least) {
  for (SlabPool& pool : pools_) {
    if (pool.room_bytes() < at_least) continue;
    if (Buffer* buffer = pool.allocate()) return BufferRef::adopt(buffer);
  }
  ++exhausted_count_;
  return BufferRef();
}

BufferRef Memory::allocate_any_room(uint64_t bytes) {
  if (Buffer* buffer = take_room(bytes)) return BufferRef::adopt(buffer);
  ++exhausted_count_;
  return BufferRef();
}

Result<SgArray> Memory::clone(const SgArray& array) {
  return slice(array, 0, array.bytes());
}

Result<SgArray> Memory::slice(const SgArray& array, uint64_t begin, uint64_t end) {
  // As many segments as the whole has are not needed, but counting them exactly would walk them twice.
  if (!segments_.admits(std::min<uint64_t>(array.count(), end - begin))) {
    ++exhausted_count_;
    return Errno::kENOMEM;
  }
  return array.slice(begin, end);
}

size_t Memory::buffers_outstanding() const {
  size_t sum = 0;
  for (const SlabPool& pool : pools_) sum += pool.outstanding();
  for (const auto& pool : kept_) sum += pool->outstanding();
  return sum;
}

uint64_t Memory::available_bytes() const {
  uint64_t sum = budget_.remaining();
  for (const SlabPool& pool : pools_) sum += pool.free_bytes();
  return sum;
}

uint64_t Memory::largest_whole_bytes() const {
  const uint64_t rooms_of_page = page_bytes() / pools_[0].stride();
  const uint64_t rooms = std::min<uint64_t>(budget_.limit() / page_bytes() * rooms_of_page, segments_.max());
  const uint64_t bytes = rooms * kRoomBytes[0];
  return bytes - bytes / 16;
}

void Memory::set_poison(bool on) {
  poison_ = on;
  for (SlabPool& pool : pools_) pool.set_poison(on);
  for (const auto& pool : kept_) pool->set_poison(on);
}

void Memory::keep(std::shared_ptr<BufferPool> pool) {
  pool->set_poison(poison_);
  kept_.push_back(std::move(pool));
}

}  // namespace demi
