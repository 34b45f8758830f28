#include "inet/address_claims.h"

#include <algorithm>

namespace demi {

AddressClaims::AddressClaims(const AddressClaimConfig& config, const std::vector<Cidr>& addresses, Instant now) : config_(config) {
  for (const Cidr& own : addresses) {
    if (own.address().is_ipv4()) claims_.push_back({own.address(), config.announcements, now, now});
  }
  settle();
}

void AddressClaims::settle() {
  due_ = Instant::never();
  for (const Claim& claim : claims_) {
    if (claim.left > 0) due_ = std::min(due_, claim.due);
  }
}

void AddressClaims::handle_conflict(const IpAddress& address, Instant now) {
  ++conflicts_;
  if (config_.announcements == 0) return;
  for (Claim& claim : claims_) {
    if (!(claim.address == address) || now < claim.defended_until) continue;
    // RFC 5227 2.4 (b): one announcement, and silence for a while if that does not help.
    claim.left = std::max<uint8_t>(claim.left, 1);
    claim.due = now;
    claim.defended_until = now + config_.defend_interval;
  }
  settle();
}

void AddressClaims::announce_again(Instant now) {
  for (Claim& claim : claims_) {
    claim.left = config_.announcements;
    claim.due = now;
  }
  settle();
}

bool AddressClaims::poll_announcement(IpAddress& out, Instant now) {
  for (Claim& claim : claims_) {
    if (claim.left == 0 || claim.due > now) continue;
    --claim.left;
    claim.due = now + config_.announce_interval;
    out = claim.address;
    settle();
    return true;
  }
  return false;
}

}  // namespace demi
