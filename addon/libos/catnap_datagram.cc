#include "libos/catnap_datagram.h"

#ifdef __linux__

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "libos/kernel_address.h"

namespace demi {

namespace {
// RFC 768: a length of 16 bits counts the header's 8 bytes; over IPv4 (RFC 791) that header's 20 bytes, too.
constexpr uint64_t kLargestIPv4DatagramBytes = 65507;
constexpr uint64_t kLargestIPv6DatagramBytes = 65527;
// A datagram of an Ethernet's size finds place in the first room, any other in both.
constexpr size_t kFirstRoomBytes = 2048;
// Datagrams that one system call fetches at most; each needs rooms for the largest.
constexpr uint32_t kBurst = 16;
}  // namespace

CatnapDatagram::CatnapDatagram(Catnap& catnap, int fd, Family family) : CatnapSocket(catnap, fd, family) {
  takes_destination = true;
  bounds_pushes = true;
  largest_push_bytes_ = family == Family::kIPv4 ? kLargestIPv4DatagramBytes : kLargestIPv6DatagramBytes;
}

Result<Endpoint> CatnapDatagram::peer_endpoint() {
  if (!is_connected_) return Errno::kENOTCONN;
  return CatnapSocket::peer_endpoint();
}

Errno CatnapDatagram::begin_connect(const Endpoint& remote) {
  const Errno wrong = check_remote(remote);
  if (wrong != Errno::kOk) return wrong;
  KernelAddress address = KernelAddress::of(remote);
  connect_error_ = ::connect(fd_, address.get(), address.length) == 0 ? Errno::kOk : kernel_error(errno);
  if (connect_error_ == Errno::kOk) is_connected_ = is_bound_ = true;
  return is_thrown(connect_error_) ? connect_error_ : Errno::kOk;
}

// One sendmsg(2) for each push, and no sendmmsg(2). A push has to say at its call what became of it, and each can fail by itself (no route,
// too long, refused), so pushes of one batch could share a system call only by a second way through the operation table. What waits for
// the socket to become writable is rare: the kernel charges a datagram to its sender only until the device, or the receiver, has it.
Attempt CatnapDatagram::try_push(PushRequest& request, Completion& completion) {
  if (!request.destination && !is_connected_) return Attempt::refused(Errno::kENOTCONN);
  KernelAddress to;
  if (request.destination) {
    const Errno wrong = check_remote(*request.destination);
    if (wrong != Errno::kOk) return Attempt::refused(wrong);
    to = KernelAddress::of(*request.destination);
  }
  if (!writable_) return blocked(completion);
  Gathered pieces;
  const Errno gone = gather(request, pieces);
  if (gone != Errno::kOk) return Attempt::failed(completion, gone);
  // A datagram in more pieces than that is made of one: it must go out by one call.
  std::array<uint8_t, kLargestIPv6DatagramBytes> whole;
  if (pieces.bytes < request.remaining_bytes()) {
    request.data.copy_out(whole);
    pieces.vectors[0] = {whole.data(), request.remaining_bytes()};
    pieces.count = 1;
  }
  msghdr message{};
  if (request.destination) {
    message.msg_name = to.get();
    message.msg_namelen = to.length;
  }
  message.msg_iov = pieces.vectors.data();
  message.msg_iovlen = pieces.count;
  ssize_t sent;
  do {
    sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) {
    is_bound_ = true;
    request.accept(request.remaining_bytes());
    return Attempt::done();
  }
  if (errno == EAGAIN) {
    writable_ = false;
    return blocked(completion);
  }
  const Errno error = kernel_error(errno);
  return is_thrown(error) ? Attempt::refused(error) : Attempt::failed(completion, error);
}

Attempt CatnapDatagram::try_pop(uint64_t limit, Completion& completion) {
  if (received_.empty()) {
    if (discards_) return Attempt::done();
    if (!readable_) return blocked_reader(completion);
    const Attempt attempted = receive(completion);
    if (received_.empty()) return attempted;
  }
  Datagram datagram = received_.pop_front();
  // As recv(2): what does not fit the caller's size is lost, a datagram is never delivered in two.
  completion.sga = std::move(datagram.payload);
  if (completion.sga.bytes() > limit) completion.sga = completion.sga.slice(0, limit);
  completion.has_endpoint = true;
  completion.endpoint = datagram.from;
  return Attempt::done();
}

Attempt CatnapDatagram::receive(Completion& completion) {
  struct Slot {
    BufferRef rooms[2];
    iovec vectors[2];
    KernelAddress from;
  };
  std::array<Slot, kBurst> slots;
  std::array<mmsghdr, kBurst> messages;
  uint32_t count = 0;
  for (; count < burst_; ++count) {
    Slot& slot = slots[count];
    slot.rooms[0] = libos().memory().allocate_room(kFirstRoomBytes);
    slot.rooms[1] = slot.rooms[0] ? libos().memory().allocate_room(kLargestRoomBytes) : BufferRef();
    if (!slot.rooms[1]) break;
    for (size_t i = 0; i < 2; ++i) slot.vectors[i] = {slot.rooms[i]->payload(), slot.rooms[i]->payload_capacity()};
    messages[count] = {};
    msghdr& header = messages[count].msg_hdr;
    header.msg_name = slot.from.get();
    header.msg_namelen = sizeof(slot.from.storage);
    header.msg_iov = slot.vectors;
    header.msg_iovlen = 2;
  }
  if (count == 0) return receive_by_size(completion);
  int received;
  do {
    received = ::recvmmsg(fd_, messages.data(), count, 0, nullptr);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return nothing_received(completion);
  for (int i = 0; i < received; ++i) {
    Slot& slot = slots[static_cast<size_t>(i)];
    const mmsghdr& message = messages[static_cast<size_t>(i)];
    Datagram datagram;
    datagram.payload = libos().memory().make_array();
    uint64_t left = message.msg_len;
    for (size_t k = 0; k < 2 && left > 0; ++k) {
      const uint64_t part = std::min<uint64_t>(left, slot.vectors[k].iov_len);
      append_received(datagram.payload, std::move(slot.rooms[k]), static_cast<uint32_t>(part));
      left -= part;
    }
    slot.from.length = message.msg_hdr.msg_namelen;
    datagram.from = slot.from.endpoint();
    received_.push_back(std::move(datagram));
  }
  burst_ = static_cast<uint32_t>(received) == count ? std::min(burst_ * 2, kBurst) : 1;
  return Attempt::done();
}

Attempt CatnapDatagram::nothing_received(Completion& completion) {
  if (errno != EAGAIN) return Attempt::failed(completion, kernel_error(errno));
  readable_ = false;
  burst_ = 1;
  return blocked_reader(completion);
}

Attempt CatnapDatagram::receive_by_size(Completion& completion) {
  const ssize_t bytes = ::recv(fd_, nullptr, 0, MSG_PEEK | MSG_TRUNC);
  if (bytes < 0) return nothing_received(completion);
  Result<SgArray> payload = libos().memory().allocate(static_cast<uint64_t>(bytes));
  if (!payload) {
    pop_memory_bytes_ = std::max<uint64_t>(static_cast<uint64_t>(bytes), 1);
    return Attempt::no_memory();
  }
  std::array<iovec, kLargestIPv6DatagramBytes / kRoomBytes[0] + 1> vectors;
  KernelAddress from;
  msghdr message{};
  message.msg_name = from.get();
  message.msg_namelen = from.length;
  message.msg_iov = vectors.data();
  for (const Segment& segment : *payload) vectors[message.msg_iovlen++] = {segment.data(), segment.length};
  if (::recvmsg(fd_, &message, 0) < 0) return nothing_received(completion);
  from.length = message.msg_namelen;
  received_.push_back({std::move(*payload), from.endpoint()});
  return Attempt::done();
}

Attempt CatnapDatagram::try_shutdown(ShutdownHow how, Completion&) {
  if (!is_connected_) return Attempt::refused(Errno::kENOTCONN);
  if (how != ShutdownHow::kRead) ::shutdown(fd_, SHUT_WR);
  if (how != ShutdownHow::kWrite) {
    ::shutdown(fd_, SHUT_RD);
    discards_ = true;
    wake_reader();
  }
  return Attempt::done();
}

void CatnapDatagram::begin_close() {
  received_.clear();
  close_fd();
}

}  // namespace demi

#endif  // __linux__
