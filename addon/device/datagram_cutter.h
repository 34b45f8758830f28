// DatagramCutter: Linux lets a program send many datagrams of UDP as one (UDP_SEGMENT, as QUIC does), and cuts them only for a wire. Where
// there is none they arrive in one frame, and are cut here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/virtio_net_header.h"
#include "memory/frame.h"

namespace demi {

class Memory;

class DatagramCutter {
 public:
  // Takes a frame in one piece whose `header` says that it is a series, and whose headers up to that of UDP end where it says; a VLAN tag has
  // been put into the frame since if `has_tag`. False, and the frame is gone, when that cannot be. The series before is at its end.
  [[nodiscard]] bool begin(Frame series, const VirtioNetHeader& header, bool has_tag);
  // Whether there is nothing left to cut.
  bool empty() const { return series_.empty(); }
  // The next datagram, as a frame in a room of `memory` that nobody shares. Empty when there is no room: then that one is lost.
  Frame next(Memory& memory);

 private:
  void adapt_headers(MutableBytes frame) const;

  Frame series_;
  size_t ip_start_ = 0;
  size_t udp_start_ = 0;
  size_t payload_bytes_ = 0;  // of each but the last
  size_t done_bytes_ = 0;     // of the payload of all
  uint16_t done_ = 0;         // datagrams
};

}  // namespace demi
