// Random: a seedable generator (xoshiro256**, seeded by splitmix64), so that every test and simulation can be replayed from its seed.
// Not for secrets: what an attacker must not guess is drawn from the operating system instead.
#pragma once

#include <cstdint>

#include "base/assert.h"

namespace demi {

class Random {
 public:
  explicit Random(uint64_t seed) {
    // splitmix64 spreads neighbouring seeds far apart and cannot yield the all-zero state, from which xoshiro never leaves.
    for (uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15u;
      uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
      word = mixed ^ (mixed >> 31);
    }
  }

  uint64_t next() {
    const uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate_left(state_[3], 45);
    return result;
  }

  // Every number in [0, bound) with the same probability. Draws again in the rare case that would favour some of them
  // (D. Lemire, "Fast Random Integer Generation in an Interval").
  uint64_t below(uint64_t bound) {
    DEMI_ASSERT(bound > 0, "no number is below zero");
    Product product = multiply(next(), bound);
    if (product.low < bound) {
      const uint64_t threshold = (0 - bound) % bound;
      while (product.low < threshold) product = multiply(next(), bound);
    }
    return product.high;
  }

 private:
  struct Product {
    uint64_t high;
    uint64_t low;
  };
  static Product multiply(uint64_t a, uint64_t b) {
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return {static_cast<uint64_t>(product >> 64), static_cast<uint64_t>(product)};
  }
  static uint64_t rotate_left(uint64_t word, int count) { return (word << count) | (word >> (64 - count)); }

  uint64_t state_[4];
};

}  // namespace demi
