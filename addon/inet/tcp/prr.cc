#include "inet/tcp/prr.h"

#include <algorithm>

namespace demi {

void Prr::begin(uint32_t flight) {
  recover_fs_ = std::max(flight, 1u);
  delivered_ = out_ = 0;
}

// What RFC 9937 does upon each acknowledgment: SndCnt.
uint32_t Prr::handle_ack(const PrrAck& ack) {
  delivered_ += ack.delivered;
  const int64_t owed = int64_t{delivered_} - out_;
  int64_t count = 0;
  if (ack.pipe > ack.ssthresh) {
    // In proportion: when the whole flight is delivered, ssthresh of it will have been replaced.
    const uint64_t share = (uint64_t{delivered_} * ack.ssthresh + recover_fs_ - 1) / recover_fs_;
    count = static_cast<int64_t>(share) - out_;
  } else {
    // Losses have taken more than that. As much as is delivered, and while it goes well a segment more each time, up to ssthresh.
    count = std::max(owed, int64_t{ack.delivered}) + (ack.is_safe ? ack.mss : 0);
    count = std::min(count, int64_t{ack.ssthresh} - ack.pipe);
  }
  // The first retransmission leaves at once.
  if (out_ == 0) count = std::max<int64_t>(count, ack.mss);
  return static_cast<uint32_t>(std::clamp<int64_t>(count, 0, UINT32_MAX));
}

}  // namespace demi
