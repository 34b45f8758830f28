// File: what a descriptor of the tool stands for: a socket, an end of a pipe, an epoll. Calls answer as system calls of Linux do inside the kernel: what
// POSIX says, or an error as a negative number. What a kind of file does not have is refused here. Read virtual_host.h first.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "virtual_host.h"

namespace demi {

using Pieces = std::span<const iovec>;

size_t bytes_of(Pieces pieces);
std::vector<uint8_t> gathered(Pieces pieces);
// Copies as much as there is and fits. Returns how much.
size_t scatter(Bytes from, Pieces pieces);

// What recvmsg(2) is given and fills; read(2) and the others are short forms of it.
struct Incoming {
  Pieces pieces;
  int flags = 0;
  sockaddr* address = nullptr;
  socklen_t* address_length = nullptr;
  int flags_out = 0;
};

// The same of sendmsg(2).
struct Outgoing {
  Pieces pieces;
  int flags = 0;
  const sockaddr* address = nullptr;
  socklen_t address_length = 0;
};

class File {
 public:
  enum class Kind : uint8_t { kTcp, kUdp, kPipeReader, kPipeWriter, kEpoll };

  File(VirtualHost& host, Kind kind) : host_(host), kind_(kind) { host_.add_file(*this); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() { host_.remove_file(*this); }

  Kind kind() const { return kind_; }
  bool is_socket() const { return kind_ == Kind::kTcp || kind_ == Kind::kUdp; }
  bool nonblocking = false;

  // --- of all files ---

  virtual int64_t receive(Call&, Incoming&) { return -EINVAL; }
  virtual int64_t send(Call&, const Outgoing&) { return -EINVAL; }
  virtual int64_t ioctl(unsigned long, int&) { return -ENOTTY; }
  // The POLL* that hold now, whether somebody asked for them or not.
  virtual short readiness() = 0;
  // What close(2) does before the descriptor goes. The file itself may live on for a call that still waits in it.
  virtual int64_t close(Call&) { return 0; }

  // --- of sockets ---

  virtual int64_t bind(const sockaddr*, socklen_t) { return -ENOTSOCK; }
  virtual int64_t listen(int) { return -ENOTSOCK; }
  // The new socket in `out`.
  virtual int64_t accept(Call&, std::shared_ptr<File>&, sockaddr*, socklen_t*) { return -ENOTSOCK; }
  virtual int64_t connect(Call&, const sockaddr*, socklen_t) { return -ENOTSOCK; }
  virtual int64_t shutdown(Call&, int) { return -ENOTSOCK; }
  virtual int64_t get_option(int, int, void*, socklen_t*) { return -ENOTSOCK; }
  virtual int64_t set_option(int, int, const void*, socklen_t) { return -ENOTSOCK; }

  // --- from the host ---

  // The stack has begun: sockets that waited for its address go there.
  virtual void attach() {}
  virtual void handle_event(const SocketEvent&) {}
  // Grows whenever readiness() may have become more: what edge-triggered epoll looks at.
  virtual uint64_t activity() const { return activity_; }

 protected:
  void note_activity() { ++activity_; }
  Instant now() const { return host_.now(); }

  VirtualHost& host_;

 private:
  const Kind kind_;
  uint64_t activity_ = 1;
};

}  // namespace demi
