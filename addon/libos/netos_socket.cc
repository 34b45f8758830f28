#include "libos/netos_socket.h"

#include <algorithm>
#include <utility>

#include "libos/socket_options.h"

namespace demi {

InetEndpoint inet_endpoint_of(const Endpoint& endpoint) { return {{endpoint.family, endpoint.words}, endpoint.port}; }

Endpoint endpoint_of(const InetEndpoint& endpoint) {
  Endpoint made = Endpoint::wildcard(endpoint.address.family, endpoint.port);
  made.words = endpoint.address.words;
  return made;
}

NetosSocket::NetosSocket(Netos& netos) : Queue(netos) {}

void NetosSocket::take_handle(SocketHandle handle) {
  handle_ = handle;
  netos().expect(handle, *this);
}

SocketHandle NetosSocket::leave_handle() {
  if (handle_) netos().forget(handle_);
  return std::exchange(handle_, SocketHandle());
}

// --- addresses ---

Result<void> NetosSocket::bind(const Endpoint& endpoint) {
  if (endpoint.family != Family::kIPv4 || is_bound() || handle_) return Errno::kEINVAL;
  Result<InetEndpoint> claimed = claim(inet_endpoint_of(endpoint));
  if (!claimed) return claimed.error();
  local_ = std::make_unique<const InetEndpoint>(*claimed);
  return {};
}

Result<Endpoint> NetosSocket::local_endpoint() {
  if (handle_) {
    Result<InetEndpoint> local = stack().local_endpoint(handle_);
    if (local.ok()) return endpoint_of(*local);
  }
  // As everywhere: a socket that has no name yet has the wildcard address and port 0.
  return is_bound() ? endpoint_of(*local_) : Endpoint::wildcard(Family::kIPv4, 0);
}

Result<Endpoint> NetosSocket::peer_endpoint() {
  if (!handle_) return Errno::kENOTCONN;
  Result<InetEndpoint> remote = stack().remote_endpoint(handle_);
  if (!remote.ok()) return Errno::kENOTCONN;
  return endpoint_of(*remote);
}

Errno NetosSocket::check_remote(const Endpoint& remote) {
  const bool is_end = remote.family == Family::kIPv4 && remote.port != 0 && !remote.is_wildcard();
  return is_end ? Errno::kOk : Errno::kEINVAL;
}

// --- options ---

Result<void> NetosSocket::set_option(int level, int name, const OptionValue& value) {
  if (level != kSolSocket) return Errno::kENOPROTOOPT;
  switch (name) {
    case kSoLinger:
      // An int in struct linger.
      if (value.seconds < 0 || value.seconds > INT32_MAX) return Errno::kEINVAL;
      linger_ = value.number != 0;
      linger_seconds_ = static_cast<uint32_t>(value.seconds);
      return {};
    case kSoReuseaddr:
      // Nothing to be done: what lingers of old connections never keeps a port from being bound here.
      reuse_address_ = value.number != 0;
      return {};
    case kSoRcvbuf:
      if (value.number < 1 || value.number > kLargestSocketBufferBytes) return Errno::kEINVAL;
      set_receive_buffer(static_cast<uint32_t>(std::max(value.number, kLeastSocketBufferBytes)));
      return {};
    default:
      return Errno::kENOPROTOOPT;
  }
}

Result<OptionValue> NetosSocket::get_option(int level, int name) {
  if (level != kSolSocket) return Errno::kENOPROTOOPT;
  switch (name) {
    case kSoLinger:
      return OptionValue{linger_, linger_seconds_};
    case kSoReuseaddr:
      return OptionValue{reuse_address_, 0};
    case kSoRcvbuf:
      return OptionValue{receive_buffer(), 0};
    case kSoType:
      return OptionValue{is_stream ? kSockStream : kSockDgram, 0};
    case kSoError:
      return OptionValue{static_cast<int64_t>(take_pending_error()), 0};
    default:
      return Errno::kENOPROTOOPT;
  }
}

}  // namespace demi
