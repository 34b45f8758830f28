#include "libos/push_request.h"

#include <algorithm>
#include <utility>

namespace demi {

Errno PushRequest::accept_into(SgArray& out, uint64_t max, Memory& memory) {
  uint64_t accepted = 0;
  if (source == nullptr) {
    accepted = std::min(max, data.bytes());
    out.append(accepted == data.bytes() ? std::move(data) : data.split_front(accepted), true);
  } else {
    const std::span<const uint8_t> bytes = source->bytes();
    if (bytes.size() < total_bytes) return Errno::kEFAULT;
    const uint64_t wanted = std::min(max, remaining_bytes());
    accepted = memory.copy_in(bytes.subspan(accepted_bytes, wanted), out);
    if (accepted == 0 && wanted > 0) return Errno::kENOMEM;
  }
  accepted_bytes += accepted;
  return Errno::kOk;
}

Errno PushRequest::gather(Memory& memory) {
  if (source == nullptr) return Errno::kOk;
  const std::span<const uint8_t> bytes = source->bytes();
  if (bytes.size() < total_bytes) return Errno::kEFAULT;
  if (memory.copy_whole(bytes.first(total_bytes), data)) {
    // The caller's bytes are not needed any more, however long the message must still wait.
    source = nullptr;
    kept.reset();
    return Errno::kOk;
  }
  memory_wanted_bytes = total_bytes;
  return Errno::kENOMEM;
}

Errno PushRequest::remaining_pieces(std::span<std::span<const uint8_t>> pieces, size_t& count) {
  count = 0;
  if (source != nullptr) {
    const std::span<const uint8_t> bytes = source->bytes();
    if (bytes.size() < total_bytes) return Errno::kEFAULT;
    if (remaining_bytes() > 0) pieces[count++] = bytes.subspan(accepted_bytes, remaining_bytes());
    return Errno::kOk;
  }
  for (const Segment& segment : data) {
    if (count == pieces.size()) break;
    pieces[count++] = {segment.data(), segment.length};
  }
  return Errno::kOk;
}

void PushRequest::accept(uint64_t bytes) {
  accepted_bytes += bytes;
  if (source == nullptr) data.drop_front(bytes);
}

}  // namespace demi
