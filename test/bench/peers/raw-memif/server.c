// The server of a benchmark, in C on raw frames over memif: sends each frame back, or drops it, and looks at none but for its first byte.
//
//   server echo|sink socket=NAME

#include "raw_memif.h"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const int echoes = is(argv[1], "echo");
  const pid_t parent = getppid();
  open_memif("server", argument(argc, argv, "socket", ""));
  printf("{\"port\":0}\n");
  fflush(stdout);
  struct rte_mbuf* frames[BURST];
  // A server whose benchmark is gone ends.
  for (unsigned idle = 1; idle % (1u << 24) != 0 || getppid() == parent; ++idle) {
    const uint16_t count = receive_frames(frames);
    if (count == 0) continue;
    // The rings go with the client, in a thread of DPDK that asks nobody: who reads them then reads what is not there.
    if (*rte_pktmbuf_mtod(frames[count - 1], uint8_t*) == LAST_FRAME) break;
    if (echoes) send_frames(frames, count);
    else rte_pktmbuf_free_bulk(frames, count);
  }
  while (getppid() == parent) sleep(1);
  return 0;
}
