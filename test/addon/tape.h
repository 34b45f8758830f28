// Tape: bytes as a program. Numbers are read from it one after the other, and zeros behind its end: the same bytes are the same program, and
// the beginning of a program is one, too.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/bytes.h"

namespace demi {

class Tape {
 public:
  explicit Tape(Bytes bytes) : left_(bytes) {}

  bool at_end() const { return left_.empty(); }
  uint8_t byte() {
    if (left_.empty()) return 0;
    const uint8_t first = left_[0];
    left_ = left_.subspan(1);
    return first;
  }
  uint16_t word() {
    const uint8_t high = byte();
    return static_cast<uint16_t>(high << 8 | byte());
  }
  uint32_t number() {
    const uint32_t high = word();
    return high << 16 | word();
  }
  // One byte, as a choice among `count`.
  uint8_t below(uint32_t count) { return static_cast<uint8_t>(byte() % count); }
  // The next bytes, at most `most`.
  Bytes take(size_t most) {
    const Bytes taken = left_.first(std::min(most, left_.size()));
    left_ = left_.subspan(taken.size());
    return taken;
  }

 private:
  Bytes left_;
};

}  // namespace demi
