#include "inet/tcp/reassembly_queue.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace demi {

uint64_t charge_of(const SgArray& text) {
  uint64_t bytes = 0;
  for (const Segment& segment : text) bytes += segment.buffer->capacity;
  return bytes;
}

ReassemblyQueue::~ReassemblyQueue() {
  while (count_ > 0) remove(count_ - 1);
}

size_t ReassemblyQueue::first_ending_at_or_after(SeqNumber place) const {
  ReassemblyBlock* const* found = std::partition_point(
      blocks_, blocks_ + count_, [place](const ReassemblyBlock* block) { return block->end < place; });
  return static_cast<size_t>(found - blocks_);
}

// Lengthens `block`, at whose end `text` begins.
void ReassemblyQueue::append(ReassemblyBlock& block, SgArray text) {
  text_bytes_ += text.bytes();
  charged_bytes_ += charge_of(text);
  block.end += static_cast<uint32_t>(text.bytes());
  block.text.append(std::move(text));
}

// Gives a block back, with the text that it still has.
void ReassemblyQueue::remove(size_t index) {
  ReassemblyBlock* block = blocks_[index];
  text_bytes_ -= block->text.bytes();
  charged_bytes_ -= charge_of(block->text);
  std::move(blocks_ + index + 1, blocks_ + count_, blocks_ + index);
  --count_;
  pool_.release(block);
}

ReassemblyQueue::Inserted ReassemblyQueue::insert(SeqNumber seq, SgArray text) {
  const SeqNumber end = seq + static_cast<uint32_t>(text.bytes());
  const size_t index = first_ending_at_or_after(seq);
  const bool joins = index < count_ && blocks_[index]->begin <= seq;
  if (joins && end <= blocks_[index]->end) {
    blocks_[index]->recent_hook.unlink();
    recent_.push_front(*blocks_[index]);
    return Inserted::kDuplicate;
  }
  if (!joins) {
    // It may bridge to the next block, but it needs a place of its own before it does.
    if (count_ == kReassemblyBlocksMax) return Inserted::kRefused;
    std::move_backward(blocks_ + index, blocks_ + count_, blocks_ + count_ + 1);
    blocks_[index] = pool_.make();
    blocks_[index]->begin = blocks_[index]->end = seq;
    ++count_;
  }
  ReassemblyBlock& block = *blocks_[index];
  text.drop_front(block.end.distance_from(seq));
  // The blocks that it reaches are joined, and what they have stays theirs.
  while (index + 1 < count_ && blocks_[index + 1]->begin <= end) {
    ReassemblyBlock& next = *blocks_[index + 1];
    append(block, text.split_front(next.begin.distance_from(block.end)));
    text.drop_front(next.end.distance_from(next.begin));
    block.end = next.end;
    block.text.append(std::move(next.text));
    // Its text moved and stays counted.
    remove(index + 1);
  }
  append(block, std::move(text));
  block.recent_hook.unlink();
  recent_.push_front(block);
  return Inserted::kKept;
}

SgArray ReassemblyQueue::take_at(SeqNumber rcv_nxt) {
  SgArray text;
  while (count_ > 0 && blocks_[0]->begin <= rcv_nxt) {
    ReassemblyBlock& first = *blocks_[0];
    if (first.end > rcv_nxt) {
      text_bytes_ -= first.text.bytes();
      charged_bytes_ -= charge_of(first.text);
      text = std::move(first.text);
      text.drop_front(rcv_nxt.distance_from(first.begin));
    }
    remove(0);
    if (!text.empty()) break;
  }
  return text;
}

void ReassemblyQueue::add_sack_blocks(TcpOptions& options, size_t limit) {
  for (ReassemblyBlock* block = recent_.front(); block != nullptr && options.sack_block_count < limit; block = recent_.next(*block)) {
    options.sack_blocks[options.sack_block_count++] = {block->begin, block->end};
  }
}

}  // namespace demi
