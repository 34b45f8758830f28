// CatnapStream: a TCP socket of the kernel: fresh, listening, or one end of a connection. Read catnap_socket.h first.
#pragma once

#ifdef __linux__

#include <cstdint>
#include <memory>

#include "base/timer_wheel.h"
#include "libos/catnap_socket.h"

namespace demi {

class CatnapStream final : public CatnapSocket {
 public:
  CatnapStream(Catnap& catnap, int fd, Family family);
  ~CatnapStream() override;

  Result<void> listen(uint32_t backlog) override;
  Result<Endpoint> peer_endpoint() override;
  Result<OptionValue> get_option(int level, int name) override;
  Result<TcpInfo> tcp_info() override;
  Attempt try_push(PushRequest& request, Completion& completion) override;
  Attempt try_pop(uint64_t limit, Completion& completion) override;
  Attempt try_accept(std::unique_ptr<Queue>& connection, Completion& completion) override;
  Errno begin_connect(const Endpoint& remote) override;
  Attempt try_connect(Completion& completion) override;
  void abandon_connect() override;
  Attempt try_shutdown(ShutdownHow how, Completion& completion) override;
  void begin_close() override;
  Attempt try_close(Completion& completion) override;
  Duration close_time_limit() const override { return linger_ ? Duration::seconds(linger_seconds_) : Duration(); }
  void abort() override;
  void handle_change(uint32_t events) override;

 protected:
  bool needs_changes() override { return discards_ || state_ != State::kConnected || CatnapSocket::needs_changes(); }

 private:
  enum class State : uint8_t { kFresh, kListening, kConnecting, kConnected };

  // Asks again, after a while that grows, whether the peer has acknowledged everything: the kernel tells nobody when it has.
  struct AcknowledgementTimer : Timer {
    explicit AcknowledgementTimer(CatnapStream& owner);
    CatnapStream& stream;
    Duration pause;
  };

  void count_connection();
  bool acknowledged() const;
  void ask_again();
  Attempt send(PushRequest& request, Completion& completion);
  Attempt ended(Completion& completion);
  // The kernel has said, by that errno, what the connection ended by.
  void note_end(int number);
  // SO_ERROR, which is told once; 0 for none.
  int take_socket_error();
  // Asks for how the connection ended, and returns it; kOk while it is well.
  Errno take_error();
  // A bounded amount; the rest has its turn next. The socket is watched.
  void discard_received();

  State state_ = State::kFresh;
  Errno connect_error_ = Errno::kOk;  // connect(2) failed at once, for a reason that belongs to the token
  bool counts_ = false;               // against the limit of connections
  bool end_sent_ = false;
  bool discards_ = false;             // SHUT_RD: what arrives is dropped
  bool end_received_ = false;         // the end of the stream was read, or the error behind it
  Errno end_error_ = Errno::kOk;      // ECONNRESET, ETIMEDOUT: the stream ended by this
  bool end_reported_ = false;         // to a push or a pop: pushes are told EPIPE from then on
  uint32_t read_bytes_;               // room for the next read: follows what the last ones brought
  AcknowledgementTimer acknowledgement_;
};

}  // namespace demi

#endif  // __linux__
