// One end of memory that two processes share by memif of DPDK, with nothing but what moves frames: a burst to send, and a look at the ring to receive.
#pragma once

#include "../c-epoll/common.h"

#include <sched.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#define BURST 32
// As those of catnip.
#define DESCRIPTORS 1024
#define BUFFERS 8191
#define BUFFER_CACHE 256
#define FRAME_BYTES_MAX 1514
#define LINK_NS 5000000000
// The first byte of a frame: the client has ended, and the shared memory with it is about to go.
#define LAST_FRAME 0xff

static uint16_t port_id;
static struct rte_mempool* buffers;

static inline void fail_dpdk(const char* what) {
  fprintf(stderr, "%s: %s\n", what, rte_strerror(rte_errno));
  exit(1);
}

// EAL ties the thread that starts it to one core, and leaves a folder behind.
static inline void start_eal(const char* role, const char* socket_name) {
  static char device[256];
  snprintf(device, sizeof(device), "--vdev=net_memif0,role=%s,socket=%s", role, socket_name);
  char* arguments[] = {"raw-memif", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m", "64", "--file-prefix", "demi-bench-raw",
                       "--log-level", "lib.*:error", "--log-level", "pmd.*:error", device};
  cpu_set_t cores;
  sched_getaffinity(0, sizeof(cores), &cores);
  if (rte_eal_init(sizeof(arguments) / sizeof(*arguments), arguments) < 0) fail_dpdk("rte_eal_init");
  sched_setaffinity(0, sizeof(cores), &cores);
  rmdir(rte_eal_get_runtime_dir());
}

// `role` is server or client; the server is started first.
static inline void open_memif(const char* role, const char* socket_name) {
  start_eal(role, socket_name);
  const struct rte_eth_conf wishes = {0};
  if (rte_eth_dev_get_port_by_name("net_memif0", &port_id) != 0) fail_dpdk("net_memif0");
  buffers = rte_pktmbuf_pool_create("buffers", BUFFERS, BUFFER_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  if (buffers == NULL) fail_dpdk("rte_pktmbuf_pool_create");
  if (rte_eth_dev_configure(port_id, 1, 1, &wishes) != 0 || rte_eth_rx_queue_setup(port_id, 0, DESCRIPTORS, 0, NULL, buffers) != 0 ||
      rte_eth_tx_queue_setup(port_id, 0, DESCRIPTORS, 0, NULL) != 0 || rte_eth_dev_start(port_id) != 0) {
    fail_dpdk("the port");
  }
}

static inline void wait_for_link(void) {
  const int64_t until = now_ns() + LINK_NS;
  struct rte_eth_link link = {0};
  while (rte_eth_link_get_nowait(port_id, &link) != 0 || link.link_status != RTE_ETH_LINK_UP) {
    if (now_ns() > until) {
      fprintf(stderr, "the link did not come up\n");
      exit(1);
    }
    usleep(100);
  }
}

// Waits for room in the ring.
static inline void send_frames(struct rte_mbuf** frames, uint16_t count) {
  for (uint16_t sent = 0; sent < count;) sent += rte_eth_tx_burst(port_id, 0, frames + sent, count - sent);
}

static inline uint16_t receive_frames(struct rte_mbuf** frames) { return rte_eth_rx_burst(port_id, 0, frames, BURST); }
