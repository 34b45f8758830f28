// Queue: one receive queue and one transmit queue of a port, of one thread. This is the datapath: mbufs of DPDK on one side, plain pieces of memory on
// the other.
//
// What is received lies in rooms of windows that the addon shows to JavaScript: the mbuf, which nobody but us must write, lies elsewhere
// (rte_pktmbuf_pool_create_extbuf), with the note of the addon behind it. What is sent begins with an mbuf of its own, with a copy of the headers;
// the payload is attached to it where it lies, and its owner hears when it was sent: from whichever thread frees it, by a ring if that is not ours.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_spinlock.h>

#include "device/dpdk/dpdk_plugin.h"

namespace demi::dpdk {

class Port;
class Steering;

class Queue {
 public:
  Queue(Port& port, uint16_t port_id, uint16_t index) : port_(port), port_id_(port_id), index_(index) {}
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // Makes the pools, unless they are there and do. 0, or a negative errno.
  int make_pools(uint32_t rooms, uint32_t frame_bytes, size_t window_bytes_max, int socket, bool takes_chains);
  rte_mempool* room_pool() const { return rooms_; }
  rte_mempool* head_pool() const { return heads_; }

  void open(const demi_dpdk_queue_config& config);
  void discard_received();
  // See demi_dpdk_plugin::close_queue.
  void wait_for_pieces();
  bool close();
  bool is_open() const { return is_open_; }
  Port& port() const { return port_; }
  uint16_t index() const { return index_; }

  uint32_t receive(demi_dpdk_received* into, uint32_t count);
  void give_rooms(void* const* notes, uint32_t count);
  uint32_t transmit(const demi_dpdk_packet* packets, uint32_t count);
  void list_counters(demi_dpdk_counters& counters) const;

  struct Window {
    uint8_t* data;
    size_t bytes;
  };
  const std::vector<Window>& windows() const { return windows_; }
  uint32_t room_bytes() const { return room_bytes_; }
  void each_room(void (*visit)(void* context, void* note, uint8_t* room, uint32_t window, uint32_t offset), void* context);

  // Of its port. One that does not run must not be asked for anything.
  void set_running(bool on) { is_running_ = on; }
  // Among several queues of a port: frames for others are handed over, and those that others hand over are taken. nullptr: there is one queue alone.
  int share(Steering* steering, int socket);
  // Another queue has got a frame that is ours. It is ours then, or it is gone: false.
  bool hand_over(rte_mbuf* mbuf);
  // What waits for a queue that nobody has open: in the device, and what was handed over. Called by the queue that takes care of it.
  uint16_t take_waiting(rte_mbuf** into, uint16_t count);
  // Whether the device sums up the IPv4 headers of what it is to cut.
  void leave_ip_checksums(bool on) { leaves_ip_checksums_ = on; }
  void lock() { rte_spinlock_lock(&lock_); }
  void unlock() { rte_spinlock_unlock(&lock_); }
  void count_restart() { ++counters_.link_restarts; }
  // What the link was like when it was looked at last (demi_dpdk_link).
  void note_link(int link) { link_ = link; }
  int link() const { return link_; }

 private:
  friend struct PieceNote;

  uint32_t receive_own(demi_dpdk_received* into, uint32_t count);
  uint32_t receive_shared(demi_dpdk_received* into, uint32_t count);
  // Adds it to what is received, unless there is no room for it.
  void keep(rte_mbuf* mbuf, demi_dpdk_received* into, uint32_t& taken);
  void sort(rte_mbuf* const* burst, uint16_t count, demi_dpdk_received* into, uint32_t& taken);
  void tell_others(const rte_mbuf* mbuf);
  rte_mbuf* into_room(rte_mbuf* foreign);
  uint16_t send(rte_mbuf** burst, uint16_t count, bool any_cut);
  bool fill(rte_mbuf* head, const demi_dpdk_packet& packet);
  void release_from(const demi_dpdk_packet& packet, uint32_t piece);
  void ask_for_offloads(rte_mbuf* head, const demi_dpdk_packet& packet) const;
  bool attach(const demi_dpdk_piece& piece, rte_mbuf*& last, rte_mbuf* head);
  bool add_copied(rte_mbuf* head, rte_mbuf*& last, const demi_dpdk_piece& piece);
  void piece_is_free(void* owner, uint64_t life);
  void release_piece(void* owner, uint64_t life);
  void take_returned();
  bool begin_burst() {
    if (steering_ != nullptr && rte_spinlock_trylock(&lock_) == 0) return false;
    if (!is_running_) end_burst();
    return is_running_;
  }
  void end_burst() {
    if (steering_ != nullptr) rte_spinlock_unlock(&lock_);
  }

  Port& port_;
  const uint16_t port_id_;
  const uint16_t index_;
  rte_mempool* rooms_ = nullptr;
  rte_mempool* heads_ = nullptr;
  rte_mempool* pieces_ = nullptr;
  rte_ring* returned_ = nullptr;  // pieces that other threads have freed
  rte_ring* inbox_ = nullptr;     // frames that other queues have handed over
  Steering* steering_ = nullptr;
  std::vector<Window> windows_;
  uint32_t room_count_ = 0;
  uint32_t room_bytes_ = 0;
  bool takes_chains_ = true;
  bool leaves_ip_checksums_ = false;

  bool is_open_ = false;
  unsigned lcore_ = 0;            // the number of its thread
  void* context_ = nullptr;
  void (*release_)(void* context, void* owner) = nullptr;
  // How often it was opened. Who had it before may be gone, with what was attached then.
  uint64_t life_ = 0;
  uint64_t pieces_out_ = 0;       // of this life: attached, and not freed yet
  int link_ = DEMI_DPDK_LINK_DOWN;
  bool is_running_ = false;       // changes in the thread of the queue, or while its lock is held
  // Among several queues: while the port is stopped by one, the others find nothing and can send nothing; and what waits for a queue is taken by one at a time.
  rte_spinlock_t lock_ = RTE_SPINLOCK_INITIALIZER;
  demi_dpdk_counters counters_{};
};

}  // namespace demi::dpdk
