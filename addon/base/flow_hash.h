// The hash by which network cards spread flows over their queues (receive-side scaling: Toeplitz), with a key that repeats every 16 bits, so that both
// directions of a flow have the same hash (S. Woo and K. Park, "Scalable TCP session monitoring with symmetric receive-side scaling", 2012).
//
// With that key the hash of addresses and ports is that of their exclusive or, 16 bits at a time, in any order. This header stands alone: the plug-in
// of DPDK has it too.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace demi {

// As long as any card wants it.
inline constexpr size_t kFlowKeyBytes = 52;
constexpr std::array<uint8_t, kFlowKeyBytes> flow_key() {
  std::array<uint8_t, kFlowKeyBytes> key{};
  for (size_t i = 0; i < key.size(); ++i) key[i] = i % 2 == 0 ? 0x6d : 0x5a;
  return key;
}

// What each value of the first byte of a pair adds to the hash; of the second byte it is the same, 8 bits further.
class FlowTable {
 public:
  constexpr FlowTable() {
    for (unsigned byte = 0; byte < hashes_.size(); ++byte) {
      for (unsigned bit = 0; bit < 8; ++bit) hashes_[byte] ^= (byte & 0x80 >> bit) != 0 ? rotated(kWindow, bit) : 0;
    }
  }
  constexpr uint32_t hash(uint16_t pair) const { return hashes_[pair >> 8] ^ rotated(hashes_[pair & 0xff], 8); }

 private:
  static constexpr uint32_t kWindow = 0x6d5a6d5a;
  static constexpr uint32_t rotated(uint32_t word, unsigned bits) { return bits == 0 ? word : word << bits | word >> (32 - bits); }

  std::array<uint32_t, 256> hashes_{};
};
inline constexpr FlowTable kFlowTable;

// Addresses and ports of one flow; which is whose makes no difference.
class FlowFold {
 public:
  constexpr FlowFold& add16(uint16_t port) {
    folded_ = static_cast<uint16_t>(folded_ ^ port);
    return *this;
  }
  // An address of either family, with zeros for the words that IPv4 has not.
  constexpr FlowFold& add_address(const std::array<uint32_t, 4>& words) {
    for (uint32_t word : words) add32(word);
    return *this;
  }
  constexpr FlowFold& add32(uint32_t word) { return add16(static_cast<uint16_t>(word >> 16)).add16(static_cast<uint16_t>(word)); }

  // What a card says of the flow.
  constexpr uint32_t hash() const { return kFlowTable.hash(folded_); }

 private:
  uint16_t folded_ = 0;
};

// How a port with several queues shares flows out: by a table of so many entries, dealt out in turns.
struct FlowShare {
  uint16_t queues = 1;
  uint16_t queue = 0;     // ours
  uint16_t entries = 128;

  bool operator==(const FlowShare&) const = default;
  constexpr uint16_t queue_of(uint32_t hash) const { return static_cast<uint16_t>(hash % entries % queues); }
};

}  // namespace demi
