// Device: what moves frames between a stack and a wire. This is the contract of every kind, and of the middleware that wraps one
// (faults.h, pcap.h); test/addon/device/device_test.cc holds each of them to it. wire_hub.h is the shortest example.
//
// - A device belongs to one thread, and nothing here blocks. Calls go by bursts, so that none is virtual per frame.
// - A frame begins with its Ethernet header, which lies in the head, and has no frame check sequence. A device pads what its wire
//   demands. What is shorter than the header or longer than frame_bytes_max() is taken, counted and not sent.
//   Only a frame that the device is to cut may be longer.
// - A device loses frames where a wire does, and counts each under its cause. It never reports an error for a frame.
// - Time is an argument and does not go back. Middleware delays by it; what is on an interface of the kernel looks at its link by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/flow_hash.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/time.h"
#include "memory/frame.h"
#include "wire/address.h"
#include "wire/ethernet.h"

namespace demi {

struct DeviceCapabilities {
  // Ours on the wire: where frames come from that the stack sends. The device does not check it.
  MacAddress link_address{};
  // The longest packet, without its Ethernet header.
  uint32_t mtu_bytes = 1500;
  // The most frames that one call takes or gives; at least 1.
  uint32_t burst_max = 32;
  // Whether the stack may leave checksums to the device (Frame::checksum_start).
  bool finishes_checksums = false;
  // Segments of TCP over IPv4 that the stack may leave to the device to cut (Frame::segment_bytes), and then to finish the checksums of: the most
  // bytes of text in one frame, and the most pieces of payload. 0: it cuts none.
  uint32_t cut_text_bytes_max = 0;
  uint32_t cut_pieces_max = 0;
  // Readable when receive() has something new to give: for an event loop that sleeps meanwhile. -1: there is none.
  int wakeup_fd = -1;
  // Nobody tells when frames come, and the wake-up fd is an alarm: who is awake asks with each turn.
  bool must_be_asked = false;
  // Several devices may share an interface: which flows come to this one.
  FlowShare share{};

  bool operator==(const DeviceCapabilities&) const = default;
  // With one VLAN tag. Without one, what is longer than the MTU allows is lost somewhere, here or on the way.
  size_t frame_bytes_max() const { return EthernetView::kBytes + EthernetView::kTagBytes + mtu_bytes; }
  // Whether a frame is neither too short nor too long.
  bool allows_length_of(const Frame& frame) const {
    const size_t most = frame.segment_bytes == 0 ? frame_bytes_max() : kCutHeadersBytesMax + size_t{cut_text_bytes_max};
    return frame.bytes() >= EthernetView::kBytes && frame.bytes() <= most;
  }
};

// Whether frames can leave and arrive. What is down may come up again, what is gone does not come back.
enum class LinkState : uint8_t { kUp, kDown, kGone };

// Takes the name of a counter, and its value.
using DeviceCounterVisitor = std::function<void(const char* name, uint64_t value)>;

class Device {
 public:
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // Do not change while the device lives.
  const DeviceCapabilities& capabilities() const { return capabilities_; }

  // Takes frames, none of which is empty, from the front, in order, and returns how many: fewer than there are when they are more than
  // burst_max, or when the wire takes no more at present. Those that were taken are empty; the device gives their memory back when it has
  // sent them. The others are untouched and still the caller's, to be offered again or dropped.
  virtual size_t transmit(std::span<Frame> frames, Instant now) = 0;

  // Puts frames that have arrived into `frames`, which are empty, from the front and in the order of their arrival, and returns how many;
  // 0 when there is nothing. They are the caller's from then on: each in one piece, in a buffer of the memory that the device was made
  // with, and the only reference to it. It also moves on what is on its way in the device.
  virtual size_t receive(std::span<Frame> frames, Instant now) = 0;

  // When receive() should be called, although nobody says so: a frame is due then. Instant() when one is due already; never() when only
  // the wake-up fd, or the other side, can bring one.
  virtual Instant next_deadline() const = 0;

  // As it was seen last: a member is read, and nobody asked. transmit() sees at once that the link is down, or up again, and receive() soon.
  // Frames for a link that is not up are taken, counted and lost, as by a cable that is not plugged in.
  virtual LinkState link_state() const { return LinkState::kUp; }

  // Of an interface that is shared: datagrams to that port are for this device from now on, whichever flow they belong to, or not any more.
  virtual void want_datagrams(uint16_t, bool) {}

  // The thread is about to sleep on the wake-up fd. A device that nobody tells of frames sets itself an alarm.
  virtual void prepare_to_sleep() {}

  // What it has counted, by name.
  virtual void list_counters(const DeviceCounterVisitor&) {}

 protected:
  explicit Device(const DeviceCapabilities& capabilities) : capabilities_(capabilities) {}

  DeviceCapabilities capabilities_;
};

// A device, or why there is none: the error, and one sentence that says what to do about it.
template <class Kind>
struct Made {
  std::unique_ptr<Kind> device;
  Errno error = Errno::kOk;
  std::string problem;
};

}  // namespace demi
