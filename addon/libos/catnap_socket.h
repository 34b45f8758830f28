// CatnapSocket: what stream and datagram sockets of the kernel have in common: the fd, what is known of its readiness, and options.
// Read catnap.h first.
#pragma once

#ifdef __linux__

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

 protected:
  // EINVAL when nothing can have that address as its end: wrong family, wildcard, port 0.
  Errno check_remote(const Endpoint& remote) const;
  // The attempt would block: the next change wakes whoever waits. ENOMEM when the kernel cannot watch the socket.
  Attempt blocked(Completion& completion);
  void close_fd();
  // Appends the first `bytes` bytes of a room that was read into. A few bytes move into a room of their size: the application may hold
  // them for long, and copying them costs less than the read did.
  void append_received(SgArray& to, BufferRef room, uint32_t bytes);
  Catnap& catnap() { return catnap_; }

  Catnap& catnap_;
  int fd_;                      // -1 once it is closed
  const Family family_;
  // False after a call that would have blocked, until the next change: then it is not worth a system call to try.
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
};

}  // namespace demi

#endif  // __linux__
