#include "sched/event.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/random.h"
#include "heap_count.h"
#include "sched/task.h"

namespace demi {
namespace {

Task<void> wait_once(Scheduler&, Event& event, std::vector<int>& woken, int name) {
  co_await event.wait();
  woken.push_back(name);
}

Task<void> wait_in_front(Scheduler&, Event& event, std::vector<int>& woken, int name) {
  co_await event.wait_front();
  woken.push_back(name);
}

class EventTest : public testing::Test {
 protected:
  Task<void> started(Task<void> task) {
    scheduler.start(task);
    return task;
  }
  Task<void> waiting(int name) { return started(wait_once(scheduler, event, woken, name)); }

  TimerWheel timers{Instant()};
  Scheduler scheduler{timers};
  Event event{scheduler};
  std::vector<int> woken;
};

TEST_F(EventTest, StartsEmptyAndForgetsNotifications) {
  EXPECT_TRUE(event.empty());
  event.notify_one();
  event.notify_all();
  Task<void> task = waiting(1);
  EXPECT_FALSE(event.empty());
  EXPECT_EQ(event.waiters(), 1u);
  EXPECT_FALSE(scheduler.has_ready());
}

TEST_F(EventTest, NotifyDoesNotRunAnythingByItself) {
  Task<void> task = waiting(1);
  event.notify_one();
  EXPECT_TRUE(woken.empty());
  EXPECT_EQ(scheduler.ready_count(), 1u);
  // Nobody waits any more, but a newcomer must not overtake the one who is on the way.
  EXPECT_EQ(event.waiters(), 0u);
  EXPECT_FALSE(event.empty());
  EXPECT_EQ(scheduler.run_ready(10), 1u);
  EXPECT_TRUE(event.empty());
  EXPECT_EQ(woken, (std::vector<int>{1}));
  EXPECT_TRUE(task.done());
}

TEST_F(EventTest, NotifyOneWakesInOrder) {
  Task<void> one = waiting(1), two = waiting(2), three = waiting(3);
  event.notify_one();
  scheduler.run_ready(10);
  EXPECT_EQ(woken, (std::vector<int>{1}));
  event.notify_one();
  event.notify_one();
  scheduler.run_ready(10);
  EXPECT_EQ(woken, (std::vector<int>{1, 2, 3}));
}

TEST_F(EventTest, NotifyAllWakesAllInOrder) {
  Task<void> one = waiting(1), two = waiting(2), three = waiting(3);
  event.notify_all();
  EXPECT_TRUE(event.empty());
  EXPECT_EQ(scheduler.run_ready(10), 3u);
  EXPECT_EQ(woken, (std::vector<int>{1, 2, 3}));
}

TEST_F(EventTest, WaitFrontIsServedFirst) {
  Task<void> one = waiting(1), two = waiting(2);
  Task<void> first = started(wait_in_front(scheduler, event, woken, 0));
  EXPECT_EQ(event.waiters(), 3u);
  event.notify_all();
  scheduler.run_ready(10);
  EXPECT_EQ(woken, (std::vector<int>{0, 1, 2}));
}

TEST_F(EventTest, DestroyingAWaiterLeavesTheQueue) {
  Task<void> one = waiting(1), two = waiting(2), three = waiting(3);
  two.reset();
  EXPECT_EQ(event.waiters(), 2u);
  event.notify_all();
  scheduler.run_ready(10);
  EXPECT_EQ(woken, (std::vector<int>{1, 3}));
}

TEST_F(EventTest, DestroyingANotifiedWaiterPassesTheNotificationOn) {
  Task<void> one = waiting(1), two = waiting(2), three = waiting(3);
  event.notify_one();
  one.reset();
  EXPECT_EQ(event.waiters(), 1u);
  two.reset();
  EXPECT_EQ(event.waiters(), 0u);
  EXPECT_EQ(scheduler.run_ready(10), 1u);
  EXPECT_EQ(woken, (std::vector<int>{3}));
}

TEST_F(EventTest, TheLastNotifiedWaiterTakesTheNotificationAway) {
  Task<void> one = waiting(1);
  event.notify_one();
  one.reset();
  EXPECT_FALSE(scheduler.has_ready());
  Task<void> two = waiting(2);
  EXPECT_EQ(scheduler.run_ready(10), 0u);
  EXPECT_EQ(event.waiters(), 1u);
}

TEST_F(EventTest, NotifyAllIsNotPassedOn) {
  Task<void> one = waiting(1);
  event.notify_all();
  Task<void> two = waiting(2);
  one.reset();
  EXPECT_EQ(scheduler.run_ready(10), 0u);
  EXPECT_EQ(event.waiters(), 1u);
}

TEST_F(EventTest, ANotificationThatWasUsedIsNotPassedOn) {
  Task<void> one = waiting(1), two = waiting(2);
  event.notify_one();
  scheduler.run_ready(10);
  one.reset();
  EXPECT_EQ(event.waiters(), 1u);
  EXPECT_FALSE(scheduler.has_ready());
}

TEST_F(EventTest, OneAtATimeHasTheTurn) {
  Task<void> one = waiting(1), two = waiting(2), three = waiting(3);
  event.notify_turn();
  event.notify_turn();
  EXPECT_EQ(event.waiters(), 2u);
  one.reset();
  EXPECT_EQ(event.waiters(), 1u);
  scheduler.run_ready(10);
  EXPECT_EQ(woken, (std::vector<int>{2}));
  event.notify_turn();
  scheduler.run_ready(10);
  EXPECT_EQ(woken, (std::vector<int>{2, 3}));
}

// After it was woken by one event a coroutine waits for another thing: the first event is none of its business any more.
Task<void> wait_then_yield(Scheduler& scheduler, Event& event) {
  co_await event.wait();
  co_await scheduler.yield();
}

TEST_F(EventTest, AYieldAfterwardsCarriesNoNotification) {
  Task<void> one = started(wait_then_yield(scheduler, event));
  Task<void> two = waiting(2);
  event.notify_one();
  scheduler.run_ready(1);
  EXPECT_EQ(scheduler.ready_count(), 1u);
  one.reset();
  EXPECT_EQ(scheduler.ready_count(), 0u);
  EXPECT_EQ(event.waiters(), 1u);
}

Task<void> wait_for_own_event(Scheduler& scheduler, int& reached) {
  Event own(scheduler);
  reached = 1;
  co_await own.wait();
  reached = 2;
}

TEST_F(EventTest, AFrameMayHoldTheEventItWaitsFor) {
  int reached = 0;
  Task<void> task = started(wait_for_own_event(scheduler, reached));
  EXPECT_EQ(reached, 1);
  task.reset();
  EXPECT_EQ(scheduler.frames().live(), 0u);
}

TEST_F(EventTest, AnEventMayGoAfterNotifyAll) {
  auto passing = std::make_unique<Event>(scheduler);
  Task<void> one = started(wait_once(scheduler, *passing, woken, 1));
  Task<void> two = started(wait_once(scheduler, *passing, woken, 2));
  passing->notify_all();
  passing.reset();
  two.reset();
  EXPECT_EQ(scheduler.run_ready(10), 1u);
  EXPECT_EQ(woken, (std::vector<int>{1}));
}

// A resource of which takers need different amounts; the order of arrival is the order of service.
struct Store {
  explicit Store(Scheduler& scheduler) : available(scheduler) {}
  bool try_take(int amount) {
    if (stock < amount) return false;
    stock -= amount;
    return true;
  }
  int stock = 0;
  Event available;
};

Task<void> take(Scheduler&, Store& store, int amount, std::vector<int>& order, int name) {
  if (!store.available.empty()) co_await store.available.wait();
  while (!store.try_take(amount)) co_await store.available.wait_front();
  order.push_back(name);
  store.available.notify_turn();
}

TEST_F(EventTest, TurnsAreKeptByWaitingInFront) {
  Store store(scheduler);
  Task<void> big = started(take(scheduler, store, 5, woken, 1));
  Task<void> small = started(take(scheduler, store, 1, woken, 2));
  Task<void> medium = started(take(scheduler, store, 2, woken, 3));
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(woken.empty());
    ++store.stock;
    store.available.notify_turn();
    scheduler.run_ready(10);
  }
  EXPECT_EQ(woken, (std::vector<int>{1}));
  store.stock = 3;
  store.available.notify_turn();
  while (scheduler.has_ready()) scheduler.run_ready(10);
  EXPECT_EQ(woken, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(store.stock, 0);
}

// However takers come, go and are cancelled: who is left is served in order, and nothing stays behind that somebody could have.
TEST_F(EventTest, RandomCancellationsLoseNoWakeUp) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Random random(seed);
    Store store(scheduler);
    std::vector<int> order;
    std::vector<std::unique_ptr<Task<void>>> tasks;
    for (int step = 0; step < 300; ++step) {
      switch (random.below(4)) {
        case 0:
          tasks.push_back(std::make_unique<Task<void>>(
              started(take(scheduler, store, 1 + static_cast<int>(random.below(3)), order, static_cast<int>(tasks.size())))));
          break;
        case 1:
          if (!tasks.empty()) tasks[random.below(tasks.size())]->reset();
          break;
        case 2:
          store.stock += static_cast<int>(random.below(4));
          store.available.notify_turn();
          break;
        case 3:
          scheduler.run_ready(random.below(3));
          break;
      }
    }
    scheduler.run_ready(10'000);
    EXPECT_TRUE(store.stock < 3 || store.available.empty());
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
    tasks.clear();
  }
}

TEST_F(EventTest, WaitingTakesNothingFromTheHeap) {
  woken.reserve(100);
  Task<void> first = waiting(0);
  const size_t before = heap_allocations();
  for (int i = 0; i < 50; ++i) {
    Task<void> task = waiting(i);
    event.notify_all();
    scheduler.run_ready(10);
  }
  EXPECT_EQ(heap_allocations(), before);
}

TEST(EventDeathTest, AnEventDoesNotGoBeforeItsWaiters) {
  TimerWheel timers{Instant()};
  Scheduler scheduler(timers);
  std::vector<int> woken;
  auto event = std::make_unique<Event>(scheduler);
  Task<void> task = wait_once(scheduler, *event, woken, 1);
  scheduler.start(task);
  EXPECT_DEATH(event.reset(), "while a coroutine waits");
  event->notify_one();
  EXPECT_DEATH(event.reset(), "before a coroutine that it notified has run");
  scheduler.run_ready(1);
}

}  // namespace
}  // namespace demi
