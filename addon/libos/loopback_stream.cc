#include "libos/loopback_stream.h"

#include <algorithm>
#include <utility>

#include "libos/libos.h"
#include "libos/loopback.h"
#include "libos/socket_options.h"

namespace demi {

LoopbackStream::LoopbackStream(LibOS& libos, std::shared_ptr<LoopbackNamespace> names, Family family)
    : LoopbackSocket(libos, std::move(names), family, kSockStream) {
  is_stream = true;
}

LoopbackStream::~LoopbackStream() {
  close_listener();
  detach_peer();
  end_to_count();
}

void LoopbackStream::begin_to_count() {
  libos().connections().add();
  counts_ = true;
}

void LoopbackStream::end_to_count() {
  if (std::exchange(counts_, false)) libos().connections().remove();
}

Result<Endpoint> LoopbackStream::peer_endpoint() {
  if (!established()) return Errno::kENOTCONN;
  return remote_;
}

// --- passive open ---

Result<void> LoopbackStream::listen(uint32_t backlog) {
  if (state_ == State::kConnecting || established()) return Errno::kEISCONN;
  if (local_.family == Family::kNone) return Errno::kEDESTADDRREQ;
  const uint32_t size = std::max(backlog, 1u);
  if (state_ == State::kListening) {
    listener_->backlog = size;
    if (LoopbackStream* next = listener_->waiting.front()) next->wake_writer();
    return {};
  }
  listener_ = std::make_unique<Listener>(size);
  state_ = State::kListening;
  return {};
}

Attempt LoopbackStream::try_accept(std::unique_ptr<Queue>& connection, Completion& completion) {
  if (state_ != State::kListening) return Attempt::refused(Errno::kEINVAL);
  if (listener_->accept_queue.empty()) return Attempt::would_block();
  if (libos().connections().full()) {
    libos().connections().wake_at_next_end(*this);
    return Attempt::would_block();
  }
  std::unique_ptr<LoopbackStream> accepted = listener_->accept_queue.pop_front();
  completion.has_endpoint = true;
  completion.endpoint = accepted->remote_;
  accepted->begin_to_count();
  connection = std::move(accepted);
  if (LoopbackStream* next = listener_->waiting.front()) next->wake_writer();
  return Attempt::done();
}

void LoopbackStream::close_listener() {
  if (listener_ == nullptr) return;
  std::unique_ptr<Listener> listener = std::move(listener_);
  state_ = State::kFresh;
  release_name();
  // Those that wait look again, and find that nobody listens. Those that got in are reset (RFC 9293 3.10.4).
  while (LoopbackStream* waiting = listener->waiting.pop_front()) waiting->wake_writer();
  while (!listener->accept_queue.empty()) listener->accept_queue.pop_front()->abort();
}

// --- active open ---

Errno LoopbackStream::begin_connect(const Endpoint& remote) {
  if (state_ == State::kConnecting) return Errno::kEALREADY;
  if (state_ != State::kFresh) return Errno::kEISCONN;
  const Errno wrong = check_remote(remote);
  if (wrong != Errno::kOk) return wrong;
  if (libos().connections().full()) return Errno::kEAGAIN;
  begin_to_count();
  remote_ = remote.without_idle_scope();
  state_ = State::kConnecting;
  return Errno::kOk;
}

Attempt LoopbackStream::try_connect(Completion& completion) {
  auto* listening = static_cast<LoopbackStream*>(names().find(kSockStream, remote_));
  if (listening == nullptr || listening->state_ != State::kListening) {
    state_ = State::kFresh;
    end_to_count();
    return Attempt::failed(completion, Errno::kECONNREFUSED);
  }
  Listener& listener = *listening->listener_;
  const bool others_first = !listener.waiting.empty() && listener.waiting.front() != this;
  if (listener.accept_queue.size() >= listener.backlog || others_first) {
    // A full backlog drops the SYN, and the active open goes on trying.
    if (!waiting_hook_.linked()) listener.waiting.push_back(*this);
    return Attempt::would_block();
  }
  waiting_hook_.unlink();
  // Both ends are on this machine: the near end has the address by which the far end is reached.
  const Endpoint address = remote_.with_port(local_.family == Family::kNone ? names().next_stream_port() : local_.port);
  if (local_.family == Family::kNone || local_.is_wildcard()) local_ = address;
  auto accepted = std::make_unique<LoopbackStream>(listening->libos(), listening->shared_names(), listening->family());
  accepted->inherit_options(*listening);
  accepted->local_ = listening->as_seen_here(remote_.from_v4_mapped());
  accepted->establish(*this, listening->as_seen_here(local_.from_v4_mapped()));
  establish(*accepted, remote_);
  listener.accept_queue.push_back(std::move(accepted));
  listening->wake_reader();
  // Several places may have become free while only the first in line was woken.
  if (LoopbackStream* next = listener.waiting.front()) next->wake_writer();
  return Attempt::done();
}

void LoopbackStream::abandon_connect() {
  waiting_hook_.unlink();
  state_ = State::kFresh;
  end_to_count();
  // It may have been woken for a place that it does not take now.
  auto* listening = static_cast<LoopbackStream*>(names().find(kSockStream, remote_));
  if (listening == nullptr || listening->listener_ == nullptr) return;
  if (LoopbackStream* next = listening->listener_->waiting.front()) next->wake_writer();
}

void LoopbackStream::establish(LoopbackStream& peer, const Endpoint& remote) {
  peer_ = &peer;
  remote_ = remote;
  state_ = State::kConnected;
}

// --- data ---

uint64_t LoopbackStream::room_at_peer() const {
  const uint64_t limit = send_buffer_bytes_ + peer_->receive_buffer_bytes_;
  const uint64_t outstanding = sent_bytes_ - peer_->received_bytes_;
  return outstanding < limit ? limit - outstanding : 0;
}

Attempt LoopbackStream::try_push(PushRequest& request, Completion& completion) {
  if (!established()) return Attempt::refused(Errno::kENOTCONN);
  if (end_sent_) return Attempt::refused(Errno::kEPIPE);
  if (peer_ == nullptr) {
    // Only a push until_acknowledged comes back with nothing left to send.
    if (request.remaining_bytes() == 0 && all_acknowledged_) return Attempt::done();
    // Whoever sends to a closed end is answered by a reset (RFC 9293 3.10.7.1); after that there is nobody to send to.
    if (!reset_) receive_reset();
    const bool first = !std::exchange(reset_reported_, true);
    pending_error_ = Errno::kOk;
    return Attempt::failed(completion, first ? Errno::kECONNRESET : Errno::kEPIPE);
  }
  if (peer_->discards_) {
    // Taken and dropped at once: that needs neither room nor memory.
    const uint64_t dropped = request.remaining_bytes();
    request.data.clear();
    request.accepted_bytes += dropped;
    sent_bytes_ += dropped;
    peer_->received_bytes_ += dropped;
  }
  if (request.remaining_bytes() > 0) {
    const uint64_t room = room_at_peer();
    if (room == 0) return Attempt::would_block();
    const uint64_t before = request.accepted_bytes;
    const Errno wrong = request.accept_into(peer_->received_, room, libos().memory());
    sent_bytes_ += request.accepted_bytes - before;
    if (request.accepted_bytes > before) peer_->wake_reader();
    if (wrong == Errno::kENOMEM) return Attempt::no_memory();
    if (wrong != Errno::kOk) return Attempt::failed(completion, wrong);
  }
  if (request.remaining_bytes() > 0) return room_at_peer() > 0 ? Attempt::no_memory() : Attempt::would_block();
  return request.until_acknowledged && !acknowledged() ? Attempt::would_block() : Attempt::done();
}

Attempt LoopbackStream::try_pop(uint64_t limit, Completion& completion) {
  if (!established()) return Attempt::refused(Errno::kENOTCONN);
  if (!received_.empty()) {
    completion.sga = received_.bytes() <= limit ? std::move(received_) : received_.split_front(limit);
    received_bytes_ += completion.sga.bytes();
    if (peer_ != nullptr) peer_->wake_writer();
    return Attempt::done();
  }
  if (discards_) return Attempt::done();
  if (reset_) {
    reset_reported_ = true;
    pending_error_ = Errno::kOk;
    return Attempt::failed(completion, Errno::kECONNRESET);
  }
  return end_received_ ? Attempt::done() : Attempt::would_block();
}

Result<void> LoopbackStream::set_option(int level, int name, const OptionValue& value) {
  const Result<void> set = LoopbackSocket::set_option(level, name, value);
  // A buffer may have become larger, and a push waits for that at either end.
  wake_writer();
  if (peer_ != nullptr) peer_->wake_writer();
  return set.error();
}

// --- the end ---

void LoopbackStream::receive_end() {
  end_received_ = true;
  wake_reader();
}

void LoopbackStream::lose_peer() {
  all_acknowledged_ = acknowledged();
  peer_ = nullptr;
}

void LoopbackStream::receive_reset() {
  reset_ = true;
  if (peer_ != nullptr) lose_peer();
  pending_error_ = Errno::kECONNRESET;
  ++libos().counters().resets;
  wake_reader();
  wake_writer();
}

void LoopbackStream::detach_peer() {
  if (peer_ == nullptr) return;
  LoopbackStream& peer = *peer_;
  lose_peer();
  peer.lose_peer();
  if (!peer.end_received_) peer.receive_end();
  // What it still had to send has no receiver any more; its next attempt says so.
  peer.wake_writer();
}

Attempt LoopbackStream::try_shutdown(ShutdownHow how, Completion&) {
  if (!established()) return Attempt::refused(Errno::kENOTCONN);
  if (how != ShutdownHow::kRead && !std::exchange(end_sent_, true) && peer_ != nullptr) peer_->receive_end();
  if (how != ShutdownHow::kWrite) {
    discards_ = true;
    received_bytes_ += received_.bytes();
    received_.clear();
    wake_reader();
    if (peer_ != nullptr) peer_->wake_writer();
  }
  return Attempt::done();
}

void LoopbackStream::begin_close() {
  close_listener();
  release_name();
  if (!established() || peer_ == nullptr) return;
  // RFC 2525 2.17: to close with bytes unread is to lose them, and the peer is told by a reset.
  const bool loses_bytes = !received_.empty() && !discards_;
  if (loses_bytes || (linger_ && linger_seconds_ == 0)) {
    abort();
    return;
  }
  end_sent_ = true;
  discards_ = true;
  if (!peer_->end_received_) peer_->receive_end();
  lingers_ = linger_;
  if (lingers_) {
  } else {
    detach_peer();
  }
}

Attempt LoopbackStream::try_close(Completion& completion) {
  if (peer_ != nullptr) return acknowledged() ? Attempt::done() : Attempt::would_block();
  // The peer has reset the connection while this end waited for it to take the rest.
  return lingers_ && !all_acknowledged_ ? Attempt::failed(completion, Errno::kECONNRESET) : Attempt::done();
}

void LoopbackStream::abort() {
  close_listener();
  release_name();
  if (peer_ == nullptr) return;
  LoopbackStream& peer = *peer_;
  lose_peer();
  reset_ = true;
  ++libos().counters().resets;
  peer.receive_reset();
}

}  // namespace demi
