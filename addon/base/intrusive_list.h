// IntrusiveList: a doubly linked list whose links live in the elements, so that joining and leaving it is O(1) and allocates nothing.
// An element that is destroyed leaves its list by itself. The list owns nothing.
#pragma once

#include <cstddef>

#include "base/assert.h"

namespace demi {

// The links; a member of the element. Not copyable: the neighbours point to this very object.
class ListHook {
 public:
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  ~ListHook() { unlink(); }

  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (!linked()) return;
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class T, ListHook T::*kHook>
  friend class IntrusiveList;
  template <class T, ListHook T::*kHook>
  friend class IntrusiveQueue;

  ListHook* next_ = nullptr;
  ListHook* previous_ = nullptr;
};

template <class T, ListHook T::*kHook>
class IntrusiveList {
 public:
  IntrusiveList() { head_.next_ = head_.previous_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (!empty()) head_.next_->unlink();
    head_.next_ = head_.previous_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  T* front() { return empty() ? nullptr : element(head_.next_); }
  // The element after `current`, or nullptr at the end.
  T* next(T& current) {
    ListHook* after = (current.*kHook).next_;
    return after == &head_ ? nullptr : element(after);
  }
  void push_back(T& added) { insert_before(head_, added.*kHook); }
  void push_front(T& added) { insert_before(*head_.next_, added.*kHook); }
  T* pop_front() {
    T* first = front();
    if (first != nullptr) (first->*kHook).unlink();
    return first;
  }
  // Moves everything of `other` behind what is here, in order, in O(1).
  void splice_back(IntrusiveList& other) {
    if (other.empty()) return;
    ListHook* first = other.head_.next_;
    ListHook* last = other.head_.previous_;
    other.head_.next_ = other.head_.previous_ = &other.head_;
    first->previous_ = head_.previous_;
    head_.previous_->next_ = first;
    last->next_ = &head_;
    head_.previous_ = last;
  }

 private:
  static T* element(ListHook* hook) {
    const auto offset = reinterpret_cast<size_t>(&(reinterpret_cast<T*>(kProbe)->*kHook)) - kProbe;
    return reinterpret_cast<T*>(reinterpret_cast<char*>(hook) - offset);
  }
  static void insert_before(ListHook& place, ListHook& added) {
    DEMI_ASSERT(!added.linked(), "the element is already in a list");
    added.next_ = &place;
    added.previous_ = place.previous_;
    place.previous_->next_ = &added;
    place.previous_ = &added;
  }

  // Any suitably aligned address that is not null: only the distance from it to the hook is used.
  static constexpr size_t kProbe = 0x1000;
  mutable ListHook head_;
};

// IntrusiveQueue: the same in one word instead of two, for owners of which there are very many. The price: an element leaves by remove(),
// not by itself, and is out of the queue before either is destroyed.
template <class T, ListHook T::*kHook>
class IntrusiveQueue {
 public:
  IntrusiveQueue() = default;
  IntrusiveQueue(const IntrusiveQueue&) = delete;
  IntrusiveQueue& operator=(const IntrusiveQueue&) = delete;
  ~IntrusiveQueue() { DEMI_ASSERT(empty(), "a queue is destroyed before its elements have left"); }

  bool empty() const { return front_ == nullptr; }
  T* front() const { return front_; }
  // The element after `current`, or nullptr at the end.
  T* next(T& current) const {
    T* after = element((current.*kHook).next_);
    return after == front_ ? nullptr : after;
  }
  void push_back(T& added) {
    ListHook& hook = added.*kHook;
    DEMI_ASSERT(!hook.linked(), "the element is already in a list");
    if (front_ == nullptr) {
      hook.next_ = hook.previous_ = &hook;
      front_ = &added;
      return;
    }
    ListHook& first = front_->*kHook;
    hook.next_ = &first;
    hook.previous_ = first.previous_;
    first.previous_->next_ = &hook;
    first.previous_ = &hook;
  }
  // It is in this queue.
  void remove(T& removed) {
    if (front_ == &removed) front_ = next(removed);
    (removed.*kHook).unlink();
  }

 private:
  static T* element(ListHook* hook) {
    const auto offset = reinterpret_cast<size_t>(&(reinterpret_cast<T*>(kProbe)->*kHook)) - kProbe;
    return reinterpret_cast<T*>(reinterpret_cast<char*>(hook) - offset);
  }
  // As above.
  static constexpr size_t kProbe = 0x1000;

  T* front_ = nullptr;  // the links of the elements form a ring
};

}  // namespace demi
