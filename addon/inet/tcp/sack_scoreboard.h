// SackScoreboard: what the peer says that it has behind the first hole (RFC 2018), and what follows from that for each byte (RFC 6675).
//
// Sorted ranges that neither touch nor overlap, at most kSackRangesMax of them, so that whatever a peer writes into its options costs a binary
// search and a move of a few kilobytes. All ranges lie in (SND.UNA, SND.NXT]: the caller has checked that.
#pragma once

#include <cstddef>
#include <cstdint>

#include "inet/tcp/tcp_limits.h"
#include "wire/seq_number.h"
#include "wire/tcp_options.h"

namespace demi {

class SackScoreboard {
 public:
  // RFC 5681 3.2 and RFC 6675 2.
  static constexpr uint32_t kDupThresh = 3;

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  uint32_t sacked_bytes() const { return sacked_bytes_; }
  // The end of the last range. Not to be asked of an empty one.
  SeqNumber highest() const;

  // Returns the bytes that were not known to have arrived. Nothing is remembered of a range that is one too many.
  uint32_t add(SackBlock range);
  // The cumulative acknowledgment moved.
  void drop_below(SeqNumber una);
  void clear();

  // IsLost(), RFC 6675 4, for all bytes at once: everything below the returned number that was not reported is lost: three ranges, or
  // more than two segments of bytes, lie above it. `none` if nothing is.
  SeqNumber lost_below(uint32_t mss, SeqNumber none) const;
  // Bytes reported in [begin, end).
  uint32_t sacked_in(SeqNumber begin, SeqNumber end) const;
  bool is_sacked(SeqNumber place) const;
  // The first run of bytes at or behind `from` that was not reported, up to `limit`. False if there is none.
  bool next_hole(SeqNumber from, SeqNumber limit, SackBlock& hole) const;

  // Ranges that found no place.
  uint32_t refused() const { return refused_; }

 private:
  size_t first_ending_after(SeqNumber place) const;

  SackBlock ranges_[kSackRangesMax];
  uint32_t count_ = 0;
  uint32_t sacked_bytes_ = 0;
  uint32_t refused_ = 0;
};

}  // namespace demi
