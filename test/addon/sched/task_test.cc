#include "sched/task.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "heap_count.h"
#include "sched/event.h"

namespace demi {
namespace {

// Counts how many of it exist, to see that a frame destroys what it holds, once.
struct Resource {
  explicit Resource(int& count) : live(count) { ++live; }
  Resource(const Resource&) = delete;
  Resource& operator=(const Resource&) = delete;
  ~Resource() { --live; }
  int& live;
};

class TaskTest : public testing::Test {
 protected:
  void run_all() {
    while (scheduler.has_ready()) scheduler.run_ready(1'000);
  }

  TimerWheel timers{Instant()};
  Scheduler scheduler{timers};
};

Task<int> answer(Scheduler&) { co_return 42; }

Task<void> store_answer(Scheduler& scheduler, int& out) { out = co_await answer(scheduler); }

TEST_F(TaskTest, IsLazy) {
  int out = 0;
  {
    Task<void> task = store_answer(scheduler, out);
    EXPECT_TRUE(static_cast<bool>(task));
    EXPECT_FALSE(task.done());
    EXPECT_EQ(scheduler.frames().live(), 1u);
  }
  EXPECT_EQ(out, 0);
  EXPECT_EQ(scheduler.frames().live(), 0u);
}

TEST_F(TaskTest, YieldsAValue) {
  int out = 0;
  Task<void> task = store_answer(scheduler, out);
  scheduler.start(task);
  EXPECT_TRUE(task.done());
  EXPECT_EQ(out, 42);
  // The child's frame went with the temporary Task, the finished one stays with its Task.
  EXPECT_EQ(scheduler.frames().live(), 1u);
  task.reset();
  EXPECT_FALSE(static_cast<bool>(task));
  EXPECT_FALSE(task.done());
  EXPECT_EQ(scheduler.frames().live(), 0u);
}

Task<std::unique_ptr<std::string>> make_text(Scheduler& scheduler) {
  co_await scheduler.yield();
  auto text = std::make_unique<std::string>("a text that is too long to be stored inside of a string");
  co_return std::move(text);
}

Task<void> take_text(Scheduler& scheduler, std::unique_ptr<std::string>& out) { out = co_await make_text(scheduler); }

TEST_F(TaskTest, YieldsAMoveOnlyValueAfterASuspension) {
  std::unique_ptr<std::string> out;
  Task<void> task = take_text(scheduler, out);
  scheduler.start(task);
  EXPECT_FALSE(task.done());
  run_all();
  EXPECT_TRUE(task.done());
  EXPECT_EQ(out->size(), 55u);
}

Task<std::shared_ptr<int>> share(Scheduler&, const std::shared_ptr<int>& value) { co_return value; }

Task<void> drop_shared(Scheduler& scheduler, const std::shared_ptr<int>& value, long& seen) {
  {
    std::shared_ptr<int> got = co_await share(scheduler, value);
    seen = got.use_count();
  }
}

TEST_F(TaskTest, AValueIsDestroyedOnce) {
  auto value = std::make_shared<int>(1);
  long seen = 0;
  Task<void> task = drop_shared(scheduler, value, seen);
  scheduler.start(task);
  EXPECT_TRUE(task.done());
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(value.use_count(), 1);
}

TEST_F(TaskTest, MovesItsFrame) {
  int out = 0;
  Task<void> first = store_answer(scheduler, out);
  Task<void> second = std::move(first);
  EXPECT_FALSE(static_cast<bool>(first));
  Task<void> third = store_answer(scheduler, out);
  EXPECT_EQ(scheduler.frames().live(), 2u);
  third = std::move(second);
  EXPECT_EQ(scheduler.frames().live(), 1u);
  third = std::move(*&third);
  scheduler.start(third);
  EXPECT_TRUE(third.done());
  EXPECT_EQ(out, 42);
  Task<void> empty;
  EXPECT_FALSE(static_cast<bool>(empty));
  empty.reset();
}

// A coroutine with four points of suspension, of four kinds, a resource before each of them.
Task<int> wait_below(Scheduler&, Event& event, int& live) {
  Resource resource(live);
  co_await event.wait();
  co_return 1;
}

Task<void> four_suspensions(Scheduler& scheduler, Event& event, int& live, int& reached) {
  Resource first(live);
  reached = 1;
  co_await scheduler.yield();
  Resource second(live);
  reached = 2;
  co_await scheduler.sleep_until(Instant::from_nanoseconds(1'000));
  Resource third(live);
  reached = 3;
  co_await event.wait();
  Resource fourth(live);
  reached = 4;
  reached += co_await wait_below(scheduler, event, live);
}

TEST_F(TaskTest, DestroyingItCancelsItWhereverItIs) {
  for (int stop = 0; stop <= 5; ++stop) {
    SCOPED_TRACE(stop);
    TimerWheel own_timers{Instant()};
    Scheduler own(own_timers);
    Event event(own);
    int live = 0, reached = 0;
    Task<void> task = four_suspensions(own, event, live, reached);
    if (stop >= 1) own.start(task);
    if (stop >= 2) own.run_ready(1);
    if (stop >= 3) {
      own_timers.expire(Instant::from_nanoseconds(1'000));
      own.run_ready(1);
    }
    for (int i = 4; i <= stop; ++i) {
      event.notify_one();
      own.run_ready(1);
    }
    EXPECT_EQ(reached, stop);
    EXPECT_EQ(task.done(), stop == 5);
    EXPECT_EQ(live, stop == 4 ? 5 : stop == 5 ? 0 : stop);
    task.reset();
    EXPECT_EQ(live, 0);
    EXPECT_EQ(own.frames().live(), 0u);
    EXPECT_TRUE(event.empty());
    EXPECT_EQ(own_timers.armed(), 0u);
    EXPECT_FALSE(own.has_ready());
  }
}

TEST_F(TaskTest, DestroyingItWhileItIsReadyLeavesTheReadyQueue) {
  Event event(scheduler);
  int live = 0, reached = 0;
  Task<void> yielding = four_suspensions(scheduler, event, live, reached);
  scheduler.start(yielding);
  Task<void> woken = four_suspensions(scheduler, event, live, reached);
  scheduler.start(woken);
  EXPECT_EQ(scheduler.ready_count(), 2u);
  yielding.reset();
  EXPECT_EQ(scheduler.ready_count(), 1u);
  EXPECT_EQ(scheduler.run_ready(10), 1u);
  timers.expire(Instant::from_nanoseconds(1'000));
  EXPECT_EQ(scheduler.ready_count(), 1u);
  woken.reset();
  EXPECT_EQ(scheduler.ready_count(), 0u);
  EXPECT_EQ(scheduler.run_ready(10), 0u);
  EXPECT_EQ(live, 0);
}

// The stack of the first and the last child must be the same, or nearly so.
struct StackProbe {
  uintptr_t lowest = UINTPTR_MAX;
  uintptr_t highest = 0;
  void look() {
    const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
    if (here < lowest) lowest = here;
    if (here > highest) highest = here;
  }
  uintptr_t spread() const { return highest - lowest; }
};

Task<uint64_t> one(Scheduler&, StackProbe& probe) {
  probe.look();
  co_return 1;
}

Task<void> await_many(Scheduler& scheduler, int times, uint64_t& sum, StackProbe& probe) {
  for (int i = 0; i < times; ++i) {
    sum += co_await one(scheduler, probe);
    probe.look();
  }
}

TEST_F(TaskTest, TenMillionAwaitsInARowKeepTheStackFlat) {
  uint64_t sum = 0;
  StackProbe probe;
  Task<void> task = await_many(scheduler, 10'000'000, sum, probe);
  scheduler.start(task);
  EXPECT_TRUE(task.done());
  EXPECT_EQ(sum, 10'000'000u);
  EXPECT_LT(probe.spread(), 4'096u);
}

Task<uint64_t> nested(Scheduler& scheduler, int depth, Event& bottom, StackProbe& probe) {
  probe.look();
  if (depth == 0) {
    co_await bottom.wait();
    co_return 0;
  }
  const uint64_t below = co_await nested(scheduler, depth - 1, bottom, probe);
  probe.look();
  co_return below + 1;
}

Task<void> nest(Scheduler& scheduler, int depth, Event& bottom, uint64_t& out, StackProbe& probe) {
  out = co_await nested(scheduler, depth, bottom, probe);
}

TEST_F(TaskTest, NestsTenThousandDeep) {
  Event bottom(scheduler);
  StackProbe probe;
  uint64_t out = 0;
  Task<void> task = nest(scheduler, 10'000, bottom, out, probe);
  scheduler.start(task);
  EXPECT_EQ(scheduler.frames().live(), 10'002u);
  bottom.notify_one();
  EXPECT_EQ(scheduler.run_ready(10), 1u);
  EXPECT_TRUE(task.done());
  EXPECT_EQ(out, 10'000u);
  EXPECT_LT(probe.spread(), 4'096u);
}

TEST_F(TaskTest, CancelsTenThousandDeep) {
  Event bottom(scheduler);
  StackProbe probe;
  uint64_t out = 0;
  Task<void> task = nest(scheduler, 10'000, bottom, out, probe);
  scheduler.start(task);
  task.reset();
  EXPECT_TRUE(bottom.empty());
  EXPECT_EQ(scheduler.frames().live(), 0u);
}

Task<void> start_then_await(Scheduler& scheduler, Event& event, std::vector<int>& order) {
  int live = 0;
  Task<int> child = wait_below(scheduler, event, live);
  order.push_back(1);
  const int got = co_await child;
  order.push_back(got + 1);
}

TEST_F(TaskTest, ANamedTaskCanBeAwaited) {
  Event event(scheduler);
  std::vector<int> order;
  Task<void> task = start_then_await(scheduler, event, order);
  scheduler.start(task);
  event.notify_one();
  run_all();
  EXPECT_TRUE(task.done());
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

Task<void> log_around_yield(Scheduler& scheduler, std::vector<int>& order, int number) {
  order.push_back(number);
  co_await scheduler.yield();
  order.push_back(-number);
}

// Two children run at the same time, and are awaited one after the other.
Task<void> fork_and_join(Scheduler& scheduler, std::vector<int>& order) {
  Task<void> first = log_around_yield(scheduler, order, 1);
  Task<void> second = log_around_yield(scheduler, order, 2);
  scheduler.start(first);
  scheduler.start(second);
  order.push_back(0);
  co_await second;
  co_await first;
  order.push_back(9);
}

TEST_F(TaskTest, AStartedTaskCanBeAwaitedLater) {
  std::vector<int> order;
  Task<void> task = fork_and_join(scheduler, order);
  scheduler.start(task);
  run_all();
  EXPECT_TRUE(task.done());
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, -1, -2, 9}));
}

// Coroutines that belong to an object with a method scheduler(), as those of a libOS do.
class Owner {
 public:
  explicit Owner(Scheduler& scheduler) : scheduler_(scheduler) {}
  virtual ~Owner() = default;
  Scheduler& scheduler() { return scheduler_; }

  virtual Task<void> work(int& out, Event& event) {
    co_await event.wait();
    out = base_ + co_await inner(2);
  }
  Task<int> inner(int number) {
    co_await scheduler_.yield();
    co_return number;
  }

 private:
  Scheduler& scheduler_;
  int base_ = 40;
};

class Derived final : public Owner {
 public:
  using Owner::Owner;
  Task<void> work(int& out, Event& event) override {
    co_await Owner::work(out, event);
    out += 1;
  }
};

Task<void> work_for(Owner& owner, int& out) {
  co_await owner.scheduler().yield();
  out = co_await owner.inner(7);
}

TEST_F(TaskTest, MembersOfAnObjectWithASchedulerAreCoroutines) {
  Derived owner(scheduler);
  Event event(scheduler);
  int out = 0, free_out = 0;
  Task<void> task = static_cast<Owner&>(owner).work(out, event);
  Task<void> free_task = work_for(owner, free_out);
  scheduler.start(task);
  scheduler.start(free_task);
  EXPECT_EQ(scheduler.frames().live(), 3u);
  event.notify_one();
  run_all();
  EXPECT_EQ(out, 43);
  EXPECT_EQ(free_out, 7);
}

TEST_F(TaskTest, ASteadyStateTakesNothingFromTheHeap) {
  Event event(scheduler);
  Owner owner(scheduler);
  int out = 0;
  size_t before = 0;
  for (int round = 0; round < 1'000; ++round) {
    if (round == 1) before = heap_allocations();
    Task<void> task = owner.work(out, event);
    scheduler.start(task);
    event.notify_one();
    run_all();
    if (!task.done() || out != 42) std::abort();
  }
  EXPECT_EQ(heap_allocations(), before);
}

Task<void> destroy_self(Scheduler&, Task<void>& self) {
  self.reset();
  co_return;
}

TEST(TaskDeathTest, ARunningTaskCannotDestroyItself) {
  TimerWheel timers{Instant()};
  Scheduler scheduler(timers);
  Task<void> task;
  task = destroy_self(scheduler, task);
  EXPECT_DEATH(scheduler.start(task), "destroys itself");
}

Task<void> await_empty(Scheduler&) {
  Task<int> empty;
  co_await empty;
}

TEST(TaskDeathTest, AnEmptyTaskCannotBeAwaited) {
  TimerWheel timers{Instant()};
  Scheduler scheduler(timers);
  Task<void> task = await_empty(scheduler);
  EXPECT_DEATH(scheduler.start(task), "empty Task is awaited");
}

}  // namespace
}  // namespace demi
