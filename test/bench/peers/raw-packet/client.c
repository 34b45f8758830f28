// The client of a benchmark, in C on raw frames: it warms up, says {"began":true}, measures round trips, and prints what it found.
//
//   client rtt interface=NAME ms=N warm=N [bytes=64]

#include "raw_packet.h"

#define LOST_NS 1000000000

int main(int argc, char** argv) {
  const int bytes = (int)number_argument(argc, argv, "bytes", 64);
  const int64_t warm_until = now_ns() + number_argument(argc, argv, "warm", 100) * 1000000;
  const int64_t length = number_argument(argc, argv, "ms", 500) * 1000000;
  int64_t began_at = 0, cpu_before = 0, now = 0;
  uint64_t messages = 0;
  open_raw(argument(argc, argv, "interface", ""), 1);
  while (began_at == 0 || now < began_at + length) {
    const int64_t began = now_ns();
    send_raw(bytes);
    while (!receive_raw()) {
      if (now_ns() - began > LOST_NS) fail("a frame was lost");
    }
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
    ++histogram[bucket_of((uint32_t)(now - began))];
  }
  printf("{\"ns\":%lld,\"cpu\":%lld,\"messages\":%llu,\"bytes\":%llu,\"histogram\":", (long long)(now - began_at),
         (long long)(read_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu_before), (unsigned long long)messages,
         (unsigned long long)(messages * (uint64_t)bytes));
  print_histogram();
  printf("}\n");
  return 0;
}
