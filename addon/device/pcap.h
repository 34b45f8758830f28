// Pcap: middleware that captures what passes through a device, both ways, as it passes: a checksum that the inner device is to finish is
// not finished in the file, and what it is to cut is one long segment there, as in captures of Linux's own TCP.
#pragma once

#include <memory>

#include "device/device.h"
#include "device/pcap_writer.h"

namespace demi {

class Pcap final : public Device {
 public:
  // `unix_time_of_zero` is what the clock of a calendar says at Instant(): of a clock that began with 1970, nothing.
  Pcap(std::unique_ptr<Device> inner, std::unique_ptr<PcapWriter> file, Duration unix_time_of_zero = Duration());

  // Captures only what the inner device has taken.
  size_t transmit(std::span<Frame> frames, Instant now) override;
  size_t receive(std::span<Frame> frames, Instant now) override;
  // Also when what was captured has to be written.
  Instant next_deadline() const override;
  LinkState link_state() const override { return inner_->link_state(); }
  void want_datagrams(uint16_t port, bool is_wanted) override { inner_->want_datagrams(port, is_wanted); }
  void prepare_to_sleep() override { inner_->prepare_to_sleep(); }
  void list_counters(const DeviceCounterVisitor& visit) override { inner_->list_counters(visit); }

  // Whether a write has failed; the device goes on without it.
  bool has_failed() const { return file_->has_failed(); }

 private:
  int64_t unix_nanoseconds(Instant now) const;
  void write_when_due(Instant now);

  std::unique_ptr<Device> inner_;
  std::unique_ptr<PcapWriter> file_;
  Duration unix_time_of_zero_;
  Instant write_due_ = Instant::never();
  // Where in the collected bytes each frame of a burst begins.
  std::vector<size_t> begins_;
};

}  // namespace demi
