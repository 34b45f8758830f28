#include "libos/catnap_socket.h"

#ifdef __linux__

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "libos/kernel_address.h"
#include "libos/socket_options.h"

namespace demi {

namespace {
// What is longer stays in the room it was read into, however large that is.
constexpr uint32_t kMostBytesMoved = kRoomBytes[1];
}  // namespace

CatnapSocket::CatnapSocket(Catnap& catnap, int fd, Family family) : Queue(catnap), catnap_(catnap), fd_(fd), family_(family) {}

void CatnapSocket::close_fd() {
  if (fd_ < 0) return;
  if (std::exchange(is_watched_, false)) catnap_.unwatch(fd_);
  if (std::exchange(is_tried_, false)) catnap_.stop_trying(*this);
  ::close(std::exchange(fd_, -1));
}

// --- addresses ---

Result<void> CatnapSocket::bind(const Endpoint& endpoint) {
  if (endpoint.family != family_ || is_bound_) return Errno::kEINVAL;
  KernelAddress address = KernelAddress::of(endpoint);
  if (::bind(fd_, address.get(), address.length) != 0) return kernel_error(errno);
  is_bound_ = true;
  return {};
}

Result<Endpoint> CatnapSocket::local_endpoint() {
  KernelAddress address;
  if (::getsockname(fd_, address.get(), &address.length) != 0) return kernel_error(errno);
  return address.endpoint();
}

Result<Endpoint> CatnapSocket::peer_endpoint() {
  KernelAddress address;
  if (::getpeername(fd_, address.get(), &address.length) != 0) return kernel_error(errno);
  return address.endpoint();
}

Errno CatnapSocket::check_remote(const Endpoint& remote) const {
  if (remote.family != family_ || remote.port == 0 || remote.is_wildcard()) return Errno::kEINVAL;
  if (!remote.is_v4_mapped()) return Errno::kOk;
  int v6only = 0;
  socklen_t length = sizeof(v6only);
  ::getsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, &length);
  return v6only != 0 ? Errno::kEINVAL : Errno::kOk;
}

// --- readiness ---

Attempt CatnapSocket::blocked(Completion& completion) {
  if (is_watched_) return Attempt::would_block();
  // epoll reports at once what has changed since the attempt.
  if (!catnap_.watch(*this, fd_)) return Attempt::failed(completion, Errno::kENOMEM);
  is_watched_ = true;
  if (std::exchange(is_tried_, false)) catnap_.stop_trying(*this);
  return Attempt::would_block();
}

Attempt CatnapSocket::blocked_reader(Completion& completion) {
  if (is_tried_ || is_watched_) return Attempt::would_block();
  if (must_be_watched_ || !catnap_.try_each_turn(*this)) return blocked(completion);
  is_tried_ = true;
  return Attempt::would_block();
}

bool CatnapSocket::try_now() {
  readable_ = true;
  if (!lines().readers.empty()) return catnap_.try_front(lines().readers);
  is_tried_ = false;
  catnap_.stop_trying(*this);
  return false;
}

void CatnapSocket::watch_rather_than_try() {
  is_tried_ = false;
  // What comes from now on is not known before somebody tries, or it is watched.
  readable_ = true;
  if (lines().readers.empty()) return;
  is_watched_ = catnap_.watch(*this, fd_);
  if (is_watched_) {
    readable_ = false;
    return;
  }
  must_be_watched_ = true;
  wake_reader();
}

void CatnapSocket::try_rather_than_watch() {
  if (!is_watched_ || needs_changes()) return;
  is_watched_ = false;
  catnap_.unwatch(fd_);
  readable_ = true;
  // The change may have been nothing to a reader, who waits on.
  if (!lines().readers.empty()) is_tried_ = catnap_.try_each_turn(*this);
}

void CatnapSocket::handle_change(uint32_t events) {
  const bool ended = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if (ended || (events & (EPOLLRDHUP | EPOLLPRI)) != 0) short_reads_mean_nothing_ = true;
  if (ended || (events & (EPOLLIN | EPOLLRDHUP)) != 0) {
    readable_ = true;
    wake_reader();
  }
  if (ended || (events & EPOLLOUT) != 0) {
    writable_ = true;
    wake_writer();
  }
}

Errno CatnapSocket::gather(PushRequest& request, Gathered& gathered) {
  std::array<std::span<const uint8_t>, kSendPieces> pieces;
  const Errno gone = request.remaining_pieces(pieces, gathered.count);
  if (gone != Errno::kOk) return gone;
  for (size_t i = 0; i < gathered.count; ++i) {
    gathered.vectors[i] = {const_cast<uint8_t*>(pieces[i].data()), pieces[i].size()};
    gathered.bytes += pieces[i].size();
  }
  return Errno::kOk;
}

void CatnapSocket::append_received(SgArray& to, BufferRef room, uint32_t bytes) {
  if (bytes == 0) return;
  if (bytes <= kMostBytesMoved) {
    const uint32_t enough = bytes <= kRoomBytes[0] ? kRoomBytes[0] : kMostBytesMoved;
    BufferRef smaller = room->payload_capacity() > enough ? libos().memory().allocate_room(bytes) : BufferRef();
    if (smaller && smaller->payload_capacity() < room->payload_capacity()) {
      std::memcpy(smaller->payload(), room->payload(), bytes);
      room = std::move(smaller);
    }
  }
  const uint32_t headroom = room->headroom;
  to.append_segment(std::move(room), headroom, bytes);
}

// --- options ---

Result<void> CatnapSocket::set_option(int level, int name, const OptionValue& value) {
  if (level == kSolSocket && name == kSoLinger) {
    if (value.seconds < 0 || value.seconds > INT32_MAX) return Errno::kEINVAL;
    linger_ = value.number != 0;
    linger_seconds_ = value.seconds;
    return {};
  }
  if (value.number < INT32_MIN || value.number > INT32_MAX) return Errno::kEINVAL;
  const int number = static_cast<int>(value.number);
  if (::setsockopt(fd_, level, name, &number, sizeof(number)) != 0) return kernel_error(errno);
  return {};
}

namespace {
// Linux has another word for an option that a socket does not have when it is read than when it is set.
Errno option_error() { return errno == EOPNOTSUPP ? Errno::kENOPROTOOPT : kernel_error(errno); }
}  // namespace

Result<OptionValue> CatnapSocket::get_option(int level, int name) {
  if (level == kSolSocket && name == kSoLinger) return OptionValue{linger_, linger_seconds_};
  int number = 0;
  socklen_t length = sizeof(number);
  if (::getsockopt(fd_, level, name, &number, &length) != 0) return option_error();
  return OptionValue{number, 0};
}

Result<void> CatnapSocket::set_text_option(int level, int name, std::string_view value) {
  if (::setsockopt(fd_, level, name, value.data(), static_cast<socklen_t>(value.size())) != 0) {
    // An algorithm that the kernel does not have is a value that is not valid.
    return errno == ENOENT ? Errno::kEINVAL : kernel_error(errno);
  }
  return {};
}

Result<std::string> CatnapSocket::text_option(int level, int name) {
  char text[64] = {};
  socklen_t length = sizeof(text) - 1;
  if (::getsockopt(fd_, level, name, text, &length) != 0) return option_error();
  return std::string(text);
}

}  // namespace demi

#endif  // __linux__
