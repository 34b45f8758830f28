#include "inet/tcp/isn.h"

#include <array>

namespace demi {

uint64_t hash_of(const TcpTuple& tuple, const SipHashKey& secret) {
  std::array<uint8_t, 2 * sizeof(tuple.local_address.words) + 4> bytes{};
  size_t at = 0;
  for (const IpAddress* address : {&tuple.local_address, &tuple.remote_address}) {
    for (uint32_t word : address->words) {
      store_be32(bytes.data() + at, word);
      at += 4;
    }
  }
  store_be16(bytes.data() + at, tuple.local_port);
  store_be16(bytes.data() + at + 2, tuple.remote_port);
  return siphash24(secret, bytes);
}

SeqNumber initial_sequence_number(const TcpTuple& tuple, const SipHashKey& secret, Instant now) {
  // M is a clock of 4 us (RFC 9293 3.4.1): it wraps in 4.55 hours.
  const auto clock = static_cast<uint32_t>(now.nanoseconds() / 4'000);
  // Another key than that of tables, whose hashes show in the order of things.
  const SipHashKey key{secret.k0 ^ 0x49534e, secret.k1};
  return SeqNumber(clock + static_cast<uint32_t>(hash_of(tuple, key)));
}

}  // namespace demi
