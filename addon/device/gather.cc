#include "device/gather.h"

namespace demi {

size_t gather(const Frame& frame, std::span<iovec> pieces) {
  const size_t count = 1 + frame.payload.count();
  if (count > pieces.size()) return 0;
  pieces[0] = {frame.head->room + frame.offset, frame.length};
  size_t next = 1;
  for (const Segment& segment : frame.payload) pieces[next++] = {segment.data(), segment.length};
  return count;
}

}  // namespace demi
