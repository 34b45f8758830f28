// TcpCounters: how often something happened that nobody is told otherwise. One set per stack.
#pragma once

#include <cstdint>

namespace demi {

// X(member): what the network did to us and what we refused, each in segments unless it says otherwise.
#define DEMI_TCP_COUNTERS(X)        \
  X(segments_in)                    \
  X(segments_expected)              \
  X(segments_out)                   \
  X(retransmitted)                  \
  X(retransmission_timeouts)        \
  X(fast_recoveries)                \
  X(spurious_recoveries)            \
  X(outside_window)                 \
  X(paws_rejected)                  \
  X(without_timestamp)              \
  X(without_ack)                    \
  X(ack_of_unsent)                  \
  X(old_ack)                        \
  X(challenge_acks)                 \
  X(challenge_acks_withheld)        \
  X(resets_in)                      \
  X(resets_out)                     \
  X(text_after_close)               \
  X(duplicate_text)                 \
  X(text_over_buffer)               \
  X(text_without_memory)            \
  X(reassembly_refused)             \
  X(sack_refused)                   \
  X(sack_invalid)                   \
  X(duplicate_sacks)                \
  X(zero_window_probes)             \
  X(keepalive_probes)               \
  X(user_timeouts)                  \
  X(keepalive_timeouts)             \
  X(icmp_ignored)                   \
  X(path_mss_lowered)               \
  X(black_holes)                    \
  X(syn_queue_full)                 \
  X(accept_queue_full)              \
  X(syn_ack_timeouts)               \
  X(active_opens)                   \
  X(passive_opens)                  \
  X(failed_opens)

struct TcpCounters {
#define DEMI_TCP_COUNTER_MEMBER(member) uint64_t member = 0;
  DEMI_TCP_COUNTERS(DEMI_TCP_COUNTER_MEMBER)
#undef DEMI_TCP_COUNTER_MEMBER
};

}  // namespace demi
