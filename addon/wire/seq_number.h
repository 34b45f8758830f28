// SeqNumber: a place in the sequence space of TCP, which has 2^32 places and no end (RFC 9293 3.4). Distances are plain numbers.
#pragma once

#include <cstdint>

namespace demi {

class SeqNumber {
 public:
  constexpr SeqNumber() = default;
  explicit constexpr SeqNumber(uint32_t value) : value_(value) {}
  constexpr uint32_t value() const { return value_; }

  constexpr bool operator==(const SeqNumber&) const = default;
  // RFC 1982 3.2: earlier means less than half of the space behind. It leaves open which of two places exactly 2^31 apart comes first;
  // here each of them is before the other, and neither is after, so no window of at most 2^31 - 1 notices. Because there is no first place,
  // this orders only numbers that lie in one half of the space: an ordered container may be keyed by them while that holds.
  constexpr bool operator<(SeqNumber other) const { return static_cast<int32_t>(value_ - other.value_) < 0; }
  constexpr bool operator<=(SeqNumber other) const { return *this == other || *this < other; }
  constexpr bool operator>(SeqNumber other) const { return static_cast<int32_t>(value_ - other.value_) > 0; }
  constexpr bool operator>=(SeqNumber other) const { return *this == other || *this > other; }

  // RFC 1982 3.1: the sum wraps.
  constexpr SeqNumber operator+(uint32_t distance) const { return SeqNumber(value_ + distance); }
  constexpr SeqNumber operator-(uint32_t distance) const { return SeqNumber(value_ - distance); }
  constexpr SeqNumber& operator+=(uint32_t distance) { return *this = *this + distance; }
  constexpr SeqNumber& operator-=(uint32_t distance) { return *this = *this - distance; }

  // How far it is from `earlier` to here; negative if `earlier` is later.
  constexpr int32_t operator-(SeqNumber earlier) const { return static_cast<int32_t>(value_ - earlier.value_); }
  // The same for one who knows the order, without the limit of half the space.
  constexpr uint32_t distance_from(SeqNumber earlier) const { return value_ - earlier.value_; }

  // In [first, first + size).
  constexpr bool in_window(SeqNumber first, uint32_t size) const { return value_ - first.value_ < size; }
  // In (after, up_to]: the test of an acknowledgment, SND.UNA < SEG.ACK =< SND.NXT (RFC 9293 3.4).
  constexpr bool is_after_up_to(SeqNumber after, SeqNumber up_to) const {
    return value_ - after.value_ - 1 < up_to.value_ - after.value_;
  }

  static constexpr SeqNumber earlier_of(SeqNumber a, SeqNumber b) { return b < a ? b : a; }
  static constexpr SeqNumber later_of(SeqNumber a, SeqNumber b) { return b > a ? b : a; }

 private:
  uint32_t value_ = 0;
};

// Whether a segment has anything that the receiver is waiting for (RFC 9293 3.10.7.4, first step). `length` is SEG.LEN: the text, and one
// each for SYN and FIN. The RFC asks whether its first or its last number is in the window; one that begins before the window and ends
// behind it has everything that is waited for, and counts, too: what is too much is trimmed off at both ends. And without text it may stand where the window
// ends, which the RFC allows for a window of zero only: all ACKs of a peer stand there that has filled the window, until what was lost of that has come.
constexpr bool is_acceptable(SeqNumber seq, uint32_t length, SeqNumber rcv_nxt, uint32_t rcv_wnd) {
  if (length == 0) return seq.in_window(rcv_nxt, rcv_wnd + 1);
  if (rcv_wnd == 0) return false;
  return seq.in_window(rcv_nxt, rcv_wnd) || rcv_nxt.in_window(seq, length);
}

}  // namespace demi
