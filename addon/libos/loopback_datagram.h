// LoopbackDatagram: a datagram socket of the loopback libOS. Read loopback.h first.
#pragma once

#include <cstdint>
#include <memory>

#include "base/ring_queue.h"
#include "libos/loopback_socket.h"

namespace demi {

class LoopbackDatagram final : public LoopbackSocket {
 public:
  LoopbackDatagram(LibOS& libos, std::shared_ptr<LoopbackNamespace> names, Family family);

  Result<Endpoint> peer_endpoint() override;
  Attempt try_push(PushRequest& request, Completion& completion) override;
  Attempt try_pop(uint64_t limit, Completion& completion) override;
  Errno begin_connect(const Endpoint& remote) override;
  Attempt try_connect(Completion&) override { return Attempt::done(); }
  Attempt try_shutdown(ShutdownHow how, Completion& completion) override;
  void begin_close() override { release_name(); }
  void abort() override { release_name(); }
  uint64_t largest_push_bytes() const override { return largest_push_bytes_; }

 private:
  struct Datagram {
    SgArray payload;
    Endpoint from;
  };

  void deliver(SgArray payload, const Endpoint& from);

  RingQueue<Datagram> received_;
  uint64_t largest_push_bytes_;
  uint64_t received_bytes_ = 0;
  Endpoint remote_;  // of a connected socket; family kNone otherwise
  bool discards_ = false;
};

}  // namespace demi
