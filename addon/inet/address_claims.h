// AddressClaims: tells the link which addresses are ours, and notices when others say the same (RFC 5227 2.3 and 2.4). It does not probe before
// it begins: whoever configures a stack decides about addresses.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "wire/address.h"

namespace demi {

struct AddressClaimConfig {
  // RFC 5227 1.1: ANNOUNCE_NUM, ANNOUNCE_INTERVAL, DEFEND_INTERVAL. 0 announcements: none, and no defense either.
  uint8_t announcements = 2;
  Duration announce_interval = Duration::seconds(2);
  Duration defend_interval = Duration::seconds(10);
};

class AddressClaims {
 public:
  AddressClaims(const AddressClaimConfig& config, const std::vector<Cidr>& addresses, Instant now);

  // Somebody else has said that this address of ours was his.
  void handle_conflict(const IpAddress& address, Instant now);
  // Who is at the other end of the link now may not have heard of us (RFC 5227 2.3).
  void announce_again(Instant now);
  // The next address that is to be announced; false if there is none now.
  bool poll_announcement(IpAddress& out, Instant now);
  Instant poll_timeout() const { return due_; }
  uint64_t conflicts() const { return conflicts_; }

 private:
  struct Claim {
    IpAddress address;
    uint8_t left;             // announcements to come
    Instant due;
    Instant defended_until;   // RFC 5227 2.4 (b): not again before
  };

  void settle();

  const AddressClaimConfig config_;
  uint64_t conflicts_ = 0;
  std::vector<Claim> claims_;
  Instant due_;             // the first of them: it is asked for with every frame
};

}  // namespace demi
