// LoopbackStream: a stream socket of the loopback libOS: fresh, listening, or one end of a connection. Read loopback.h first.
#pragma once

#include <cstdint>
#include <memory>

#include "base/intrusive_list.h"
#include "base/ring_queue.h"
#include "libos/loopback_socket.h"

namespace demi {

class LoopbackStream final : public LoopbackSocket {
 public:
  LoopbackStream(LibOS& libos, std::shared_ptr<LoopbackNamespace> names, Family family);
  ~LoopbackStream() override;

  Result<void> listen(uint32_t backlog) override;
  Result<Endpoint> peer_endpoint() override;
  Attempt try_push(PushRequest& request, Completion& completion) override;
  Attempt try_pop(uint64_t limit, Completion& completion) override;
  Attempt try_accept(std::unique_ptr<Queue>& connection, Completion& completion) override;
  Errno begin_connect(const Endpoint& remote) override;
  Attempt try_connect(Completion& completion) override;
  void abandon_connect() override;
  Attempt try_shutdown(ShutdownHow how, Completion& completion) override;
  void begin_close() override;
  Attempt try_close(Completion& completion) override;
  Duration close_time_limit() const override { return lingers_ ? Duration::seconds(linger_seconds_) : Duration(); }
  void abort() override;
  Result<void> set_option(int level, int name, const OptionValue& value) override;

 private:
  // RFC 9293 3.3.2, as far as a connection without segments has states.
  enum class State : uint8_t { kFresh, kListening, kConnecting, kConnected };

  ListHook waiting_hook_;             // in Listener::waiting, while the accept queue is full

  // A listener and what stands before it. Lives as long as the socket listens.
  struct Listener {
    explicit Listener(uint32_t size) : backlog(size) {}
    uint32_t backlog;
    // The accept queue: connections that are established and not accepted yet. They have no descriptor.
    RingQueue<std::unique_ptr<LoopbackStream>> accept_queue;
    // Active opens that found the accept queue full, in order.
    IntrusiveList<LoopbackStream, &LoopbackStream::waiting_hook_> waiting;
  };

  bool established() const { return state_ == State::kConnected; }
  uint64_t room_at_peer() const;
  // Whether the peer's receive buffer has taken everything that was accepted here.
  bool acknowledged() const { return sent_bytes_ - peer_->received_bytes_ <= peer_->receive_buffer_bytes_; }
  void establish(LoopbackStream& peer, const Endpoint& remote);
  void receive_end();
  void receive_reset();
  void lose_peer();
  void detach_peer();
  void close_listener();
  // Counts as a connection of its libOS from the one to the other.
  void begin_to_count();
  void end_to_count();

  State state_ = State::kFresh;
  std::unique_ptr<Listener> listener_;
  Endpoint remote_;
  LoopbackStream* peer_ = nullptr;    // nullptr once the other end is gone
  SgArray received_;                  // in order, not popped yet
  uint64_t sent_bytes_ = 0;           // accepted by push, ever
  uint64_t received_bytes_ = 0;       // popped or discarded, ever: what the peer may reuse
  bool counts_ = false;               // against the limit of connections
  bool end_received_ = false;         // the peer has sent its last byte
  bool end_sent_ = false;
  bool discards_ = false;             // SHUT_RD: what arrives is dropped
  bool reset_ = false;                // ended by a reset, either side's
  bool reset_reported_ = false;
  bool lingers_ = false;              // closed, and waits until the peer has taken everything
  bool all_acknowledged_ = false;     // the peer is gone, and had taken everything before
};

}  // namespace demi
