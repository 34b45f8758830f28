// Port: an Ethernet port of DPDK, a card or a virtual device, with its queues. The first who opens a queue configures and starts it for all of them;
// when the last has closed, it is stopped. Opening and closing hold one lock of the process; what moves packets is in queue.h, without any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <rte_ethdev.h>

#include "device/dpdk/dpdk_plugin.h"
#include "device/dpdk/memif_relay.h"
#include "device/dpdk/queue.h"
#include "device/dpdk/steering.h"

namespace demi::dpdk {

class Port {
 public:
  Port(uint16_t id, const rte_eth_dev_info& device);

  uint16_t id() const { return id_; }
  const std::string& name() const { return name_; }
  bool has_open_queues() const { return open_queues_ > 0; }
  Queue& queue(uint16_t index) { return *list_[index]; }

  // Queue `config.queue`, started. What the port is like goes into `info`.
  int open(const demi_dpdk_queue_config& config, Queue** queue, demi_dpdk_port_info& info, demi_dpdk_problem* problem);
  // False: some of what was sent has not come back.
  bool close(Queue& queue);
  // Stops and starts a port whose link does not come back by itself, and says what the link is like (demi_dpdk_link).
  int tend_link(Queue& queue, int64_t now_ns);
  // Datagrams to that port are for this queue, or not any more.
  void want_datagrams(const Queue& queue, uint16_t port, bool is_wanted);

 private:
  int configure(const demi_dpdk_queue_config& config, demi_dpdk_problem* problem);
  int set_link_up(const demi_dpdk_queue_config& config, demi_dpdk_problem* problem);
  void ask_for_steering(uint16_t queues, rte_eth_conf& wishes);
  void set_open(const Queue& queue, bool is_open);
  void steer();
  int start(demi_dpdk_problem* problem);
  void stop();
  void stop_device();
  void discard_received();
  void describe(const Queue& queue, demi_dpdk_port_info& info) const;
  // For good: a card that was unplugged, or an interface that was deleted.
  bool is_gone() const;
  void restart();
  void set_running(bool on);
  void drain_cable(uint16_t queue);
  int wrong(demi_dpdk_problem* problem, int error, const std::string& what) const;
  // The address of the port is that of the kernel's interface at its other end: we are another station, and hear everything.
  bool is_end_of_kernel() const { return driver_ == "net_tap"; }
  // On an interface of the kernel, by which all that it sends and receives goes.
  bool lies_on_kernel() const { return driver_ == "net_af_packet" || driver_ == "net_af_xdp" || driver_ == "net_tap"; }
  // One pool for both ways, which the driver shows to the kernel: of mbufs with their bytes behind them, and not elsewhere. Its queues are set up once, for
  // the driver does not take them down again.
  bool shows_pool_to_kernel() const { return driver_ == "net_af_xdp"; }
  // Between one libOS and the next, too.
  bool stays_started() const { return loses_peers() || shows_pool_to_kernel(); }
  // The link of memif is a process that comes and goes, and only starting the port asks for it.
  bool loses_peers() const { return driver_ == "net_memif"; }

  const uint16_t id_;
  const rte_eth_dev_info device_;
  const std::string driver_;
  std::string name_;
  MemifPeer* const peer_;  // of memif; else nullptr
  uint16_t queues_ = 0;
  uint16_t mtu_ = 0;
  size_t open_queues_ = 0;
  bool is_started_ = false;
  bool is_running_ = false;                   // started, and DPDK agreed: where a peer is missing it may not
  std::atomic<bool> is_gone_ = false;         // said by a thread of EAL
  uint64_t offloads_ = 0;                     // of transmission
  std::vector<std::unique_ptr<Queue>> list_;  // all of them, from the first opening on
  std::unique_ptr<Steering> steering_;        // of several queues
  bool device_steers_ = false;                // by our key, and a table as ours
  int64_t restart_at_ns_ = 0;
  int64_t restart_pause_ns_ = 0;
};

// Opening and closing take the lock of the process.
int open_queue(const demi_dpdk_queue_config* config, demi_dpdk_queue** queue, demi_dpdk_port_info* info, demi_dpdk_problem* problem);
int close_queue(demi_dpdk_queue* queue);
int tend_link(demi_dpdk_queue* queue, int64_t now_ns);
void want_datagrams(demi_dpdk_queue* queue, uint16_t port, bool is_wanted);

}  // namespace demi::dpdk
