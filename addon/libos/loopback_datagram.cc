#include "libos/loopback_datagram.h"

#include <algorithm>
#include <utility>

#include "libos/libos.h"
#include "libos/loopback.h"
#include "libos/socket_options.h"

namespace demi {

namespace {
// RFC 768 and RFC 791: 65535 bytes less both headers.
constexpr uint64_t kLargestDatagramBytes = 65507;
// What a datagram costs its receiver's buffer beside its payload, so that empty ones cannot pile up without end.
constexpr uint64_t kDatagramOverheadBytes = 64;
}  // namespace

LoopbackDatagram::LoopbackDatagram(LibOS& libos, std::shared_ptr<LoopbackNamespace> names, Family family)
    : LoopbackSocket(libos, std::move(names), family, kSockDgram) {
  takes_destination = true;
  bounds_pushes = true;
  largest_push_bytes_ = std::min(kLargestDatagramBytes, libos.memory().largest_whole_bytes());
}

Result<Endpoint> LoopbackDatagram::peer_endpoint() {
  if (remote_.family == Family::kNone) return Errno::kENOTCONN;
  return remote_;
}

Errno LoopbackDatagram::begin_connect(const Endpoint& remote) {
  const Errno wrong = check_remote(remote);
  if (wrong != Errno::kOk) return wrong;
  const Errno unbound = bind_if_needed();
  if (unbound != Errno::kOk) return unbound;
  remote_ = remote.without_idle_scope();
  // What the last peer refused is not this one's.
  pending_error_ = Errno::kOk;
  return Errno::kOk;
}

Attempt LoopbackDatagram::try_push(PushRequest& request, Completion& completion) {
  if (!request.destination && remote_.family == Family::kNone) return Attempt::refused(Errno::kENOTCONN);
  const Endpoint& to = request.destination ? *request.destination : remote_;
  const Errno wrong = check_remote(to);
  if (wrong != Errno::kOk) return Attempt::refused(wrong);
  // What an ICMP message would have said of an earlier datagram (RFC 1122 4.1.3.3).
  const Errno earlier = take_pending_error();
  if (earlier != Errno::kOk) return Attempt::failed(completion, earlier);
  const Errno unbound = bind_if_needed();
  if (unbound != Errno::kOk) return Attempt::refused(unbound);
  const Errno missing = request.gather(libos().memory());
  if (missing == Errno::kENOMEM) return Attempt::no_memory();
  if (missing != Errno::kOk) return Attempt::refused(missing);
  request.accepted_bytes = request.total_bytes;
  LoopbackSocket* receiver = names().find(kSockDgram, to);
  if (receiver == nullptr) {
    ++libos().counters().datagrams_dropped;
    // Only what the peer answers reaches a connected socket, and nothing an unconnected one.
    if (to.without_idle_scope() == remote_) {
      pending_error_ = Errno::kECONNREFUSED;
      wake_reader();
    }
    request.data.clear();
    return Attempt::done();
  }
  // A socket bound to the wildcard sends from the address by which it is reached: here, the destination's own.
  const Endpoint from = local_.is_wildcard() ? to.without_idle_scope().with_port(local_.port) : local_;
  static_cast<LoopbackDatagram*>(receiver)->deliver(std::move(request.data), from.from_v4_mapped());
  return Attempt::done();
}

void LoopbackDatagram::deliver(SgArray payload, const Endpoint& from) {
  const Endpoint seen = as_seen_here(from);
  const bool stranger = remote_.family != Family::kNone && seen != remote_;
  const uint64_t charge = payload.bytes() + kDatagramOverheadBytes;
  if (discards_ || stranger || received_bytes_ + charge > receive_buffer_bytes_) {
    ++libos().counters().datagrams_dropped;
    return;
  }
  received_bytes_ += charge;
  received_.push_back({std::move(payload), seen});
  wake_reader();
}

Attempt LoopbackDatagram::try_pop(uint64_t limit, Completion& completion) {
  if (received_.empty()) {
    const Errno earlier = take_pending_error();
    if (earlier != Errno::kOk) return Attempt::failed(completion, earlier);
    return discards_ ? Attempt::done() : Attempt::would_block();
  }
  Datagram datagram = received_.pop_front();
  received_bytes_ -= datagram.payload.bytes() + kDatagramOverheadBytes;
  // As recv(2): what does not fit the caller's size is lost, a datagram is never delivered in two.
  if (datagram.payload.bytes() > limit) datagram.payload = datagram.payload.slice(0, limit);
  completion.sga = std::move(datagram.payload);
  completion.has_endpoint = true;
  completion.endpoint = datagram.from;
  return Attempt::done();
}

Attempt LoopbackDatagram::try_shutdown(ShutdownHow how, Completion&) {
  if (remote_.family == Family::kNone) return Attempt::refused(Errno::kENOTCONN);
  if (how != ShutdownHow::kWrite) {
    discards_ = true;
    wake_reader();
  }
  return Attempt::done();
}

}  // namespace demi
