// PacketSocket: frames of an interface of the kernel, a network card or one end of a veth pair, by way of AF_PACKET. The stack has a MAC
// address of its own there, and the interface listens to all (it is promiscuous as long as this lives); apart from that nothing about it
// is changed. The kernel sees the same frames and has its own opinion of them, so it must not have our IP addresses.
//
// What arrives is found in a ring that the kernel shares with us (TPACKET_V2: it shows a frame at once; V3 collects a block of them), without a
// system call. What nobody has cut to the MTU is longer than its slots, and is fetched: segments of TCP stay as they are, datagrams are
// cut. What is sent costs one system call for a burst, and the kernel copies it from where it lies; a short frame by itself, which is mostly the
// answer to one that has come, is put together first. A ring for that was measured, too: it is no faster beyond what measurements differ.
// Segments of TCP leave uncut where the interface cuts them (TSO).
#pragma once

#ifdef __linux__

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/ring_queue.h"
#include "device/datagram_cutter.h"
#include "device/device.h"
#include "device/file_descriptor.h"
#include "device/network_interface.h"
#include "device/packet_ring.h"
#include "device/virtio_net_header.h"
#include "device/wakeup_fd.h"
#include "memory/memory.h"

namespace demi {

struct PacketSocketConfig {
  std::string interface;
  // Ours, beside that of the interface.
  MacAddress link_address{};
  // The stack's. The kernel must have none of them.
  std::vector<IpAddress> addresses;
};

struct PacketSocketCounters {
  uint64_t transmitted = 0;
  uint64_t received = 0;
  // Lost on their way out, as in TapCounters.
  uint64_t malformed = 0;
  uint64_t link_down = 0;
  uint64_t not_gathered = 0;
  uint64_t refused = 0;
  // Frames of several segments that the kernel did not take as they are, and that were cut here; and segments that were lost in that, for want of
  // memory.
  uint64_t cut_here = 0;
  uint64_t uncut = 0;
  // Lost on their way in: the ring was full (tp_drops of the kernel); no memory had room; too long for anything.
  uint64_t ring_full = 0;
  uint64_t no_memory = 0;
  uint64_t unusable = 0;
  // Not for us: what this machine has sent by the interface.
  uint64_t outgoing = 0;
};

class PacketSocket final : public Device {
 public:
  // A frame by itself is put together up to here, with its virtio header: one of the usual MTU.
  static constexpr size_t kTogetherBytesMax = 2048;

  // Opens the interface in the network namespace of this thread. `memory` takes what arrives, and outlives the device.
  //   ENODEV      there is no such interface
  //   EINVAL      it is none of Ethernet, or the MAC address cannot be
  //   EADDRINUSE  the kernel has one of the addresses itself; or the MAC address, and is a router
  //   EPERM       without CAP_NET_RAW
  // EMFILE, ENOMEM and what else the kernel says.
  static Made<PacketSocket> open(const PacketSocketConfig& config, Memory& memory);

  size_t transmit(std::span<Frame> frames, Instant now) override;
  size_t receive(std::span<Frame> frames, Instant now) override;
  Instant next_deadline() const override { return has_frame() ? Instant() : Instant::never(); }
  LinkState link_state() const override { return state_; }
  void prepare_to_sleep() override { wakeup_.listen(); }

  // Asks the kernel for what it has lost.
  const PacketSocketCounters& counters();

 private:
  // What becomes of a frame of a burst.
  enum class Fate : uint8_t { kToSend, kMalformed, kNotGathered };
  // What is to be done when the kernel has not sent one.
  enum class Failure { kOfferLater, kTryAgain, kCutHere, kLost, kLinkIsDown };

  PacketSocket(const DeviceCapabilities& capabilities, FileDescriptor fd, PacketRing ring, WakeupFd wakeup, NetworkInterface interface,
               Memory& memory);
  // How many are done with, sent or lost.
  size_t send(std::span<Frame> frames, Instant now);
  Fate prepare(Frame& frame, size_t message);
  size_t send_messages(size_t count, Instant now);
  int send_some(mmsghdr* messages, size_t count);
  size_t flatten(const msghdr& message);
  Failure failure_of(int number, bool is_uncut, Instant now);
  bool send_segments(Instant now);
  void take_error();
  bool has_frame() const { return !cutter_.empty() || ring_.has_frame(); }
  Frame next_frame();
  Frame take(const PacketRing::Slot& slot);
  bool fetch(MutableBytes into);
  void look_at_link(Instant now);

  FileDescriptor fd_;
  PacketRing ring_;
  WakeupFd wakeup_;
  NetworkInterface interface_;
  Memory& memory_;
  DatagramCutter cutter_;
  LinkState state_ = LinkState::kUp;
  Instant look_due_;
  // The kernel has stopped to take frames of several segments: those are cut here from now on, and wait here when it takes no more.
  bool cuts_here_ = false;
  RingQueue<Frame> segments_;
  Instant uncut_refused_since_ = Instant::never();
  PacketSocketCounters counters_;
  // One burst, for sendmmsg(2): of each frame its virtio header and its pieces.
  std::array<mmsghdr, kInterfaceBurstMax> messages_{};
  std::array<VirtioNetHeader, kInterfaceBurstMax> headers_{};
  std::array<std::array<iovec, 1 + kGatherMax>, kInterfaceBurstMax> pieces_{};
  std::array<uint8_t, kTogetherBytesMax> flat_{};
};

}  // namespace demi

#endif  // __linux__
