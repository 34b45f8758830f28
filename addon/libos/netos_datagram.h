// NetosDatagram: a UDP socket on our own stack. Read netos_socket.h first.
#pragma once

#include <cstdint>

#include "libos/netos_socket.h"

namespace demi {

class NetosDatagram final : public NetosSocket {
 public:
  explicit NetosDatagram(Netos& netos);
  ~NetosDatagram() override { begin_close(); }

  Result<void> set_option(int level, int name, const OptionValue& value) override;
  Result<OptionValue> get_option(int level, int name) override;
  Attempt try_push(PushRequest& request, Completion& completion) override;
  Attempt try_pop(uint64_t limit, Completion& completion) override;
  Errno begin_connect(const Endpoint& remote) override;
  Attempt try_connect(Completion& completion) override { return Attempt::failed(completion, connect_error_); }
  Attempt try_shutdown(ShutdownHow how, Completion& completion) override;
  void begin_close() override;
  void abort() override { begin_close(); }
  void handle_event(SocketEventKind kind) override;
  void handle_link_loss() override;
  uint64_t largest_push_bytes() const override { return largest_push_bytes_; }

 protected:
  Result<InetEndpoint> claim(const InetEndpoint& local) override;
  Errno take_pending_error() override;
  void set_receive_buffer(uint32_t bytes) override;
  uint32_t receive_buffer() override { return receive_buffer_bytes_; }

 private:
  // To the wildcard address and a port that is free, unless it is bound already.
  Errno bind_if_needed();
  bool is_connected();

  uint64_t largest_push_bytes_;
  uint32_t receive_buffer_bytes_;
  Errno connect_error_ = Errno::kOk;
  bool may_broadcast_ = false;
  bool discards_ = false;
};

}  // namespace demi
