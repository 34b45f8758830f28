// One end of a veth pair, with nothing but the system calls that frames take: one to send, and a look at the ring to receive.
#pragma once

#include "../c-epoll/common.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/mman.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

// An EtherType for experiments (IEEE 802, 0x88b5): no kernel looks at it.
#define EXPERIMENTAL 0x88b5
#define SLOTS 1024
#define SLOT_BYTES 2048
#define BLOCK_BYTES 65536
#define FRAME_BYTES_MAX 1514

static int raw_fd;
static uint8_t* raw_ring;
static unsigned raw_next;
static uint8_t raw_frame[FRAME_BYTES_MAX];

// `number` is 1 or 2, and the peer has the other.
static inline void open_raw(const char* interface, int number) {
  const int version = TPACKET_V2, on = 1;
  const struct tpacket_req request = {BLOCK_BYTES, SLOTS * SLOT_BYTES / BLOCK_BYTES, SLOT_BYTES, SLOTS};
  raw_fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (raw_fd < 0) fail("socket");
  setsockopt(raw_fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version));
  setsockopt(raw_fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
  setsockopt(raw_fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
  if (setsockopt(raw_fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) != 0) fail("PACKET_RX_RING");
  raw_ring = mmap(NULL, SLOTS * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, raw_fd, 0);
  if (raw_ring == MAP_FAILED) fail("mmap");
  const struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(EXPERIMENTAL), .sll_ifindex = (int)if_nametoindex(interface)};
  if (bind(raw_fd, (const struct sockaddr*)&at, sizeof(at)) != 0) fail("bind");
  const uint8_t header[ETH_HLEN] = {2, 0, 0, 0, 0, (uint8_t)(3 - number), 2, 0, 0, 0, 0, (uint8_t)number, EXPERIMENTAL >> 8, EXPERIMENTAL & 255};
  memcpy(raw_frame, header, sizeof(header));
}

static inline void send_raw(int bytes) {
  if (send(raw_fd, raw_frame, (size_t)bytes, MSG_DONTWAIT) != bytes) fail("send");
}

// True when a frame was there.
static inline int receive_raw(void) {
  struct tpacket2_hdr* slot = (struct tpacket2_hdr*)(raw_ring + raw_next * SLOT_BYTES);
  if ((__atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0) return 0;
  __atomic_store_n(&slot->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
  raw_next = (raw_next + 1) % SLOTS;
  return 1;
}
