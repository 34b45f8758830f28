#include "memory/sg_array.h"

#include <algorithm>
#include <cstring>

namespace demi {

void SgArray::append_to_some(SgArray&& other, bool merge) {
  DEMI_ASSERT(this != &other, "an SgArray appended to itself");
  if (other.head_ == nullptr) return;
  DEMI_ASSERT(pool_ == nullptr || pool_ == other.pool_, "SgArrays of different memories");
  if (merge && tail_ != nullptr && tail_->continues_at(other.head_->buffer, other.head_->offset)) {
    tail_->length += other.head_->length;
    totals_ += in_bytes(other.head_->length);
    drop_reference(*other.head_->buffer);
    other.unlink_front();
    if (other.head_ == nullptr) return;
  }
  if (tail_ == nullptr) {
    head_ = other.head_;
  } else {
    tail_->next = other.head_;
  }
  tail_ = other.tail_;
  pool_ = other.pool_;
  totals_ += other.totals_;
  other.forget();
}

// Takes the first segment off the chain and recycles it; its reference is the caller's business.
void SgArray::unlink_front() {
  Segment* first = head_;
  totals_ -= one_segment(first->length);
  head_ = first->next;
  if (head_ == nullptr) tail_ = nullptr;
  pool_->give_back(first);
}

SgArray SgArray::cut_front(uint64_t n) {
  SgArray front;
  front.pool_ = pool_;
  while (n >= head_->length && n > 0) {
    Segment* whole = head_;
    head_ = whole->next;
    totals_ -= one_segment(whole->length);
    n -= whole->length;
    front.link_back(whole);
  }
  if (n > 0) {
    const auto cut = static_cast<uint32_t>(n);
    front.append_segment(BufferRef::share(*head_->buffer), head_->offset, cut);
    head_->offset += cut;
    head_->length -= cut;
    totals_ -= in_bytes(cut);
  }
  return front;
}

void SgArray::drop_front(uint64_t n) {
  if (n >= bytes()) return clear();
  while (n >= head_->length) {
    n -= head_->length;
    drop_reference(*head_->buffer);
    unlink_front();
  }
  head_->offset += static_cast<uint32_t>(n);
  head_->length -= static_cast<uint32_t>(n);
  totals_ -= in_bytes(n);
}

SgArray SgArray::slice(uint64_t begin, uint64_t end) const {
  DEMI_ASSERT(begin <= end && end <= bytes(), "a slice outside its SgArray");
  SgArray part;
  part.pool_ = pool_;
  uint64_t start = 0;
  for (const Segment* segment = head_; segment != nullptr && start < end; segment = segment->next) {
    const uint64_t from = std::max(begin, start);
    const uint64_t to = std::min(end, start + segment->length);
    if (from < to) {
      part.append_segment(BufferRef::share(*segment->buffer), segment->offset + static_cast<uint32_t>(from - start),
                          static_cast<uint32_t>(to - from));
    }
    start += segment->length;
  }
  return part;
}

size_t SgArray::copy_out(std::span<uint8_t> to, uint64_t from) const {
  size_t copied = 0;
  for (const Segment* segment = head_; segment != nullptr && copied < to.size(); segment = segment->next) {
    if (from >= segment->length) {
      from -= segment->length;
      continue;
    }
    const size_t length = std::min<size_t>(segment->length - from, to.size() - copied);
    std::memcpy(to.data() + copied, segment->data() + from, length);
    copied += length;
    from = 0;
  }
  return copied;
}

}  // namespace demi
