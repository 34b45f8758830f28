#include "libos/catnap_stream.h"

#ifdef __linux__

#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "libos/kernel_address.h"
#include "libos/kernel_tcp_info.h"
#include "libos/socket_options.h"

namespace demi {

namespace {
// A read begins with room for a small message and grows to this while the kernel has more: beyond it a system call is no cheaper per byte.
constexpr uint32_t kLeastReadBytes = 2048;
constexpr uint32_t kLargestReadBytes = 4 * kLargestRoomBytes;
// Grows so fast that a large message is in three reads.
constexpr uint32_t kReadGrowth = 8;
// How soon, and how rarely at least, it is asked whether everything is acknowledged.
constexpr Duration kFirstAcknowledgementPause = Duration::microseconds(50);
constexpr Duration kLongestAcknowledgementPause = Duration::milliseconds(5);
// Reads that drop what has arrived, of kLargestReadBytes each, before the others have their turn.
constexpr int kDiscardsPerTurn = 16;
// Connections that failed before they were accepted, which one accept passes over: as many as any backlog of interest holds.
constexpr int kFailedAcceptsPassed = 4096;
}  // namespace

CatnapStream::AcknowledgementTimer::AcknowledgementTimer(CatnapStream& owner)
    : Timer([](Timer& timer) { static_cast<AcknowledgementTimer&>(timer).stream.wake_writer(); }),
      stream(owner),
      pause(kFirstAcknowledgementPause) {}

CatnapStream::CatnapStream(Catnap& catnap, int fd, Family family)
    : CatnapSocket(catnap, fd, family), read_bytes_(kLeastReadBytes), acknowledgement_(*this) {
  is_stream = true;
}

CatnapStream::~CatnapStream() {
  if (counts_) libos().connections().remove();
}

void CatnapStream::count_connection() {
  if (!std::exchange(counts_, true)) libos().connections().add();
}

Result<Endpoint> CatnapStream::peer_endpoint() {
  if (state_ != State::kConnected) return Errno::kENOTCONN;
  return CatnapSocket::peer_endpoint();
}

Result<TcpInfo> CatnapStream::tcp_info() { return kernel_tcp_info(fd_); }

// --- passive open ---

Result<void> CatnapStream::listen(uint32_t backlog) {
  if (state_ == State::kConnecting || state_ == State::kConnected) return Errno::kEISCONN;
  if (!is_bound_) return Errno::kEDESTADDRREQ;
  if (::listen(fd_, static_cast<int>(std::max(backlog, 1u))) != 0) return kernel_error(errno);
  state_ = State::kListening;
  return {};
}

Attempt CatnapStream::try_accept(std::unique_ptr<Queue>& connection, Completion& completion) {
  if (state_ != State::kListening) return Attempt::refused(Errno::kEINVAL);
  if (libos().connections().full()) {
    libos().connections().wake_at_next_end(*this);
    return Attempt::would_block();
  }
  // A listener is always watched: an accept4(2) that finds nothing has made a file by then, and takes ten times as long as a read.
  if (!readable_) return blocked(completion);
  for (int passed = 0;; ++passed) {
    KernelAddress peer;
    const int fd = ::accept4(fd_, peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      auto accepted = std::make_unique<CatnapStream>(catnap(), fd, family_);
      accepted->state_ = State::kConnected;
      accepted->is_bound_ = true;
      accepted->linger_ = linger_;
      accepted->linger_seconds_ = linger_seconds_;
      accepted->count_connection();
      connection = std::move(accepted);
      completion.has_endpoint = true;
      completion.endpoint = peer.endpoint();
      return Attempt::done();
    }
    switch (errno) {
      case EAGAIN:
        readable_ = false;
        return blocked(completion);
      case EINTR:
      case ECONNABORTED:
      case ENETDOWN:
      case EPROTO:
      case ENOPROTOOPT:
      case EHOSTDOWN:
      case ENONET:
      case EHOSTUNREACH:
      case EOPNOTSUPP:
      case ENETUNREACH:
      case ETIMEDOUT:
      case EPERM:
        // What happened to a connection before it was accepted is nobody's failure (accept(2)): the next one.
        if (passed < kFailedAcceptsPassed) continue;
        [[fallthrough]];
      default:
        // EMFILE, ENFILE, ENOMEM, ENOBUFS: the connection stays in the backlog.
        return Attempt::failed(completion, kernel_error(errno));
    }
  }
}

// --- active open ---

Errno CatnapStream::begin_connect(const Endpoint& remote) {
  if (state_ == State::kConnecting) return Errno::kEALREADY;
  if (state_ != State::kFresh) return Errno::kEISCONN;
  const Errno wrong = check_remote(remote);
  if (wrong != Errno::kOk) return wrong;
  if (remote.is_multicast_or_broadcast()) return Errno::kEINVAL;
  if (libos().connections().full()) return Errno::kEAGAIN;
  KernelAddress address = KernelAddress::of(remote);
  connect_error_ = Errno::kOk;
  // From here on: an end of the stream may arrive together with the news that it is open.
  short_reads_mean_nothing_ = false;
  // To an address of this machine the connection is often there when the call returns, although it says that it is on its way.
  writable_ = true;
  if (::connect(fd_, address.get(), address.length) != 0 && errno != EINPROGRESS && errno != EINTR) {
    // EADDRINUSE: every port to that peer is taken; EAGAIN: as that, for lack of ports at all (connect(2)).
    const Errno error = errno == EADDRINUSE || errno == EAGAIN ? Errno::kEADDRNOTAVAIL : kernel_error(errno);
    if (is_thrown(error)) return error;
    connect_error_ = error;
  }
  state_ = State::kConnecting;
  count_connection();
  return Errno::kOk;
}

Attempt CatnapStream::try_connect(Completion& completion) {
  if (connect_error_ == Errno::kOk && !writable_) return blocked(completion);
  KernelAddress peer;
  if (connect_error_ != Errno::kOk || ::getpeername(fd_, peer.get(), &peer.length) != 0) {
    if (connect_error_ == Errno::kOk) connect_error_ = kernel_error(take_socket_error());
    if (connect_error_ != Errno::kOk) {
      abandon_connect();
      return Attempt::failed(completion, connect_error_);
    }
    // It is still on its way, or this was a change from before the connect.
    writable_ = false;
    return blocked(completion);
  }
  state_ = State::kConnected;
  is_bound_ = true;
  readable_ = true;
  return Attempt::done();
}

void CatnapStream::abandon_connect() {
  // connect(2) to AF_UNSPEC dissolves the association: the socket can connect again.
  sockaddr unspecified{};
  unspecified.sa_family = AF_UNSPEC;
  ::connect(fd_, &unspecified, sizeof(unspecified));
  // A handshake that was broken off leaves ECONNRESET behind, which is nobody's business.
  take_socket_error();
  state_ = State::kFresh;
  readable_ = writable_ = true;
  if (std::exchange(counts_, false)) libos().connections().remove();
}

// --- data ---

Attempt CatnapStream::send(PushRequest& request, Completion& completion) {
  while (request.remaining_bytes() > 0) {
    Gathered pieces;
    const Errno gone = gather(request, pieces);
    if (gone != Errno::kOk) return Attempt::failed(completion, gone);
    ssize_t sent;
    if (pieces.count == 1) {
      // The kernel has no vectors to take over then.
      sent = ::send(fd_, pieces.vectors[0].iov_base, pieces.vectors[0].iov_len, MSG_NOSIGNAL);
    } else {
      msghdr message{};
      message.msg_iov = pieces.vectors.data();
      message.msg_iovlen = pieces.count;
      sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    }
    if (sent >= 0) {
      request.accept(static_cast<uint64_t>(sent));
      if (static_cast<size_t>(sent) == pieces.bytes) continue;
      writable_ = false;
      return blocked(completion);
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      writable_ = false;
      return blocked(completion);
    }
    if (errno == ENOBUFS || errno == ENOMEM) return Attempt::failed(completion, Errno::kENOBUFS);
    if (end_error_ == Errno::kOk) wake_reader();
    note_end(errno);
    end_reported_ = true;
    return Attempt::failed(completion, end_error_);
  }
  return Attempt::done();
}

Attempt CatnapStream::try_push(PushRequest& request, Completion& completion) {
  if (state_ != State::kConnected) return Attempt::refused(Errno::kENOTCONN);
  if (end_sent_) return Attempt::refused(Errno::kEPIPE);
  // The first to hear of the error is told what it was; who goes on, that there is nobody to send to.
  if (end_reported_) return Attempt::failed(completion, Errno::kEPIPE);
  if (request.remaining_bytes() > 0) {
    if (!writable_) return blocked(completion);
    const Attempt attempted = send(request, completion);
    if (attempted.outcome != Attempt::Outcome::kDone || completion.error != Errno::kOk) return attempted;
  }
  if (!request.until_acknowledged) return Attempt::done();
  if (acknowledged()) {
    acknowledgement_.pause = kFirstAcknowledgementPause;
    return Attempt::done();
  }
  // A connection that has ended never acknowledges the rest.
  if (take_error() != Errno::kOk) {
    end_reported_ = true;
    return Attempt::failed(completion, end_error_);
  }
  ask_again();
  return Attempt::would_block();
}

Attempt CatnapStream::try_pop(uint64_t limit, Completion& completion) {
  if (state_ != State::kConnected) return Attempt::refused(Errno::kENOTCONN);
  if (discards_) return Attempt::done();
  if (end_received_) return ended(completion);
  if (!readable_) return blocked_reader(completion);
  constexpr size_t kRooms = kLargestReadBytes / kLargestRoomBytes;
  std::array<BufferRef, kRooms> rooms;
  std::array<iovec, kRooms> vectors;
  size_t count = 0;
  uint64_t space = 0;
  const uint64_t wanted = std::min<uint64_t>(limit, read_bytes_);
  while (space < wanted && count < kRooms) {
    const uint64_t next = std::min<uint64_t>(wanted - space, kLargestRoomBytes);
    // When the memory runs short any room will do: bytes that have arrived can always go on.
    rooms[count] = libos().memory().allocate_any_room(next);
    if (!rooms[count]) break;
    const uint64_t usable = std::min<uint64_t>(rooms[count]->payload_capacity(), limit - space);
    vectors[count] = {rooms[count]->payload(), usable};
    space += usable;
    ++count;
  }
  if (count == 0) return Attempt::no_memory();
  ssize_t received;
  do {
    received = count == 1 ? ::recv(fd_, vectors[0].iov_base, vectors[0].iov_len, 0) : ::readv(fd_, vectors.data(), static_cast<int>(count));
  } while (received < 0 && errno == EINTR);
  if (received > 0) {
    const auto bytes = static_cast<uint64_t>(received);
    completion.sga = libos().memory().make_array();
    uint64_t left = bytes;
    for (size_t i = 0; left > 0; ++i) {
      const uint64_t part = std::min<uint64_t>(left, vectors[i].iov_len);
      append_received(completion.sga, std::move(rooms[i]), static_cast<uint32_t>(part));
      left -= part;
    }
    // A read that was not filled has emptied the socket (epoll(7)).
    if (bytes < space && !short_reads_mean_nothing_) readable_ = false;
    if (bytes >= read_bytes_) read_bytes_ = std::min(kLargestReadBytes, read_bytes_ * kReadGrowth);
    else if (bytes < read_bytes_ / 4) read_bytes_ = std::max(kLeastReadBytes, read_bytes_ / 2);
    return Attempt::done();
  }
  if (received < 0 && errno == EAGAIN) {
    readable_ = false;
    return blocked_reader(completion);
  }
  if (received < 0) note_end(errno);
  end_received_ = true;
  return ended(completion);
}

void CatnapStream::note_end(int number) {
  if (end_error_ != Errno::kOk) return;
  // EPIPE is how the kernel calls a reset that comes behind the end of the stream.
  end_error_ = number == EPIPE ? Errno::kECONNRESET : kernel_error(number);
  ++libos().counters().resets;
}

int CatnapStream::take_socket_error() {
  int error = 0;
  socklen_t length = sizeof(error);
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

Errno CatnapStream::take_error() {
  if (const int error = take_socket_error()) note_end(error);
  return end_error_;
}

Result<OptionValue> CatnapStream::get_option(int level, int name) {
  Result<OptionValue> value = CatnapSocket::get_option(level, name);
  if (level != kSolSocket || name != kSoError || !value || value->number == 0) return value;
  // The kernel tells it once; who waits for this connection must learn of it all the same.
  const auto number = static_cast<int>(value->number);
  if (state_ == State::kConnecting) connect_error_ = kernel_error(number);
  if (state_ == State::kConnected) note_end(number);
  wake_reader();
  wake_writer();
  return value;
}

// What every pop behind the last byte comes to.
Attempt CatnapStream::ended(Completion& completion) {
  if (end_error_ == Errno::kOk) return Attempt::done();
  end_reported_ = true;
  return Attempt::failed(completion, end_error_);
}

void CatnapStream::handle_change(uint32_t events) {
  CatnapSocket::handle_change(events);
  if (discards_ && (events & EPOLLIN) != 0) discard_received();
}

void CatnapStream::discard_received() {
  for (int i = 0; i < kDiscardsPerTurn; ++i) {
    // With MSG_TRUNC the kernel drops the bytes without copying them (tcp(7)).
    if (::recv(fd_, nullptr, kLargestReadBytes, MSG_TRUNC) <= 0) return;
  }
  catnap().watch_again(*this, fd_);
}

// --- the end ---

Attempt CatnapStream::try_shutdown(ShutdownHow how, Completion& completion) {
  if (state_ != State::kConnected) return Attempt::refused(Errno::kENOTCONN);
  if (how != ShutdownHow::kRead && !std::exchange(end_sent_, true)) ::shutdown(fd_, SHUT_WR);
  if (how != ShutdownHow::kWrite) {
    const Attempt watching = blocked(completion);
    if (watching.outcome == Attempt::Outcome::kDone) return watching;
    discards_ = true;
    discard_received();
    wake_reader();
  }
  return Attempt::done();
}

bool CatnapStream::acknowledged() const {
  int bytes = 0;
  return ::ioctl(fd_, SIOCOUTQ, &bytes) != 0 || bytes == 0;
}

void CatnapStream::ask_again() {
  if (acknowledgement_.armed()) return;
  libos().timers().arm(acknowledgement_, libos().clock().now() + acknowledgement_.pause);
  acknowledgement_.pause = std::min(acknowledgement_.pause + acknowledgement_.pause, kLongestAcknowledgementPause);
}

void CatnapStream::begin_close() {
  // Without SO_LINGER the kernel delivers what it has accepted, whatever becomes of this process.
  if (state_ != State::kConnected || !linger_ || end_error_ != Errno::kOk) return close_fd();
  if (linger_seconds_ == 0) return abort();
  if (!std::exchange(end_sent_, true)) ::shutdown(fd_, SHUT_WR);
  acknowledgement_.pause = kFirstAcknowledgementPause;
}

Attempt CatnapStream::try_close(Completion& completion) {
  if (fd_ >= 0 && !acknowledged()) {
    if (take_error() != Errno::kOk) {
      close_fd();
      return Attempt::failed(completion, end_error_);
    }
    ask_again();
    return Attempt::would_block();
  }
  close_fd();
  return Attempt::done();
}

void CatnapStream::abort() {
  if (fd_ < 0) return;
  if (state_ == State::kConnected) {
    const ::linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    ++libos().counters().resets;
  }
  close_fd();
}

}  // namespace demi

#endif  // __linux__
