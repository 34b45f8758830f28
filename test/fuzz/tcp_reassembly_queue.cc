// The reassembly queue against a map of which octets are there: the bytes say where segments of text begin and end. Each octet comes out once, at
// its place, as soon as there is no hole before it.
#include <array>
#include <vector>

#include "base/assert.h"
#include "inet/tcp/reassembly_queue.h"
#include "memory/memory.h"
#include "tape.h"

namespace demi {
namespace {

class ReassemblyProgram {
 public:
  explicit ReassemblyProgram(Tape& tape) : tape_(tape), queue_(pool_), begin_(tape.number()), nxt_(begin_) {}

  void run() {
    for (int steps = 0; steps < 600 && !tape_.at_end(); ++steps) {
      if (tape_.byte() % 8 == 0) {
        fill_hole();
      } else {
        insert();
      }
      check();
    }
  }

 private:
  static constexpr size_t kPlaces = 2'048;

  static Memory& memory() {
    static Memory memory;
    return memory;
  }
  static uint8_t octet(size_t place) { return static_cast<uint8_t>(place * 37 >> 3); }
  size_t at(SeqNumber place) const { return place.distance_from(begin_); }

  // The next segment, as if it had come in order.
  void fill_hole() {
    size_t length = tape_.byte();
    while (length > 0 && at(nxt_) + length > kPlaces) --length;
    nxt_ += static_cast<uint32_t>(length);
    take();
  }
  void take() {
    for (SgArray text = queue_.take_at(nxt_); !text.empty(); text = queue_.take_at(nxt_)) {
      for (const Segment& segment : text) {
        for (uint32_t i = 0; i < segment.length; ++i, nxt_ += 1) {
          DEMI_ASSERT(here_[at(nxt_)] && segment.data()[i] == octet(at(nxt_)), "another octet came out than went in");
        }
      }
    }
    // Whatever lies below is gone, whether it was taken or came again.
    std::fill(here_.begin(), here_.begin() + static_cast<ptrdiff_t>(at(nxt_)), false);
    DEMI_ASSERT(at(nxt_) == kPlaces || !here_[at(nxt_)], "text without a hole before it was kept back");
  }

  void insert() {
    const size_t first = at(nxt_) + 1 + tape_.word() % 1'024;
    const size_t length = 1 + tape_.byte();
    if (first + length > kPlaces) return;
    SgArray text = memory().make_array();
    std::vector<uint8_t> octets(length);
    for (size_t i = 0; i < length; ++i) octets[i] = octet(first + i);
    DEMI_ASSERT(memory().copy_whole(octets, text), "there is memory enough");
    const size_t count = queue_.count();
    const bool is_known = std::all_of(here_.begin() + static_cast<ptrdiff_t>(first), here_.begin() + static_cast<ptrdiff_t>(first + length), [](bool is) { return is; });
    switch (queue_.insert(begin_ + static_cast<uint32_t>(first), std::move(text))) {
      case ReassemblyQueue::Inserted::kKept:
        DEMI_ASSERT(!is_known, "text was kept that was there");
        std::fill_n(here_.begin() + static_cast<ptrdiff_t>(first), length, true);
        return;
      case ReassemblyQueue::Inserted::kDuplicate:
        DEMI_ASSERT(is_known, "text is no duplicate");
        return;
      case ReassemblyQueue::Inserted::kRefused:
        DEMI_ASSERT(count == kReassemblyBlocksMax, "text was refused without a reason");
        return;
    }
  }

  void check() {
    DEMI_ASSERT(queue_.text_bytes() == static_cast<uint64_t>(std::count(here_.begin(), here_.end(), true)), "text is counted that is not there");
    DEMI_ASSERT(queue_.count() <= kReassemblyBlocksMax && queue_.empty() == (queue_.text_bytes() == 0), "blocks without text");
    size_t runs = 0;
    for (size_t i = 0; i < kPlaces; ++i) runs += here_[i] && (i == 0 || !here_[i - 1]);
    DEMI_ASSERT(runs == queue_.count(), "blocks that touch or overlap");
    TcpOptions options;
    queue_.add_sack_blocks(options, TcpOptions::kSackBlocksMax);
    DEMI_ASSERT(options.sack_block_count == std::min(runs, TcpOptions::kSackBlocksMax), "SACK blocks are missing");
    for (size_t i = 0; i < options.sack_block_count; ++i) {
      const size_t first = at(options.sack_blocks[i].begin), end = at(options.sack_blocks[i].end);
      DEMI_ASSERT(first < end && end <= kPlaces && here_[first] && here_[end - 1], "a SACK block of text that is not here");
      DEMI_ASSERT(!here_[first - 1] && (end == kPlaces || !here_[end]), "a SACK block that is cut short");
    }
  }

  Tape& tape_;
  ReassemblyBlockPool pool_;
  ReassemblyQueue queue_;
  const SeqNumber begin_;
  SeqNumber nxt_;
  std::array<bool, kPlaces> here_{};
};

}  // namespace
}  // namespace demi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  demi::Tape tape(demi::Bytes(data, size));
  demi::ReassemblyProgram(tape).run();
  return 0;
}
