#include "tcp_socket.h"

#include <poll.h>
#include <sys/ioctl.h>

#include <linux/sockios.h>

#include <algorithm>
#include <utility>

#include "socket_address.h"

namespace demi {

namespace {
constexpr int kReceiveFlags = MSG_DONTWAIT | MSG_PEEK | MSG_WAITALL | MSG_TRUNC | MSG_NOSIGNAL | MSG_CMSG_CLOEXEC;
constexpr int kSendFlags = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR;

int64_t negative(Errno error) { return -static_cast<int64_t>(error); }

bool awaits_ack_of_fin(TcpState state) {
  return state == TcpState::kFinWait1 || state == TcpState::kClosing || state == TcpState::kLastAck || accepts_send(state);
}
}  // namespace

TcpSocket::~TcpSocket() { let_go(true); }

TcpConnection* TcpSocket::connection() const { return host_.stack() ? host_.stack()->tcp_connection(handle_) : nullptr; }

bool TcpSocket::is_opening() const {
  const TcpConnection* tcp = connection();
  return tcp != nullptr && (tcp->state() == TcpState::kSynSent || tcp->state() == TcpState::kSynReceived);
}

int64_t TcpSocket::take_error() {
  const TcpConnection* tcp = connection();
  if (tcp == nullptr || tcp->error() == Errno::kOk || std::exchange(error_was_told_, true)) return 0;
  return negative(tcp->error());
}

void TcpSocket::let_go(bool politely) {
  if (handle_ && host_.stack()) {
    if (politely || stage_ == Stage::kListening) {
      (void)host_.stack()->close(handle_, now());
    } else {
      (void)host_.stack()->tcp_abort(handle_, now());
    }
  }
  handle_ = SocketHandle();
  stage_ = Stage::kFresh;
}

void TcpSocket::handle_event(const SocketEvent& event) {
  if (event.socket == handle_) note_activity();
}

// --- opening ---

// Linux says so at bind() already.
bool TcpSocket::clashes_with(const InetEndpoint& local) const {
  for (const File* file : host_.files()) {
    if (file == this || file->kind() != Kind::kTcp) continue;
    const auto& other = static_cast<const TcpSocket&>(*file);
    if (!other.bound_ || other.bound_->port != local.port) continue;
    const bool same_address = other.bound_->address == local.address || other.bound_->address.is_unspecified() || local.address.is_unspecified();
    const bool both_agree = options_.reuses_address() && other.options_.reuses_address() && other.stage_ != Stage::kListening;
    if (same_address && !both_agree) return true;
  }
  return false;
}

int64_t TcpSocket::bind(const sockaddr* address, socklen_t length) {
  if (bound_ || stage_ != Stage::kFresh) return -EINVAL;
  Result<InetEndpoint> local = endpoint_of(address, length);
  if (!local.ok()) return negative(local.error());
  if (!local->address.is_unspecified()) {
    host_.need_stack(local->address);
    if (!(local->address == host_.address())) return -EADDRNOTAVAIL;
  }
  if (local->port != 0 && clashes_with(*local)) return -EADDRINUSE;
  bound_ = *local;
  return 0;
}

int64_t TcpSocket::listen(int backlog) {
  if (stage_ == Stage::kConnecting || stage_ == Stage::kConnected) return -EINVAL;
  if (stage_ == Stage::kListening) return 0;
  if (!bound_) bound_ = InetEndpoint{IpAddress::unspecified(Family::kIPv4), 0};
  backlog_ = static_cast<uint32_t>(std::max(backlog, 1));
  stage_ = Stage::kListening;
  // Without an address it waits until it is known: nothing can come before.
  if (host_.stack() == nullptr) return 0;
  Result<SocketHandle> made = host_.stack()->tcp_listen(*bound_, backlog_, Stack::PortOwner::kStack, choices_.mss_max);
  if (!made.ok()) {
    stage_ = Stage::kFresh;
    return negative(made.error());
  }
  handle_ = *made;
  return 0;
}

void TcpSocket::attach() {
  if (stage_ != Stage::kListening || handle_) return;
  Result<SocketHandle> made = host_.stack()->tcp_listen(*bound_, backlog_, Stack::PortOwner::kStack, choices_.mss_max);
  if (made.ok()) handle_ = *made;
}

int64_t TcpSocket::accept(Call& call, std::shared_ptr<File>& out, sockaddr* address, socklen_t* length) {
  if (stage_ != Stage::kListening) return -EINVAL;
  const auto is_ready = [this] { return stage_ != Stage::kListening || (host_.stack() && host_.stack()->tcp_acceptable(handle_) > 0); };
  if (!is_ready() && nonblocking) return -EAGAIN;
  if (!call.wait(options_.receive_deadline(now()), is_ready)) return -EAGAIN;
  if (stage_ != Stage::kListening) return -EINVAL;
  Result<SocketHandle> made = host_.stack()->tcp_accept(handle_);
  if (!made.ok()) return negative(made.error());
  auto socket = std::make_shared<TcpSocket>(host_);
  socket->handle_ = *made;
  socket->stage_ = Stage::kConnected;
  socket->options_ = options_;
  socket->choices_ = choices_;
  socket->apply_choices();
  if (Result<InetEndpoint> remote = host_.stack()->remote_endpoint(*made); remote.ok()) store_endpoint(*remote, address, length);
  out = std::move(socket);
  return 0;
}

int64_t TcpSocket::begin_connect(const InetEndpoint& remote) {
  const InetEndpoint any{IpAddress::unspecified(Family::kIPv4), 0};
  Stack& stack = host_.need_stack(bound_ ? bound_->address : any.address);
  Result<SocketHandle> made = stack.tcp_connect(host_.with_address(bound_.value_or(any)), remote, now(), Stack::PortOwner::kStack, choices_.mss_max);
  if (!made.ok()) return negative(made.error());
  handle_ = *made;
  stage_ = Stage::kConnecting;
  error_was_told_ = receives_no_more_ = sends_no_more_ = false;
  apply_choices();
  return 0;
}

// The attempt has ended: how is told now.
int64_t TcpSocket::finish_connect() {
  const TcpConnection* tcp = connection();
  if (tcp != nullptr && tcp->error() == Errno::kOk && tcp->state() != TcpState::kClosed) {
    stage_ = Stage::kConnected;
    return 0;
  }
  const int64_t error = take_error();
  let_go(true);
  return error != 0 ? error : -ECONNABORTED;
}

int64_t TcpSocket::connect(Call& call, const sockaddr* address, socklen_t length) {
  sa_family_t family = AF_INET;
  if (address != nullptr && length >= sizeof(family)) family = address->sa_family;
  if (family == AF_UNSPEC) {
    // What connect(2) says of AF_UNSPEC: the association ends, and so the connection does with a RST.
    if (stage_ != Stage::kListening) let_go(false);
    return 0;
  }
  Result<InetEndpoint> remote = endpoint_of(address, length);
  if (!remote.ok()) return negative(remote.error());
  if (stage_ == Stage::kListening || stage_ == Stage::kConnected) return -EISCONN;
  const bool is_first = stage_ == Stage::kFresh;
  if (is_first) {
    if (const int64_t error = begin_connect(*remote); error != 0) return error;
    host_.settle();
  }
  const auto has_ended = [this] { return stage_ != Stage::kConnecting || !is_opening(); };
  if (!has_ended() && nonblocking) return is_first ? -EINPROGRESS : -EALREADY;
  if (!call.wait(options_.send_deadline(now()), has_ended)) return -EINPROGRESS;
  return stage_ == Stage::kConnecting ? finish_connect() : -ECONNABORTED;
}

// --- text ---

// 0 when there is text or an end of it to be read, or an error.
int64_t TcpSocket::wait_for_text(Call& call, bool may_wait) {
  const auto is_ready = [this] {
    const TcpConnection* tcp = connection();
    if (tcp == nullptr || receives_no_more_) return true;
    if (is_opening()) return false;
    return tcp->readable_bytes() > 0 || tcp->is_ended();
  };
  if (!is_ready() && !may_wait) return -EAGAIN;
  return call.wait(options_.receive_deadline(now()), is_ready) ? 0 : -EAGAIN;
}

// Appends what is there, up to `limit` bytes in all, to `out`. Returns the bytes, 0 at the end.
int64_t TcpSocket::take_text(std::vector<uint8_t>& out, size_t limit, bool peeks) {
  TcpConnection* tcp = connection();
  if (tcp == nullptr) return 0;
  if (tcp->readable_bytes() == 0) return take_error();
  const size_t before = out.size();
  out.resize(before + std::min<uint64_t>(limit - before, tcp->readable_bytes()));
  const MutableBytes place = MutableBytes(out).subspan(before);
  if (peeks) {
    tcp->receiver().readable_text().copy_out(place);
  } else {
    Result<SgArray> text = host_.stack()->tcp_receive(handle_, place.size(), now());
    if (!text.ok()) return negative(text.error());
    text->copy_out(place);
    host_.settle();
  }
  return static_cast<int64_t>(place.size());
}

int64_t TcpSocket::receive(Call& call, Incoming& in) {
  if ((in.flags & MSG_OOB) != 0) return -EINVAL;
  if ((in.flags & MSG_ERRQUEUE) != 0) return -EAGAIN;
  if ((in.flags & ~kReceiveFlags) != 0) return -EOPNOTSUPP;
  if (stage_ == Stage::kFresh || stage_ == Stage::kListening) return -ENOTCONN;
  const bool may_wait = !nonblocking && (in.flags & MSG_DONTWAIT) == 0;
  const bool peeks = (in.flags & MSG_PEEK) != 0;
  const bool wants_all = (in.flags & MSG_WAITALL) != 0 && !peeks;
  const size_t wanted = bytes_of(in.pieces);
  if (wanted == 0) return 0;
  std::vector<uint8_t> octets;
  int64_t result = 0;
  do {
    result = wait_for_text(call, may_wait);
    if (result == 0) result = take_text(octets, wanted, peeks);
  } while (result > 0 && wants_all && octets.size() < wanted);
  if (octets.empty()) return result;
  // tcp(7): with MSG_TRUNC the text is thrown away.
  if ((in.flags & MSG_TRUNC) == 0) scatter(octets, in.pieces);
  return static_cast<int64_t>(octets.size());
}

// 0 when the connection stands, or has failed.
int64_t TcpSocket::wait_for_open(Call& call, bool may_wait) {
  const auto is_open = [this] { return !is_opening(); };
  if (!is_open() && !may_wait) return -EAGAIN;
  return call.wait(options_.send_deadline(now()), is_open) ? 0 : -EAGAIN;
}

int64_t TcpSocket::send(Call& call, const Outgoing& out) {
  if ((out.flags & ~kSendFlags) != 0) return -EOPNOTSUPP;
  if (stage_ == Stage::kFresh || stage_ == Stage::kListening) return -EPIPE;
  const bool may_wait = !nonblocking && (out.flags & MSG_DONTWAIT) == 0;
  if (const int64_t error = wait_for_open(call, may_wait); error != 0) return error;
  const std::vector<uint8_t> octets = gathered(out.pieces);
  size_t sent = 0;
  const auto has_room = [this] {
    const TcpConnection* tcp = connection();
    return tcp == nullptr || tcp->writable_bytes() > 0 || !accepts_send(tcp->state());
  };
  for (;;) {
    const int64_t error = sent == 0 ? take_error() : 0;
    if (error != 0) return error;
    const TcpConnection* tcp = connection();
    if (tcp == nullptr || sends_no_more_ || !accepts_send(tcp->state())) return sent > 0 ? static_cast<int64_t>(sent) : -EPIPE;
    if (sent == octets.size()) return static_cast<int64_t>(sent);
    SgArray text = host_.memory().make_array();
    host_.memory().copy_in(Bytes(octets).subspan(sent), text, tcp->writable_bytes());
    if (text.empty() && has_room()) return sent > 0 ? static_cast<int64_t>(sent) : -ENOBUFS;
    Result<uint64_t> taken = host_.stack()->tcp_send(handle_, text, now());
    if (taken.ok()) sent += *taken;
    host_.settle();
    if (sent == octets.size() || has_room()) continue;
    if (!may_wait) return sent > 0 ? static_cast<int64_t>(sent) : -EAGAIN;
    if (!call.wait(options_.send_deadline(now()), has_room)) return sent > 0 ? static_cast<int64_t>(sent) : -EAGAIN;
  }
}

int64_t TcpSocket::ioctl(unsigned long request, int& value) {
  const TcpConnection* tcp = connection();
  // tcp(7): not in LISTEN.
  if (stage_ == Stage::kListening && (request == SIOCINQ || request == SIOCOUTQ || request == SIOCOUTQNSD)) return -EINVAL;
  switch (request) {
    case SIOCINQ:
      value = tcp == nullptr ? 0 : static_cast<int>(tcp->readable_bytes());
      return 0;
    case SIOCOUTQ:
      value = tcp == nullptr ? 0 : static_cast<int>(tcp->unacked_bytes());
      return 0;
    case SIOCOUTQNSD:
      value = tcp == nullptr ? 0 : static_cast<int>(tcp->sender().unsent_bytes());
      return 0;
    default:
      return -ENOTTY;
  }
}

// As tcp_poll() of Linux tells it.
short TcpSocket::readiness() {
  if (stage_ == Stage::kListening) {
    return host_.stack() && host_.stack()->tcp_acceptable(handle_) > 0 ? POLLIN | POLLRDNORM : 0;
  }
  const TcpConnection* tcp = connection();
  if (tcp == nullptr) return POLLOUT | POLLWRNORM | POLLHUP;
  if (is_opening()) return 0;
  const bool is_over = tcp->state() == TcpState::kClosed;
  const bool has_end = tcp->is_ended() || receives_no_more_;
  const bool is_shut = sends_no_more_ || tcp->state() == TcpState::kTimeWait;
  int ready = 0;
  if (tcp->readable_bytes() > 0 || has_end) ready |= POLLIN | POLLRDNORM;
  if (has_end) ready |= POLLRDHUP;
  if (tcp->writable_bytes() > 0 || is_shut || is_over) ready |= POLLOUT | POLLWRNORM;
  if (is_over || (has_end && is_shut)) ready |= POLLHUP;
  if (tcp->error() != Errno::kOk && !error_was_told_) ready |= POLLERR;
  return static_cast<short>(ready);
}

// --- closing ---

int64_t TcpSocket::shutdown(Call&, int how) {
  if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return -EINVAL;
  if (stage_ == Stage::kListening && how != SHUT_WR) {
    let_go(true);
    return 0;
  }
  TcpConnection* tcp = connection();
  if (stage_ == Stage::kFresh || stage_ == Stage::kListening || tcp == nullptr || tcp->state() == TcpState::kClosed) return -ENOTCONN;
  if (how != SHUT_WR) {
    receives_no_more_ = true;
    tcp->shutdown_receive();
  }
  if (how != SHUT_RD && !std::exchange(sends_no_more_, true)) (void)host_.stack()->tcp_shutdown_send(handle_, now());
  note_activity();
  return 0;
}

// Waits until all that was sent, and the end of it, is acknowledged, or for as long as was said. What is left then goes on by itself.
void TcpSocket::linger(Call& call) {
  TcpConnection* tcp = connection();
  // A close with text that nobody has read is a RST, and for that nobody waits.
  if (tcp == nullptr || nonblocking || is_opening() || tcp->readable_bytes() > 0) return;
  (void)host_.stack()->tcp_shutdown_send(handle_, now());
  call.wait(now() + options_.linger_time(), [this] {
    const TcpConnection* closing = connection();
    return closing == nullptr || !awaits_ack_of_fin(closing->state());
  });
}

int64_t TcpSocket::close(Call& call) {
  const bool lingers = stage_ != Stage::kListening && options_.lingers();
  const bool is_abrupt = lingers && options_.linger_time() == Duration();
  if (lingers && !is_abrupt) linger(call);
  let_go(!is_abrupt);
  bound_.reset();
  note_activity();
  return 0;
}

}  // namespace demi
