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
static uint64_t messages;

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
  const int64_t length = number_argument(argc, argv, "ms", 500) * 1000000;
  open_memif("client", argument(argc, argv, "socket", ""));
  wait_for_link();
  const int64_t warm_until = now_ns() + number_argument(argc, argv, "warm", 100) * 1000000;
  int64_t began_at = 0, cpu_before = 0, now = 0;
  while (began_at == 0 || now < began_at + length) {
    const int64_t began = now_ns();
    one();
    now = now_ns();
    if (began_at == 0) {
      if (now < warm_until) continue;
      began_at = now;
      cpu_before = read_clock(CLOCK_PROCESS_CPUTIME_ID);
      printf("{\"began\":true}\n");
      fflush(stdout);
      continue;
    }
    ++messages;
    const int64_t took = now - began;
    ++histogram[bucket_of(took > UINT32_MAX ? UINT32_MAX : (uint32_t)took)];
  }
  const int64_t cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu_before;
  struct rte_mbuf* last[1];
  allocate(last, 1, 64);
  *rte_pktmbuf_mtod(last[0], uint8_t*) = LAST_FRAME;
  send_frames(last, 1);
  // The server takes it before this process, and the rings with it, are gone.
  usleep(20000);
  printf("{\"ns\":%lld,\"cpu\":%lld,\"messages\":%llu,\"bytes\":%llu,\"histogram\":", (long long)(now - began_at), (long long)cpu,
         (unsigned long long)messages, (unsigned long long)(messages * (uint64_t)bytes));
  print_histogram();
  printf("}\n");
  return 0;
}
