#include "device/wakeup_fd.h"

#ifdef __linux__

#include <sys/epoll.h>

#include <cerrno>

namespace demi {

namespace {
bool add(int epoll, int fd) {
  // An error is reported whether or not it is asked for.
  epoll_event readable{};
  readable.events = EPOLLIN;
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &readable) == 0;
}
}  // namespace

Result<WakeupFd> WakeupFd::over(int fd) {
  FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll || !add(epoll.get(), fd)) return errno == ENOMEM ? Errno::kENOMEM : Errno::kEMFILE;
  return WakeupFd(std::move(epoll), fd);
}

void WakeupFd::rest() {
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd_, nullptr) == 0) state_ = State::kRests;
}

void WakeupFd::listen() {
  frames_ = 0;
  // What the kernel has no memory for now, it may have before the next sleep.
  if (state_ == State::kRests && add(epoll_.get(), fd_)) state_ = State::kListens;
}

void WakeupFd::silence() {
  if (state_ == State::kListens) rest();
  state_ = State::kSilent;
}

}  // namespace demi

#endif  // __linux__
