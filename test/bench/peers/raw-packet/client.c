// The client of a benchmark, in C on raw frames: it warms up, says {"began":true}, measures round trips, and prints what it found.
//
//   client rtt interface=NAME ms=N warm=N [bytes=64]

#include "raw_packet.h"

#define LOST_NS 1000000000

int main(int argc, char** argv) {
  const int bytes = (int)number_argument(argc, argv, "bytes", 64);
  open_raw(argument(argc, argv, "interface", ""), 1);
  begin_load(argc, argv);
  int64_t began;
  do {
    began = now_ns();
    send_raw(bytes);
    while (!receive_raw()) {
      if (now_ns() - began > LOST_NS) fail("a frame was lost");
    }
    load.bytes += (uint64_t)bytes;
  } while (record(began, now_ns()));
  report();
  return 0;
}
