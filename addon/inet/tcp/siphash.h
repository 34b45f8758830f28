// SipHash-2-4: a short keyed hash (J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF"). Who does not know the key can neither
// tell its values from random ones nor find inputs that collide.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace demi {

struct SipHashKey {
  uint64_t k0 = 0;
  uint64_t k1 = 0;
};

uint64_t siphash24(const SipHashKey& key, Bytes message);

}  // namespace demi
