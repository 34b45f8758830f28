#include "libos/connection_count.h"

#include "base/assert.h"

namespace demi {

void ConnectionCount::add() {
  DEMI_ASSERT(!full(), "a connection beyond the limit");
  ++count_;
}

void ConnectionCount::remove() {
  DEMI_ASSERT(count_ > 0, "a connection ends that was not counted");
  --count_;
  while (Queue* listener = waiting_.pop_front()) listener->wake_reader();
}

void ConnectionCount::wake_at_next_end(Queue& listener) {
  if (!listener.connection_end_hook.linked()) waiting_.push_back(listener);
}

}  // namespace demi
