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
  const bool any = try_sockets();
  if (watched_ == 0 || (tried_count_ > 0 && ++turns_without_look_ < kTurnsPerLook)) return any;
  turns_without_look_ = 0;
  return take_changes() || any;
}

bool Catnap::take_changes() {
  const int count = epoll_wait(epoll_fd_, events_.data(), static_cast<int>(events_.size()), 0);
  // Sockets only wake operations here and run none: none of those in the list can be gone before its place comes.
  for (int i = 0; i < count; ++i) {
    const auto& event = events_[static_cast<size_t>(i)];
    auto* socket = static_cast<CatnapSocket*>(event.data.ptr);
    socket->handle_change(event.events);
    if (watched_ + tried_count_ <= kTriedMax && ++changes_ >= kChangesUntilTried) socket->try_rather_than_watch();
  }
  return count > 0;
}

// --- sockets that are tried in each turn ---

bool Catnap::try_each_turn(CatnapSocket& socket) {
  if (watched_ + tried_count_ < kTriedMax) {
    tried_[tried_count_++] = &socket;
    return true;
  }
  // With one more, asking for all of them at once is cheaper.
  prepare_to_sleep();
  return false;
}

void Catnap::stop_trying(CatnapSocket& socket) {
  for (uint32_t i = 0; i < tried_count_; ++i) {
    if (tried_[i] != &socket) continue;
    tried_[i] = tried_[--tried_count_];
    return;
  }
}

bool Catnap::try_sockets() {
  bool any = false;
  // From the back: the place of one that leaves on the way goes to one that had its turn.
  for (uint32_t i = tried_count_; i-- > 0;) {
    if (tried_[i]->try_now()) any = true;
  }
  return any;
}

void Catnap::prepare_to_sleep() {
  changes_ = 0;
  while (tried_count_ > 0) tried_[--tried_count_]->watch_rather_than_try();
}

}  // namespace demi

#endif  // __linux__
