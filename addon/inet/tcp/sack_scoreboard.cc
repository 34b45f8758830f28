#include "inet/tcp/sack_scoreboard.h"

#include <algorithm>

#include "base/assert.h"

namespace demi {

SeqNumber SackScoreboard::highest() const {
  DEMI_ASSERT(count_ > 0, "the highest range of none");
  return ranges_[count_ - 1].end;
}

// The index of the first range that reaches beyond `place`.
size_t SackScoreboard::first_ending_after(SeqNumber place) const {
  const SackBlock* found =
      std::partition_point(ranges_, ranges_ + count_, [place](const SackBlock& range) { return range.end <= place; });
  return static_cast<size_t>(found - ranges_);
}

uint32_t SackScoreboard::add(SackBlock range) {
  DEMI_ASSERT(range.begin < range.end, "an empty SACK range");
  // What it overlaps or touches: [first, last). A range that ends where this one begins is joined, too.
  const SackBlock* touching =
      std::partition_point(ranges_, ranges_ + count_, [range](const SackBlock& other) { return other.end < range.begin; });
  const auto first = static_cast<size_t>(touching - ranges_);
  size_t last = first;
  uint32_t known = 0;
  SackBlock joined = range;
  while (last < count_ && ranges_[last].begin <= range.end) {
    known += static_cast<uint32_t>(ranges_[last].end - ranges_[last].begin);
    joined.begin = SeqNumber::earlier_of(joined.begin, ranges_[last].begin);
    joined.end = SeqNumber::later_of(joined.end, ranges_[last].end);
    ++last;
  }
  if (last == first && count_ == kSackRangesMax) {
    ++refused_;
    return 0;
  }
  // What was several is one now, or what was nothing.
  if (last == first) {
    std::move_backward(ranges_ + first, ranges_ + count_, ranges_ + count_ + 1);
  } else {
    std::move(ranges_ + last, ranges_ + count_, ranges_ + first + 1);
  }
  count_ = static_cast<uint32_t>(count_ + 1 - (last - first));
  ranges_[first] = joined;
  const uint32_t fresh = static_cast<uint32_t>(joined.end - joined.begin) - known;
  sacked_bytes_ += fresh;
  return fresh;
}

void SackScoreboard::drop_below(SeqNumber una) {
  const size_t gone = first_ending_after(una);
  for (size_t i = 0; i < gone; ++i) sacked_bytes_ -= static_cast<uint32_t>(ranges_[i].end - ranges_[i].begin);
  if (gone > 0) std::move(ranges_ + gone, ranges_ + count_, ranges_);
  count_ -= static_cast<uint32_t>(gone);
  if (count_ > 0 && ranges_[0].begin < una) {
    sacked_bytes_ -= static_cast<uint32_t>(una - ranges_[0].begin);
    ranges_[0].begin = una;
  }
}

void SackScoreboard::clear() {
  count_ = 0;
  sacked_bytes_ = 0;
}

SeqNumber SackScoreboard::lost_below(uint32_t mss, SeqNumber none) const {
  uint32_t bytes_above = 0;
  for (size_t i = count_; i-- > 0;) {
    bytes_above += static_cast<uint32_t>(ranges_[i].end - ranges_[i].begin);
    // RFC 6675 4, IsLost: DupThresh discontiguous ranges, or more than (DupThresh - 1) * SMSS bytes.
    if (count_ - i >= kDupThresh || bytes_above > (kDupThresh - 1) * mss) return ranges_[i].begin;
  }
  return none;
}

uint32_t SackScoreboard::sacked_in(SeqNumber begin, SeqNumber end) const {
  uint32_t bytes = 0;
  for (size_t i = first_ending_after(begin); i < count_ && ranges_[i].begin < end; ++i) {
    bytes += static_cast<uint32_t>(SeqNumber::earlier_of(ranges_[i].end, end) - SeqNumber::later_of(ranges_[i].begin, begin));
  }
  return bytes;
}

bool SackScoreboard::is_sacked(SeqNumber place) const {
  const size_t i = first_ending_after(place);
  return i < count_ && ranges_[i].begin <= place;
}

bool SackScoreboard::next_hole(SeqNumber from, SeqNumber limit, SackBlock& hole) const {
  size_t i = first_ending_after(from);
  if (i < count_ && ranges_[i].begin <= from) from = ranges_[i++].end;
  if (from >= limit) return false;
  hole.begin = from;
  hole.end = i < count_ ? SeqNumber::earlier_of(ranges_[i].begin, limit) : limit;
  return true;
}

}  // namespace demi
