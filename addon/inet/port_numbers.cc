#include "inet/port_numbers.h"

#include "base/assert.h"
#include "inet/tcp/isn.h"

namespace demi {

PortNumbers::PortNumbers(const PortRange& range, const SipHashKey& secret)
    : range_(range), secret_(secret), first_claim_(static_cast<uint32_t*>(std::calloc(size_t{kPortMax} + 1, sizeof(uint32_t)))), claims_(1) {
  DEMI_ASSERT(range.is_valid(), "a range of ports without ports");
  DEMI_ASSERT(first_claim_ != nullptr, "the heap gives no table of ports");
}

bool PortNumbers::is_claimed(const InetEndpoint& local) const {
  for (uint32_t at = first_claim_[local.port]; at != kNone; at = claims_[at].next) {
    const IpAddress& other = claims_[at].address;
    if (other == local.address) return true;
    if (other.family == local.address.family && (other.is_unspecified() || local.address.is_unspecified())) return true;
  }
  return false;
}

Result<void> PortNumbers::claim(const InetEndpoint& local) {
  DEMI_ASSERT(local.port != 0, "port 0 is no port");
  if (is_claimed(local)) return Errno::kEADDRINUSE;
  uint32_t made = free_claim_;
  if (made == kNone) {
    made = static_cast<uint32_t>(claims_.size());
    claims_.emplace_back();
  } else {
    free_claim_ = claims_[made].next;
  }
  claims_[made] = {local.address, first_claim_[local.port]};
  first_claim_[local.port] = made;
  return {};
}

void PortNumbers::release(const InetEndpoint& local) {
  uint32_t* link = &first_claim_[local.port];
  while (*link != kNone && !(claims_[*link].address == local.address)) link = &claims_[*link].next;
  DEMI_ASSERT(*link != kNone, "a port was released that nobody had");
  const uint32_t released = *link;
  *link = claims_[released].next;
  claims_[released].next = free_claim_;
  free_claim_ = released;
}

PortNumbers::Start PortNumbers::start_for(const IpAddress& local, const InetEndpoint& remote) const {
  // One hash stands for both of RFC 6056 3.3.4: F is its lower half, G its upper.
  const uint64_t hash = hash_of({local, remote.address, 0, remote.port}, {secret_.k0 ^ 0x504f5254, secret_.k1});
  return {static_cast<uint32_t>(hash), (hash >> 32) % kPortCounters};
}

}  // namespace demi
