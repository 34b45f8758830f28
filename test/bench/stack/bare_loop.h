// BareLoop: what no stack can do without, and nothing else: a segment is found to be good and whose it is, and the header of an answer is
// written. The floor that a stack is compared with. It has no code in common with the stack but the hash.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "inet/tcp/isn.h"

namespace demi {

class BareLoop {
 public:
  static constexpr size_t kTextBytes = 64;
  static constexpr size_t kHeaderBytes = 14 + 20 + 32;  // Ethernet, IPv4, TCP with timestamps
  using Packet = std::array<uint8_t, kHeaderBytes + kTextBytes>;

  explicit BareLoop(uint32_t connections);
  // A request on this connection.
  void make_request(uint32_t connection, Packet& out) const;
  // Each request of the burst, and its answer: headers in `answers`, text as it came.
  void run(std::span<const Packet> requests, std::span<Packet> answers);

 private:
  // Four cache lines, of which an answer needs all: as many as the stack reads ahead.
  struct alignas(64) Connection {
    TcpTuple tuple;
    uint64_t hash = 0;
    Connection* next = nullptr;
    alignas(64) uint32_t seq = 0;
    uint32_t ack = 0;
    alignas(64) uint64_t segments_in = 0;
    alignas(64) uint64_t segments_out = 0;
  };
  static uint64_t hash_of_packet(const Packet& packet, TcpTuple& tuple);
  void answer(Connection& connection, const Packet& request, Packet& out);

  std::unique_ptr<Connection[]> connections_;
  std::vector<Connection*> buckets_;
  Packet template_{};
};

}  // namespace demi
