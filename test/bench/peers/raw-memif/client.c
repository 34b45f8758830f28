// The client of a benchmark, in C on raw frames over memif: it warms up, says {"began":true}, measures, and prints what it found.
//
//   client rtt|bulk socket=NAME ms=N warm=N [bytes=64]
//
// rtt sends a frame of so many bytes whenever the one before has come back. bulk sends messages of so many bytes one after the other, without waiting
// for an answer, in full frames that have as much text as TCP has room for in them.

#include "raw_memif.h"

#define LOST_NS 1000000000
// Ethernet, IPv4, and TCP with timestamps.
#define HEADER_BYTES (14 + 20 + 32)
#define TEXT_BYTES (FRAME_BYTES_MAX - HEADER_BYTES)

static int bytes;

// So many frames, with the bytes that their buffers happen to have.
static void allocate(struct rte_mbuf** frames, uint16_t count, uint16_t frame_bytes) {
  if (rte_pktmbuf_alloc_bulk(buffers, frames, count) != 0) fail_dpdk("rte_pktmbuf_alloc_bulk");
  for (uint16_t i = 0; i < count; ++i) {
    frames[i]->data_len = frame_bytes;
    frames[i]->pkt_len = frame_bytes;
    *rte_pktmbuf_mtod(frames[i], uint8_t*) = 0;
  }
}

static void ping_pong(void) {
  struct rte_mbuf* frames[BURST];
  allocate(frames, 1, (uint16_t)bytes);
  const int64_t began = now_ns();
  send_frames(frames, 1);
  uint16_t count = 0;
  while ((count = receive_frames(frames)) == 0) {
    if (now_ns() - began > LOST_NS) {
      fprintf(stderr, "a frame was lost\n");
      exit(1);
    }
  }
  rte_pktmbuf_free_bulk(frames, count);
}

static void send_message(void) {
  struct rte_mbuf* frames[BURST];
  for (int left = bytes; left > 0;) {
    uint16_t count = 0;
    const int wanted = (left + TEXT_BYTES - 1) / TEXT_BYTES;
    count = (uint16_t)(wanted < BURST ? wanted : BURST);
    allocate(frames, count, FRAME_BYTES_MAX);
    left -= count * TEXT_BYTES;
    if (left < 0) frames[count - 1]->data_len = frames[count - 1]->pkt_len = (uint16_t)(FRAME_BYTES_MAX + left);
    send_frames(frames, count);
  }
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  void (*one)(void) = is(argv[1], "bulk") ? send_message : ping_pong;
  bytes = (int)number_argument(argc, argv, "bytes", 64);
  open_memif("client", argument(argc, argv, "socket", ""));
  wait_for_link();
  begin_load(argc, argv);
  int64_t began;
  do {
    began = now_ns();
    one();
    load.bytes += (uint64_t)bytes;
  } while (record(began, now_ns()));
  report();
  struct rte_mbuf* last[1];
  allocate(last, 1, 64);
  *rte_pktmbuf_mtod(last[0], uint8_t*) = LAST_FRAME;
  send_frames(last, 1);
  // The server takes it before this process, and the rings with it, are gone.
  usleep(20000);
  return 0;
}
