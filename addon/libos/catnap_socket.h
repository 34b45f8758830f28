// CatnapSocket: what stream and datagram sockets of the kernel have in common: the fd, what is known of its readiness, and options.
// Read catnap.h first.
#pragma once

#ifdef __linux__

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <string>

#include "libos/catnap.h"
#include "libos/queue.h"

namespace demi {

class CatnapSocket : public Queue {
 public:
  // Takes the fd over, which is non-blocking.
  CatnapSocket(Catnap& catnap, int fd, Family family);
  ~CatnapSocket() override { close_fd(); }

  Result<void> bind(const Endpoint& endpoint) override;
  Result<Endpoint> local_endpoint() override;
  Result<Endpoint> peer_endpoint() override;
  Result<void> set_option(int level, int name, const OptionValue& value) override;
  Result<OptionValue> get_option(int level, int name) override;
  Result<void> set_text_option(int level, int name, std::string_view value) override;
  Result<std::string> text_option(int level, int name) override;

  // What epoll says has changed: EPOLLIN and the like.
  virtual void handle_change(uint32_t events);

  // --- for Catnap, which tries a few sockets in each turn and watches the others ---
  // Lets whoever waits for something to read try; true if it has finished.
  bool try_now();
  // It is tried no more: if anybody waits it is watched from now on.
  void watch_rather_than_try();
  // The reverse, unless it must hear of changes.
  void try_rather_than_watch();

 protected:
  // Whether it must hear of changes, other than that there is something to read.
  virtual bool needs_changes() { return !lines().writers.empty(); }
  // Pieces of one sendmsg(2): well below the kernel's 1024, and enough to fill a send buffer from small segments.
  static constexpr size_t kSendPieces = 64;
  // What is left to send, or as much of it as fits into kSendPieces.
  struct Gathered {
    std::array<iovec, kSendPieces> vectors;
    size_t count = 0;
    size_t bytes = 0;
  };
  // The error when the caller's bytes are gone.
  static Errno gather(PushRequest& request, Gathered& gathered);
  // EINVAL when nothing can have that address as its end: wrong family, wildcard, port 0.
  Errno check_remote(const Endpoint& remote) const;
  // The attempt would block: the next change wakes whoever waits. ENOMEM when the kernel cannot watch the socket.
  Attempt blocked(Completion& completion);
  // As that, for a reader: the socket need not be watched if it is tried in each turn.
  Attempt blocked_reader(Completion& completion);
  void close_fd();
  // Appends the first `bytes` bytes of a room that was read into. A few bytes move into a room of their size: the application may hold
  // them for long, and copying them costs less than the read did.
  void append_received(SgArray& to, BufferRef room, uint32_t bytes);
  Catnap& catnap() { return catnap_; }

  Catnap& catnap_;
  int fd_;                      // -1 once it is closed
  const Family family_;
  // False after a call that would have blocked, until the next change, or the next turn of those that are tried: until then it is not worth
  // a system call to try.
  bool readable_ = true;
  bool writable_ = true;
  // There is an end, an error or urgent data in the stream: a read that was not filled says nothing about what is behind it.
  bool short_reads_mean_nothing_ = false;
  bool is_bound_ = false;
  // Kept here and not in the kernel, whose close(2) would block.
  bool linger_ = false;
  int64_t linger_seconds_ = 0;

 private:
  bool is_watched_ = false;
  bool is_tried_ = false;         // in each turn; never both
  bool must_be_watched_ = false;  // it could not be, and whoever waits is to be told
};

}  // namespace demi

#endif  // __linux__
