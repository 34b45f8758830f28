// TimerWheel: a hierarchical timer wheel with exact deadlines. Arming and cancelling are O(1) and allocate nothing; a million timers is normal.
//
// How it works. A level has 64 slots, and a slot of level L is 64^L nanoseconds wide, so eleven levels cover all of time. A timer lives at
// the level of the highest base-64 digit in which its due differs from the wheel's own time, in the slot of that digit. Three things follow:
// slots of a level are in order of time and never wrap around; everything at a lower level is due before anything at a higher one;
// and timers of the same due always share a slot. When time reaches a slot, its timers move to lower levels, keeping their order, so
// that a slot of level 0 holds timers of one single due, in the order in which they were armed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "base/intrusive_list.h"
#include "base/time.h"

namespace demi {

class TimerWheel;

// A member (or a base class) of whatever waits for a point in time. Destroying it disarms it.
class Timer {
 public:
  // `fire` is called by TimerWheel::expire() with this timer, disarmed already: it may arm it again, or destroy it.
  explicit Timer(void (*fire)(Timer&)) : fire_(fire) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  inline ~Timer();

  bool armed() const { return hook_.linked(); }
  // What it was last armed for.
  Instant due() const { return due_; }

 private:
  friend class TimerWheel;

  ListHook hook_;
  Instant due_;
  void (*fire_)(Timer&);
  TimerWheel* wheel_ = nullptr;
  // The slot that it was last put into; an index into TimerWheel::slots_.
  uint32_t slot_ = 0;
};

class TimerWheel {
 public:
  explicit TimerWheel(Instant start) : time_(start), limit_(start) {
    DEMI_ASSERT(start.nanoseconds() >= 0, "a wheel starts at zero or later");
  }
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arms `timer` for `due`, which may be in the past (it fires at the next expire()). A timer that is armed is armed anew.
  void arm(Timer& timer, Instant due) {
    if (timer.armed()) cancel(timer);
    timer.due_ = due;
    timer.wheel_ = this;
    place(timer, due <= limit_ ? kOverdueSlot : slot_of(due));
    ++armed_;
  }

  // Does nothing if it is not armed.
  void cancel(Timer& timer) {
    if (!timer.armed()) return;
    DEMI_ASSERT(timer.wheel_ == this, "the timer is armed on another wheel");
    timer.hook_.unlink();
    --armed_;
    // A timer that expire() has taken out of its slot and not fired yet still names that slot. Then this is a harmless repetition.
    Slot& slot = slots_[timer.slot_];
    if (slot.timers.empty()) {
      clear_occupied(timer.slot_);
    } else if (slot.earliest == timer.due_) {
      slot.earliest_known = false;
    }
  }

  // The earliest due of all armed timers, to the nanosecond; never() if none is armed. Meant for going to sleep: after the earliest timer
  // of a wide slot has been cancelled it looks at that whole slot, once. A turn of a busy loop just calls expire(), which never does.
  Instant next_deadline();

  // Fires every timer that was armed before this call and has due <= now, in order of due, equal dues in the order of arming; returns
  // how many. A callback may arm, cancel and destroy any timer, its own too. What callbacks arm fires in a later call even if it is due
  // already (next_deadline() says so), so that a call always ends. `now` never runs backwards.
  size_t expire(Instant now);

  size_t armed() const { return armed_; }

 private:
  using TimerList = IntrusiveList<Timer, &Timer::hook_>;

  struct Slot {
    TimerList timers;
    // The earliest due in the slot, if known: kept up by arming, forgotten when that timer leaves, found again when asked for.
    Instant earliest;
    bool earliest_known = false;
  };

  static constexpr uint32_t kSlotBits = 6;
  static constexpr uint32_t kSlotsPerLevel = 1u << kSlotBits;
  static constexpr uint32_t kLevels = 11;
  // Timers that were due already when they were armed stand before the wheel, in a slot of their own, unsorted.
  static constexpr uint32_t kOverdueSlot = kLevels * kSlotsPerLevel;
  static constexpr uint32_t kNoSlot = kOverdueSlot + 1;

  static uint32_t level_of(uint32_t slot) { return slot >> kSlotBits; }
  static void sort_by_due(TimerList& timers);

  uint32_t slot_of(Instant due) const {
    const auto ahead = static_cast<uint64_t>(due.nanoseconds());
    const uint64_t difference = ahead ^ static_cast<uint64_t>(time_.nanoseconds());
    // "| 1": no difference at all belongs to level 0.
    const uint32_t level = static_cast<uint32_t>(63 - __builtin_clzll(difference | 1)) / kSlotBits;
    const uint32_t digit = static_cast<uint32_t>(ahead >> (level * kSlotBits)) & (kSlotsPerLevel - 1);
    return (level << kSlotBits) | digit;
  }
  void place(Timer& timer, uint32_t index) {
    Slot& slot = slots_[index];
    if (slot.timers.empty()) {
      set_occupied(index);
      slot.earliest = timer.due_;
      slot.earliest_known = true;
    } else if (timer.due_ < slot.earliest) {
      // Also when `earliest` is no longer known: it is still a lower bound then, and what is below a lower bound is the minimum.
      slot.earliest = timer.due_;
      slot.earliest_known = true;
    }
    timer.slot_ = index;
    slot.timers.push_back(timer);
  }
  void set_occupied(uint32_t slot) {
    occupied_[level_of(slot)] |= uint64_t{1} << (slot & (kSlotsPerLevel - 1));
    occupied_levels_ |= 1u << level_of(slot);
  }
  void clear_occupied(uint32_t slot) {
    const uint32_t level = level_of(slot);
    occupied_[level] &= ~(uint64_t{1} << (slot & (kSlotsPerLevel - 1)));
    if (occupied_[level] == 0) occupied_levels_ &= ~(1u << level);
  }

  uint32_t first_slot() const;
  Instant start_of(uint32_t slot) const;
  Instant earliest_in(uint32_t slot);
  void descend(uint32_t slot);
  size_t fire_all();

  // Where the wheel stands. No timer in the wheel is due earlier.
  Instant time_;
  // What is due at or before this when it is armed is overdue: the last `now` of expire(), and during expire() the present one.
  Instant limit_;
  size_t armed_ = 0;
  bool expiring_ = false;
  // A bit for each level that has an occupied slot, and a bit for each occupied slot of a level. The last level is the overdue slot.
  uint32_t occupied_levels_ = 0;
  uint64_t occupied_[kLevels + 1] = {};
  // What expire() has taken out of its slot and will fire next.
  TimerList firing_;
  Slot slots_[kLevels * kSlotsPerLevel + 1];
};

inline Timer::~Timer() {
  if (armed()) wheel_->cancel(*this);
}

}  // namespace demi
