#include "device/wakeup_fd.h"

#ifdef __linux__

#include <sys/epoll.h>

#include <cerrno>

namespace demi {

Result<WakeupFd> WakeupFd::over(int fd) {
  FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  // An error is reported whether or not it is asked for.
  epoll_event readable{};
  readable.events = EPOLLIN;
  if (!epoll || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &readable) != 0) return errno == ENOMEM ? Errno::kENOMEM : Errno::kEMFILE;
  return WakeupFd(std::move(epoll), fd);
}

void WakeupFd::silence() { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd_, nullptr); }

}  // namespace demi

#endif  // __linux__
