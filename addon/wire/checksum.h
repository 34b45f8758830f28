// The Internet checksum (RFC 1071): a Checksum adds up what is protected, span by span, and complements the sum at the end.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "base/assert.h"
#include "base/bytes.h"
#include "wire/address.h"
#include "wire/ip_protocol.h"

namespace demi {

class Checksum {
 public:
  Checksum() = default;
  // What TCP, UDP and ICMPv6 protect beside their own bytes (RFC 9293 3.1, RFC 768, RFC 8200 8.1). Both addresses are of one family.
  static Checksum pseudo_header(const IpAddress& source, const IpAddress& destination, IpProtocol protocol, uint32_t upper_layer_bytes);

  // The next bytes, at any alignment and of any number: spans join where they meet, also in the middle of a word. How long that takes:
  // make -C test/addon checksum_bench.
  void add(Bytes bytes) {
    // Headers and small messages are summed up where they are asked for, what is longer by vectors.
    const uint64_t sum = bytes.size() <= kShortBytes ? sum_of_short(bytes) : sum_of_long(bytes);
    // RFC 1071 2 (B): bytes that stand in the other halves of their words give the sum with its halves exchanged.
    sum_ = add_round(sum_, is_odd_ ? swap_bytes(fold(sum)) : sum);
    is_odd_ ^= bytes.size() % 2 != 0;
  }
  // The sum of some words, as the next bytes. There was an even number of bytes before.
  void add_words(uint32_t sum) { sum_ = add_round(sum_, native(sum)); }
  // What was added up elsewhere, as the next bytes.
  void add(const Checksum& next) {
    sum_ = add_round(sum_, is_odd_ ? swap_bytes(fold(next.sum_)) : next.sum_);
    is_odd_ ^= next.is_odd_;
  }

  // What belongs into the checksum field, which was zero while it was added.
  uint16_t value() const { return static_cast<uint16_t>(~folded()); }
  // The sum without the complement: what a device that finishes the sum wants in the field.
  uint16_t folded() const { return kIsLittleEndian ? swap_bytes(fold(sum_)) : fold(sum_); }
  // Whether the bytes, the checksum field among them, are as they were sent (RFC 1071 1, step 3).
  bool is_valid() const { return folded() == 0xffff; }

 private:
  friend class SummedWords;
  friend uint16_t checksum_after_change(uint16_t checksum, uint16_t before, uint16_t after);
  static constexpr bool kIsLittleEndian = std::endian::native == std::endian::little;
  static constexpr size_t kShortBytes = 128;

  // RFC 1071 2 (A): carries out of the word come back in at its low end, of a word of any size, and whenever that is done.
  static constexpr uint64_t add_round(uint64_t a, uint64_t b) {
    const uint64_t sum = a + b;
    return sum + (sum < b);
  }
  static constexpr uint16_t fold(uint64_t sum) {
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>((sum & 0xffff) + (sum >> 16));
  }
  static constexpr uint16_t swap_bytes(uint16_t word) { return static_cast<uint16_t>(word << 8 | word >> 8); }
  static constexpr uint32_t native(uint32_t word) { return kIsLittleEndian ? __builtin_bswap32(word) : word; }
  template <class Word>
  static Word load(const uint8_t* from) {
    Word word;
    std::memcpy(&word, from, sizeof word);
    return word;
  }
  static uint64_t sum_of_short(Bytes bytes) {
    const uint8_t* at = bytes.data();
    size_t left = bytes.size();
    uint64_t even = 0, odd = 0;  // independent of each other, so that two additions are under way at once
    for (; left >= 32; at += 32, left -= 32) {
      even = add_round(even, load<uint64_t>(at));
      odd = add_round(odd, load<uint64_t>(at + 8));
      even = add_round(even, load<uint64_t>(at + 16));
      odd = add_round(odd, load<uint64_t>(at + 24));
    }
    uint64_t rest = 0;
    for (; left >= 4; at += 4, left -= 4) rest += load<uint32_t>(at);
    if (left >= 2) rest += load<uint16_t>(at), at += 2, left -= 2;
    if (left > 0) rest += kIsLittleEndian ? *at : uint64_t{*at} << 8;  // RFC 1071 1: padded by a zero byte
    return add_round(add_round(even, odd), rest);
  }
  static uint64_t sum_of_long(Bytes bytes);

  // Of native words: RFC 1071 2 (B), the sum does not care for the order of bytes until the end.
  uint64_t sum_ = 0;
  bool is_odd_ = false;  // the next byte is the second one of its word
};

// Stores a header word by word and adds the words up. To load again at once what was stored in other pieces makes processors wait.
class SummedWords {
 public:
  explicit SummedWords(uint8_t* to) : to_(to) {}
  // At most 2^32 of them.
  void put(uint32_t word) {
    const uint32_t native = Checksum::native(word);
    std::memcpy(to_, &native, sizeof native);
    to_ += sizeof native;
    sum_ += native;
  }
  Checksum checksum() const {
    Checksum checksum;
    checksum.sum_ = sum_;
    return checksum;
  }

 private:
  uint8_t* to_;
  uint64_t sum_ = 0;
};

inline Checksum Checksum::pseudo_header(const IpAddress& source, const IpAddress& destination, IpProtocol protocol,
                                        uint32_t upper_layer_bytes) {
  DEMI_ASSERT(source.family == destination.family, "a packet has addresses of one family");
  uint64_t sum = uint64_t{native(source.words[0])} + native(destination.words[0]) + native(static_cast<uint8_t>(protocol)) + native(upper_layer_bytes);
  if (!source.is_ipv4()) {
    for (size_t i = 1; i < source.words.size(); ++i) sum += uint64_t{native(source.words[i])} + native(destination.words[i]);
  }
  Checksum checksum;
  checksum.sum_ = sum;
  return checksum;
}

// The checksum after one word of what it protects has changed (RFC 1624 3, equation 3).
uint16_t checksum_after_change(uint16_t checksum, uint16_t before, uint16_t after);

}  // namespace demi
