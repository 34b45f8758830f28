#include "sched/event.h"

namespace demi {

void Waiter::leave_queue() {
  hook_.unlink();
  if (!ready_) {
    --event_->waiting_count_;
    return;
  }
  --scheduler_.ready_count_;
  if (event_ != nullptr) {
    --event_->notified_count_;
    event_->notify_one();
  }
}

}  // namespace demi
