// Catnap: the sockets of the kernel as a libOS. Non-blocking sockets, each operation tried at once; only what would block asks one
// edge-triggered epoll for the next change. That epoll is the libOS's wake-up fd, so an event loop can sleep on it. Linux only.
//
// While the thread spins and only a few sockets wait for something to read, these are not watched by the epoll at all: each turn tries
// them, which saves the system call that would say that there is something, and the kernel the work of noting it.
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
  // Only sockets that the kernel may have news of: memory queues alone are this thread's own affair.
  bool has_outside_world() const override { return watched_ + tried_count_ > 0; }
  bool is_worth_spinning() const override { return true; }
  int wakeup_fd() const override { return epoll_fd_; }
  void prepare_to_sleep() override;
  void look_everywhere() override { turns_without_look_ = kTurnsPerLook; }

  // --- for its sockets ---
  // From now on the socket hears of each change. False when the kernel has no memory for that.
  bool watch(CatnapSocket& socket, int fd);
  // Has the state that it is in now reported once more, in the next turn.
  void watch_again(CatnapSocket& socket, int fd);
  // To be called before the fd is closed.
  void unwatch(int fd);
  // From now on each turn lets the socket's front reader try. False when there are too many for that: it has to be watched.
  bool try_each_turn(CatnapSocket& socket);
  void stop_trying(CatnapSocket& socket);

 private:
  Catnap(const LibOSSettings& settings, int epoll_fd) : LibOS(settings), epoll_fd_(epoll_fd) {}

  // Changes taken in one turn; the next turn takes more.
  static constexpr size_t kEventsPerTurn = 256;
  // Sockets, with those that are watched, up to which some are tried in each turn: an attempt that finds nothing costs as much as an
  // epoll_wait, which asks for all of them.
  static constexpr uint32_t kTriedMax = 3;
  // So many changes without a sleep between, and a watched socket is tried instead: one is what ends a sleep.
  static constexpr uint32_t kChangesUntilTried = 2;
  // While some sockets are tried in each turn, the others have their turn less often.
  static constexpr uint32_t kTurnsPerLook = 8;

  bool try_sockets();
  bool take_changes();

  const int epoll_fd_;
  uint32_t watched_ = 0;
  uint32_t tried_count_ = 0;
  std::array<CatnapSocket*, kTriedMax> tried_;
  uint32_t turns_without_look_ = 0;
  uint32_t changes_ = 0;  // since the last sleep
  std::array<epoll_event, kEventsPerTurn> events_;
};

}  // namespace demi

#endif  // __linux__
