#include "libos/netos.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/assert.h"
#include "libos/netos_datagram.h"
#include "libos/netos_stream.h"
#include "libos/socket_options.h"

namespace demi {

StackConfig Netos::on_link(StackConfig config, const DeviceCapabilities& link) {
  config.mac = link.link_address;
  config.mtu_bytes = link.mtu_bytes;
  config.finishes_checksums = link.finishes_checksums;
  config.share = link.share;
  config.tcp.segment_offload_bytes = config.tcp.segment_offload ? link.cut_text_bytes_max : 0;
  config.tcp.segment_offload_pieces = link.cut_pieces_max;
  return config;
}

Netos::Netos(const char* name, const LibOSSettings& settings, std::unique_ptr<Device> device, const StackConfig& stack)
    : LibOS(settings),
      name_(name),
      device_(std::move(device)),
      stack_(on_link(stack, device_->capabilities()), *settings.memory, settings.clock->now()) {}

Netos::~Netos() {
  destroy_queues();
  // Peers are told, as far as the device takes it at once.
  const Instant now = clock().now();
  stack_.abort_orphans(now);
  flush_backend(now);
}

Result<std::unique_ptr<Queue>> Netos::make_socket(Family family, int type, int protocol) {
  if (family != Family::kIPv4) return Errno::kENOTSUP;
  if (type == kSockStream && (protocol == 0 || protocol == kIpprotoTcp)) return std::unique_ptr<Queue>(std::make_unique<NetosStream>(*this));
  if (type == kSockDgram && (protocol == 0 || protocol == kIpprotoUdp)) return std::unique_ptr<Queue>(std::make_unique<NetosDatagram>(*this));
  return Errno::kENOTSUP;
}

// --- the turn ---

bool Netos::poll_backend(Instant now) {
  bool any = false;
  for (size_t burst = 0; burst < kBurstsPerTurn; ++burst) {
    const size_t count = device_->receive(received_, now);
    if (count == 0) break;
    any = true;
    stack_.handle_frames(std::span(received_).first(count), now);
    if (count < device_->capabilities().burst_max && count < kBurst) break;
  }
  follow_link();
  if (stack_.poll_timeout() <= now) stack_.handle_timeout(now);
  if (hand_out_events()) any = true;
  return any;
}

bool Netos::hand_out_events() {
  SocketEvent event;
  bool any = false;
  while (stack_.poll_event(event)) {
    any = true;
    NetosSocket* socket = event.socket.index < sockets_.size() ? sockets_[event.socket.index] : nullptr;
    if (socket != nullptr && socket->handle() == event.socket) socket->handle_event(event.kind);
  }
  return any;
}

bool Netos::flush_backend(Instant now) {
  bool any = false;
  for (size_t burst = 0; burst < kBurstsPerTurn; ++burst) {
    size_t count = untaken_;
    for (; count < kBurst; ++count) {
      to_send_[count] = stack_.poll_transmit(now);
      if (to_send_[count].empty()) break;
    }
    const size_t taken = count == 0 ? 0 : device_->transmit(std::span(to_send_).first(count), now);
    if (taken > 0) any = true;
    untaken_ = count - taken;
    if (taken > 0 && untaken_ > 0) std::move(to_send_.begin() + taken, to_send_.begin() + count, to_send_.begin());
    if (taken < count || count < kBurst) break;
  }
  follow_link();
  settle_deliveries();
  return any;
}

Instant Netos::backend_deadline() {
  // What the device did not take is offered again with the next turn, for nobody says when it will.
  if (untaken_ > 0) return Instant();
  return std::min(stack_.poll_timeout(), device_->next_deadline());
}

// --- the link ---

Errno Netos::check_link(const IpAddress& remote) const {
  return device_->link_state() == LinkState::kUp || is_ours(remote) ? Errno::kOk : Errno::kENETDOWN;
}

// A link that is down may come up: what is connected waits for that as long as TCP waits for a peer that is silent. Who is just connecting
// hears of it, as who connects from then on does. A link that is gone ends everything.
void Netos::follow_link() {
  const LinkState state = device_->link_state();
  if (state == link_) return;
  link_ = state;
  stack_.handle_link(state == LinkState::kUp, now());
  if (state == LinkState::kUp) return;
  if (state == LinkState::kGone) stack_.abort_orphans(now());
  // By index: what a socket wakes may open and close others.
  for (size_t i = 0; i < sockets_.size(); ++i) {
    NetosSocket* socket = sockets_[i];
    if (socket == nullptr) continue;
    Result<InetEndpoint> remote = stack_.remote_endpoint(socket->handle());
    if (!remote.ok() || !is_ours(remote->address)) socket->handle_link_loss();
  }
  hand_out_events();
}

void Netos::follow_datagram_port(uint16_t port) { device_->want_datagrams(port, stack_.has_udp_port(port)); }

// --- the end of connections ---

void Netos::settle_deliveries() {
  const size_t draining = stack_.draining();
  while (counted_draining_ > draining) {
    --counted_draining_;
    connections().remove();
  }
  if (deliveries() != draining) set_deliveries(draining);
}

void Netos::close_counted(SocketHandle handle) {
  const size_t before = stack_.draining();
  const Result<void> closed = stack_.close(handle, now());
  DEMI_ASSERT(closed.ok(), "a connection that counts has a handle");
  if (stack_.draining() > before) {
    ++counted_draining_;
    set_deliveries(stack_.draining());
  } else {
    connections().remove();
  }
}

void Netos::abandon_deliveries() {
  stack_.abort_orphans(now());
  settle_deliveries();
}

// --- sockets ---

void Netos::expect(SocketHandle handle, NetosSocket& socket) {
  if (sockets_.size() <= handle.index) sockets_.resize(handle.index + 1);
  sockets_[handle.index] = &socket;
}

void Netos::forget(SocketHandle handle) { sockets_[handle.index] = nullptr; }

void Netos::list_counters(const CounterVisitor& visit) const {
#define DEMI_VISIT_STACK(member) visit("stack", #member, stack_.counters().member);
  DEMI_STACK_COUNTERS(DEMI_VISIT_STACK)
#undef DEMI_VISIT_STACK
#define DEMI_VISIT_TCP(member) visit("tcp", #member, stack_.tcp_counters().member);
  DEMI_TCP_COUNTERS(DEMI_VISIT_TCP)
#undef DEMI_VISIT_TCP
  device_->list_counters([&visit](const char* name, uint64_t value) { visit("device", name, value); });
}

}  // namespace demi
