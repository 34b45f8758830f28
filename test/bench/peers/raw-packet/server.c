// The server of a benchmark, in C on raw frames: sends each frame back, of which it makes no copy and looks at nothing.
//
//   server echo interface=NAME [bytes=64]

#include "raw_packet.h"

int main(int argc, char** argv) {
  const int bytes = (int)number_argument(argc, argv, "bytes", 64);
  const pid_t parent = getppid();
  open_raw(argument(argc, argv, "interface", ""), 2);
  printf("{\"port\":0}\n");
  fflush(stdout);
  // A server whose benchmark is gone ends.
  for (unsigned idle = 1; idle % (1u << 24) != 0 || getppid() == parent; ++idle) {
    if (receive_raw()) send_raw(bytes);
  }
  return 0;
}
