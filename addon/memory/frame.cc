#include "memory/frame.h"

#include <algorithm>
#include <cstring>

#include "memory/memory.h"

namespace demi {

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
  copy.segment_bytes = segment_bytes;
  copy.verdict = verdict;
  return copy;
}

}  // namespace demi
