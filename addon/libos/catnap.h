// Catnap: the sockets of the kernel as a libOS. Non-blocking sockets, each operation tried at once; only what would block asks one
// edge-triggered epoll for the next change. That epoll is the libOS's wake-up fd, so an event loop can sleep on it. Linux only.
// Read libos.h first, then catnap_socket.h.
#pragma once

#ifdef __linux__

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "libos/libos.h"

namespace demi {

class CatnapSocket;

class Catnap final : public LibOS {
 public:
  // EMFILE, ENOMEM: the kernel gives no epoll.
  static Result<std::unique_ptr<Catnap>> create(const LibOSSettings& settings);
  ~Catnap() override;

  const char* name() const override { return "catnap"; }
  // EMFILE when the process may open no more files.
  Result<std::unique_ptr<Queue>> make_socket(Family family, int type, int protocol) override;
  bool poll_backend(Instant now) override;
  bool has_outside_world() const override { return true; }
  int wakeup_fd() const override { return epoll_fd_; }

  // --- for its sockets ---
  // From now on the socket hears of each change. False when the kernel has no memory for that.
  bool watch(CatnapSocket& socket, int fd);
  // Has the state that it is in now reported once more, in the next turn.
  void watch_again(CatnapSocket& socket, int fd);
  // To be called before the fd is closed.
  void unwatch(int fd);

 private:
  Catnap(const LibOSSettings& settings, int epoll_fd) : LibOS(settings), epoll_fd_(epoll_fd) {}

  // Changes taken in one turn; the next turn takes more.
  static constexpr size_t kEventsPerTurn = 256;

  const int epoll_fd_;
  uint32_t watched_ = 0;
  std::array<epoll_event, kEventsPerTurn> events_;
};

}  // namespace demi

#endif  // __linux__
