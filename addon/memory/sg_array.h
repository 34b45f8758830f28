// SgArray: a scatter-gather array, that is bytes in several pieces, each a part of a reference-counted buffer.
//
// It is a message, and it is also the buffer of a stream: append at the back, split_front() at the front. Move-only; clone(),
// slice() and split_front() share the bytes and copy none. Nothing here fails or allocates from the heap in steady state;
// where a caller decides how many segments come into being, ask Memory, which has the bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "memory/segment.h"

namespace demi {

class SgArray {
 public:
  // Empty. It learns its pool from the first array that is appended.
  SgArray() = default;
  // Empty. `pool` outlives it.
  explicit SgArray(SegmentPool& pool) : pool_(&pool) {}
  // The source is empty afterwards and keeps its pool: it can be appended to again.
  SgArray(SgArray&& other) noexcept { take_over(other); }
  SgArray& operator=(SgArray&& other) noexcept {
    if (this == &other) return *this;
    clear();
    take_over(other);
    return *this;
  }
  SgArray(const SgArray&) = delete;
  SgArray& operator=(const SgArray&) = delete;
  ~SgArray() { clear(); }

  uint64_t bytes() const { return totals_ >> kCountBits; }
  bool empty() const { return head_ == nullptr; }
  // Segments; none of them is empty.
  uint32_t count() const { return totals_ & ((uint32_t{1} << kCountBits) - 1); }
  SegmentPool* pool() const { return pool_; }

  // The first segment, from which `next` leads to the others; nullptr when empty.
  const Segment* front() const { return head_; }
  class Iterator {
   public:
    explicit Iterator(const Segment* segment) : segment_(segment) {}
    const Segment& operator*() const { return *segment_; }
    const Segment* operator->() const { return segment_; }
    Iterator& operator++() {
      segment_ = segment_->next;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const Segment* segment_;
  };
  Iterator begin() const { return Iterator(head_); }
  Iterator end() const { return Iterator(nullptr); }

  // Appends a part of a buffer's room. With `merge`, bytes that continue the last segment in the same buffer lengthen it; for
  // streams only, because there nobody counts the segments. O(1). Nothing happens if `length` is 0.
  void append_segment(BufferRef buffer, uint32_t offset, uint32_t length, bool merge = false);
  // Moves the other's segments here. O(1). Both are of the same pool, if they have one.
  void append(SgArray&& other, bool merge = false) {
    if (head_ == nullptr && (pool_ == nullptr || pool_ == other.pool_)) {
      take_over(other);
    } else {
      append_to_some(std::move(other), merge);
    }
  }

  // Takes the first min(n, bytes()) bytes away and returns them. Shares the buffer that is cut. O(segments returned).
  SgArray split_front(uint64_t n) {
    if (n >= bytes()) return std::move(*this);
    return cut_front(n);
  }
  // Gives the first min(n, bytes()) bytes back.
  void drop_front(uint64_t n);
  // The bytes from `begin` up to `end`, shared. begin <= end <= bytes().
  SgArray slice(uint64_t begin, uint64_t end) const;
  SgArray clone() const { return slice(0, bytes()); }
  // Copies the bytes from `from` on, as many as there are and fit. Returns how many.
  size_t copy_out(std::span<uint8_t> to, uint64_t from = 0) const;

  // Gives everything back.
  void clear() {
    if (head_ != nullptr) give_back(head_, tail_, count());
    forget();
  }

 private:
  static constexpr uint32_t kCountBits = 24;
  static constexpr uint64_t in_bytes(uint64_t bytes) { return bytes << kCountBits; }
  static constexpr uint64_t one_segment(uint64_t bytes) { return in_bytes(bytes) + 1; }

  void forget() {
    head_ = tail_ = nullptr;
    totals_ = 0;
  }
  void take_over(SgArray& other) {
    head_ = other.head_;
    tail_ = other.tail_;
    pool_ = other.pool_;
    totals_ = other.totals_;
    other.forget();
  }
  SgArray cut_front(uint64_t n);
  void append_to_some(SgArray&& other, bool merge);
  void give_back(Segment* first, Segment* last, size_t count);
  void link_back(Segment* segment);
  void unlink_front();

  Segment* head_ = nullptr;
  Segment* tail_ = nullptr;
  SegmentPool* pool_ = nullptr;
  // The bytes in the upper 40 bits and the segments in the lower 24: it keeps an SgArray within 32 bytes, and one addition updates
  // both. memory_limits.h proves that neither overflows.
  uint64_t totals_ = 0;
};

static_assert(sizeof(SgArray) <= 32);

inline void SgArray::link_back(Segment* segment) {
  segment->next = nullptr;
  if (tail_ == nullptr) {
    head_ = segment;
  } else {
    tail_->next = segment;
  }
  tail_ = segment;
  totals_ += one_segment(segment->length);
}

inline void SgArray::append_segment(BufferRef buffer, uint32_t offset, uint32_t length, bool merge) {
  DEMI_ASSERT(uint64_t{offset} + length <= buffer->capacity, "a segment outside its room");
  if (length == 0) return;
  if (merge && tail_ != nullptr && tail_->continues_at(buffer.get(), offset)) {
    tail_->length += length;
    totals_ += in_bytes(length);
    return;
  }
  DEMI_ASSERT(pool_ != nullptr, "an SgArray without a pool for its segments");
  Segment* segment = pool_->take();
  segment->buffer = buffer.detach();
  segment->offset = offset;
  segment->length = length;
  link_back(segment);
}

inline void SgArray::give_back(Segment* first, Segment* last, size_t count) {
  for (Segment* segment = first; segment != nullptr; segment = segment->next) drop_reference(*segment->buffer);
  pool_->give_back(first, last, count);
}

}  // namespace demi
