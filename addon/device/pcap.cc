#include "device/pcap.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace demi {

Pcap::Pcap(std::unique_ptr<Device> inner, std::unique_ptr<PcapWriter> file, Duration unix_time_of_zero)
    : Device(inner->capabilities()), inner_(std::move(inner)), file_(std::move(file)), unix_time_of_zero_(unix_time_of_zero) {
  begins_.resize(capabilities_.burst_max);
}

int64_t Pcap::unix_nanoseconds(Instant now) const { return (now + unix_time_of_zero_).nanoseconds(); }

size_t Pcap::transmit(std::span<Frame> frames, Instant now) {
  // Afterwards those that were taken are gone: they are captured first, and the others taken back.
  const size_t offered = std::min<size_t>(frames.size(), capabilities_.burst_max);
  for (size_t i = 0; i < offered; ++i) {
    begins_[i] = file_->collected_bytes();
    file_->append(frames[i], unix_nanoseconds(now));
  }
  const size_t taken = inner_->transmit(frames.first(offered), now);
  if (taken < offered) file_->take_back_to(begins_[taken]);
  write_when_due(now);
  return taken;
}

size_t Pcap::receive(std::span<Frame> frames, Instant now) {
  const size_t count = inner_->receive(frames, now);
  for (const Frame& frame : frames.first(count)) file_->append(frame, unix_nanoseconds(now));
  write_when_due(now);
  return count;
}

// In large pieces, but nobody has to wait long to see what has happened.
void Pcap::write_when_due(Instant now) {
  if (file_->collected_bytes() > 0 && write_due_.is_never()) write_due_ = now + Duration::milliseconds(kPcapWriteDelayMs);
  if (file_->collected_bytes() < kPcapPieceBytes && now < write_due_) return;
  file_->flush();
  write_due_ = Instant::never();
}

Instant Pcap::next_deadline() const { return std::min(write_due_, inner_->next_deadline()); }

}  // namespace demi
