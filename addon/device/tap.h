// Tap: one end of an Ethernet cable, whose other end is an interface of the kernel (a TAP interface). What the kernel sends there arrives here,
// so its own programs can talk to our stack on the same machine. A frame costs one system call, whichever way it goes.
//
// Checksums are left unfinished both ways, since no wire is there that could damage a frame, and long segments of TCP, up to 64 KiB, pass as they are, the
// kernel's and ours (IFF_VNET_HDR): make -C test/addon raw_frames_bench says what that brings.
#pragma once

#ifdef __linux__

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/limits.h"
#include "device/device.h"
#include "device/file_descriptor.h"
#include "device/wakeup_fd.h"
#include "memory/memory.h"

namespace demi {

struct TapConfig {
  // Its name. One that does not exist is made, and ends with the device.
  std::string interface;
  // Ours, on this end. The kernel's end has one of its own.
  MacAddress link_address{};
  // Whether checksums may be unfinished, and segments of TCP longer than the MTU.
  bool offloads = true;
};

struct TapCounters {
  uint64_t transmitted = 0;
  uint64_t received = 0;
  // Lost on their way out: shorter than an Ethernet header or longer than the MTU allows; while the link was not up; in too many pieces, and
  // no memory to put them together; refused by the kernel for another reason.
  uint64_t malformed = 0;
  uint64_t link_down = 0;
  uint64_t not_gathered = 0;
  uint64_t refused = 0;
  // Lost on their way in: no memory had room for them; the kernel gave something that is no frame.
  uint64_t no_memory = 0;
  uint64_t unusable = 0;
};

class Tap final : public Device {
 public:
  // Attaches to the interface in the network namespace of this thread. `memory` takes what arrives, and outlives the device.
  //   EINVAL      the name or the MAC address cannot be; the interface is no TAP interface, or one with several queues
  //   EPERM       without CAP_NET_ADMIN, unless the interface is there already and belongs to the user
  //   EACCES      /dev/net/tun is not for this user
  //   EADDRINUSE  another process is at this end; the kernel has our MAC address itself
  //   ENOENT      there is no /dev/net/tun
  // EMFILE, ENOMEM and what else the kernel says.
  static Made<Tap> open(const TapConfig& config, Memory& memory);

  size_t transmit(std::span<Frame> frames, Instant now) override;
  size_t receive(std::span<Frame> frames, Instant now) override;
  // Due when the last burst was full; who waits otherwise is woken.
  Instant next_deadline() const override { return may_have_more_ ? Instant() : Instant::never(); }
  LinkState link_state() const override { return state_; }
  void prepare_to_sleep() override { wakeup_.listen(); }

  const TapCounters& counters() const { return counters_; }

 private:
  // What became of a frame that was offered to the kernel.
  enum class Fate { kSent, kLost, kLater };
  // Rooms for one frame whose length nobody knows yet, and what the kernel fills: the header of VirtioNetHeader, then each room from where
  // the one before it ends. Only the smallest that the whole frame fits in is kept.
  struct Intake {
    std::array<BufferRef, 3> rooms;
    // Of the last: what the longest frame may have.
    size_t capacity = 0;
  };

  Tap(const DeviceCapabilities& capabilities, FileDescriptor fd, WakeupFd wakeup, Memory& memory);
  Fate send(const Frame& frame);
  Fate send_failed();
  void prepare(Intake& intake);
  Frame taken_from(Intake& intake, uint32_t bytes);
  // False when nothing waits.
  bool read_into(Intake& intake, Frame& frame);
  void look_at_link(Instant now);
  void set_gone();

  FileDescriptor fd_;
  WakeupFd wakeup_;
  Memory& memory_;
  LinkState state_ = LinkState::kUp;
  Instant look_due_;
  bool may_have_more_ = false;
  // Takes what the rooms of an intake do not, so that the kernel's queue goes on without memory, too.
  std::vector<uint8_t> spill_;
  TapCounters counters_;
};

}  // namespace demi

#endif  // __linux__
