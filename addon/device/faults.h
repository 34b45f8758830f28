// Faults: middleware that makes a bad link of a device, each way by an Impairment of its own. Nothing happens to frames until one of
// them is configured; it may be configured anew at any time.
#pragma once

#include <array>
#include <memory>

#include "base/limits.h"
#include "base/ring_queue.h"
#include "device/device.h"
#include "device/impairment.h"

namespace demi {

class Faults final : public Device {
 public:
  // `memory` is the one that `inner` was made with, and outlives this. Two with one seed that are called alike do alike.
  Faults(std::unique_ptr<Device> inner, Memory& memory, uint64_t seed);

  Impairment& outgoing() { return outgoing_; }
  Impairment& incoming() { return incoming_; }
  // Frames that were due, and that the inner device did not take: lost, as where a queue is full.
  uint64_t refused() const { return refused_; }
  // What was to be cut and is lost: segments for whose headers there was no memory, and frames that are too long.
  uint64_t uncut() const { return uncut_; }

  // Takes all of a burst: a bad link does not push back.
  size_t transmit(std::span<Frame> frames, Instant now) override;
  size_t receive(std::span<Frame> frames, Instant now) override;
  // Also when a frame that was sent is due: receive() moves it on.
  Instant next_deadline() const override;
  LinkState link_state() const override { return inner_->link_state(); }
  void want_datagrams(uint16_t port, bool is_wanted) override { inner_->want_datagrams(port, is_wanted); }
  void prepare_to_sleep() override { inner_->prepare_to_sleep(); }
  void list_counters(const DeviceCounterVisitor& visit) override { inner_->list_counters(visit); }

 private:
  static DeviceCapabilities with_faults(DeviceCapabilities inner);
  void move_out(Instant now);
  void take_in(Instant now);

  std::unique_ptr<Device> inner_;
  Memory& memory_;
  Impairment outgoing_;
  Impairment incoming_;
  uint64_t refused_ = 0;
  uint64_t uncut_ = 0;
  // Empty between calls.
  std::array<Frame, kFaultsBurst> burst_;
  RingQueue<Frame> segments_;
};

}  // namespace demi
