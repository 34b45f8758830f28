#include "inet/routes.h"

#include <algorithm>

namespace demi {

std::string text_of(const IpAddress& address) {
  std::string text;
  if (address.is_ipv4()) {
    for (int shift = 24; shift >= 0; shift -= 8) text += std::to_string(address.words[0] >> shift & 0xff) + (shift > 0 ? "." : "");
    return text;
  }
  // RFC 4291 2.2, form 1: good enough for a message.
  constexpr char kDigits[] = "0123456789abcdef";
  for (size_t group = 0; group < 8; ++group) {
    const uint32_t word = address.words[group / 2] >> (group % 2 == 0 ? 16 : 0) & 0xffff;
    bool leading = true;
    if (group > 0) text += ':';
    for (int shift = 12; shift >= 0; shift -= 4) {
      const uint32_t digit = word >> shift & 0xf;
      leading = leading && digit == 0 && shift > 0;
      if (!leading) text += kDigits[digit];
    }
  }
  return text;
}

std::string text_of(const Cidr& network) { return text_of(network.address()) + "/" + std::to_string(network.prefix_bits()); }

// A host has an address of one host, and knows which others are on its link.
std::string Routes::check_address(const Cidr& address, const std::vector<Cidr>& others) {
  const IpAddress& own = address.address();
  if (own.family == Family::kNone) return "An address is empty: give it as address/prefix, for example 192.0.2.1/24.";
  if (!own.is_unicast() || own.is_loopback()) {
    return "The address " + text_of(address) + " is not one that a host can have on a link: take a unicast address of the network.";
  }
  if (address.prefix_bits() == 0) {
    return "The address " + text_of(own) + " has no prefix: say how many bits name the network, for example " + text_of(own) + "/24.";
  }
  // RFC 1122 3.2.1.3: neither all zeros nor all ones is a host, except on a link of two (RFC 3021).
  if (own.is_ipv4() && address.prefix_bits() < 31 && (own == address.network() || address.is_broadcast(own))) {
    return "The address " + text_of(address) + " is that of the network or of all its hosts: take one in between.";
  }
  const auto same = std::find_if(others.begin(), others.end(), [&own](const Cidr& other) { return other.address() == own; });
  if (same != others.end()) return "The address " + text_of(own) + " is given twice: remove one of them.";
  for (const Cidr& other : others) {
    const bool overlap = other.contains(own) || address.contains(other.address());
    if (overlap && other.prefix_bits() != address.prefix_bits()) {
      return "The networks of " + text_of(other) + " and " + text_of(address) + " overlap: give both addresses the same prefix.";
    }
  }
  return "";
}

std::string Routes::configure(const std::vector<Cidr>& addresses, const std::vector<Route>& added) {
  if (addresses.empty()) return "A stack needs an address: give at least one as address/prefix, for example 192.0.2.1/24.";
  if (addresses.size() > kAddressesMax) return "More than " + std::to_string(kAddressesMax) + " addresses: remove some.";
  if (added.size() > kRoutesMax) return "More than " + std::to_string(kRoutesMax) + " routes: merge or remove some.";
  Routes made;
  for (const Cidr& address : addresses) {
    std::string problem = check_address(address, made.addresses_);
    if (!problem.empty()) return problem;
    made.addresses_.push_back(address);
    // Two addresses of one network share its route; the first of them is where packets come from.
    const Cidr link(address.network(), address.prefix_bits());
    const bool known = std::any_of(made.entries_.begin(), made.entries_.end(), [&link](const Entry& e) { return e.destination == link; });
    if (!known) made.entries_.push_back({link, std::nullopt, address.address()});
  }
  const size_t links = made.entries_.size();
  for (const Route& route : added) {
    if (route.destination.address().family == Family::kNone) return "A route has no destination: 0.0.0.0/0 is the one to everywhere.";
    const Cidr destination(route.destination.network(), route.destination.prefix_bits());
    const std::string name = "The route to " + text_of(destination);
    for (const Entry& other : made.entries_) {
      if (other.destination == destination) return name + " is there twice, or is that of an address: remove one of them.";
    }
    if (destination.network().is_multicast() || (destination.prefix_bits() > 0 && destination.network().is_loopback())) {
      return name + " leads to addresses that are never routed: remove it.";
    }
    IpAddress source;
    if (route.gateway) {
      // RFC 1122 3.3.1.1: a gateway is on a connected network.
      const Entry* link = nullptr;
      for (size_t i = 0; i < links && link == nullptr; ++i) {
        if (made.entries_[i].destination.contains(*route.gateway)) link = &made.entries_[i];
      }
      if (link == nullptr) return name + " has the gateway " + text_of(*route.gateway) + ", which is on no network of ours: give one that is.";
      if (!route.gateway->is_unicast() || made.is_ours(*route.gateway) || made.is_broadcast(*route.gateway)) {
        return name + " has the gateway " + text_of(*route.gateway) + ", which is no other host: give the address of a router.";
      }
      source = link->source;
    } else {
      const auto own = std::find_if(made.addresses_.begin(), made.addresses_.end(),
                                    [&](const Cidr& a) { return a.address().family == destination.network().family; });
      if (own == made.addresses_.end()) return name + " is of a family that no address of ours has: add an address, or remove it.";
      source = own->address();
    }
    made.entries_.push_back({destination, route.gateway, source});
  }
  // Networks of one length share no address, so their order means nothing.
  std::sort(made.entries_.begin(), made.entries_.end(),
            [](const Entry& a, const Entry& b) { return a.destination.prefix_bits() > b.destination.prefix_bits(); });
  *this = std::move(made);
  return "";
}

const Routes::Entry* Routes::longest(const IpAddress& destination) const {
  for (const Entry& entry : entries_) {
    if (entry.destination.contains(destination)) return &entry;
  }
  return nullptr;
}

std::optional<NextHop> Routes::find(const IpAddress& destination) const {
  // What comes from us to us, never leaves (RFC 1122 3.2.1.3 g).
  if (destination.is_loopback() || is_ours(destination)) return NextHop{destination, destination};
  // Everybody on the link: no gateway is asked.
  if (destination.is_limited_broadcast() || destination.is_multicast()) {
    for (const Cidr& address : addresses_) {
      if (address.address().family == destination.family) return NextHop{destination, address.address()};
    }
    return std::nullopt;
  }
  const Entry* entry = longest(destination);
  if (entry == nullptr) return std::nullopt;
  return NextHop{entry->gateway.value_or(destination), entry->source};
}

bool Routes::is_ours(const IpAddress& address) const {
  for (const Cidr& own : addresses_) {
    if (own.address() == address) return true;
  }
  return false;
}

bool Routes::is_on_link(const IpAddress& address) const {
  return std::any_of(entries_.begin(), entries_.end(), [&address](const Entry& e) { return !e.gateway && e.destination.contains(address); });
}

bool Routes::is_network(const IpAddress& address) const {
  return std::any_of(addresses_.begin(), addresses_.end(),
                     [&address](const Cidr& own) { return address.is_ipv4() && own.prefix_bits() < 31 && own.network() == address; });
}

bool Routes::is_broadcast(const IpAddress& address) const {
  if (address.is_limited_broadcast()) return true;
  for (const Cidr& own : addresses_) {
    if (own.is_broadcast(address)) return true;
  }
  return false;
}

}  // namespace demi
