// The part of the timer wheel in which time passes. Read the header first: it says how the wheel is laid out.
#include "base/timer_wheel.h"

namespace demi {

// The occupied slot of the wheel that comes first in time, or kNoSlot. The overdue slot does not count.
uint32_t TimerWheel::first_slot() const {
  const uint32_t levels = occupied_levels_ & ((1u << kLevels) - 1);
  if (levels == 0) return kNoSlot;
  const auto level = static_cast<uint32_t>(__builtin_ctz(levels));
  return (level << kSlotBits) | static_cast<uint32_t>(__builtin_ctzll(occupied_[level]));
}

// The first nanosecond of a slot: the wheel's own time down to the slot's level, then the slot's digit, then zeros.
Instant TimerWheel::start_of(uint32_t slot) const {
  const uint32_t shift = level_of(slot) * kSlotBits;
  const auto time = static_cast<uint64_t>(time_.nanoseconds());
  const uint64_t above = time >> shift >> kSlotBits << kSlotBits;
  return Instant::from_nanoseconds(static_cast<int64_t>((above | (slot & (kSlotsPerLevel - 1))) << shift));
}

Instant TimerWheel::earliest_in(uint32_t index) {
  Slot& slot = slots_[index];
  if (!slot.earliest_known) {
    slot.earliest = slot.timers.front()->due_;
    // In a slot of level 0 all dues are the same.
    if (level_of(index) != 0) {
      for (Timer* timer = slot.timers.front(); timer != nullptr; timer = slot.timers.next(*timer)) {
        if (timer->due_ < slot.earliest) slot.earliest = timer->due_;
      }
    }
    slot.earliest_known = true;
  }
  return slot.earliest;
}

Instant TimerWheel::next_deadline() {
  Instant earliest = Instant::never();
  // Only a callback can find something here.
  if (!firing_.empty()) earliest = firing_.front()->due_;
  if (!slots_[kOverdueSlot].timers.empty()) {
    const Instant overdue = earliest_in(kOverdueSlot);
    if (overdue < earliest) earliest = overdue;
  }
  const uint32_t first = first_slot();
  if (first != kNoSlot && start_of(first) < earliest) {
    const Instant ahead = earliest_in(first);
    if (ahead < earliest) earliest = ahead;
  }
  return earliest;
}

// Moves the timers of a slot that time has just reached to lower levels. Those slots are empty: had anything there been armed, it would
// have come first. So the order of arming is kept.
void TimerWheel::descend(uint32_t index) {
  TimerList moving;
  moving.splice_back(slots_[index].timers);
  clear_occupied(index);
  while (Timer* timer = moving.pop_front()) place(*timer, slot_of(timer->due_));
}

size_t TimerWheel::fire_all() {
  size_t fired = 0;
  while (Timer* timer = firing_.pop_front()) {
    --armed_;
    ++fired;
    // The timer may be gone when this returns.
    timer->fire_(*timer);
  }
  return fired;
}

size_t TimerWheel::expire(Instant now) {
  DEMI_ASSERT(!expiring_, "a timer's callback called expire()");
  DEMI_ASSERT(now >= limit_, "time runs backwards");
  expiring_ = true;
  limit_ = now;
  size_t fired = 0;
  if (!slots_[kOverdueSlot].timers.empty()) {
    firing_.splice_back(slots_[kOverdueSlot].timers);
    clear_occupied(kOverdueSlot);
    sort_by_due(firing_);
    fired += fire_all();
  }
  for (uint32_t first = first_slot(); first != kNoSlot; first = first_slot()) {
    const Instant start = start_of(first);
    if (start > now) break;
    time_ = start;
    if (level_of(first) != 0) {
      descend(first);
      continue;
    }
    firing_.splice_back(slots_[first].timers);
    clear_occupied(first);
    fired += fire_all();
  }
  // No slot begins at or before `now`, so every timer is where it would be put if it were armed now.
  time_ = now;
  expiring_ = false;
  return fired;
}

// A stable merge sort from the bottom up: bin number i is empty or holds a sorted run of 2^i timers, all armed before those of lower bins.
void TimerWheel::sort_by_due(TimerList& timers) {
  if (timers.next(*timers.front()) == nullptr) return;
  const auto merge_into = [](TimerList& earlier, TimerList& later) {
    TimerList merged;
    while (!earlier.empty() && !later.empty()) {
      TimerList& from = later.front()->due_ < earlier.front()->due_ ? later : earlier;
      merged.push_back(*from.pop_front());
    }
    merged.splice_back(earlier);
    merged.splice_back(later);
    earlier.splice_back(merged);
  };
  constexpr size_t kBins = 40;  // 2^40 timers do not fit into memory
  TimerList bins[kBins];
  size_t used = 0;
  while (Timer* timer = timers.pop_front()) {
    TimerList run;
    run.push_back(*timer);
    size_t bin = 0;
    for (; !bins[bin].empty(); ++bin) {
      merge_into(bins[bin], run);
      run.splice_back(bins[bin]);
    }
    bins[bin].splice_back(run);
    if (bin >= used) used = bin + 1;
  }
  for (size_t bin = 0; bin < used; ++bin) {
    // `timers` holds what was armed last; the bin goes before it.
    merge_into(bins[bin], timers);
    timers.splice_back(bins[bin]);
  }
}

}  // namespace demi
