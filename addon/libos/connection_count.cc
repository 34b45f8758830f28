#include "libos/connection_count.h"

#include <utility>

#include "base/assert.h"

namespace demi {

void ConnectionCount::add() {
  DEMI_ASSERT(!full(), "a connection beyond the limit");
  ++count_;
}

void ConnectionCount::remove() {
  DEMI_ASSERT(count_ > 0, "a connection ends that was not counted");
  --count_;
  // To wake is to put on a list, and calls nobody.
  for (Queue* listener : waiting_) {
    listener->awaits_connection_end = false;
    listener->wake_reader();
  }
  waiting_.clear();
}

void ConnectionCount::wake_at_next_end(Queue& listener) {
  if (!std::exchange(listener.awaits_connection_end, true)) waiting_.push_back(&listener);
}

void ConnectionCount::forget(Queue& listener) { std::erase(waiting_, &listener); }

}  // namespace demi
