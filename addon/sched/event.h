// Event: where coroutines wait until something may have changed. It has no state of its own: notifying an event nobody waits for does
// nothing, so a waiter checks its condition, waits, and checks again.
//
// Turns. The coroutines waiting for one resource (the pops of one queue, say) get it strictly in the order in which they came, if one at
// a time is on its way to it: that is what notify_turn() sees to. Who was woken and cannot finish waits again with wait_front() and so
// keeps its turn; who has finished gives the turn on, because there may be enough left for the next:
//
//   if (!available.empty()) co_await available.wait();             // others came before
//   while (!store.try_take(amount)) co_await available.wait_front();
//   available.notify_turn();                                       // as does whoever adds to the store
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "base/intrusive_list.h"
#include "sched/scheduler.h"

namespace demi {

class Event {
 public:
  enum class Place : bool { kBack, kFront };
  template <Place kPlace>
  class Wait;

  explicit Event(Scheduler& scheduler) : scheduler_(scheduler) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  // Nobody may wait for it any more, and nobody woken by notify_one() may still be on the way.
  ~Event() {
    DEMI_ASSERT(waiting_count_ == 0, "an event is destroyed while a coroutine waits for it");
    DEMI_ASSERT(notified_count_ == 0, "an event is destroyed before a coroutine that it notified has run");
  }

  // co_await wait(): suspends until notified; the last in the queue. Always suspends.
  Wait<Place::kBack> wait();
  // co_await wait_front(): the same, as the first in the queue.
  Wait<Place::kFront> wait_front();

  // Moves the first waiter, if any, to the ready queue. If it is destroyed before it has run, the next waiter is notified in its place.
  void notify_one() {
    Waiter* waiter = waiting_.pop_front();
    if (waiter == nullptr) return;
    --waiting_count_;
    ++notified_count_;
    scheduler_.make_ready(*waiter);
  }
  // The same, unless somebody that was notified is still on the way: that one has the turn and will give it on.
  void notify_turn() {
    if (notified_count_ == 0) notify_one();
  }
  // Moves all waiters to the ready queue, in order.
  void notify_all() {
    while (Waiter* waiter = waiting_.pop_front()) {
      waiter->event_ = nullptr;
      scheduler_.make_ready(*waiter);
    }
    waiting_count_ = 0;
  }

  // True if nobody waits and nobody that notify_one() woke is still on the way: a newcomer who finds it empty overtakes no one.
  bool empty() const { return waiting_count_ + notified_count_ == 0; }
  // How many wait, without those that were notified.
  size_t waiters() const { return waiting_count_; }

 private:
  friend class Scheduler;
  friend class Waiter;

  void enqueue(Waiter& waiter, Place place) {
    waiter.event_ = this;
    waiter.ready_ = false;
    if (place == Place::kFront) {
      waiting_.push_front(waiter);
    } else {
      waiting_.push_back(waiter);
    }
    ++waiting_count_;
  }

  Scheduler& scheduler_;
  IntrusiveList<Waiter, &Waiter::hook_> waiting_;
  uint32_t waiting_count_ = 0;
  // Woken by notify_one() and not resumed yet.
  uint32_t notified_count_ = 0;
};

template <Event::Place kPlace>
class [[nodiscard]] Event::Wait {
 public:
  explicit Wait(Event& event) : event_(event) {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  // A frame that is destroyed while it waits destroys its awaiter before its variables, and one of those may be the event.
  ~Wait() {
    if (waiter_ != nullptr) waiter_->withdraw();
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> coroutine) noexcept {
    waiter_ = &coroutine.promise().waiter();
    event_.enqueue(*waiter_, kPlace);
  }
  void await_resume() noexcept { waiter_ = nullptr; }

 private:
  Event& event_;
  Waiter* waiter_ = nullptr;
};

inline Event::Wait<Event::Place::kBack> Event::wait() { return Wait<Place::kBack>(*this); }
inline Event::Wait<Event::Place::kFront> Event::wait_front() { return Wait<Place::kFront>(*this); }

}  // namespace demi
