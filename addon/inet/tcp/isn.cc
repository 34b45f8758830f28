#include "inet/tcp/isn.h"

#include <array>

namespace demi {

namespace {
// The words of a tuple, those only that addresses of this family have: segments wait for the hash. The ports stand behind them.
struct TupleWords {
  explicit TupleWords(const TcpTuple& tuple) : count(tuple.local_address.is_ipv4() ? 1 : words.size()) {
    for (size_t i = 0; i < count; ++i) words[i] = uint64_t{tuple.local_address.words[i]} << 32 | tuple.remote_address.words[i];
    ports = uint32_t{tuple.local_port} << 16 | tuple.remote_port;
  }
  std::span<const uint64_t> of_addresses() const { return std::span(words).first(count); }

  std::array<uint64_t, 4> words;
  size_t count;
  uint32_t ports;
};
}  // namespace

uint64_t hash_of(const TcpTuple& tuple, const SipHashKey& secret) {
  const TupleWords words(tuple);
  return siphash24(secret, words.of_addresses(), words.ports);
}

uint64_t table_hash_of(const TcpTuple& tuple, const SipHashKey& secret) {
  const TupleWords words(tuple);
  return siphash13(secret, words.of_addresses(), words.ports);
}

SeqNumber initial_sequence_number(const TcpTuple& tuple, const SipHashKey& secret, Instant now) {
  // M is a clock of 4 us (RFC 9293 3.4.1): it wraps in 4.55 hours.
  const auto clock = static_cast<uint32_t>(now.nanoseconds() / 4'000);
  // Another key than that of tables, whose hashes show in the order of things.
  const SipHashKey key{secret.k0 ^ 0x49534e, secret.k1};
  const TupleWords words(tuple);
  return SeqNumber(clock + static_cast<uint32_t>(siphash24(key, words.of_addresses(), words.ports)));
}

}  // namespace demi
