// PacketRing: the memory that a packet socket shares with the kernel for what arrives (TPACKET_V2). The kernel fills one slot after another; who
// reads gives each back in that order. A slot is looked at without any system call.
#pragma once

#ifdef __linux__

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "device/virtio_net_header.h"

namespace demi {

class PacketRing {
 public:
  // One frame as the kernel left it. Valid until it is released.
  struct Slot {
    // What lies in the ring; `frame_bytes` is how long the frame was.
    Bytes bytes;
    size_t frame_bytes = 0;
    VirtioNetHeader header;
    // The VLAN tag that the kernel has taken out of the frame, type and tag; 0: none.
    uint32_t vlan_tag = 0;
    // All of it waits at the socket, and comes with the next recvmsg(2), because the slot was too short.
    bool waits_at_socket = false;
    // This machine has sent it.
    bool is_outgoing = false;
  };

  // No ring.
  PacketRing() = default;
  // Makes the packet socket deliver to a new ring of `slots` slots that frames of `frame_bytes` fit into, or as many bytes of them as fit in
  // kPacketSlotBytesMax. To be called once, and before the socket is bound. ENOMEM, or what else the kernel says.
  static Result<PacketRing> map(int packet_socket, size_t frame_bytes, uint32_t slots);
  PacketRing(PacketRing&& other) noexcept;
  PacketRing& operator=(PacketRing&&) = delete;
  ~PacketRing();

  // Whether a frame waits in the ring.
  bool has_frame() const;
  // The one that waits longest. has_frame() is true.
  Slot front() const;
  // Gives it back to the kernel.
  void release();
  uint32_t slots() const { return slots_; }

 private:
  uint8_t* at_front() const { return memory_ + size_t{next_} * slot_bytes_; }

  uint8_t* memory_ = nullptr;
  size_t slot_bytes_ = 0;
  uint32_t slots_ = 0;
  uint32_t next_ = 0;
};

}  // namespace demi

#endif  // __linux__
