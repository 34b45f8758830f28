// CatnapDatagram: a UDP socket of the kernel. Read catnap_socket.h first.
#pragma once

#ifdef __linux__

#include <cstdint>

#include "base/ring_queue.h"
#include "libos/catnap_socket.h"

namespace demi {

class CatnapDatagram final : public CatnapSocket {
 public:
  CatnapDatagram(Catnap& catnap, int fd, Family family);

  Result<Endpoint> peer_endpoint() override;
  Attempt try_push(PushRequest& request, Completion& completion) override;
  Attempt try_pop(uint64_t limit, Completion& completion) override;
  Errno begin_connect(const Endpoint& remote) override;
  Attempt try_connect(Completion& completion) override { return Attempt::failed(completion, connect_error_); }
  Attempt try_shutdown(ShutdownHow how, Completion& completion) override;
  void begin_close() override;
  void abort() override { begin_close(); }
  uint64_t largest_push_bytes() const override { return largest_push_bytes_; }
  uint64_t pop_memory_bytes() const override { return pop_memory_bytes_; }

 private:
  struct Datagram {
    SgArray payload;
    Endpoint from;
  };

  // Fetches several datagrams by one system call. Done: there is one in received_, or completion.error says why there is none.
  Attempt receive(Completion& completion);
  // One datagram into as much memory as it needs: when there is no room for the largest.
  Attempt receive_by_size(Completion& completion);
  Attempt nothing_received(Completion& completion);

  RingQueue<Datagram> received_;  // fetched and not popped yet
  uint64_t largest_push_bytes_;
  uint64_t pop_memory_bytes_ = 1;
  uint32_t burst_ = 1;            // datagrams that the next call fetches: more while there are more
  Errno connect_error_ = Errno::kOk;  // of the last connect, if it belongs to the token
  bool is_connected_ = false;
  bool discards_ = false;
};

}  // namespace demi

#endif  // __linux__
