// Text that is recognised wherever it turns up: each byte belongs to a place of its stream.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "memory/memory.h"

namespace demi {

constexpr uint8_t byte_at(uint64_t place) { return static_cast<uint8_t>(place * 31 + (place >> 8) * 7 + (place >> 16)); }

// Empty when there is no memory for it.
inline SgArray text_if_there_is_room(Memory& memory, uint64_t place, uint64_t length) {
  SgArray text = memory.make_array();
  std::vector<uint8_t> bytes(length);
  for (uint64_t i = 0; i < length; ++i) bytes[i] = byte_at(place + i);
  if (length > 0 && !memory.copy_whole(bytes, text)) text.clear();
  return text;
}

inline SgArray text_at(Memory& memory, uint64_t place, uint64_t length) {
  SgArray text = text_if_there_is_room(memory, place, length);
  EXPECT_EQ(text.bytes(), length);
  return text;
}

inline bool is_text_at(const SgArray& text, uint64_t place) {
  for (const Segment& segment : text) {
    for (uint32_t i = 0; i < segment.length; ++i) {
      if (segment.data()[i] != byte_at(place++)) return false;
    }
  }
  return true;
}

}  // namespace demi
