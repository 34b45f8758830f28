// TcpSocket: a socket of TCP as Linux has it, over the connections and listeners of the stack. Its options are in tcp_socket_options.cc.
#pragma once

#include <optional>

#include "file.h"
#include "socket_options.h"

namespace demi {

class TcpSocket final : public File {
 public:
  explicit TcpSocket(VirtualHost& host) : File(host, Kind::kTcp) {}
  ~TcpSocket() override;

  int64_t receive(Call& call, Incoming& in) override;
  int64_t send(Call& call, const Outgoing& out) override;
  int64_t ioctl(unsigned long request, int& value) override;
  short readiness() override;
  int64_t close(Call& call) override;
  int64_t bind(const sockaddr* address, socklen_t length) override;
  int64_t listen(int backlog) override;
  int64_t accept(Call& call, std::shared_ptr<File>& out, sockaddr* address, socklen_t* length) override;
  int64_t connect(Call& call, const sockaddr* address, socklen_t length) override;
  int64_t shutdown(Call& call, int how) override;
  int64_t get_option(int level, int name, void* value, socklen_t* length) override;
  int64_t set_option(int level, int name, const void* value, socklen_t length) override;
  void attach() override;
  void handle_event(const SocketEvent& event) override;

 private:
  enum class Stage : uint8_t {
    kFresh,
    kListening,
    kConnecting,  // connect() has begun, and nobody was told how it ended
    kConnected,   // and whatever became of the connection since
  };
  // What was said before there was a connection, and goes over to it and to those that a listener accepts. nullopt: nothing was said.
  struct Choices {
    std::optional<bool> nodelay;
    std::optional<bool> keepalive;
    std::optional<uint32_t> send_buffer;
    std::optional<uint32_t> receive_buffer;
    std::optional<CongestionAlgorithm> congestion;
    Duration user_timeout;
    Duration keepalive_idle;      // zero, as the following: what TcpConfig says
    Duration keepalive_interval;
    uint8_t keepalive_probes = 0;
    uint16_t mss_max = 0;
  };

  // tcp_socket.cc
  TcpConnection* connection() const;
  bool is_opening() const;
  // What ended the connection, once, as a negative number; 0 if nobody has to be told any more.
  int64_t take_error();
  void let_go(bool politely);
  int64_t begin_connect(const InetEndpoint& remote);
  int64_t finish_connect();
  int64_t wait_for_text(Call& call, bool may_wait);
  int64_t wait_for_open(Call& call, bool may_wait);
  int64_t take_text(std::vector<uint8_t>& out, size_t limit, bool peeks);
  bool clashes_with(const InetEndpoint& local) const;
  void linger(Call& call);

  // tcp_socket_options.cc
  void apply_choices();
  int64_t get_socket_option(int name, void* value, socklen_t* length);
  int64_t get_tcp_option(int name, void* value, socklen_t* length) const;
  int64_t get_info(void* value, socklen_t* length) const;
  int64_t set_socket_option(int name, const void* value, socklen_t length);
  int64_t set_tcp_option(int name, const void* value, socklen_t length);
  int64_t set_congestion(const void* value, socklen_t length);
  int64_t set_keepalive_option(int name, int number);

  Stage stage_ = Stage::kFresh;
  SocketHandle handle_;                 // of a listener or a connection of the stack
  std::optional<InetEndpoint> bound_;
  uint32_t backlog_ = 0;
  bool error_was_told_ = false;
  bool receives_no_more_ = false;       // shutdown(SHUT_RD)
  bool sends_no_more_ = false;
  SocketOptions options_;
  Choices choices_;
};

}  // namespace demi
