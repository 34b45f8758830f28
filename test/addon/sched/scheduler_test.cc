#include "sched/scheduler.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/random.h"
#include "heap_count.h"
#include "sched/event.h"
#include "sched/task.h"

namespace demi {
namespace {

Instant at(int64_t nanoseconds) { return Instant::from_nanoseconds(nanoseconds); }

Task<void> spin(Scheduler& scheduler, int times, std::vector<int>& order, int name) {
  for (int i = 0; i < times; ++i) {
    order.push_back(name);
    co_await scheduler.yield();
  }
}

Task<void> sleep(Scheduler& scheduler, Instant due, std::vector<int>& order, int name) {
  co_await scheduler.sleep_until(due);
  order.push_back(name);
}

Task<void> wait_forever(Scheduler&, Event& event, int& ended) {
  struct Ending {
    explicit Ending(int& count) : ended(count) {}
    ~Ending() { ++ended; }
    int& ended;
  } ending(ended);
  co_await event.wait();
}

class SchedulerTest : public testing::Test {
 protected:
  TimerWheel timers{Instant()};
  Scheduler scheduler{timers};
  std::vector<int> order;
};

TEST_F(SchedulerTest, StartsIdle) {
  EXPECT_FALSE(scheduler.has_ready());
  EXPECT_EQ(scheduler.ready_count(), 0u);
  EXPECT_EQ(scheduler.run_ready(100), 0u);
  EXPECT_FALSE(scheduler.running());
  EXPECT_EQ(&scheduler.timers(), &timers);
}

TEST_F(SchedulerTest, StartRunsUntilTheFirstSuspension) {
  Task<void> task = spin(scheduler, 1, order, 1);
  scheduler.start(task);
  EXPECT_EQ(order, (std::vector<int>{1}));
  EXPECT_FALSE(task.done());
  EXPECT_EQ(scheduler.ready_count(), 1u);
  EXPECT_EQ(scheduler.run_ready(100), 1u);
  EXPECT_TRUE(task.done());
}

TEST_F(SchedulerTest, RunReadyKeepsToItsBudget) {
  Task<void> one = spin(scheduler, 10, order, 1), two = spin(scheduler, 10, order, 2);
  scheduler.start(one);
  scheduler.start(two);
  order.clear();
  EXPECT_EQ(scheduler.run_ready(0), 0u);
  EXPECT_TRUE(order.empty());
  EXPECT_EQ(scheduler.run_ready(3), 3u);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 1}));
  EXPECT_EQ(scheduler.run_ready(2), 2u);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 1, 2, 1}));
  EXPECT_EQ(scheduler.ready_count(), 2u);
}

TEST_F(SchedulerTest, YieldingIsFair) {
  std::vector<Task<void>> tasks(5);
  for (int i = 0; i < 5; ++i) {
    tasks[static_cast<size_t>(i)] = spin(scheduler, 20, order, i);
    scheduler.start(tasks[static_cast<size_t>(i)]);
  }
  while (scheduler.has_ready()) scheduler.run_ready(7);
  ASSERT_EQ(order.size(), 100u);
  for (size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], static_cast<int>(i % 5));
}

Task<void> pause_between(Scheduler&, std::vector<int>& order, int times) {
  for (int i = 0; i < times; ++i) {
    order.push_back(i);
    co_await Scheduler::pause();
  }
  order.push_back(-1);
}

TEST_F(SchedulerTest, ATaskThatPausesRunsOncePerResumption) {
  Task<void> task = pause_between(scheduler, order, 2);
  EXPECT_FALSE(scheduler.has_ready());
  scheduler.resume(task);
  scheduler.resume(task);
  EXPECT_EQ(scheduler.ready_count(), 1u);
  EXPECT_TRUE(order.empty());
  EXPECT_EQ(scheduler.run_ready(10), 1u);
  EXPECT_EQ(order, (std::vector<int>{0}));
  EXPECT_EQ(scheduler.run_ready(10), 0u);
  scheduler.resume(task);
  scheduler.run_ready(10);
  scheduler.resume(task);
  scheduler.run_ready(10);
  EXPECT_EQ(order, (std::vector<int>{0, 1, -1}));
  EXPECT_TRUE(task.done());
}

Task<void> resume_itself(Scheduler& scheduler, Task<void>& self, std::vector<int>& order) {
  scheduler.resume(self);
  order.push_back(1);
  co_return;
}

TEST_F(SchedulerTest, WhatRunsIsNotResumed) {
  Task<void> task;
  task = resume_itself(scheduler, task, order);
  scheduler.resume(task);
  EXPECT_EQ(scheduler.run_ready(10), 1u);
  EXPECT_TRUE(task.done());
  EXPECT_FALSE(scheduler.has_ready());
}

TEST_F(SchedulerTest, WhatIsToBeResumedCanBeCancelled) {
  Task<void> task = pause_between(scheduler, order, 2);
  scheduler.resume(task);
  task.reset();
  EXPECT_EQ(scheduler.ready_count(), 0u);
  EXPECT_EQ(scheduler.run_ready(10), 0u);
  EXPECT_TRUE(order.empty());
}

Task<void> start_from_inside(Scheduler& scheduler, Task<void>& other, std::vector<int>& order) {
  EXPECT_TRUE(scheduler.running());
  order.push_back(1);
  scheduler.start(other);
  order.push_back(2);
  co_return;
}

TEST_F(SchedulerTest, StartedFromInsideItWaitsForItsTurn) {
  Task<void> other = spin(scheduler, 1, order, 3);
  Task<void> task = start_from_inside(scheduler, other, order);
  scheduler.start(task);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_EQ(scheduler.ready_count(), 1u);
  scheduler.run_ready(1);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST_F(SchedulerTest, StartedFromInsideItMayBeDestroyedBeforeItsTurn) {
  Task<void> other = spin(scheduler, 1, order, 3);
  Task<void> task = start_from_inside(scheduler, other, order);
  scheduler.start(task);
  other.reset();
  EXPECT_EQ(scheduler.run_ready(10), 0u);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST_F(SchedulerTest, ASpawnedTaskGoesWhenItIsDone) {
  scheduler.spawn(spin(scheduler, 0, order, 1));
  EXPECT_EQ(scheduler.frames().live(), 0u);
  scheduler.spawn(spin(scheduler, 2, order, 2));
  EXPECT_GT(scheduler.frames().live(), 0u);
  while (scheduler.has_ready()) scheduler.run_ready(1);
  EXPECT_EQ(order, (std::vector<int>{2, 2}));
  EXPECT_EQ(scheduler.frames().live(), 0u);
}

Task<void> spawn_more(Scheduler& scheduler, int generations, std::vector<int>& order) {
  order.push_back(generations);
  if (generations > 0) scheduler.spawn(spawn_more(scheduler, generations - 1, order));
  co_return;
}

TEST_F(SchedulerTest, ASpawnedTaskMaySpawn) {
  scheduler.spawn(spawn_more(scheduler, 3, order));
  EXPECT_EQ(order, (std::vector<int>{3}));
  while (scheduler.has_ready()) scheduler.run_ready(1);
  EXPECT_EQ(order, (std::vector<int>{3, 2, 1, 0}));
  EXPECT_EQ(scheduler.frames().live(), 0u);
}

Task<void> await_spinning(Scheduler& scheduler, std::vector<int>& order) {
  co_await spin(scheduler, 2, order, 1);
  order.push_back(2);
}

TEST_F(SchedulerTest, ASpawnedTaskMayAwait) {
  scheduler.spawn(await_spinning(scheduler, order));
  while (scheduler.has_ready()) scheduler.run_ready(10);
  EXPECT_EQ(order, (std::vector<int>{1, 1, 2}));
  EXPECT_EQ(scheduler.frames().live(), 0u);
}

TEST(SchedulerEnd, DestroysSpawnedTasksWhereverTheyAre) {
  TimerWheel timers{Instant()};
  std::vector<int> order;
  int ended = 0;
  {
    // The event belongs to a spawned frame's surroundings, so it goes after the scheduler.
    std::unique_ptr<Event> event;
    auto scheduler = std::make_unique<Scheduler>(timers);
    event = std::make_unique<Event>(*scheduler);
    scheduler->spawn(wait_forever(*scheduler, *event, ended));
    scheduler->spawn(wait_forever(*scheduler, *event, ended));
    scheduler->spawn(wait_forever(*scheduler, *event, ended));
    scheduler->spawn(spin(*scheduler, 5, order, 1));
    scheduler->spawn(sleep(*scheduler, at(1'000'000), order, 2));
    scheduler->spawn(await_spinning(*scheduler, order));
    event->notify_one();
    EXPECT_EQ(timers.armed(), 1u);
    scheduler.reset();
    EXPECT_TRUE(event->empty());
  }
  EXPECT_EQ(ended, 3);
  EXPECT_EQ(timers.armed(), 0u);
}

TEST_F(SchedulerTest, SleepersWakeInOrderOfTime) {
  Task<void> late = sleep(scheduler, at(3'000), order, 3), early = sleep(scheduler, at(1'000), order, 1),
             middle = sleep(scheduler, at(2'000), order, 2);
  scheduler.start(late);
  scheduler.start(early);
  scheduler.start(middle);
  EXPECT_EQ(timers.next_deadline(), at(1'000));
  timers.expire(at(999));
  EXPECT_FALSE(scheduler.has_ready());
  timers.expire(at(1'000));
  scheduler.run_ready(10);
  EXPECT_EQ(order, (std::vector<int>{1}));
  timers.expire(at(5'000));
  scheduler.run_ready(10);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST_F(SchedulerTest, SleepingUntilThePastTakesATurn) {
  timers.expire(at(5'000));
  Task<void> task = sleep(scheduler, at(1'000), order, 1);
  scheduler.start(task);
  EXPECT_FALSE(task.done());
  EXPECT_FALSE(scheduler.has_ready());
  timers.expire(at(5'000));
  scheduler.run_ready(1);
  EXPECT_TRUE(task.done());
}

TEST_F(SchedulerTest, ADestroyedSleeperLeavesTheWheel) {
  Task<void> task = sleep(scheduler, at(1'000), order, 1);
  scheduler.start(task);
  EXPECT_EQ(timers.armed(), 1u);
  task.reset();
  EXPECT_EQ(timers.armed(), 0u);
  timers.expire(at(2'000));
  EXPECT_EQ(scheduler.run_ready(10), 0u);
}

TEST_F(SchedulerTest, ASleeperDestroyedAfterItsTimeLeavesTheReadyQueue) {
  Task<void> task = sleep(scheduler, at(1'000), order, 1);
  scheduler.start(task);
  timers.expire(at(1'000));
  EXPECT_TRUE(scheduler.has_ready());
  task.reset();
  EXPECT_FALSE(scheduler.has_ready());
}

Task<void> count_down(Scheduler& scheduler, Instant due, size_t& left) {
  co_await scheduler.sleep_until(due);
  --left;
}

TEST_F(SchedulerTest, AMillionSleepers) {
  constexpr size_t kMillion = 1'000'000;
  constexpr int64_t kSecond = 1'000'000'000;
  Random random(12);
  size_t left = kMillion;
  std::vector<Task<void>> tasks;
  tasks.reserve(kMillion);
  for (size_t i = 0; i < kMillion; ++i) {
    tasks.push_back(count_down(scheduler, at(static_cast<int64_t>(random.below(kSecond))), left));
    scheduler.start(tasks.back());
  }
  // A third of them is cancelled while it sleeps.
  for (size_t i = 0; i < kMillion; i += 3) tasks[i].reset();
  const size_t cancelled = (kMillion + 2) / 3;
  EXPECT_EQ(timers.armed(), kMillion - cancelled);
  const size_t before = heap_allocations();
  for (int64_t now = 0; now <= kSecond; now += 1'000'000) {
    timers.expire(at(now));
    while (scheduler.run_ready(256) > 0) {
    }
  }
  EXPECT_EQ(left, cancelled);
  EXPECT_EQ(heap_allocations(), before);
  EXPECT_EQ(timers.armed(), 0u);
}

TEST(SchedulerDeathTest, AStartedTaskDoesNotOutliveIt) {
  TimerWheel timers{Instant()};
  std::vector<int> order;
  EXPECT_DEATH(
      {
        auto scheduler = std::make_unique<Scheduler>(timers);
        Task<void> task = spin(*scheduler, 2, order, 1);
        scheduler->start(task);
        scheduler.reset();
      },
      "outlives its scheduler");
}

TEST(SchedulerDeathTest, ATaskStartsOnce) {
  TimerWheel timers{Instant()};
  Scheduler scheduler(timers);
  std::vector<int> order;
  Task<void> task = spin(scheduler, 2, order, 1);
  scheduler.start(task);
  EXPECT_DEATH(scheduler.start(task), "started twice");
  Task<void> empty;
  EXPECT_DEATH(scheduler.start(empty), "empty Task");
}

Task<void> run_from_inside(Scheduler& scheduler) {
  scheduler.run_ready(1);
  co_return;
}

TEST(SchedulerDeathTest, ACoroutineDoesNotRunTheOthers) {
  TimerWheel timers{Instant()};
  Scheduler scheduler(timers);
  Task<void> task = run_from_inside(scheduler);
  EXPECT_DEATH(scheduler.start(task), "called run_ready");
}

}  // namespace
}  // namespace demi
