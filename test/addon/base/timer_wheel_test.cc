#include "base/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "base/random.h"

namespace demi {
namespace {

Instant at(int64_t nanoseconds) { return Instant::from_nanoseconds(nanoseconds); }

// A timer that runs a function.
struct Alarm : Timer {
  explicit Alarm(std::function<void()> action) : Timer(&Alarm::ring), on_fire(std::move(action)) {}
  static void ring(Timer& timer) {
    // A copy: the function may destroy its alarm.
    const std::function<void()> action = static_cast<Alarm&>(timer).on_fire;
    action();
  }
  std::function<void()> on_fire;
};

class TimerWheelTest : public testing::Test {
 protected:
  std::unique_ptr<Alarm> alarm(int name) {
    return std::make_unique<Alarm>([this, name] { fired.push_back(name); });
  }

  TimerWheel wheel{at(1'000)};
  std::vector<int> fired;
};

TEST_F(TimerWheelTest, AnEmptyWheelHasNoDeadline) {
  EXPECT_TRUE(wheel.next_deadline().is_never());
  EXPECT_EQ(wheel.expire(at(5'000)), 0u);
  EXPECT_EQ(wheel.armed(), 0u);
}

TEST_F(TimerWheelTest, FiresAtItsDueAndNotBefore) {
  auto one = alarm(1);
  wheel.arm(*one, at(123'456'789));
  EXPECT_TRUE(one->armed());
  EXPECT_EQ(one->due(), at(123'456'789));
  EXPECT_EQ(wheel.next_deadline(), at(123'456'789));
  EXPECT_EQ(wheel.expire(at(123'456'788)), 0u);
  EXPECT_EQ(wheel.next_deadline(), at(123'456'789));
  EXPECT_EQ(wheel.expire(at(123'456'789)), 1u);
  EXPECT_FALSE(one->armed());
  EXPECT_EQ(fired, (std::vector<int>{1}));
  EXPECT_TRUE(wheel.next_deadline().is_never());
}

TEST_F(TimerWheelTest, FiresInOrderOfDueThenOfArming) {
  auto one = alarm(1), two = alarm(2), three = alarm(3), four = alarm(4);
  wheel.arm(*three, at(9'000'000));
  wheel.arm(*one, at(5'000));
  wheel.arm(*four, at(9'000'000));
  wheel.expire(at(4'000));
  wheel.arm(*two, at(8'999'999));
  EXPECT_EQ(wheel.expire(at(10'000'000)), 4u);
  EXPECT_EQ(fired, (std::vector<int>{1, 2, 3, 4}));
}

TEST_F(TimerWheelTest, EqualDuesArmedFromDifferentTimesKeepTheirOrder) {
  std::vector<std::unique_ptr<Alarm>> alarms;
  const int64_t due = 70'000'000'000;
  int64_t now = 1'000;
  for (int i = 0; now < due; ++i) {
    alarms.push_back(alarm(i));
    wheel.arm(*alarms.back(), at(due));
    now = now + (due - now) / 2 + 1;
    if (now < due) wheel.expire(at(now));
  }
  EXPECT_EQ(wheel.expire(at(due)), alarms.size());
  EXPECT_GT(fired.size(), 30u);
  EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
}

TEST_F(TimerWheelTest, ArmingAgainMovesIt) {
  auto one = alarm(1);
  wheel.arm(*one, at(5'000));
  wheel.arm(*one, at(50'000));
  EXPECT_EQ(wheel.armed(), 1u);
  EXPECT_EQ(wheel.next_deadline(), at(50'000));
  EXPECT_EQ(wheel.expire(at(49'999)), 0u);
  EXPECT_EQ(wheel.expire(at(50'000)), 1u);
}

TEST_F(TimerWheelTest, CancellingAndDestroyingDisarm) {
  auto one = alarm(1), two = alarm(2);
  wheel.arm(*one, at(5'000));
  wheel.arm(*two, at(6'000));
  wheel.cancel(*one);
  wheel.cancel(*one);
  EXPECT_EQ(wheel.next_deadline(), at(6'000));
  two.reset();
  EXPECT_EQ(wheel.armed(), 0u);
  EXPECT_TRUE(wheel.next_deadline().is_never());
  EXPECT_EQ(wheel.expire(at(10'000)), 0u);
}

TEST_F(TimerWheelTest, TheDeadlineIsExactAfterTheEarliestOfASlotLeft) {
  // All of them share a slot of a high level.
  auto one = alarm(1), two = alarm(2), three = alarm(3);
  const int64_t hour = 3'600'000'000'000;
  wheel.arm(*one, at(hour + 1));
  wheel.arm(*two, at(hour + 3));
  wheel.arm(*three, at(hour + 2));
  EXPECT_EQ(wheel.next_deadline(), at(hour + 1));
  wheel.cancel(*one);
  EXPECT_EQ(wheel.next_deadline(), at(hour + 2));
  wheel.cancel(*three);
  wheel.arm(*one, at(hour + 4));
  EXPECT_EQ(wheel.next_deadline(), at(hour + 3));
  wheel.cancel(*two);
  wheel.arm(*three, at(hour));
  EXPECT_EQ(wheel.next_deadline(), at(hour));
}

TEST_F(TimerWheelTest, DueInThePastFiresNextTimeInOrder) {
  auto one = alarm(1), two = alarm(2), three = alarm(3), four = alarm(4), five = alarm(5);
  wheel.arm(*four, at(1'000));
  wheel.arm(*two, at(-5));
  wheel.arm(*five, at(1'001));
  wheel.arm(*three, at(-5));
  wheel.arm(*one, at(std::numeric_limits<int64_t>::min()));
  EXPECT_EQ(wheel.next_deadline(), at(std::numeric_limits<int64_t>::min()));
  wheel.cancel(*one);
  EXPECT_EQ(wheel.next_deadline(), at(-5));
  wheel.arm(*one, at(-6));
  EXPECT_EQ(wheel.expire(at(1'000)), 4u);
  EXPECT_EQ(fired, (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(wheel.next_deadline(), at(1'001));
}

TEST_F(TimerWheelTest, FarFutureAndNever) {
  auto one = alarm(1), two = alarm(2), three = alarm(3);
  wheel.arm(*two, at(std::numeric_limits<int64_t>::max() - 1));
  wheel.arm(*three, Instant::never());
  wheel.arm(*one, at(int64_t{1} << 62));
  EXPECT_EQ(wheel.next_deadline(), at(int64_t{1} << 62));
  EXPECT_EQ(wheel.expire(at(int64_t{1} << 62)), 1u);
  EXPECT_EQ(wheel.next_deadline(), at(std::numeric_limits<int64_t>::max() - 1));
  EXPECT_EQ(wheel.expire(at(std::numeric_limits<int64_t>::max() - 2)), 0u);
  EXPECT_EQ(wheel.expire(at(std::numeric_limits<int64_t>::max() - 1)), 1u);
  EXPECT_TRUE(wheel.next_deadline().is_never());
  EXPECT_EQ(wheel.armed(), 1u);
}

TEST_F(TimerWheelTest, ACallbackMayArmItsOwnTimer) {
  Alarm periodic([] {});
  int ticks = 0;
  periodic.on_fire = [&] {
    ++ticks;
    wheel.arm(periodic, periodic.due() + Duration::microseconds(10));
  };
  wheel.arm(periodic, at(10'000));
  // One firing a call, even if the next one is due already: a call always ends.
  EXPECT_EQ(wheel.expire(at(35'000)), 1u);
  EXPECT_EQ(wheel.next_deadline(), at(20'000));
  while (wheel.next_deadline() <= at(35'000)) wheel.expire(at(35'000));
  EXPECT_EQ(ticks, 3);
  EXPECT_EQ(wheel.next_deadline(), at(40'000));
}

TEST_F(TimerWheelTest, ACallbackMayCancelAndDestroyOthersThatAreDue) {
  auto same_due = alarm(2), later = alarm(3), kept = alarm(4);
  Alarm first([&] {
    fired.push_back(1);
    wheel.cancel(*same_due);
    later.reset();
  });
  wheel.arm(first, at(5'000));
  wheel.arm(*same_due, at(5'000));
  wheel.arm(*later, at(5'001));
  wheel.arm(*kept, at(5'002));
  EXPECT_EQ(wheel.expire(at(6'000)), 2u);
  EXPECT_EQ(fired, (std::vector<int>{1, 4}));
}

TEST_F(TimerWheelTest, ACallbackMayDestroyItsOwnTimer) {
  std::unique_ptr<Alarm> alone;
  alone = std::make_unique<Alarm>([&] {
    alone.reset();
    fired.push_back(1);
  });
  wheel.arm(*alone, at(5'000));
  EXPECT_EQ(wheel.expire(at(5'000)), 1u);
  EXPECT_EQ(alone, nullptr);
  EXPECT_EQ(wheel.armed(), 0u);
}

TEST_F(TimerWheelTest, ACallbackMayPostponeOneThatIsDue) {
  auto victim = alarm(2);
  Alarm first([&] { wheel.arm(*victim, at(7'000)); });
  wheel.arm(first, at(5'000));
  wheel.arm(*victim, at(5'000));
  EXPECT_EQ(wheel.expire(at(8'000)), 1u);
  EXPECT_EQ(wheel.next_deadline(), at(7'000));
  EXPECT_EQ(wheel.expire(at(8'000)), 1u);
}

TEST_F(TimerWheelTest, ACallbackSeesTheExactDeadline) {
  auto same = alarm(2), later = alarm(3);
  std::vector<Instant> seen;
  Alarm first([&] {
    seen.push_back(wheel.next_deadline());
    wheel.cancel(*same);
    seen.push_back(wheel.next_deadline());
    wheel.arm(*same, at(4'000));
    seen.push_back(wheel.next_deadline());
  });
  wheel.arm(first, at(5'000));
  wheel.arm(*same, at(5'000));
  wheel.arm(*later, at(500'000));
  wheel.expire(at(600'000));
  EXPECT_EQ(seen, (std::vector<Instant>{at(5'000), at(500'000), at(4'000)}));
}

TEST_F(TimerWheelTest, AWheelMayGoBeforeItsTimers) {
  auto one = alarm(1);
  {
    TimerWheel passing(at(0));
    passing.arm(*one, at(10));
  }
  EXPECT_FALSE(one->armed());
  wheel.arm(*one, at(2'000));
  EXPECT_EQ(wheel.expire(at(2'000)), 1u);
}

// The wheel and a plain array do the same random things. Callbacks do random things, too: to their own timer and to others.
class AgainstModel {
 public:
  explicit AgainstModel(uint64_t seed) : random_(seed), wheel_(at(0)) {
    for (size_t i = 0; i < kTimers; ++i) timers_.push_back(std::make_unique<Modelled>(*this, i));
    states_.resize(kTimers);
  }

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFatalFailure(); ++step) {
      for (uint64_t i = random_.below(6); i > 0; --i) random_change();
      check_deadline();
      if (random_.below(2) == 0) expire(now_ + random_length());
      // Exactly at the deadline, and one nanosecond before it.
      if (random_.below(4) == 0) expire(std::max(now_, deadline() - static_cast<int64_t>(random_.below(2))));
    }
  }

 private:
  static constexpr size_t kTimers = 40;
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::max();

  struct Modelled : Timer {
    Modelled(AgainstModel& test, size_t n) : Timer(&Modelled::fire), owner(test), number(n) {}
    static void fire(Timer& timer) {
      auto& modelled = static_cast<Modelled&>(timer);
      modelled.owner.on_fire(modelled.number);
    }
    AgainstModel& owner;
    size_t number;
  };
  struct State {
    bool armed = false;
    int64_t due = 0;
    uint64_t order = 0;  // when it was armed
  };

  int64_t random_length() { return static_cast<int64_t>(random_.next() >> (8 + random_.below(56))) & ((int64_t{1} << 50) - 1); }

  void random_change() {
    const size_t n = random_.below(kTimers);
    const uint64_t kind = random_.below(10);
    if (kind < 6) {
      int64_t due = now_ + random_length();
      if (kind == 0) due = now_ - random_length();
      // Equal dues are the interesting ones.
      if (kind == 1) due = states_[random_.below(kTimers)].due;
      wheel_.arm(*timers_[n], at(due));
      states_[n] = {true, due, ++orders_};
    } else if (kind < 9) {
      wheel_.cancel(*timers_[n]);
      states_[n].armed = false;
    } else {
      timers_[n] = std::make_unique<Modelled>(*this, n);
      states_[n].armed = false;
    }
  }

  int64_t deadline() const {
    int64_t earliest = kNone;
    for (const State& state : states_) {
      if (state.armed) earliest = std::min(earliest, state.due);
    }
    return earliest == kNone ? now_ : earliest;
  }
  void check_deadline() {
    size_t armed = 0;
    int64_t earliest = kNone;
    for (size_t n = 0; n < kTimers; ++n) {
      ASSERT_EQ(timers_[n]->armed(), states_[n].armed);
      if (!states_[n].armed) continue;
      ++armed;
      earliest = std::min(earliest, states_[n].due);
    }
    ASSERT_EQ(wheel_.armed(), armed);
    ASSERT_EQ(wheel_.next_deadline().nanoseconds(), earliest);
  }

  // The timer that should fire now: armed before this expire(), due, first by (due, order).
  size_t expected() const {
    size_t found = kTimers;
    for (size_t n = 0; n < kTimers; ++n) {
      const State& state = states_[n];
      if (!state.armed || state.due > now_ || state.order > orders_at_expire_) continue;
      if (found == kTimers || state.due < states_[found].due ||
          (state.due == states_[found].due && state.order < states_[found].order)) {
        found = n;
      }
    }
    return found;
  }
  void on_fire(size_t n) {
    ++fired_;
    ASSERT_EQ(n, expected());
    ASSERT_FALSE(timers_[n]->armed());
    states_[n].armed = false;
    if (random_.below(3) == 0) {
      for (uint64_t i = random_.below(4); i > 0; --i) random_change();
      check_deadline();
    }
  }
  void expire(int64_t now) {
    now_ = now;
    orders_at_expire_ = orders_;
    fired_ = 0;
    const size_t fired = wheel_.expire(at(now));
    ASSERT_EQ(fired, fired_);
    ASSERT_EQ(expected(), kTimers) << "a timer that is due did not fire";
    check_deadline();
  }

  Random random_;
  TimerWheel wheel_;
  std::vector<std::unique_ptr<Modelled>> timers_;
  std::vector<State> states_;
  int64_t now_ = 0;
  uint64_t orders_ = 0;
  uint64_t orders_at_expire_ = 0;
  size_t fired_ = 0;
};

TEST(TimerWheelModel, RandomOperationsMatch) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    AgainstModel(seed).run(600);
    if (testing::Test::HasFatalFailure()) return;
  }
}

// Notes whether the timers fire in order of due.
struct Ordered : Timer {
  Ordered() : Timer(&Ordered::fire) {}
  static void fire(Timer& timer) {
    in_order = in_order && timer.due() >= last;
    last = timer.due();
  }
  static inline Instant last;
  static inline bool in_order = true;
};

TEST(TimerWheelScale, AMillionTimers) {
  constexpr size_t kMillion = 1'000'000;
  Ordered::last = Instant();
  Ordered::in_order = true;
  TimerWheel wheel(at(0));
  const auto timers = std::make_unique<Ordered[]>(kMillion);
  Random random(11);
  for (size_t i = 0; i < kMillion; ++i) wheel.arm(timers[i], at(static_cast<int64_t>(random.below(2'000'000'000))));
  for (size_t i = 0; i < kMillion; i += 2) wheel.cancel(timers[i]);
  EXPECT_EQ(wheel.armed(), kMillion / 2);
  size_t fired = 0;
  for (int64_t now = 0; now <= 2'000'000'000; now += 500'000) fired += wheel.expire(at(now));
  EXPECT_EQ(fired, kMillion / 2);
  EXPECT_TRUE(Ordered::in_order);
  // And all at once, from the past.
  Ordered::last = at(-2'000'000'000);
  for (size_t i = 0; i < kMillion; ++i) wheel.arm(timers[i], at(-static_cast<int64_t>(random.below(2'000'000'000))));
  EXPECT_EQ(wheel.expire(at(2'000'000'000)), kMillion);
  EXPECT_TRUE(Ordered::in_order);
  EXPECT_EQ(wheel.armed(), 0u);
}

TEST(TimerWheelDeathTest, TimeDoesNotRunBackwards) {
  TimerWheel wheel(at(10));
  EXPECT_DEATH(wheel.expire(at(9)), "backwards");
}

TEST(TimerWheelDeathTest, ATimerBelongsToOneWheelAtATime) {
  TimerWheel wheel(at(0)), other(at(0));
  Alarm alarm([] {});
  wheel.arm(alarm, at(5));
  EXPECT_DEATH(other.arm(alarm, at(5)), "another wheel");
}

TEST(TimerWheelDeathTest, ACallbackDoesNotExpire) {
  TimerWheel wheel(at(0));
  Alarm alarm([&] { wheel.expire(at(5)); });
  wheel.arm(alarm, at(5));
  EXPECT_DEATH(wheel.expire(at(5)), "called expire");
}

}  // namespace
}  // namespace demi
