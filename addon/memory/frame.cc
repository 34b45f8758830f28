#include "memory/frame.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "memory/memory.h"

namespace demi {

Frame::Frame(BufferRef buffer, uint32_t first, uint32_t count) : head(std::move(buffer)), offset(first), length(count) {
  DEMI_ASSERT(head && uint64_t{offset} + length <= head->capacity, "a frame outside of its room");
}

Frame::Frame(Frame&& other) noexcept
    : head(std::move(other.head)),
      offset(std::exchange(other.offset, 0)),
      length(std::exchange(other.length, 0)),
      payload(std::move(other.payload)),
      checksum_start(std::exchange(other.checksum_start, uint16_t{0})),
      checksum_offset(std::exchange(other.checksum_offset, uint16_t{0})),
      verdict(std::exchange(other.verdict, ChecksumVerdict::kUnknown)) {}

Frame& Frame::operator=(Frame&& other) noexcept {
  if (this == &other) return *this;
  head = std::move(other.head);
  offset = std::exchange(other.offset, 0);
  length = std::exchange(other.length, 0);
  payload = std::move(other.payload);
  checksum_start = std::exchange(other.checksum_start, uint16_t{0});
  checksum_offset = std::exchange(other.checksum_offset, uint16_t{0});
  verdict = std::exchange(other.verdict, ChecksumVerdict::kUnknown);
  return *this;
}

size_t Frame::copy_out(MutableBytes to) const {
  const size_t of_head = std::min<size_t>(length, to.size());
  if (of_head > 0) std::memcpy(to.data(), head->room + offset, of_head);
  return of_head + payload.copy_out(to.subspan(of_head));
}

Frame Frame::copied_into(Memory& memory) const {
  BufferRef room = memory.allocate_room(bytes());
  if (!room) return Frame();
  Frame copy(room, room->headroom, static_cast<uint32_t>(bytes()));
  copy_out(copy.writable_head());
  copy.checksum_start = checksum_start;
  copy.checksum_offset = checksum_offset;
  copy.verdict = verdict;
  return copy;
}

}  // namespace demi
