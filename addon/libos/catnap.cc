#include "libos/catnap.h"

#ifdef __linux__

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "libos/catnap_datagram.h"
#include "libos/catnap_stream.h"
#include "libos/kernel_address.h"
#include "libos/socket_options.h"

namespace demi {

Result<std::unique_ptr<Catnap>> Catnap::create(const LibOSSettings& settings) {
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) return kernel_error(errno);
  return std::unique_ptr<Catnap>(new Catnap(settings, epoll_fd));
}

Catnap::~Catnap() {
  destroy_queues();
  ::close(epoll_fd_);
}

Result<std::unique_ptr<Queue>> Catnap::make_socket(Family family, int type, int protocol) {
  const bool is_stream = type == kSockStream && (protocol == 0 || protocol == kIpprotoTcp);
  const bool is_datagram = type == kSockDgram && (protocol == 0 || protocol == kIpprotoUdp);
  if (!is_stream && !is_datagram) return Errno::kENOTSUP;
  const int fd = ::socket(family == Family::kIPv4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  if (fd < 0) return kernel_error(errno);
  if (is_stream) return std::unique_ptr<Queue>(std::make_unique<CatnapStream>(*this, fd, family));
  return std::unique_ptr<Queue>(std::make_unique<CatnapDatagram>(*this, fd, family));
}

static epoll_event every_change(CatnapSocket& socket) {
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
  wanted.data.ptr = &socket;
  return wanted;
}

bool Catnap::watch(CatnapSocket& socket, int fd) {
  epoll_event wanted = every_change(socket);
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &wanted) != 0) return false;
  ++watched_;
  return true;
}

void Catnap::watch_again(CatnapSocket& socket, int fd) {
  epoll_event wanted = every_change(socket);
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &wanted);
}

void Catnap::unwatch(int fd) {
  // close(2) alone would not do: while a child process that some thread is just starting has a copy of the fd, the epoll would go on
  // reporting it, to a socket that is gone.
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  --watched_;
}

bool Catnap::poll_backend(Instant) {
  if (watched_ == 0) return false;
  const int count = epoll_wait(epoll_fd_, events_.data(), static_cast<int>(events_.size()), 0);
  // Sockets only wake operations here and run none: none of those in the list can be gone before its place comes.
  for (int i = 0; i < count; ++i) {
    const auto& event = events_[static_cast<size_t>(i)];
    static_cast<CatnapSocket*>(event.data.ptr)->handle_change(event.events);
  }
  return count > 0;
}

}  // namespace demi

#endif  // __linux__
