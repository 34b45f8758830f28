// Steering: which queue of a port a frame is for. Each flow has a queue by its hash (base/flow_hash.h); those of a queue that nobody has open are dealt out to
// the others. A datagram is for whoever has its port, and what tells of neighbors is for everybody.
//
// Who has a queue open changes under the lock of the process; all of it is read by all threads of the port meanwhile.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/flow_hash.h"

namespace demi::dpdk {

class Steering {
 public:
  static constexpr uint16_t kQueuesMax = 64;
  static constexpr uint16_t kEntriesMax = 512;
  // What no queue is chosen for: the one that it came to keeps it.
  static constexpr uint16_t kNobody = 0xffff;
  static constexpr uint16_t kEverybody = 0xfffe;

  Steering(uint16_t queues, uint16_t entries);

  void set_open(uint16_t queue, bool is_open);
  // Who has a UDP port gets what is sent there; where several have it, each gets its flows.
  void set_datagram_port(uint16_t queue, uint16_t port, bool is_wanted);

  uint16_t queues() const { return share_.queues; }
  uint16_t entries() const { return share_.entries; }
  uint16_t entry(uint16_t number) const { return table_[number].load(std::memory_order_relaxed); }
  // One bit for each queue.
  uint64_t open_queues() const { return open_.load(std::memory_order_relaxed); }
  bool all_are_open() const { return open_queues() == everybody(); }
  // The one that sees to what comes to queues that nobody has open.
  bool is_caretaker(uint16_t queue) const { return (open_queues() & ((uint64_t{1} << queue) - 1)) == 0; }

  // A queue, kNobody or kEverybody. `frame` is the first part of it, with all headers if it is to be recognised.
  uint16_t find(const uint8_t* frame, size_t length) const;

 private:
  uint64_t everybody() const { return ~uint64_t{0} >> (64 - share_.queues); }
  uint16_t queue_of_ipv4(const uint8_t* packet, size_t length) const;
  uint16_t queue_of_ipv6(const uint8_t* packet, size_t length) const;
  uint16_t queue_of_flow(FlowFold fold, uint8_t protocol, const uint8_t* ports, size_t length, bool is_quoted) const;
  uint16_t queue_of_arp(const uint8_t* packet, size_t length) const;

  const FlowShare share_;
  std::array<std::atomic<uint8_t>, kEntriesMax> table_{};
  std::atomic<uint64_t> open_ = 0;
  // By port, one bit for each queue that has it.
  const std::unique_ptr<std::atomic<uint64_t>[]> datagram_ports_;
};

}  // namespace demi::dpdk
