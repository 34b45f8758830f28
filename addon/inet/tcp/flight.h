// Flight: what a sender needs only while it has something to send or waits for an acknowledgment. An idle connection has none: it is taken
// from a pool with the first byte and goes back with the last acknowledgment.
#pragma once

#include "base/time.h"
#include "inet/tcp/hystart.h"
#include "inet/tcp/loss_recovery.h"
#include "inet/tcp/send_queue.h"

namespace demi {

struct Flight {
  // `una`: SND.UNA; `text`: where text begins, behind a SYN that is still to be acknowledged.
  Flight(SeqNumber una, SeqNumber text, Instant now) : queue(text), recovery(una), progress(now), answered(now) {}

  SendQueue queue;
  LossRecovery recovery;
  HyStart hystart;
  // The one segment whose acknowledgment is timed, and none that was sent again (RFC 6298 3): it ends at `timed_end`, and left at `timed_at`.
  SeqNumber timed_end;
  Instant timed_at = Instant::never();
  // When SND.UNA last moved: what the user timeout is measured from.
  Instant progress;
  // When a probe of a zero window was last answered.
  Instant answered;
};

}  // namespace demi
