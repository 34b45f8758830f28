#include "libos/loopback.h"

#include <algorithm>
#include <utility>

#include "base/random.h"
#include "libos/loopback_datagram.h"
#include "libos/loopback_stream.h"
#include "libos/socket_options.h"

namespace demi {

// --- the namespace ---

namespace {
uint32_t port_key(int type, uint16_t port) { return (static_cast<uint32_t>(type) << 16) | port; }
}  // namespace

LoopbackNamespace::LoopbackNamespace(uint64_t seed)
    : last_port_(static_cast<uint16_t>(kFirstDynamicPort + Random(seed).below(kDynamicPorts))) {}

// `wanted` is a name as they are registered: no mapped address.
bool LoopbackNamespace::conflicts(Names& names, const LoopbackSocket& socket, const Endpoint& wanted) {
  const auto found = ports_.find(port_key(socket.type(), wanted.port));
  if (found == ports_.end()) return false;
  const PortUse& use = found->second;
  const bool is_ipv4 = wanted.family == Family::kIPv4;
  // A wildcard overlaps every address of its family, and of both if the socket takes both.
  if (wanted.is_wildcard() && (is_ipv4 ? use.ipv4 : use.ipv6) > 0) return true;
  if (wanted.is_wildcard() && socket.takes_both_families() && !is_ipv4 && use.ipv4 > 0) return true;
  if (names.count(wanted) > 0 || names.count(Endpoint::wildcard(wanted.family, wanted.port)) > 0) return true;
  if (!is_ipv4 || use.ipv6 == 0) return false;
  const auto both = names.find(Endpoint::wildcard(Family::kIPv6, wanted.port));
  return both != names.end() && both->second->takes_both_families();
}

Result<Endpoint> LoopbackNamespace::add(LoopbackSocket& socket, const Endpoint& wanted) {
  Names& names = names_of(socket.type());
  Endpoint name = wanted.from_v4_mapped().without_idle_scope();
  if (wanted.port != 0) {
    if (conflicts(names, socket, name)) return Errno::kEADDRINUSE;
  } else {
    // One by one, so that the last free one is found, too.
    uint32_t tried = 0;
    do {
      if (tried++ == kDynamicPorts) return Errno::kEADDRNOTAVAIL;
      name.port = next_port();
    } while (conflicts(names, socket, name));
  }
  names.emplace(name, &socket);
  PortUse& use = ports_[port_key(socket.type(), name.port)];
  ++(name.family == Family::kIPv4 ? use.ipv4 : use.ipv6);
  return name;
}

void LoopbackNamespace::remove(LoopbackSocket& socket, const Endpoint& name) {
  names_of(socket.type()).erase(name);
  const auto found = ports_.find(port_key(socket.type(), name.port));
  PortUse& use = found->second;
  --(name.family == Family::kIPv4 ? use.ipv4 : use.ipv6);
  if (use.ipv4 + use.ipv6 == 0) ports_.erase(found);
}

LoopbackSocket* LoopbackNamespace::find(int type, const Endpoint& to) {
  Names& names = names_of(type);
  const Endpoint plain = to.from_v4_mapped().without_idle_scope();
  auto found = names.find(plain);
  if (found == names.end()) found = names.find(Endpoint::wildcard(plain.family, plain.port));
  if (found != names.end()) return found->second;
  if (plain.family == Family::kIPv6) return nullptr;
  found = names.find(Endpoint::wildcard(Family::kIPv6, plain.port));
  return found != names.end() && found->second->takes_both_families() ? found->second : nullptr;
}

bool LoopbackNamespace::is_port_in_use(int type, uint16_t port) const { return ports_.find(port_key(type, port)) != ports_.end(); }

uint16_t LoopbackNamespace::next_port() {
  last_port_ = last_port_ == UINT16_MAX ? kFirstDynamicPort : static_cast<uint16_t>(last_port_ + 1);
  return last_port_;
}

uint16_t LoopbackNamespace::next_stream_port() {
  uint16_t port = next_port();
  for (uint32_t tried = 1; tried < kDynamicPorts && is_port_in_use(kSockStream, port); ++tried) port = next_port();
  return port;
}

// --- the libOS ---

Loopback::Loopback(const LibOSSettings& settings, std::shared_ptr<LoopbackNamespace> names)
    : LibOS(settings), names_(std::move(names)) {}

Result<std::unique_ptr<Queue>> Loopback::make_socket(Family family, int type, int protocol) {
  if (type == kSockStream && (protocol == 0 || protocol == kIpprotoTcp)) {
    return std::unique_ptr<Queue>(std::make_unique<LoopbackStream>(*this, names_, family));
  }
  if (type == kSockDgram && (protocol == 0 || protocol == kIpprotoUdp)) {
    return std::unique_ptr<Queue>(std::make_unique<LoopbackDatagram>(*this, names_, family));
  }
  return Errno::kENOTSUP;
}

// --- what its sockets have in common ---

namespace {
constexpr uint64_t kDefaultBufferBytes = 256 * 1024;
}  // namespace

LoopbackSocket::LoopbackSocket(LibOS& libos, std::shared_ptr<LoopbackNamespace> names, Family family, int type)
    : Queue(libos),
      send_buffer_bytes_(kDefaultBufferBytes),
      receive_buffer_bytes_(kDefaultBufferBytes),
      names_(std::move(names)),
      family_(family),
      type_(type) {}

LoopbackSocket::~LoopbackSocket() { release_name(); }

void LoopbackSocket::release_name() {
  if (name_.family != Family::kNone) names_->remove(*this, name_);
  name_ = Endpoint();
}

Result<void> LoopbackSocket::bind(const Endpoint& endpoint) {
  if (endpoint.family != family_ || local_.family != Family::kNone) return Errno::kEINVAL;
  if (v6only_ && endpoint.is_v4_mapped()) return Errno::kEINVAL;
  if (endpoint.is_multicast_or_broadcast()) return Errno::kEADDRNOTAVAIL;
  Result<Endpoint> name = names_->add(*this, endpoint);
  if (!name) return name.error();
  name_ = *name;
  local_ = endpoint.without_idle_scope().with_port(name_.port);
  return {};
}

Errno LoopbackSocket::bind_if_needed() {
  if (local_.family != Family::kNone) return Errno::kOk;
  return bind(Endpoint::wildcard(family_, 0)).error();
}

Errno LoopbackSocket::check_remote(const Endpoint& remote) const {
  if (remote.family != family_) return Errno::kEINVAL;
  if (remote.port == 0 || remote.is_wildcard() || remote.is_multicast_or_broadcast()) return Errno::kEINVAL;
  // An IPv6 socket reaches IPv4 by mapped addresses: not if it is IPV6_V6ONLY, and not from an address of the other family.
  const bool from_any_address = local_.is_wildcard() && !local_.is_v4_mapped();
  if (remote.is_v4_mapped() ? v6only_ || (!from_any_address && !local_.is_v4_mapped()) : local_.is_v4_mapped()) return Errno::kEINVAL;
  return Errno::kOk;
}

Result<Endpoint> LoopbackSocket::local_endpoint() {
  // As the kernel does it: a socket that has no name yet has the wildcard address and port 0.
  return local_.family == Family::kNone ? Endpoint::wildcard(family_, 0) : local_;
}

void LoopbackSocket::inherit_options(const LoopbackSocket& listener) {
  send_buffer_bytes_ = listener.send_buffer_bytes_;
  receive_buffer_bytes_ = listener.receive_buffer_bytes_;
  linger_ = listener.linger_;
  linger_seconds_ = listener.linger_seconds_;
  reuse_address_ = listener.reuse_address_;
  no_delay_ = listener.no_delay_;
  v6only_ = listener.v6only_;
}

Errno LoopbackSocket::take_pending_error() { return std::exchange(pending_error_, Errno::kOk); }

Result<void> LoopbackSocket::set_option(int level, int name, const OptionValue& value) {
  if (level == kIpprotoTcp && name == kTcpNodelay && type_ == kSockStream) {
    no_delay_ = value.number != 0;
    return {};
  }
  if (level == kIpprotoIpv6 && name == kIpv6V6only && family_ == Family::kIPv6) {
    // What it receives is decided when it is bound.
    if (local_.family != Family::kNone) return Errno::kEINVAL;
    v6only_ = value.number != 0;
    return {};
  }
  if (level != kSolSocket) return Errno::kENOPROTOOPT;
  switch (name) {
    case kSoLinger:
      // An int in struct linger.
      if (value.seconds < 0 || value.seconds > INT32_MAX) return Errno::kEINVAL;
      linger_ = value.number != 0;
      linger_seconds_ = value.seconds;
      return {};
    case kSoReuseaddr:
      reuse_address_ = value.number != 0;
      return {};
    case kSoSndbuf:
    case kSoRcvbuf: {
      if (value.number < 1 || value.number > kLargestSocketBufferBytes) return Errno::kEINVAL;
      const auto bytes = static_cast<uint64_t>(std::max(value.number, kLeastSocketBufferBytes));
      (name == kSoSndbuf ? send_buffer_bytes_ : receive_buffer_bytes_) = bytes;
      return {};
    }
    case kSoType:
    case kSoError:
      return Errno::kENOPROTOOPT;  // can only be read
    default:
      return Errno::kENOPROTOOPT;
  }
}

Result<OptionValue> LoopbackSocket::get_option(int level, int name) {
  if (level == kIpprotoTcp && name == kTcpNodelay && type_ == kSockStream) return OptionValue{no_delay_, 0};
  if (level == kIpprotoIpv6 && name == kIpv6V6only && family_ == Family::kIPv6) return OptionValue{v6only_, 0};
  if (level != kSolSocket) return Errno::kENOPROTOOPT;
  switch (name) {
    case kSoLinger:
      return OptionValue{linger_, linger_seconds_};
    case kSoReuseaddr:
      return OptionValue{reuse_address_, 0};
    case kSoSndbuf:
      return OptionValue{static_cast<int64_t>(send_buffer_bytes_), 0};
    case kSoRcvbuf:
      return OptionValue{static_cast<int64_t>(receive_buffer_bytes_), 0};
    case kSoType:
      return OptionValue{type_, 0};
    case kSoError:
      return OptionValue{static_cast<int64_t>(take_pending_error()), 0};
    default:
      return Errno::kENOPROTOOPT;
  }
}

}  // namespace demi
