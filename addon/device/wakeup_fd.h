// WakeupFd: what an event loop watches instead of the descriptor of a device. It is readable when that one is readable or has an error, and
// has no error itself: event loops stop to watch a descriptor with an error (libuv does), and a link that was down would stay unheard.
#pragma once

#ifdef __linux__

#include "base/result.h"
#include "device/file_descriptor.h"

namespace demi {

class WakeupFd {
 public:
  // Nobody is woken.
  WakeupFd() = default;
  // Readable as long as `fd`, which outlives this, has something. EMFILE or ENOMEM.
  static Result<WakeupFd> over(int fd);

  int get() const { return epoll_.get(); }
  // The descriptor has nothing more to say: from now on this is never readable.
  void silence();

 private:
  WakeupFd(FileDescriptor epoll, int fd) : epoll_(std::move(epoll)), fd_(fd) {}

  FileDescriptor epoll_;
  int fd_ = -1;
};

}  // namespace demi

#endif  // __linux__
