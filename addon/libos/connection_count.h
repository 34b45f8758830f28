// ConnectionCount: how many connections a libOS has, against its limit, and the listeners that wait for one of them to end.
//
// A connection counts from the active open or the accept on until its queue is gone, one that was closed and still delivers included.
// What stands in a backlog does not count: it costs the side that listens no descriptor, and the backlog bounds it.
#pragma once

#include <cstdint>
#include <vector>

#include "libos/queue.h"

namespace demi {

class ConnectionCount {
 public:
  // 0: no limit.
  explicit ConnectionCount(uint32_t limit) : limit_(limit) {}
  ConnectionCount(const ConnectionCount&) = delete;
  ConnectionCount& operator=(const ConnectionCount&) = delete;

  bool full() const { return limit_ != 0 && count_ >= limit_; }
  uint32_t count() const { return count_; }
  // Not when full.
  void add();
  // All listeners that wait look again: the first in line takes the place, the others ask to be woken once more.
  void remove();
  // Wakes the reader of `listener`, once, when a connection ends.
  void wake_at_next_end(Queue& listener);
  // It is destroyed while it waits.
  void forget(Queue& listener);

 private:
  const uint32_t limit_;
  uint32_t count_ = 0;
  std::vector<Queue*> waiting_;  // listeners, in the order in which they came
};

}  // namespace demi
