// Bytes for the tests of wire/: from hex text, cut short at every place, and random or damaged ones by the hundred thousand.
#pragma once

#include <algorithm>
#include <cctype>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/random.h"

namespace demi {

using Octets = std::vector<uint8_t>;

// "45 00" or "4500"; white space is free.
inline Octets hex(std::string_view text) {
  const auto digit = [](char c) { return static_cast<uint8_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); };
  std::string_view::size_type at = 0;
  Octets octets;
  while (at < text.size()) {
    if (std::isspace(static_cast<unsigned char>(text[at]))) {
      ++at;
      continue;
    }
    DEMI_ASSERT(at + 1 < text.size(), "hex digits come in pairs");
    octets.push_back(static_cast<uint8_t>(digit(text[at]) << 4 | digit(text[at + 1])));
    at += 2;
  }
  return octets;
}

inline Octets random_octets(Random& random, size_t count) {
  Octets octets(count);
  for (uint8_t& octet : octets) octet = static_cast<uint8_t>(random.next());
  return octets;
}

inline Octets concat(Octets first, Bytes second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

// A copy that ends where its memory ends, so that the address sanitizer sees the first byte read behind it.
inline Octets exact(Bytes bytes) { return Octets(bytes.begin(), bytes.end()); }

// Calls visit(Bytes) with the first 0, 1, 2... bytes, the whole left out.
template <class Visit>
void for_each_truncation(Bytes whole, Visit visit) {
  for (size_t length = 0; length < whole.size(); ++length) {
    const Octets cut = exact(whole.first(length));
    visit(Bytes(cut));
  }
}

// What damage does to a valid message: bits turned over, lengths at their limits, the end missing, something behind the end.
inline void damage(Octets& octets, Random& random) {
  constexpr uint8_t kInteresting[] = {0, 1, 2, 3, 4, 5, 7, 8, 0x0f, 0x10, 0x7f, 0x80, 0xfe, 0xff};
  for (uint64_t count = 1 + random.below(4); count > 0; --count) {
    const size_t at = octets.empty() ? 0 : random.below(octets.size());
    switch (octets.empty() ? 3 : random.below(4)) {
      case 0:
        octets[at] ^= static_cast<uint8_t>(1u << random.below(8));
        break;
      case 1:
        octets[at] = kInteresting[random.below(std::size(kInteresting))];
        break;
      case 2:
        octets.resize(at);
        break;
      default:
        octets = concat(std::move(octets), random_octets(random, random.below(24)));
        break;
    }
  }
}

// Calls visit(Bytes) many times: with random bytes, and with damaged copies of the samples. It is for the sanitizers to find fault.
template <class Visit>
void for_random_inputs(uint64_t seed, const std::vector<Octets>& samples, Visit visit) {
  constexpr int kInputs = 200'000;
  Random random(seed);
  for (int i = 0; i < kInputs; ++i) {
    Octets octets;
    if (random.below(4) == 0) {
      octets = random_octets(random, random.below(128));
    } else {
      octets = samples[random.below(samples.size())];
      damage(octets, random);
    }
    octets = exact(octets);
    visit(Bytes(octets));
  }
}

}  // namespace demi
