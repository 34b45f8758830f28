// The scoreboard of SACK against a map of which octets were reported: the bytes say what a peer reports and acknowledges.
#include <array>

#include "base/assert.h"
#include "inet/tcp/sack_scoreboard.h"
#include "tape.h"

namespace demi {
namespace {

class ScoreboardProgram {
 public:
  explicit ScoreboardProgram(Tape& tape) : tape_(tape), begin_(tape.number()) {}

  void run() {
    for (int steps = 0; steps < 1'000 && !tape_.at_end(); ++steps) {
      const uint8_t what = tape_.byte();
      if (what % 16 == 0) {
        una_ = std::min(una_ + tape_.byte(), kPlaces);
        board_.drop_below(place(una_));
        std::fill_n(sacked_.begin(), una_, false);
      } else if (what == 255) {
        board_.clear();
        sacked_.fill(false);
      } else {
        report();
      }
      check();
    }
  }

 private:
  static constexpr size_t kPlaces = 2'048;

  SeqNumber place(size_t at) const { return begin_ + static_cast<uint32_t>(at); }
  size_t count_in(size_t first, size_t end) const {
    return static_cast<size_t>(std::count(sacked_.begin() + static_cast<ptrdiff_t>(first), sacked_.begin() + static_cast<ptrdiff_t>(end), true));
  }

  void report() {
    const size_t first = una_ + 1 + tape_.word() % kPlaces;
    const size_t end = first + 1 + tape_.byte() % 64;
    if (end > kPlaces) return;
    const uint32_t refused = board_.refused();
    const uint32_t fresh = board_.add({place(first), place(end)});
    if (board_.refused() != refused) {
      DEMI_ASSERT(board_.count() == kSackRangesMax && fresh == 0, "a range was refused without a reason");
      return;
    }
    DEMI_ASSERT(fresh == end - first - count_in(first, end), "another number of octets is new");
    std::fill_n(sacked_.begin() + static_cast<ptrdiff_t>(first), end - first, true);
  }

  void check() {
    DEMI_ASSERT(board_.sacked_bytes() == count_in(0, kPlaces), "octets are counted that were not reported");
    size_t runs = 0, last = 0;
    for (size_t i = 0; i < kPlaces; ++i) {
      runs += sacked_[i] && (i == 0 || !sacked_[i - 1]);
      if (sacked_[i]) last = i;
    }
    DEMI_ASSERT(runs == board_.count() && board_.empty() == (runs == 0), "ranges that touch or overlap");
    DEMI_ASSERT(runs == 0 || board_.highest() == place(last + 1), "the last range ends elsewhere");
    const size_t at = tape_.word() % kPlaces;
    DEMI_ASSERT(board_.is_sacked(place(at)) == sacked_[at], "an octet was reported, or not");
    DEMI_ASSERT(board_.sacked_in(place(at), place(kPlaces)) == count_in(at, kPlaces), "another number of octets was reported");
    SackBlock hole;
    const bool has_hole = board_.next_hole(place(at), place(kPlaces), hole);
    size_t first = at;
    while (first < kPlaces && sacked_[first]) ++first;
    DEMI_ASSERT(has_hole == (first < kPlaces), "a hole is missing, or there is none");
    if (!has_hole) return;
    size_t end = first;
    while (end < kPlaces && !sacked_[end]) ++end;
    DEMI_ASSERT(hole.begin == place(first) && hole.end == place(end), "another hole");
    check_lost(std::max<uint32_t>(tape_.byte(), 1));
  }

  // RFC 6675 4: three ranges, or more than two segments of octets, lie above what is lost.
  void check_lost(uint32_t mss) {
    const SeqNumber none = place(una_);
    const SeqNumber below = board_.lost_below(mss, none);
    size_t lost = una_, runs = 0, octets = 0;
    for (size_t i = kPlaces; i-- > 0;) {
      if (!sacked_[i]) continue;
      ++octets;
      if (i > 0 && sacked_[i - 1]) continue;
      ++runs;
      if (runs >= SackScoreboard::kDupThresh || octets > (SackScoreboard::kDupThresh - 1) * mss) {
        lost = i;
        break;
      }
    }
    DEMI_ASSERT(below == (lost == una_ ? none : place(lost)), "another part is lost");
  }

  Tape& tape_;
  SackScoreboard board_;
  const SeqNumber begin_;
  size_t una_ = 0;
  std::array<bool, kPlaces> sacked_{};
};

}  // namespace
}  // namespace demi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  demi::Tape tape(demi::Bytes(data, size));
  demi::ScoreboardProgram(tape).run();
  return 0;
}
