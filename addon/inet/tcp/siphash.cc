#include "inet/tcp/siphash.h"

#include <bit>

namespace demi {

namespace {

// Section 2.1 and 2.2 of the paper; the numbers spell "somepseudorandomlygeneratedbytes".
template <int kCompressRounds, int kFinishRounds>
class SipState {
 public:
  explicit SipState(const SipHashKey& key)
      : v0_(key.k0 ^ 0x736f6d6570736575u),
        v1_(key.k1 ^ 0x646f72616e646f6du),
        v2_(key.k0 ^ 0x6c7967656e657261u),
        v3_(key.k1 ^ 0x7465646279746573u) {}

  void compress(uint64_t word) {
    v3_ ^= word;
    for (int i = 0; i < kCompressRounds; ++i) round();
    v0_ ^= word;
  }
  uint64_t finish() {
    v2_ ^= 0xff;
    for (int i = 0; i < kFinishRounds; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void round() {
    v0_ += v1_;
    v2_ += v3_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v1_;
    v0_ += v3_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ = std::rotl(v2_, 32);
  }

  uint64_t v0_, v1_, v2_, v3_;
};

// Little-endian, whatever the machine is.
uint64_t load_le(const uint8_t* from, size_t bytes) {
  uint64_t word = 0;
  for (size_t i = 0; i < bytes; ++i) word |= uint64_t{from[i]} << (8 * i);
  return word;
}

template <int kCompressRounds, int kFinishRounds>
uint64_t hash_words(const SipHashKey& key, std::span<const uint64_t> words, uint32_t last) {
  SipState<kCompressRounds, kFinishRounds> state(key);
  for (uint64_t word : words) state.compress(word);
  const uint64_t length = words.size() * sizeof(uint64_t) + sizeof last;
  state.compress(last | (length & 0xff) << 56);
  return state.finish();
}

}  // namespace

uint64_t siphash24(const SipHashKey& key, Bytes message) {
  SipState<2, 4> state(key);
  const size_t whole = message.size() / 8 * 8;
  for (size_t i = 0; i < whole; i += 8) state.compress(load_le(message.data() + i, 8));
  state.compress(load_le(message.data() + whole, message.size() - whole) | uint64_t{message.size() & 0xff} << 56);
  return state.finish();
}

uint64_t siphash24(const SipHashKey& key, std::span<const uint64_t> words, uint32_t last) { return hash_words<2, 4>(key, words, last); }
uint64_t siphash13(const SipHashKey& key, std::span<const uint64_t> words, uint32_t last) { return hash_words<1, 3>(key, words, last); }

}  // namespace demi
