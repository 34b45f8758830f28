// Loopback: the reference implementation of libos.h, and the default libOS. Connections are pairs of queues in memory; there is no
// TCP, no clock and no device, and nothing but this thread's own calls ever completes an operation.
//
// What it keeps of the real thing is everything that a program can observe: ports, backlog, half-close, resets, linger, back-pressure.
// What it lacks: loss, delay, TIME-WAIT. Every unicast address is local here, so a program keeps the addresses that it will use.
// Read queue.h and libos.h first, then loopback_stream.h and loopback_datagram.h.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "libos/libos.h"
#include "libos/loopback_socket.h"

namespace demi {

// The addresses in use among the libOSes that see each other. Belongs to one thread, as they do.
class LoopbackNamespace {
 public:
  explicit LoopbackNamespace(uint64_t seed);

  // EADDRINUSE when a socket of that type has the endpoint, or one that overlaps it (a wildcard); EADDRNOTAVAIL when no port is free.
  // The result is the name under which the socket is known: a v4-mapped address is the IPv4 address here.
  Result<Endpoint> add(LoopbackSocket& socket, const Endpoint& wanted);
  void remove(LoopbackSocket& socket, const Endpoint& name);
  // Who receives what is sent to `to`: the socket bound to the very address, else to the wildcard. nullptr: nobody.
  LoopbackSocket* find(int type, const Endpoint& to);
  // A port for the near end of an active open: one that no stream socket is bound to. Connections need no name of their own; a port
  // comes again after all the others.
  uint16_t next_stream_port();

 private:
  // RFC 6335: the dynamic ports.
  static constexpr uint16_t kFirstDynamicPort = 49152;
  static constexpr uint32_t kDynamicPorts = 65536 - kFirstDynamicPort;

  // How many sockets are bound to a port, wildcards included.
  struct PortUse {
    uint32_t ipv4 = 0;
    uint32_t ipv6 = 0;
  };

  using Names = std::unordered_map<Endpoint, LoopbackSocket*, EndpointHash>;
  Names& names_of(int type) { return type == 1 ? streams_ : datagrams_; }
  bool conflicts(Names& names, const LoopbackSocket& socket, const Endpoint& wanted);
  bool is_port_in_use(int type, uint16_t port) const;
  uint16_t next_port();

  Names streams_;
  Names datagrams_;
  // By type and port, of those that are in use.
  std::unordered_map<uint32_t, PortUse> ports_;
  uint16_t last_port_;  // given out; a random one at first
};

class Loopback final : public LibOS {
 public:
  Loopback(const LibOSSettings& settings, std::shared_ptr<LoopbackNamespace> names);
  ~Loopback() override { destroy_queues(); }

  const char* name() const override { return "loopback"; }
  Result<std::unique_ptr<Queue>> make_socket(Family family, int type, int protocol) override;
  bool poll_backend(Instant) override { return false; }
  bool has_outside_world() const override { return false; }

 private:
  const std::shared_ptr<LoopbackNamespace> names_;
};

}  // namespace demi
