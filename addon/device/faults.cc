#include "device/faults.h"

#include <algorithm>
#include <utility>

#include "device/segment_cutter.h"

namespace demi {

// One seed gives both ways theirs.
static uint64_t drawn_from(uint64_t seed, int draws) {
  Random random(seed);
  while (draws-- > 1) random.next();
  return random.next();
}

Faults::Faults(std::unique_ptr<Device> inner, Memory& memory, uint64_t seed)
    : Device(with_faults(inner->capabilities())),
      inner_(std::move(inner)),
      memory_(memory),
      outgoing_(memory, drawn_from(seed, 1)),
      incoming_(memory, drawn_from(seed, 2)) {}

// A checksum that is finished behind the fault would be right for the damaged bytes. Segments are cut in front of it: each has its own fate.
DeviceCapabilities Faults::with_faults(DeviceCapabilities inner) {
  inner.finishes_checksums = false;
  inner.cut_text_bytes_max = kCutTextBytesMax;
  inner.cut_pieces_max = kGatherMax - 1;
  return inner;
}

size_t Faults::transmit(std::span<Frame> frames, Instant now) {
  const size_t count = std::min<size_t>(frames.size(), capabilities_.burst_max);
  for (Frame& frame : frames.first(count)) {
    if (frame.segment_bytes == 0) {
      outgoing_.enter(std::move(frame), now);
      continue;
    }
    if (!capabilities_.allows_length_of(frame)) {
      ++uncut_;
      frame.clear();
      continue;
    }
    uncut_ += cut_segments(std::move(frame), memory_, false, segments_);
    while (!segments_.empty()) outgoing_.enter(segments_.pop_front(), now);
  }
  move_out(now);
  return count;
}

size_t Faults::receive(std::span<Frame> frames, Instant now) {
  move_out(now);
  take_in(now);
  return incoming_.leave(frames.first(std::min<size_t>(frames.size(), capabilities_.burst_max)), now);
}

void Faults::move_out(Instant now) {
  while (const size_t due = outgoing_.leave(burst_, now)) {
    size_t sent = 0;
    while (sent < due) {
      const size_t taken = inner_->transmit(std::span(burst_).subspan(sent, due - sent), now);
      if (taken == 0) break;
      sent += taken;
    }
    refused_ += due - sent;
    for (; sent < due; ++sent) burst_[sent].clear();
  }
}

// All that has arrived, so that its delay begins now, but no more than a bounded number: more could come as fast as it is taken.
void Faults::take_in(Instant now) {
  for (size_t taken = 0; taken < kFaultsIntakeMax;) {
    const size_t arrived = inner_->receive(burst_, now);
    if (arrived == 0) return;
    for (Frame& frame : std::span(burst_).first(arrived)) incoming_.enter(std::move(frame), now);
    taken += arrived;
  }
}

Instant Faults::next_deadline() const {
  return std::min({outgoing_.next_deadline(), incoming_.next_deadline(), inner_->next_deadline()});
}

}  // namespace demi
