#include "libos/netos_datagram.h"

#include <algorithm>
#include <utility>

#include "libos/socket_options.h"

namespace demi {

NetosDatagram::NetosDatagram(Netos& netos)
    : NetosSocket(netos), receive_buffer_bytes_(netos.stack().config().udp_receive_bytes) {
  takes_destination = true;
  bounds_pushes = true;
  const uint64_t in_one_packet = netos.stack().config().mtu_bytes - Ipv4Header::kBytes - UdpHeader::kBytes;
  largest_push_bytes_ = std::min(in_one_packet, netos.memory().largest_whole_bytes());
}

// --- addresses ---

Result<InetEndpoint> NetosDatagram::claim(const InetEndpoint& local) {
  Result<SocketHandle> made = stack().udp_bind(local);
  if (!made.ok()) return made.error();
  take_handle(*made);
  sure(stack().udp_set_receive_buffer(handle_, receive_buffer_bytes_));
  const InetEndpoint& claimed = stack().udp_socket(handle_)->local();
  netos().follow_datagram_port(claimed.port);
  return claimed;
}

Errno NetosDatagram::bind_if_needed() {
  if (is_bound()) return Errno::kOk;
  return bind(Endpoint::wildcard(Family::kIPv4, 0)).error();
}

bool NetosDatagram::is_connected() { return handle_ && stack().udp_socket(handle_)->is_connected(); }

Errno NetosDatagram::begin_connect(const Endpoint& remote) {
  const Errno wrong = check_remote(remote);
  if (wrong != Errno::kOk) return wrong;
  const Errno unbound = bind_if_needed();
  if (unbound != Errno::kOk) return unbound;
  connect_error_ = stack().udp_connect(handle_, inet_endpoint_of(remote)).error();
  return Errno::kOk;
}

// --- options ---

Result<void> NetosDatagram::set_option(int level, int name, const OptionValue& value) {
  if (level == kSolSocket && name == kSoBroadcast) {
    may_broadcast_ = value.number != 0;
    return {};
  }
  return NetosSocket::set_option(level, name, value);
}

Result<OptionValue> NetosDatagram::get_option(int level, int name) {
  if (level == kSolSocket && name == kSoBroadcast) return OptionValue{may_broadcast_, 0};
  return NetosSocket::get_option(level, name);
}

void NetosDatagram::set_receive_buffer(uint32_t bytes) {
  receive_buffer_bytes_ = bytes;
  if (handle_) sure(stack().udp_set_receive_buffer(handle_, bytes));
}

Errno NetosDatagram::take_pending_error() { return handle_ ? stack().udp_take_error(handle_) : Errno::kOk; }

// --- datagrams ---

Attempt NetosDatagram::try_push(PushRequest& request, Completion& completion) {
  if (!request.destination && !is_connected()) return Attempt::refused(Errno::kENOTCONN);
  InetEndpoint to;
  if (request.destination) {
    const Errno wrong = check_remote(*request.destination);
    if (wrong != Errno::kOk) return Attempt::refused(wrong);
    to = inet_endpoint_of(*request.destination);
    // As Linux has it, against mistakes (ip(7)).
    if (!may_broadcast_ && stack().routes().is_broadcast(to.address)) return Attempt::refused(Errno::kEACCES);
  }
  const Errno unbound = bind_if_needed();
  if (unbound != Errno::kOk) return Attempt::refused(unbound);
  const Errno down = netos().check_link(to.port != 0 ? to.address : stack().udp_socket(handle_)->remote().address);
  if (down != Errno::kOk) return Attempt::failed(completion, down);
  const Errno missing = request.gather(libos().memory());
  if (missing == Errno::kENOMEM) return Attempt::no_memory();
  if (missing != Errno::kOk) return Attempt::refused(missing);
  // The stack shares the bytes; should it not take them now, they are still here.
  const Errno error = stack().udp_send(handle_, request.data.clone(), to, now()).error();
  switch (error) {
    case Errno::kOk:
      netos().note_output();
      request.accepted_bytes = request.total_bytes;
      request.data.clear();
      return Attempt::done();
    case Errno::kEAGAIN:
      return Attempt::would_block();
    case Errno::kENOMEM:
      return Attempt::no_memory();
    default:
      return Attempt::failed(completion, error);
  }
}

Attempt NetosDatagram::try_pop(uint64_t limit, Completion& completion) {
  Result<UdpDatagram> received = handle_ ? stack().udp_receive(handle_) : Result<UdpDatagram>(Errno::kEAGAIN);
  if (!received.ok()) {
    if (received.error() != Errno::kEAGAIN) return Attempt::failed(completion, received.error());
    if (netos().network_is_gone()) return Attempt::failed(completion, Errno::kENETDOWN);
    return discards_ ? Attempt::done() : Attempt::would_block();
  }
  // As recv(2): what does not fit the caller's size is lost, a datagram is never delivered in two.
  completion.sga = std::move(received->payload);
  if (completion.sga.bytes() > limit) completion.sga = completion.sga.slice(0, limit);
  completion.has_endpoint = true;
  completion.endpoint = endpoint_of(received->from);
  return Attempt::done();
}

void NetosDatagram::handle_event(SocketEventKind kind) {
  if (kind == SocketEventKind::kWritable) {
    wake_writer();
  } else {
    netos().try_front(lines().readers);
  }
}

void NetosDatagram::handle_link_loss() { netos().try_front(lines().readers); }

Attempt NetosDatagram::try_shutdown(ShutdownHow how, Completion&) {
  if (!is_connected()) return Attempt::refused(Errno::kENOTCONN);
  if (how != ShutdownHow::kWrite) {
    discards_ = true;
    wake_reader();
  }
  return Attempt::done();
}

void NetosDatagram::begin_close() {
  if (!handle_) return;
  const uint16_t port = stack().udp_socket(handle_)->local().port;
  sure(stack().close(leave_handle(), now()));
  netos().follow_datagram_port(port);
}

}  // namespace demi
