// How long the Internet checksum takes: make -C test/addon checksum_bench

#include "wire/checksum.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

namespace {

// RFC 1071 as it is written, for comparison.
uint16_t word_by_word(demi::Bytes bytes) {
  uint64_t sum = 0;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) sum += demi::load_be16(bytes.data() + i);
  if (bytes.size() % 2 != 0) sum += uint64_t{bytes.back()} << 8;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

uint16_t with_checksum(demi::Bytes bytes) {
  demi::Checksum checksum;
  checksum.add(bytes);
  return checksum.value();
}

// The best of many rounds: what else the machine does only ever adds.
template <class Function>
double nanoseconds(Function function, demi::Bytes bytes) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRounds = 200, kCalls = 2'000;
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const auto began = Clock::now();
    for (int call = 0; call < kCalls; ++call) {
      uint16_t result = function(bytes);
      asm volatile("" : "+r"(result) : "r"(bytes.data()) : "memory");
    }
    best = std::min(best, std::chrono::duration<double, std::nano>(Clock::now() - began).count() / kCalls);
  }
  return best;
}

}  // namespace

int main() {
  std::vector<uint8_t> bytes(9'001);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7);
  std::printf("%8s %10s %16s\n", "bytes", "Checksum", "word by word");
  for (const size_t length : {20, 40, 64, 512, 1460, 1461, 9000}) {
    // Behind an Ethernet header nothing is aligned to more than two bytes.
    const demi::Bytes part = demi::Bytes(bytes).subspan(length < 9000 ? 14 : 1, length);
    std::printf("%8zu %7.1f ns %13.1f ns\n", length, nanoseconds(with_checksum, part), nanoseconds(word_by_word, part));
  }
}
