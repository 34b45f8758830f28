// RingQueue<T>: a first-in first-out queue in one growing array. Unlike std::deque it allocates nothing once it has grown to
// the size that its owner needs, which is what steady state asks for.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "base/assert.h"

namespace demi {

// T is default-constructible and movable; an element that was popped is left in its moved-from state.
template <class T>
class RingQueue {
 public:
  bool empty() const { return count_ == 0; }
  size_t size() const { return count_; }
  T& front() {
    DEMI_ASSERT(count_ > 0, "front() of an empty queue");
    return elements_[first_];
  }
  const T& front() const { return const_cast<RingQueue*>(this)->front(); }
  void push_back(T element) {
    if (count_ == capacity_) grow();
    elements_[(first_ + count_) & (capacity_ - 1)] = std::move(element);
    ++count_;
  }
  T pop_front() {
    T element = std::move(front());
    first_ = (first_ + 1) & (capacity_ - 1);
    --count_;
    return element;
  }
  void clear() {
    while (!empty()) pop_front();
  }

 private:
  void grow() {
    const size_t larger = capacity_ == 0 ? kFirstCapacity : capacity_ * 2;
    auto moved = std::make_unique<T[]>(larger);
    for (size_t i = 0; i < count_; ++i) moved[i] = std::move(elements_[(first_ + i) & (capacity_ - 1)]);
    elements_ = std::move(moved);
    capacity_ = larger;
    first_ = 0;
  }

  static constexpr size_t kFirstCapacity = 4;  // a power of two, as every capacity
  std::unique_ptr<T[]> elements_;
  size_t capacity_ = 0;
  size_t first_ = 0;
  size_t count_ = 0;
};

}  // namespace demi
