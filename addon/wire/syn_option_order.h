// SynOptionOrder: in which order, and with which padding, a SYN carries its options. It means nothing to a peer; stacks are told apart by it, and
// whoever has to look like another one chooses it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace demi {

// By their kinds in the IANA registry "TCP Option Kind Numbers".
enum class SynOption : uint8_t {
  kNoOperation = 1,
  kMaximumSegmentSize = 2,
  kWindowScale = 3,
  kSackPermitted = 4,
  kTimestamps = 8,
};

class SynOptionOrder {
 public:
  static size_t bytes_of(SynOption option);

  // Puts it behind the others; false if a header has no room for so many.
  bool append(SynOption option);
  bool has(SynOption option) const;
  // Empty: the order of TcpOptions::emit().
  bool empty() const { return count_ == 0; }
  const SynOption* begin() const { return options_.data(); }
  const SynOption* end() const { return options_.data() + count_; }

 private:
  std::array<SynOption, 40> options_{};  // as many as a header has bytes for
  uint8_t count_ = 0;
  uint8_t bytes_ = 0;
};

}  // namespace demi
