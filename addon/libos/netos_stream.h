// NetosStream: a TCP socket on our own stack: fresh, listening, or one end of a connection. Read netos_socket.h first.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "inet/tcp/tcp_connection.h"
#include "libos/netos_socket.h"

namespace demi {

class NetosStream final : public NetosSocket {
 public:
  explicit NetosStream(Netos& netos);
  ~NetosStream() override;

  Result<void> listen(uint32_t backlog) override;
  Result<Endpoint> peer_endpoint() override;
  Result<void> set_option(int level, int name, const OptionValue& value) override;
  Result<OptionValue> get_option(int level, int name) override;
  Result<void> set_text_option(int level, int name, std::string_view value) override;
  Result<std::string> text_option(int level, int name) override;
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
  Duration close_time_limit() const override { return lingers_ ? Duration::seconds(linger_seconds_) : Duration(); }
  void abort() override;
  void handle_event(SocketEventKind kind) override;
  void handle_link_loss() override;

 protected:
  Result<InetEndpoint> claim(const InetEndpoint& local) override { return stack().tcp_bind(local); }
  Errno take_pending_error() override;
  void set_receive_buffer(uint32_t bytes) override;
  uint32_t receive_buffer() override;

 private:
  enum class State : uint8_t { kFresh, kListening, kConnecting, kConnected };

  // Options that few users set, of the connection that is, or will be. Zero: what the stack's configuration says.
  struct Options {
    uint32_t send_buffer_bytes = 0;     // of SO_SNDBUF and SO_RCVBUF
    uint32_t receive_buffer_bytes = 0;
    uint32_t keepalive_idle_seconds = 0;
    uint32_t keepalive_interval_seconds = 0;
    uint32_t user_timeout_ms = 0;
    uint16_t mss_max = 0;               // before it listens or connects
    uint8_t keepalive_probes = 0;
  };

  // nullptr: there is none yet, or no longer.
  TcpConnection* connection() { return handle_ ? stack().tcp_connection(handle_) : nullptr; }
  Errno open_connection(const InetEndpoint& remote);
  void apply_options();
  void begin_to_count();
  void end_to_count();
  // How the connection ended, if it did not end well.
  Errno end_error();
  Attempt ended(Completion& completion);
  void close_listener();
  void release_port();
  // The handle goes back to the stack, which delivers what it has accepted.
  void leave_connection();

  const Options& options() const;
  // To be changed.
  Options& own_options();

  State state_ = State::kFresh;
  CongestionAlgorithm congestion_ : 4;
  bool nagle_ : 1;
  bool keepalive_ : 1;
  bool counts_ : 1 = false;           // against the limit of connections
  bool end_sent_ : 1 = false;
  bool discards_ : 1 = false;         // SHUT_RD: what arrives is dropped
  bool end_reported_ : 1 = false;     // to a push or a pop: pushes are told EPIPE from then on
  bool lingers_ : 1 = false;
  Errno connect_error_ = Errno::kOk;  // known at the call, and for the token to tell
  Errno pending_error_ = Errno::kOk;  // what SO_ERROR tells
  std::unique_ptr<Options> options_;  // none before one was set
};

// What the user of an idle connection keeps for it, beside the stack.
static_assert(sizeof(NetosStream) <= 88);

}  // namespace demi
