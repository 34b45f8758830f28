// WakeupFd: what an event loop watches instead of the descriptor of a device. It is readable when that one is readable or has an error, and
// has no error itself: event loops stop to watch a descriptor with an error (libuv does), and a link that was down would stay unheard.
//
// While traffic flows nobody sleeps on it, and it would only cost the kernel time with each frame: after some frames it rests until listen().
#pragma once

#ifdef __linux__

#include <cstddef>
#include <cstdint>

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
  // So many frames have come. With enough of them since listen() it is never readable, until that is called again.
  void note_frames(size_t count) {
    if (state_ != State::kListens) return;
    frames_ += count;
    if (frames_ >= kRestAfterFrames) rest();
  }
  // Somebody is about to sleep on it. Something that came before shows, too.
  void listen();
  // The descriptor has nothing more to say: from now on this is never readable.
  void silence();

 private:
  enum class State : uint8_t { kListens, kRests, kSilent };
  // Two system calls of a rest are shared out among so many frames: who sleeps before each of them never makes one.
  static constexpr size_t kRestAfterFrames = 64;

  WakeupFd(FileDescriptor epoll, int fd) : epoll_(std::move(epoll)), fd_(fd), state_(State::kListens) {}
  void rest();

  FileDescriptor epoll_;
  int fd_ = -1;
  State state_ = State::kSilent;
  size_t frames_ = 0;
};

}  // namespace demi

#endif  // __linux__
