#include "inet/stack_config.h"

#include <algorithm>

namespace demi {

std::string problem_with(const StackConfig& config) {
  if (!config.mac.is_unicast()) return "The MAC address is not one of a single station: take one like 02:00:00:00:00:01.";
  if (config.mtu_bytes < kMtuMin || config.mtu_bytes > kMtuMax) {
    return "An MTU of " + std::to_string(config.mtu_bytes) + " bytes is out of bounds: it is " + std::to_string(kMtuMin) + " to " +
           std::to_string(kMtuMax) + ", and 1500 on Ethernet.";
  }
  if (config.time_to_live == 0) return "A time to live of 0 reaches nobody (RFC 1122 3.2.1.7): it is 1 or more, and 64 on most hosts.";
  if (!config.ephemeral_ports.is_valid()) return "The range of ephemeral ports is empty: its first port is 1 or more and not behind its last.";
  if (config.connections_max == 0) return "Not a single connection is allowed: connections_max is 1 or more.";
  if (config.neighbor.requests == 0) return "A neighbor that is never asked is never found: neighbor.requests is 1 or more.";
  Routes routes;
  std::string problem = routes.configure(config.addresses, config.routes);
  if (!problem.empty()) return problem;
  if (config.neighbors.size() >= kNeighborsMax) return "More than " + std::to_string(kNeighborsMax - 1) + " static neighbors: remove some.";
  for (const StaticNeighbor& neighbor : config.neighbors) {
    const std::string name = "The static neighbor " + text_of(neighbor.address);
    if (!neighbor.mac.is_unicast()) return name + " has a MAC address of no single station: correct it.";
    if (!routes.is_on_link(neighbor.address) || routes.is_ours(neighbor.address)) return name + " is no other host of a network of ours: remove it.";
  }
  return "";
}

}  // namespace demi
