// LoopbackSocket: what stream and datagram sockets of the loopback libOS have in common: an address in the namespace, and options.
// Read loopback.h first.
#pragma once

#include <cstdint>
#include <memory>

#include "libos/queue.h"

namespace demi {

class LoopbackNamespace;

class LoopbackSocket : public Queue {
 public:
  LoopbackSocket(LibOS& libos, std::shared_ptr<LoopbackNamespace> names, Family family, int type);
  ~LoopbackSocket() override;

  Result<void> bind(const Endpoint& endpoint) override;
  Result<Endpoint> local_endpoint() override;
  Result<void> set_option(int level, int name, const OptionValue& value) override;
  Result<OptionValue> get_option(int level, int name) override;

  Family family() const { return family_; }
  int type() const { return type_; }
  // Whether datagrams and connections of the other family reach it: an IPv6 wildcard that is not IPV6_V6ONLY.
  bool takes_both_families() const { return family_ == Family::kIPv6 && !v6only_; }
  // How this socket names a peer: an IPv6 socket sees IPv4 peers as mapped addresses.
  Endpoint as_seen_here(const Endpoint& peer) const { return family_ == Family::kIPv6 ? peer.to_v4_mapped() : peer; }

 protected:
  // EINVAL when nothing can have that address as its end: wrong family, wildcard, multicast, port 0.
  Errno check_remote(const Endpoint& remote) const;
  // Binds to the wildcard address and a port that is free, unless it is bound already.
  Errno bind_if_needed();
  LoopbackNamespace& names() { return *names_; }
  const std::shared_ptr<LoopbackNamespace>& shared_names() const { return names_; }
  void release_name();
  // As accept(2) on Linux: a connection begins with the options of its listener.
  void inherit_options(const LoopbackSocket& listener);
  // The error that SO_ERROR reports, once.
  Errno take_pending_error();

  Endpoint local_;              // family kNone until bound or connected
  Errno pending_error_ = Errno::kOk;
  bool linger_ = false;
  int64_t linger_seconds_ = 0;
  uint64_t send_buffer_bytes_;
  uint64_t receive_buffer_bytes_;

 private:
  const std::shared_ptr<LoopbackNamespace> names_;
  const Family family_;
  const int type_;
  Endpoint name_;               // as registered in the namespace; family kNone: not registered
  bool v6only_ = false;
  bool reuse_address_ = false;
  bool no_delay_ = false;
};

}  // namespace demi
