#include "datagram_socket.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <linux/sockios.h>

#include <algorithm>
#include <utility>

#include "socket_address.h"

namespace demi {

namespace {
constexpr int kReceiveFlags = MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC | MSG_WAITALL | MSG_NOSIGNAL | MSG_CMSG_CLOEXEC;
constexpr int kSendFlags = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR;
constexpr InetEndpoint kAny{IpAddress::unspecified(Family::kIPv4), 0};

int64_t negative(Errno error) { return -static_cast<int64_t>(error); }
}  // namespace

DatagramSocket::~DatagramSocket() {
  if (handle_ && host_.stack()) (void)host_.stack()->close(handle_, now());
}

const UdpSocket* DatagramSocket::socket() const { return host_.stack() ? host_.stack()->udp_socket(handle_) : nullptr; }

void DatagramSocket::handle_event(const SocketEvent& event) {
  if (event.socket == handle_) note_activity();
}

// --- addresses ---

int64_t DatagramSocket::need_socket() {
  if (handle_) return 0;
  Stack& stack = host_.need_stack(bound_ ? bound_->address : kAny.address);
  // Beginning, the stack may have attached it.
  if (handle_) return 0;
  Result<SocketHandle> made = stack.udp_bind(host_.with_address(bound_.value_or(kAny)));
  if (!made.ok()) return negative(made.error());
  handle_ = *made;
  return 0;
}

void DatagramSocket::attach() {
  if (bound_) (void)need_socket();
}

int64_t DatagramSocket::bind(const sockaddr* address, socklen_t length) {
  if (bound_ || handle_) return -EINVAL;
  Result<InetEndpoint> local = endpoint_of(address, length);
  if (!local.ok()) return negative(local.error());
  bound_ = *local;
  // Without an address it waits until it is known: nothing can come before.
  if (host_.stack() == nullptr && local->address.is_unspecified()) return 0;
  const int64_t error = need_socket();
  if (error != 0) bound_.reset();
  return error;
}

int64_t DatagramSocket::connect(Call&, const sockaddr* address, socklen_t length) {
  Result<InetEndpoint> remote = endpoint_of(address, length);
  if (!remote.ok()) return negative(remote.error());
  if (const int64_t error = need_socket(); error != 0) return error;
  const Result<void> connected = host_.stack()->udp_connect(handle_, *remote);
  return connected.ok() ? 0 : negative(connected.error());
}

int64_t DatagramSocket::listen(int) { return -EOPNOTSUPP; }
int64_t DatagramSocket::accept(Call&, std::shared_ptr<File>&, sockaddr*, socklen_t*) { return -EOPNOTSUPP; }

// --- datagrams ---

int64_t DatagramSocket::take_error() {
  const UdpSocket* udp = socket();
  if (udp == nullptr || !udp->has_error()) return 0;
  // What went wrong comes before what has come.
  return negative(host_.stack()->udp_receive(handle_).error());
}

// What fits; the rest of a datagram is lost, and with MSG_TRUNC its length is told all the same.
int64_t DatagramSocket::store_datagram(const UdpDatagram& datagram, Incoming& in) const {
  std::vector<uint8_t> octets(datagram.payload.bytes());
  datagram.payload.copy_out(octets);
  const size_t stored = scatter(octets, in.pieces);
  store_endpoint(datagram.from, in.address, in.address_length);
  if (stored < octets.size()) in.flags_out |= MSG_TRUNC;
  return static_cast<int64_t>((in.flags & MSG_TRUNC) != 0 ? octets.size() : stored);
}

int64_t DatagramSocket::receive(Call& call, Incoming& in) {
  if ((in.flags & MSG_ERRQUEUE) != 0) return -EAGAIN;
  if ((in.flags & ~kReceiveFlags) != 0) return -EOPNOTSUPP;
  if (const int64_t error = need_socket(); error != 0) return error;
  const auto is_ready = [this] {
    const UdpSocket* udp = socket();
    return udp == nullptr || udp->has_error() || udp->oldest() != nullptr || receives_no_more_;
  };
  const bool may_wait = !nonblocking && (in.flags & MSG_DONTWAIT) == 0;
  if (!is_ready() && !may_wait) return -EAGAIN;
  if (!call.wait(options_.receive_deadline(now()), is_ready)) return -EAGAIN;
  if (const int64_t error = take_error(); error != 0) return error;
  const UdpSocket* udp = socket();
  if (udp == nullptr || udp->oldest() == nullptr) return 0;
  if ((in.flags & MSG_PEEK) != 0) return store_datagram(*udp->oldest(), in);
  Result<UdpDatagram> datagram = host_.stack()->udp_receive(handle_);
  return datagram.ok() ? store_datagram(*datagram, in) : negative(datagram.error());
}

int64_t DatagramSocket::send(Call&, const Outgoing& out) {
  if ((out.flags & ~kSendFlags) != 0) return -EOPNOTSUPP;
  if (sends_no_more_) return -EPIPE;
  InetEndpoint to = kAny;
  if (out.address != nullptr) {
    Result<InetEndpoint> remote = endpoint_of(out.address, out.address_length);
    if (!remote.ok()) return negative(remote.error());
    if (remote->port == 0) return -EINVAL;
    to = *remote;
  }
  if (const int64_t error = need_socket(); error != 0) return error;
  const std::vector<uint8_t> octets = gathered(out.pieces);
  SgArray payload = host_.memory().make_array();
  if (!octets.empty() && !host_.memory().copy_whole(octets, payload)) return -ENOBUFS;
  // The queue of the stack is emptied after each call: it is never full.
  const Result<void> sent = host_.stack()->udp_send(handle_, std::move(payload), to, now());
  return sent.ok() ? static_cast<int64_t>(octets.size()) : negative(sent.error());
}

int64_t DatagramSocket::ioctl(unsigned long request, int& value) {
  const UdpSocket* udp = socket();
  if (request != SIOCINQ && request != SIOCOUTQ) return -ENOTTY;
  // udp(7): the size of the next datagram. What is sent leaves at once.
  value = request == SIOCINQ && udp != nullptr && udp->oldest() != nullptr ? static_cast<int>(udp->oldest()->payload.bytes()) : 0;
  return 0;
}

short DatagramSocket::readiness() {
  const UdpSocket* udp = socket();
  int ready = POLLOUT | POLLWRNORM;
  if (receives_no_more_) ready |= POLLIN | POLLRDNORM | POLLRDHUP;
  if (receives_no_more_ && sends_no_more_) ready |= POLLHUP;
  if (udp != nullptr && udp->oldest() != nullptr) ready |= POLLIN | POLLRDNORM;
  if (udp != nullptr && udp->has_error()) ready |= POLLERR;
  return static_cast<short>(ready);
}

// --- the end, and options ---

int64_t DatagramSocket::shutdown(Call&, int how) {
  if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return -EINVAL;
  const UdpSocket* udp = socket();
  if (udp == nullptr || !udp->is_connected()) return -ENOTCONN;
  receives_no_more_ |= how != SHUT_WR;
  sends_no_more_ |= how != SHUT_RD;
  note_activity();
  return 0;
}

int64_t DatagramSocket::close(Call&) {
  if (handle_ && host_.stack()) (void)host_.stack()->close(handle_, now());
  handle_ = SocketHandle();
  bound_.reset();
  note_activity();
  return 0;
}

int64_t DatagramSocket::get_option(int level, int name, void* value, socklen_t* length) {
  if (level == IPPROTO_IP && name == IP_TTL) return store_option(host_.settings().stack.time_to_live, value, length);
  if (level != SOL_SOCKET) return -ENOPROTOOPT;
  switch (name) {
    case SO_ERROR:
      return store_option(static_cast<int>(-take_error()), value, length);
    case SO_TYPE:
      return store_option(SOCK_DGRAM, value, length);
    case SO_PROTOCOL:
      return store_option(IPPROTO_UDP, value, length);
    case SO_ACCEPTCONN:
      return store_option(0, value, length);
    case SO_SNDBUF:
      return store_option(told_send_buffer_, value, length);
    case SO_RCVBUF:
      return store_option(told_receive_buffer_, value, length);
    default:
      return options_.get(name, value, length);
  }
}

int64_t DatagramSocket::set_option(int level, int name, const void* value, socklen_t length) {
  if (level != SOL_SOCKET) return -ENOPROTOOPT;
  if (name != SO_SNDBUF && name != SO_RCVBUF) return options_.set(name, value, length);
  // The bound of a socket of ours is that of its stack: what is said is remembered, doubled as socket(7) has it, and nothing else.
  const std::optional<int> number = int_option(value, length);
  if (!number) return -EINVAL;
  (name == SO_SNDBUF ? told_send_buffer_ : told_receive_buffer_) = std::clamp(*number, 1024, 1 << 29) * 2;
  return 0;
}

}  // namespace demi
