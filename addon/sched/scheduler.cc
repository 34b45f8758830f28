#include "sched/scheduler.h"

#include <new>

#include "sched/event.h"
#include "sched/task.h"

namespace demi {

Scheduler::~Scheduler() {
  DEMI_ASSERT(!running_, "a coroutine destroys its scheduler");
  while (Detached* detached = detached_.front()) detached->coroutine.destroy();
}

void Scheduler::start(Task<void>& task) {
  DEMI_ASSERT(task, "an empty Task is started");
  TaskPromise<void>& promise = task.coroutine_.promise();
  DEMI_ASSERT(!promise.started(), "a Task is started twice");
  promise.set_started();
  if (running_) {
    make_ready(promise.waiter());
  } else {
    run(task.coroutine_);
  }
}

void Scheduler::resume(Task<void>& task) {
  DEMI_ASSERT(task, "an empty Task is resumed");
  TaskPromise<void>& promise = task.coroutine_.promise();
  if (promise.waiter().hook_.linked() || is_running(task.coroutine_)) return;
  DEMI_ASSERT(!task.coroutine_.done(), "a Task is resumed that has returned");
  promise.set_started();
  make_ready(promise.waiter());
}

void Scheduler::spawn(Task<void>&& task) {
  DEMI_ASSERT(task, "an empty Task is spawned");
  auto* detached = new (frames_.allocate(sizeof(Detached))) Detached;
  detached->coroutine = task.coroutine_;
  detached_.push_back(*detached);
  task.coroutine_.promise().set_detached(detached);
  start(task);
  // From here on the frame belongs to itself; it may be gone already.
  task.coroutine_ = nullptr;
}

void Scheduler::forget_detached(Detached* detached) {
  detached->~Detached();
  FramePool::release(detached, sizeof(Detached));
}

size_t Scheduler::run_ready(size_t budget) {
  DEMI_ASSERT(!running_, "a coroutine called run_ready()");
  size_t resumed = 0;
  while (resumed < budget) {
    Waiter* waiter = ready_.pop_front();
    if (waiter == nullptr) break;
    --ready_count_;
    ++resumed;
    if (waiter->event_ != nullptr) {
      --waiter->event_->notified_count_;
      waiter->event_ = nullptr;
    }
    run(waiter->coroutine_);
  }
  return resumed;
}

void Scheduler::run(std::coroutine_handle<> coroutine) {
  running_ = true;
  while (coroutine) {
    current_ = coroutine;
    coroutine.resume();
    coroutine = std::exchange(next_, nullptr);
  }
  current_ = nullptr;
  running_ = false;
}

}  // namespace demi
