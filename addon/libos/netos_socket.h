// NetosSocket: what stream and datagram sockets on our own stack have in common: a handle of the stack, addresses, and options. Read netos.h
// first.
#pragma once

#include <cstdint>
#include <memory>

#include "base/assert.h"
#include "inet/inet_endpoint.h"
#include "inet/socket_table.h"
#include "libos/netos.h"
#include "libos/queue.h"

namespace demi {

InetEndpoint inet_endpoint_of(const Endpoint& endpoint);
Endpoint endpoint_of(const InetEndpoint& endpoint);

class NetosSocket : public Queue {
 public:
  explicit NetosSocket(Netos& netos);

  Result<void> bind(const Endpoint& endpoint) override;
  Result<Endpoint> local_endpoint() override;
  Result<Endpoint> peer_endpoint() override;
  Result<void> set_option(int level, int name, const OptionValue& value) override;
  Result<OptionValue> get_option(int level, int name) override;

  // None before it listens, connects or is bound.
  SocketHandle handle() const { return handle_; }
  // What the stack says has happened.
  virtual void handle_event(SocketEventKind kind) = 0;
  // The link is down, or gone for good, and the socket has a peer elsewhere, or none: what cannot wait for it any longer ends with ENETDOWN.
  virtual void handle_link_loss() = 0;

 protected:
  // Takes the endpoint in the stack; port 0 is chosen.
  virtual Result<InetEndpoint> claim(const InetEndpoint& local) = 0;
  // The error that SO_ERROR reports, once.
  virtual Errno take_pending_error() = 0;
  virtual void set_receive_buffer(uint32_t bytes) = 0;
  virtual uint32_t receive_buffer() = 0;

  // EINVAL when nothing can have that address as its end: wrong family, wildcard, port 0.
  static Errno check_remote(const Endpoint& remote);
  bool is_bound() const { return local_ != nullptr; }
  void take_handle(SocketHandle handle);
  // The handle is none from then on.
  SocketHandle leave_handle();
  // What the stack is asked to do with a handle that it has given out is done.
  static void sure(const Result<void>& done) { DEMI_ASSERT(done.ok(), "the stack does not know a handle of ours"); }
  Netos& netos() { return static_cast<Netos&>(libos()); }
  Stack& stack() { return netos().stack(); }
  Instant now() { return netos().now(); }

  SocketHandle handle_;
  std::unique_ptr<const InetEndpoint> local_;  // none until it is bound
  uint32_t linger_seconds_ = 0;
  bool linger_ : 1 = false;

 private:
  bool reuse_address_ : 1 = false;
};

}  // namespace demi
