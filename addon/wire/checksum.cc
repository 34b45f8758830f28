#include "wire/checksum.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.h"

namespace demi {

namespace {

// RFC 1071 2 (A): carries out of the word come back in at its low end, whenever that is done.
uint16_t fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

uint16_t swap_bytes(uint16_t word) { return static_cast<uint16_t>(word << 8 | word >> 8); }

// Four 32-bit numbers that the compiler keeps in one register where the processor has such, and in four where not.
using Lanes = uint32_t __attribute__((vector_size(16)));

template <class Word>
Word load(const uint8_t* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

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

// Of native words: RFC 1071 2 (B), the sum does not care for the order of bytes until the end.
uint64_t sum_of_chunk(const uint8_t* at, size_t bytes) {
  uint64_t sum = 0;
  if (bytes >= sizeof(Lanes)) {
    LaneSum sums[4];  // independent of one another, so that four additions are under way at once
    for (; bytes >= sizeof(Lanes) * 4; at += sizeof(Lanes) * 4, bytes -= sizeof(Lanes) * 4) {
      sums[0].add(load<Lanes>(at));
      sums[1].add(load<Lanes>(at + sizeof(Lanes)));
      sums[2].add(load<Lanes>(at + sizeof(Lanes) * 2));
      sums[3].add(load<Lanes>(at + sizeof(Lanes) * 3));
    }
    for (; bytes >= sizeof(Lanes); at += sizeof(Lanes), bytes -= sizeof(Lanes)) sums[0].add(load<Lanes>(at));
    sums[0].add(sums[1]);
    sums[2].add(sums[3]);
    sums[0].add(sums[2]);
    sum = sums[0].total();
  }
  for (; bytes >= 4; at += 4, bytes -= 4) sum += load<uint32_t>(at);
  if (bytes >= 2) sum += load<uint16_t>(at), at += 2, bytes -= 2;
  if (bytes > 0) {
    const uint8_t last[2] = {*at, 0};  // RFC 1071 1: padded by a zero byte
    sum += load<uint16_t>(last);
  }
  return sum;
}

uint32_t sum_of_words(const IpAddress& address) {
  uint32_t sum = 0;
  for (uint32_t word : address.words) sum += (word >> 16) + (word & 0xffff);
  return sum;
}

}  // namespace

Checksum Checksum::pseudo_header(const IpAddress& source, const IpAddress& destination, IpProtocol protocol,
                                 uint32_t upper_layer_bytes) {
  DEMI_ASSERT(source.family == destination.family, "a packet has addresses of one family");
  Checksum checksum;
  checksum.sum_ = uint64_t{sum_of_words(source)} + sum_of_words(destination) + static_cast<uint8_t>(protocol) +
                  (upper_layer_bytes >> 16) + (upper_layer_bytes & 0xffff);
  return checksum;
}

void Checksum::add(Bytes bytes) {
  uint64_t sum = 0;
  for (size_t at = 0; at < bytes.size(); at += kChunkBytes) {
    sum += sum_of_chunk(bytes.data() + at, std::min(kChunkBytes, bytes.size() - at));
  }
  uint16_t word = fold(sum);
  // RFC 1071 2 (B): bytes that stand in the other halves of their words give the sum with its halves exchanged.
  constexpr bool kIsLittleEndian = std::endian::native == std::endian::little;
  if (kIsLittleEndian != is_odd_) word = swap_bytes(word);
  sum_ += word;
  is_odd_ ^= bytes.size() % 2 != 0;
}

void Checksum::add(const Checksum& next) {
  const uint16_t word = next.folded();
  sum_ += is_odd_ ? swap_bytes(word) : word;
  is_odd_ ^= next.is_odd_;
}

uint16_t Checksum::folded() const { return fold(sum_); }

uint16_t checksum_after_change(uint16_t checksum, uint16_t before, uint16_t after) {
  // RFC 1624 3: HC' = ~(~HC + ~m + m'). Equation 2 of RFC 1141 could give the other one of the two zeros.
  return static_cast<uint16_t>(~fold(uint64_t{static_cast<uint16_t>(~checksum)} + static_cast<uint16_t>(~before) + after));
}

}  // namespace demi
