// PortNumbers: which ports of one protocol are taken, and which one is next when the user does not care (RFC 6056).
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "base/assert.h"
#include "base/errno.h"
#include "base/result.h"
#include "inet/inet_endpoint.h"
#include "inet/inet_limits.h"
#include "inet/tcp/siphash.h"

namespace demi {

// RFC 6056 3.2 would have everything from 1024 on; these are what IANA leaves to everybody (RFC 6335 6).
struct PortRange {
  uint16_t first = 49'152;
  uint16_t last = 65'535;

  bool is_valid() const { return first > 0 && first <= last; }
};

class PortNumbers {
 public:
  PortNumbers(const PortRange& range, const SipHashKey& secret);

  // Takes a port for an address, or for all of ours (an unspecified one). EADDRINUSE when it is taken for the same, or for all.
  Result<void> claim(const InetEndpoint& local);
  void release(const InetEndpoint& local);
  bool is_claimed(uint16_t port) const { return first_claim_[port] != kNone; }
  bool is_claimed(const InetEndpoint& local) const;

  // An ephemeral port for a connection from `local` to `remote` (RFC 6056 3.3.4, algorithm 4): numbers go up for each destination by itself,
  // from where a hash of it says, so that they are neither guessed nor used again too soon. `is_free(port)` says whether one will do.
  // 0 when none does.
  template <class IsFree>
  uint16_t pick(const IpAddress& local, const InetEndpoint& remote, IsFree&& is_free) {
    const Start start = start_for(local, remote);
    uint32_t& counter = counters_[start.counter];
    const uint32_t count = range_.last - range_.first + 1u;
    for (uint32_t tried = 0; tried < count; ++tried) {
      const auto port = static_cast<uint16_t>(range_.first + (start.offset + counter++) % count);
      if (is_free(port)) return port;
    }
    return 0;
  }
  // The same for a socket that has no peer yet. EADDRINUSE when all that will do are taken.
  template <class WillDo>
  Result<uint16_t> claim_any(const IpAddress& local, WillDo&& will_do) {
    const InetEndpoint nobody{IpAddress::unspecified(local.family), 0};
    const uint16_t port = pick(local, nobody, [&](uint16_t candidate) { return will_do(candidate) && !is_claimed({local, candidate}); });
    if (port == 0) return Errno::kEADDRINUSE;
    const Result<void> claimed = claim({local, port});
    DEMI_ASSERT(claimed.ok(), "a free port is taken");
    return port;
  }

 private:
  struct Claim {
    IpAddress address;
    uint32_t next;
  };
  struct Start {
    uint32_t offset;
    size_t counter;
  };
  struct Free {
    void operator()(uint32_t* table) const { std::free(table); }
  };
  static constexpr uint32_t kNone = 0;

  Start start_for(const IpAddress& local, const InetEndpoint& remote) const;

  const PortRange range_;
  const SipHashKey secret_;
  std::array<uint32_t, kPortCounters> counters_{};
  // By port: an index into claims_, whose first one is nobody's. Pages of zeros, which the system gives as they are touched: few ports are taken.
  std::unique_ptr<uint32_t[], Free> first_claim_;
  std::vector<Claim> claims_;
  uint32_t free_claim_ = kNone;
};

}  // namespace demi
