#include "libos/loopback.h"

#include <algorithm>
#include <utility>

#include "libos/loopback_datagram.h"
#include "libos/loopback_stream.h"
#include "libos/socket_options.h"

namespace demi {

// --- the namespace ---

namespace {
uint32_t port_key(int type, uint16_t port) { return (static_cast<uint32_t>(type) << 16) | port; }
}  // namespace

bool LoopbackNamespace::conflicts(Names& names, const LoopbackSocket& socket, const Endpoint& wanted) {
  if (sockets_of_port_.find(port_key(socket.type(), wanted.port)) == sockets_of_port_.end()) return false;
  if (names.count(wanted) > 0) return true;
  // A wildcard overlaps every address of its family, and of both if the socket takes both.
  const auto both = [](const LoopbackSocket& one, const Endpoint& name) {
    return one.takes_both_families() && name.family == Family::kIPv6 && name.is_wildcard();
  };
  for (const auto& [name, holder] : names) {
    if (name.port != wanted.port) continue;
    const bool same_family = name.family == wanted.family;
    if (!same_family && !both(socket, wanted) && !both(*holder, name)) continue;
    if (name.is_wildcard() || wanted.is_wildcard()) return true;
  }
  return false;
}

Result<Endpoint> LoopbackNamespace::add(LoopbackSocket& socket, const Endpoint& wanted) {
  Names& names = names_of(socket.type());
  Endpoint name = wanted.from_v4_mapped();
  if (wanted.port != 0) {
    if (conflicts(names, socket, name)) return Errno::kEADDRINUSE;
  } else {
    // From a random port on, one by one, so that the last free one is found, too.
    name.port = next_port();
    for (uint32_t tried = 1; conflicts(names, socket, name); ++tried) {
      if (tried == kDynamicPorts) return Errno::kEADDRNOTAVAIL;
      name.port = name.port == UINT16_MAX ? kFirstDynamicPort : static_cast<uint16_t>(name.port + 1);
    }
  }
  names.emplace(name, &socket);
  ++sockets_of_port_[port_key(socket.type(), name.port)];
  return name;
}

void LoopbackNamespace::remove(LoopbackSocket& socket, const Endpoint& name) {
  names_of(socket.type()).erase(name);
  const auto counted = sockets_of_port_.find(port_key(socket.type(), name.port));
  if (--counted->second == 0) sockets_of_port_.erase(counted);
}

LoopbackSocket* LoopbackNamespace::find(int type, const Endpoint& to) {
  Names& names = names_of(type);
  const Endpoint plain = to.from_v4_mapped();
  auto found = names.find(plain);
  if (found == names.end()) found = names.find(Endpoint::wildcard(plain.family, plain.port));
  if (found != names.end()) return found->second;
  if (plain.family == Family::kIPv6) return nullptr;
  found = names.find(Endpoint::wildcard(Family::kIPv6, plain.port));
  return found != names.end() && found->second->takes_both_families() ? found->second : nullptr;
}

uint16_t LoopbackNamespace::next_port() { return static_cast<uint16_t>(kFirstDynamicPort + random_.below(kDynamicPorts)); }

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
constexpr int64_t kLeastBufferBytes = 2048;
constexpr int64_t kLargestBufferBytes = int64_t{1} << 30;
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
  local_ = endpoint.with_port(name_.port);
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
      if (value.number < 1 || value.number > kLargestBufferBytes) return Errno::kEINVAL;
      const auto bytes = static_cast<uint64_t>(std::max(value.number, kLeastBufferBytes));
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
