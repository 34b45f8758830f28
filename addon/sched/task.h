// Task<T>: a coroutine that yields one T. It is lazy: it runs when it is awaited, or when a Scheduler starts it. The Task owns the frame,
// and destroying it destroys the frame wherever the coroutine is suspended, with everything it awaits: that is how an operation is cancelled.
// Read scheduler.h first.
//
// The memory of the frame comes from the scheduler's FramePool. A coroutine says which scheduler in one of two ways: its first parameter
// is a Scheduler&, or it belongs to an object with a method scheduler() (its own, or its first parameter's):
//
//   Task<void> echo(Scheduler& scheduler, Queue& queue);
//   Task<void> LibOS::pop_task(Operation& operation, Queue& queue);
//
// Write coroutines plainly, because g++ 12 miscompiles some others: no co_await inside a conditional expression, parameters are references
// and plain values (no by-value object with a destructor), and a coroutine is a named function (a lambda dies before its coroutine does).
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "sched/frame_pool.h"
#include "sched/scheduler.h"

namespace demi {

template <class C>
concept HasScheduler = requires(C& object) {
  { object.scheduler() } -> std::same_as<Scheduler&>;
};

// The part of a coroutine's promise that does not depend on its result.
class TaskPromiseBase {
 public:
  struct FinalAwaiter;

  // The parameters of the coroutine tell operator new and this constructor the scheduler.
  template <class... Rest>
  explicit TaskPromiseBase(Scheduler& scheduler, Rest&&...) : waiter_(scheduler) {}
  template <HasScheduler Owner, class... Rest>
  explicit TaskPromiseBase(Owner& owner, Rest&&...) : waiter_(owner.scheduler()) {}
  TaskPromiseBase(const TaskPromiseBase&) = delete;
  TaskPromiseBase& operator=(const TaskPromiseBase&) = delete;
  ~TaskPromiseBase() {
    if (detached_ != nullptr) scheduler().forget_detached(detached_);
  }

  template <class... Rest>
  static void* operator new(size_t bytes, Scheduler& scheduler, Rest&&...) {
    return scheduler.frames().allocate(bytes);
  }
  template <HasScheduler Owner, class... Rest>
  static void* operator new(size_t bytes, Owner& owner, Rest&&...) {
    return owner.scheduler().frames().allocate(bytes);
  }
  static void operator delete(void* frame, size_t bytes) { FramePool::release(frame, bytes); }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept;
  void unhandled_exception() const noexcept { DEMI_ASSERT(false, "an exception left a coroutine"); }

  Scheduler& scheduler() const { return waiter_.scheduler(); }
  Waiter& waiter() { return waiter_; }
  bool started() const { return started_; }
  void set_started() { started_ = true; }
  // What continues when this coroutine has finished.
  void set_continuation(std::coroutine_handle<> continuation) { continuation_ = continuation; }
  void set_detached(Scheduler::Detached* detached) { detached_ = detached; }

 private:
  Waiter waiter_;
  std::coroutine_handle<> continuation_;
  Scheduler::Detached* detached_ = nullptr;
  bool started_ = false;
};

struct TaskPromiseBase::FinalAwaiter {
  const TaskPromiseBase& promise;

  // A spawned task is not suspended at its end: it runs off it, and so its frame is destroyed.
  bool await_ready() const noexcept { return promise.detached_ != nullptr; }
  void await_suspend(std::coroutine_handle<>) const noexcept {
    if (promise.continuation_) promise.scheduler().continue_with(promise.continuation_);
  }
  void await_resume() const noexcept {}
};

inline TaskPromiseBase::FinalAwaiter TaskPromiseBase::final_suspend() const noexcept { return FinalAwaiter{*this}; }

template <class T>
class TaskPromise : public TaskPromiseBase {
 public:
  template <class... Parameters>
  explicit TaskPromise(Parameters&&... parameters) : TaskPromiseBase(parameters...) {
    waiter().set_coroutine(std::coroutine_handle<TaskPromise>::from_promise(*this));
  }
  Task<T> get_return_object() noexcept;
  void return_value(T value) { value_.emplace(std::move(value)); }
  T take_value() { return std::move(*value_); }

 private:
  std::optional<T> value_;
};

template <>
class TaskPromise<void> : public TaskPromiseBase {
 public:
  template <class... Parameters>
  explicit TaskPromise(Parameters&&... parameters) : TaskPromiseBase(parameters...) {
    waiter().set_coroutine(std::coroutine_handle<TaskPromise>::from_promise(*this));
  }
  inline Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take_value() const noexcept {}
};

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = TaskPromise<T>;
  class Awaiter;

  Task() = default;
  explicit Task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      reset();
      coroutine_ = std::exchange(other.coroutine_, nullptr);
    }
    return *this;
  }
  ~Task() { reset(); }

  // False for a Task that was moved from or reset.
  explicit operator bool() const { return coroutine_ != nullptr; }
  // True when the coroutine has returned. The frame stays until the Task goes.
  bool done() const { return coroutine_ != nullptr && coroutine_.done(); }
  // Cancels it: destroys the frame now. A coroutine cannot do that to itself while it runs.
  void reset() {
    if (coroutine_ == nullptr) return;
    DEMI_ASSERT(!coroutine_.promise().scheduler().is_running(coroutine_), "a coroutine destroys itself while it runs");
    std::exchange(coroutine_, nullptr).destroy();
  }

  // co_await task: runs it if nothing has started it yet, and continues when it has returned. One coroutine awaits it, once; the Task
  // must live until then.
  Awaiter operator co_await() const noexcept;

 private:
  friend class Scheduler;

  std::coroutine_handle<promise_type> coroutine_;
};

template <class T>
class Task<T>::Awaiter {
 public:
  explicit Awaiter(std::coroutine_handle<promise_type> child) : child_(child) {}

  bool await_ready() const noexcept { return child_.done(); }
  void await_suspend(std::coroutine_handle<> parent) const noexcept {
    promise_type& promise = child_.promise();
    promise.set_continuation(parent);
    if (promise.started()) return;
    promise.set_started();
    promise.scheduler().continue_with(child_);
  }
  T await_resume() const { return child_.promise().take_value(); }

 private:
  std::coroutine_handle<promise_type> child_;
};

template <class T>
typename Task<T>::Awaiter Task<T>::operator co_await() const noexcept {
  DEMI_ASSERT(coroutine_ != nullptr, "an empty Task is awaited");
  return Awaiter(coroutine_);
}

template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace demi
