#include "wire/checksum.h"

#include <algorithm>

namespace demi {

namespace {

// Four 32-bit numbers that the compiler keeps in one register where the processor has such, and in four where not.
using Lanes = uint32_t __attribute__((vector_size(16)));

// Sums 16-bit words without ever separating them: `whole` adds 32-bit words and forgets its carries, `high` adds their upper halves.
// The sum of the lower halves is then whole - (high << 16), which is exact because it fits in 32 bits: see kChunkBytes.
struct LaneSum {
  Lanes whole{};
  Lanes high{};

  void add(Lanes words) {
    whole += words;
    high += words >> 16;
  }
  void add(const LaneSum& other) {
    whole += other.whole;
    high += other.high;
  }
  uint64_t total() const {
    const Lanes low = whole - (high << 16);
    uint64_t sum = 0;
    for (int i = 0; i < 4; ++i) sum += uint64_t{high[i]} + low[i];
    return sum;
  }
};

// A lane takes 2^16 words of 16 bits before it could overflow, and 16 bytes have one for each lane. Even, so chunks meet between words.
constexpr size_t kChunkBytes = (size_t{1} << 16) * sizeof(Lanes);

}  // namespace

uint64_t Checksum::sum_of_long(Bytes bytes) {
  uint64_t sum = 0;
  for (size_t begin = 0; begin < bytes.size(); begin += kChunkBytes) {
    const uint8_t* at = bytes.data() + begin;
    size_t left = std::min(kChunkBytes, bytes.size() - begin);
    LaneSum sums[4];  // independent of one another, so that four additions are under way at once
    for (; left >= sizeof(Lanes) * 4; at += sizeof(Lanes) * 4, left -= sizeof(Lanes) * 4) {
      sums[0].add(load<Lanes>(at));
      sums[1].add(load<Lanes>(at + sizeof(Lanes)));
      sums[2].add(load<Lanes>(at + sizeof(Lanes) * 2));
      sums[3].add(load<Lanes>(at + sizeof(Lanes) * 3));
    }
    sums[0].add(sums[1]);
    sums[2].add(sums[3]);
    sums[0].add(sums[2]);
    // What is short is summed up in words of 64 bits, whose carries are still to come back in.
    sum = add_round(sum, add_round(sums[0].total(), sum_of_short({at, left})));
  }
  return sum;
}

uint16_t checksum_after_change(uint16_t checksum, uint16_t before, uint16_t after) {
  // RFC 1624 3: HC' = ~(~HC + ~m + m'). Equation 2 of RFC 1141 could give the other one of the two zeros.
  return static_cast<uint16_t>(~Checksum::fold(uint64_t{static_cast<uint16_t>(~checksum)} + static_cast<uint16_t>(~before) + after));
}

}  // namespace demi
