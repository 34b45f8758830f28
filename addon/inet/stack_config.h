// StackConfig: what can be chosen about a stack, and what is wrong with a choice.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/flow_hash.h"
#include "inet/address_claims.h"
#include "inet/neighbor_cache.h"
#include "inet/port_numbers.h"
#include "inet/routes.h"
#include "inet/tcp/siphash.h"
#include "inet/tcp/tcp_config.h"

namespace demi {

struct StaticNeighbor {
  IpAddress address;
  MacAddress mac;
};

struct StackConfig {
  // --- the link: what the device's capabilities say ---
  MacAddress mac;
  uint32_t mtu_bytes = 1500;          // the longest packet
  bool finishes_checksums = false;
  FlowShare share{};                  // which flows come to us, of those to our addresses
  // Of what we send: routers that it passes at most. RFC 1700 recommends 64, and so does Linux.
  uint8_t time_to_live = 64;

  // --- addresses ---
  std::vector<Cidr> addresses;        // ours, each with the prefix of its network
  std::vector<Route> routes;
  std::vector<StaticNeighbor> neighbors;
  NeighborConfig neighbor;
  AddressClaimConfig claims;

  // --- secrets: from the operating system, or from a seed in a simulation ---
  SipHashKey secret;

  // --- bounds ---
  PortRange ephemeral_ports;
  // Above it, what comes is refused: a million connections take some 700 MB.
  uint32_t connections_max = 1'048'576;
  // Above it, the one that has waited longest ends early (RFC 9293 3.6.1 would have all wait): Linux has tcp_max_tw_buckets for the same reason.
  uint32_t time_wait_max = 65'536;
  // Connections that their users have closed and that are not over. One more is reset: nobody waits for what it still had to send.
  uint32_t orphans_max = 65'536;
  uint32_t udp_receive_bytes = 1 << 20;
  // ICMP messages of ours in a second, and at once.
  uint32_t icmp_per_second = 1000;
  uint32_t icmp_burst = 50;

  TcpConfig tcp;
};

// What is wrong and what to do about it, in one sentence; empty when all is well.
std::string problem_with(const StackConfig& config);

}  // namespace demi
