// Scheduler: runs the coroutines of one libOS, all in one thread. Nothing here waits or sleeps: the owner calls run_ready() once a turn.
// Read task.h next for what a coroutine looks like, then event.h for what it waits for.
//
// The trampoline. A coroutine never resumes another one: it leaves the handle in `next_` and returns to the loop in run(), which resumes
// it from there. So the stack stays flat however many awaits follow each other, also where the compiler makes no tail call of a
// symmetric transfer (g++ 12 at -O0 and under AddressSanitizer).
#pragma once

#include <coroutine>
#include <cstddef>
#include <utility>

#include "base/assert.h"
#include "base/intrusive_list.h"
#include "base/timer_wheel.h"
#include "sched/frame_pool.h"

namespace demi {

class Event;
class Scheduler;
template <class T>
class Task;

// A coroutine's place in a queue: in an Event's or in the scheduler's ready queue. Part of the promise, one for each coroutine, since a
// coroutine waits for one thing at a time. Destroying it leaves the queue.
class Waiter {
 public:
  explicit Waiter(Scheduler& scheduler) : scheduler_(scheduler) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { withdraw(); }

  Scheduler& scheduler() const { return scheduler_; }
  void set_coroutine(std::coroutine_handle<> coroutine) { coroutine_ = coroutine; }
  // Leaves its queue, if it is in one. A notification that it was given and did not use goes to the next waiter of that event.
  void withdraw() {
    if (hook_.linked()) leave_queue();
  }

 private:
  friend class Event;
  friend class Scheduler;

  void leave_queue();

  ListHook hook_;
  std::coroutine_handle<> coroutine_;
  Scheduler& scheduler_;
  // The event it waits for; while it is ready: the event whose notify_one() woke it, if one did.
  Event* event_ = nullptr;
  bool ready_ = false;
};

class Scheduler {
 public:
  class Sleep;
  class Yield;

  explicit Scheduler(TimerWheel& timers) : timers_(timers) {}
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  // Destroys the spawned tasks that have not finished. All other tasks must be gone.
  ~Scheduler();

  // Starts a task, which stays the caller's: runs it now, until it is suspended for the first time. Called by a running coroutine, it
  // puts the task at the end of the ready queue instead.
  void start(Task<void>& task);
  // Puts a task that has not started yet, or has awaited pause(), at the end of the ready queue; it stays the caller's. Does nothing to one that is
  // there already, or runs.
  void resume(Task<void>& task);
  // co_await pause(): until somebody calls resume().
  static std::suspend_always pause() { return {}; }
  // Starts a task and keeps it until it has finished.
  void spawn(Task<void>&& task);

  // Resumes at most `budget` coroutines, in the order in which they became ready; returns how many. What becomes ready meanwhile has
  // its turn after all that was ready before, in this call if the budget lasts.
  size_t run_ready(size_t budget);
  bool has_ready() const { return !ready_.empty(); }
  size_t ready_count() const { return ready_count_; }
  // True while a coroutine runs.
  bool running() const { return running_; }

  // co_await sleep_until(due): returns in a turn after timers().expire(now) was called with now >= due. A due in the past takes a turn, too.
  Sleep sleep_until(Instant due);
  // co_await yield(): to the end of the ready queue, so that everything ready runs first.
  Yield yield();

  TimerWheel& timers() { return timers_; }
  FramePool& frames() { return frames_; }

  // For awaiters: the coroutine that is just being suspended hands over to `coroutine`.
  void continue_with(std::coroutine_handle<> coroutine) { next_ = coroutine; }
  // For awaiters: puts a waiter, which is in no queue, at the end of the ready queue.
  void make_ready(Waiter& waiter) {
    waiter.ready_ = true;
    ready_.push_back(waiter);
    ++ready_count_;
  }
  // True if this very coroutine is what runs at the moment.
  bool is_running(std::coroutine_handle<> coroutine) const { return current_ == coroutine; }

  // A spawned task, kept by its promise. The frame leaves the list when it is destroyed, by itself or by the scheduler.
  struct Detached {
    ListHook hook;
    std::coroutine_handle<> coroutine;
  };
  void forget_detached(Detached* detached);

 private:
  friend class Waiter;

  void run(std::coroutine_handle<> coroutine);

  using ReadyQueue = IntrusiveList<Waiter, &Waiter::hook_>;
  ReadyQueue ready_;
  size_t ready_count_ = 0;
  std::coroutine_handle<> next_;
  std::coroutine_handle<> current_;
  bool running_ = false;
  TimerWheel& timers_;
  FramePool frames_;
  IntrusiveList<Detached, &Detached::hook> detached_;
};

// Awaiters take the waiter from the promise, so any coroutine whose promise has a member `waiter()` can await them.
class [[nodiscard]] Scheduler::Sleep : private Timer {
 public:
  Sleep(Scheduler& scheduler, Instant due) : Timer(&Sleep::wake), scheduler_(scheduler), wake_at_(due) {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> coroutine) noexcept {
    waiter_ = &coroutine.promise().waiter();
    scheduler_.timers().arm(*this, wake_at_);
  }
  void await_resume() const noexcept {}

 private:
  static void wake(Timer& timer) {
    auto& sleep = static_cast<Sleep&>(timer);
    sleep.scheduler_.make_ready(*sleep.waiter_);
  }

  Scheduler& scheduler_;
  Instant wake_at_;
  Waiter* waiter_ = nullptr;
};

class [[nodiscard]] Scheduler::Yield {
 public:
  explicit Yield(Scheduler& scheduler) : scheduler_(scheduler) {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> coroutine) noexcept {
    scheduler_.make_ready(coroutine.promise().waiter());
  }
  void await_resume() const noexcept {}

 private:
  Scheduler& scheduler_;
};

inline Scheduler::Sleep Scheduler::sleep_until(Instant due) { return Sleep(*this, due); }
inline Scheduler::Yield Scheduler::yield() { return Yield(*this); }

}  // namespace demi
