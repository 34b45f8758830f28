// SipHash-2-4: a short keyed hash (J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF"). Who does not know the key can neither
// tell its values from random ones nor find inputs that collide.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace demi {

struct SipHashKey {
  uint64_t k0 = 0;
  uint64_t k1 = 0;
};

uint64_t siphash24(const SipHashKey& key, Bytes message);
// Of the message that these words make in little-endian order, and then the four bytes of `last`.
uint64_t siphash24(const SipHashKey& key, std::span<const uint64_t> words, uint32_t last);
// The same with fewer rounds: enough for tables, whose hashes nobody sees (it is what Rust and Linux have there), and half the time.
uint64_t siphash13(const SipHashKey& key, std::span<const uint64_t> words, uint32_t last);

}  // namespace demi
