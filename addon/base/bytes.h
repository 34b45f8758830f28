// Bytes of others, and the big-endian numbers in them. A load or store checks nothing: who calls it has checked the whole structure once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace demi {

using Bytes = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;

// Compilers make one load and one byte swap of these, at any alignment.
constexpr uint16_t load_be16(const uint8_t* from) { return static_cast<uint16_t>(from[0] << 8 | from[1]); }
constexpr uint32_t load_be32(const uint8_t* from) {
  return uint32_t{from[0]} << 24 | uint32_t{from[1]} << 16 | uint32_t{from[2]} << 8 | from[3];
}

constexpr void store_be16(uint8_t* to, uint16_t number) {
  to[0] = static_cast<uint8_t>(number >> 8);
  to[1] = static_cast<uint8_t>(number);
}
constexpr void store_be32(uint8_t* to, uint32_t number) {
  to[0] = static_cast<uint8_t>(number >> 24);
  to[1] = static_cast<uint8_t>(number >> 16);
  to[2] = static_cast<uint8_t>(number >> 8);
  to[3] = static_cast<uint8_t>(number);
}

}  // namespace demi
