// What one connection of our TCP costs per segment, without a network: make -C test/addon tcp_bench. An echo is four segments' worth of work
// at most: a request in and an answer out on each side; the ACKs ride on them. The segments pass from hand to hand, so that headers are neither
// written nor read and nothing is summed up.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "inet/tcp/connection_pair.h"
#include "inet/tcp/half_open.h"

namespace {

using namespace demi;

double nanoseconds() {
  return static_cast<double>(std::chrono::steady_clock::now().time_since_epoch().count());
}

void push(Memory& memory, TcpConnection& connection, uint64_t bytes, Instant now) {
  SgArray text = std::move(*memory.allocate(bytes));
  if (!connection.send(text, now).ok()) std::abort();
}

// A request of 64 bytes and its echo, on each of `count` connections in turn.
void echo(size_t count) {
  TcpConfig config;
  Memory memory;
  TcpResources resources{config, memory};
  std::vector<std::unique_ptr<ConnectionPair>> pairs;
  for (size_t i = 0; i < count; ++i) pairs.push_back(std::make_unique<ConnectionPair>(resources));
  const size_t rounds = 2'000'000 / count;
  Instant now;
  const double begin = nanoseconds();
  for (size_t round = 0; round < rounds; ++round) {
    now = now + Duration::microseconds(2);
    for (auto& pair : pairs) {
      pair->now = now;
      push(memory, *pair->a, 64, now);
      pair->exchange();
      push(memory, *pair->b, pair->b->receive(1000, now).bytes(), now);
      pair->exchange();
      if (pair->a->receive(1000, now).bytes() != 64) std::abort();
    }
  }
  const double took = (nanoseconds() - begin) / static_cast<double>(rounds * count);
  std::printf("echo of 64 B, %7zu connections: %7.1f ns for both sides and both ways, %6.1f ns a segment sent and received\n", count, took, took / 2);
}

// 64 KiB at a time in one direction.
void bulk() {
  TcpConfig config;
  Memory memory;
  TcpResources resources{config, memory};
  ConnectionPair pair{resources};
  uint64_t bytes = 0;
  const double begin = nanoseconds();
  for (int i = 0; i < 20'000; ++i) {
    pair.now = pair.now + Duration::microseconds(5);
    push(memory, *pair.a, 65'536, pair.now);
    pair.exchange();
    bytes += pair.b->receive(UINT64_MAX, pair.now).bytes();
  }
  const double took = nanoseconds() - begin;
  std::printf("bulk: %.1f ns for each segment of 1448 B with its part of the ACKs, %.1f Gbit/s\n", took / static_cast<double>(bytes) * 1448,
              static_cast<double>(bytes) * 8 / took);
}

}  // namespace

int main() {
  std::printf("sizeof(TcpConnection) = %zu, Flight %zu, HalfOpen %zu\n", sizeof(TcpConnection), sizeof(Flight), sizeof(HalfOpen));
  for (size_t count : {1, 1000, 100'000}) echo(count);
  bulk();
}
