// DatagramSocket: a socket of UDP as Linux has it, over that of the stack.
#pragma once

#include <optional>

#include "file.h"
#include "socket_options.h"

namespace demi {

class DatagramSocket final : public File {
 public:
  explicit DatagramSocket(VirtualHost& host) : File(host, Kind::kUdp) {}
  ~DatagramSocket() override;

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
  const UdpSocket* socket() const;
  // Makes the socket of the stack, and the stack, if they are not there yet.
  int64_t need_socket();
  int64_t take_error();
  int64_t store_datagram(const UdpDatagram& datagram, Incoming& in) const;

  SocketHandle handle_;
  std::optional<InetEndpoint> bound_;
  bool receives_no_more_ = false;  // shutdown()
  bool sends_no_more_ = false;
  int told_send_buffer_ = 212'992;     // net.core.wmem_default of Linux; ours has no bound of its own
  int told_receive_buffer_ = 212'992;
  SocketOptions options_;
};

}  // namespace demi
