// Routes: by which way an address is reached: the route with the longest prefix that contains it, to the host itself or to a gateway.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "inet/inet_limits.h"
#include "wire/address.h"

namespace demi {

struct Route {
  Cidr destination;                       // 0.0.0.0/0 is everything that no other route contains
  std::optional<IpAddress> gateway;       // none: the hosts of `destination` are on our link

  bool operator==(const Route&) const = default;
};

// Where a packet goes next, and which of our addresses it comes from.
struct NextHop {
  IpAddress address;
  IpAddress source;
};

class Routes {
 public:
  // Each address of ours, with its prefix, is a route to its link; `added` come on top. Returns what is wrong with them and what to do about
  // it, or an empty text; then, and only then, they are in force.
  std::string configure(const std::vector<Cidr>& addresses, const std::vector<Route>& added);

  // Nothing when there is no way.
  std::optional<NextHop> find(const IpAddress& destination) const;

  const std::vector<Cidr>& addresses() const { return addresses_; }
  bool is_ours(const IpAddress& address) const;
  // Whether all hosts of one of our links listen to it (RFC 1122 3.2.1.3 c and d).
  bool is_broadcast(const IpAddress& address) const;
  // The address of one of our networks itself, all zeros behind the prefix: no host has it.
  bool is_network(const IpAddress& address) const;
  // Whether the host with that address is on a link of ours, for it to be asked itself: in a network of ours, or behind a route without a gateway.
  bool is_on_link(const IpAddress& address) const;
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Cidr destination;
    std::optional<IpAddress> gateway;
    IpAddress source;
  };
  static std::string check_address(const Cidr& address, const std::vector<Cidr>& others);
  const Entry* longest(const IpAddress& destination) const;

  std::vector<Cidr> addresses_;
  std::vector<Entry> entries_;  // the longest prefix first
};

// "10.0.0.1", "10.0.0.0/8", for messages.
std::string text_of(const IpAddress& address);
std::string text_of(const Cidr& network);

}  // namespace demi
