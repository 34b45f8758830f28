// StackPeer: a stack with many established connections, and the other end of all of them, which makes requests and takes answers outside of
// what is measured. Every connection has timestamps, as between any two hosts of today.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "inet/stack.h"

namespace demi {

class StackPeer {
 public:
  static constexpr size_t kBurst = 32;
  static constexpr uint32_t kTextBytes = 64;
  using Burst = std::array<Frame, kBurst>;
  // Which connection has which number: the same for whoever is measured beside the stack.
  static TcpTuple tuple_of(uint32_t connection);

  explicit StackPeer(uint32_t connections);
  ~StackPeer();

  // A request of kTextBytes on each of these connections, which acknowledges all answers to earlier ones.
  void make_requests(std::span<const uint32_t> connections, Burst& out);
  // What the stack has sent. Aborts unless each is a good segment with the right numbers.
  void take(std::span<Frame> frames);
  uint64_t answers() const { return answers_; }
  uint64_t acks() const { return acks_; }

  Stack& stack() { return *stack_; }
  Memory& memory() { return memory_; }
  Instant now;

 private:
  struct End {
    uint32_t seq = 0;  // of the next request
    uint32_t ack = 0;  // what comes next from the stack
  };
  static uint32_t number_of(const IpAddress& address, uint16_t port);
  Frame segment(uint32_t connection, uint16_t flags, uint32_t text_bytes);
  void open(uint32_t first, uint32_t count);

  Memory memory_;
  std::unique_ptr<Stack> stack_;
  SocketHandle listener_;
  std::vector<End> ends_;
  std::vector<SocketHandle> sockets_;
  uint32_t stamp_ = 0;          // the latest timestamp of the stack
  uint64_t answers_ = 0;
  uint64_t acks_ = 0;
};

}  // namespace demi
