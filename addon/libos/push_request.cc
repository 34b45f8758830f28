#include "libos/push_request.h"

#include <algorithm>
#include <utility>

namespace demi {

Errno PushRequest::copy_from_source(uint64_t offset, uint64_t max, SgArray& out, Memory& memory, uint64_t& copied) {
  const std::span<const uint8_t> bytes = source->bytes();
  if (bytes.size() < total_bytes) return Errno::kEFAULT;
  const uint64_t wanted = std::min(max, total_bytes - offset);
  copied = memory.copy_in(bytes.subspan(offset, wanted), out);
  return copied == 0 && wanted > 0 ? Errno::kENOMEM : Errno::kOk;
}

Errno PushRequest::accept_into(SgArray& out, uint64_t max, Memory& memory) {
  uint64_t accepted = 0;
  if (source == nullptr) {
    accepted = std::min(max, data.bytes());
    out.append(accepted == data.bytes() ? std::move(data) : data.split_front(accepted), true);
  } else {
    const Errno wrong = copy_from_source(accepted_bytes, max, out, memory, accepted);
    if (wrong != Errno::kOk) return wrong;
  }
  accepted_bytes += accepted;
  return Errno::kOk;
}

Errno PushRequest::gather(Memory& memory) {
  while (source != nullptr && data.bytes() < total_bytes) {
    uint64_t copied = 0;
    const Errno wrong = copy_from_source(data.bytes(), UINT64_MAX, data, memory, copied);
    if (wrong != Errno::kOk) return wrong;
  }
  return Errno::kOk;
}

}  // namespace demi
