#include "base/flow_hash.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace demi {
namespace {

// The hash as network cards have it: for each bit of the input that is set, 32 bits of the key from there on.
uint32_t toeplitz(const std::vector<uint8_t>& input, const std::array<uint8_t, kFlowKeyBytes>& key) {
  const auto key_bit = [&key](size_t at) { return key[at / 8] >> (7 - at % 8) & 1u; };
  uint32_t hash = 0;
  for (size_t bit = 0; bit < input.size() * 8; ++bit) {
    if ((input[bit / 8] >> (7 - bit % 8) & 1) == 0) continue;
    uint32_t window = 0;
    for (size_t i = 0; i < 32; ++i) window = window << 1 | key_bit(bit + i);
    hash ^= window;
  }
  return hash;
}

uint32_t hash_of(uint32_t source, uint32_t destination, uint16_t from, uint16_t to) {
  return FlowFold().add32(source).add32(destination).add16(from).add16(to).hash();
}

TEST(FlowHash, TheReferenceIsThatOfTheCards) {
  // From the verification suite of receive-side scaling, of Windows: its key, 66.9.149.187:2794 to 161.142.100.80:1766.
  const std::array<uint8_t, kFlowKeyBytes> key = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
                                                  0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
                                                  0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
  EXPECT_EQ(toeplitz({66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6}, key), 0x51ccc178u);
}

TEST(FlowHash, IsToeplitzWithTheKeyThatRepeats) {
  const auto key = flow_key();
  uint32_t seed = 1;
  for (int i = 0; i < 1000; ++i) {
    std::vector<uint8_t> input(12);
    for (uint8_t& byte : input) byte = static_cast<uint8_t>((seed = seed * 1664525 + 1013904223) >> 24);
    const auto word = [&input](size_t at) { return uint32_t{input[at]} << 24 | uint32_t{input[at + 1]} << 16 | uint32_t{input[at + 2]} << 8 | input[at + 3]; };
    FlowFold fold;
    fold.add32(word(0)).add32(word(4)).add16(static_cast<uint16_t>(word(8) >> 16)).add16(static_cast<uint16_t>(word(8)));
    ASSERT_EQ(fold.hash(), toeplitz(input, key));
  }
}

TEST(FlowHash, BothDirectionsHaveTheSame) {
  EXPECT_EQ(hash_of(0x0a000001, 0x0a000002, 40'000, 80), hash_of(0x0a000002, 0x0a000001, 80, 40'000));
  EXPECT_NE(hash_of(0x0a000001, 0x0a000002, 40'000, 80), hash_of(0x0a000001, 0x0a000002, 40'001, 80));
}

TEST(FlowHash, AnAddressOfIpv4IsOneWord) {
  EXPECT_EQ(FlowFold().add_address({0x0a000001, 0, 0, 0}).hash(), FlowFold().add32(0x0a000001).hash());
}

TEST(FlowShare, DealsFlowsOutEvenly) {
  for (uint16_t queues : {1, 2, 3, 8}) {
    const FlowShare share{.queues = queues};
    std::vector<int> flows(queues);
    for (uint32_t port = 32'768; port < 65'536; ++port) ++flows[share.queue_of(hash_of(0x0a000001, 0x0a000002, static_cast<uint16_t>(port), 80))];
    for (int count : flows) EXPECT_NEAR(count, 32'768 / queues, 32'768 / queues / 20 + 1) << queues;
  }
}

}  // namespace
}  // namespace demi
