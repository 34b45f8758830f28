// StackCounters: what a stack has moved, and everything that it has dropped, by cause. TCP's own are in inet/tcp/tcp_counters.h, and those of
// neighbors in neighbor_cache.h.
#pragma once

#include <cstdint>

namespace demi {

// X(member): in frames, packets or datagrams, each counted once.
#define DEMI_STACK_COUNTERS(X)                                                       \
  X(frames_in)                                                                       \
  X(frames_out)                                                                      \
  X(looped_back)                                                                     \
  /* Ethernet */                                                                     \
  X(frame_malformed)                                                                 \
  X(frame_foreign)                                                                   \
  X(frame_group_unwanted)                                                            \
  X(frame_tagged)                                                                    \
  X(frame_unknown_type)                                                              \
  /* ARP: malformed, and of a sender that cannot be on the link */                   \
  X(arp_malformed)                                                                   \
  X(arp_bad_sender)                                                                  \
  /* IP */                                                                           \
  X(ip_malformed)                                                                    \
  X(ip_bad_checksum)                                                                 \
  X(ip_bad_source)                                                                   \
  X(ip_foreign)                                                                      \
  X(ip_fragment)                                                                     \
  X(ip_unknown_protocol)                                                             \
  X(ip_group_unwanted)                                                               \
  /* ICMP: of unknown types; errors about nothing of ours */                         \
  X(icmp_malformed)                                                                  \
  X(icmp_bad_checksum)                                                               \
  X(icmp_unknown)                                                                    \
  X(icmp_ignored)                                                                    \
  X(icmp_echo_replies)                                                               \
  X(icmp_errors_out)                                                                 \
  X(icmp_rate_limited)                                                               \
  /* UDP */                                                                          \
  X(udp_in)                                                                          \
  X(udp_out)                                                                         \
  X(udp_malformed)                                                                   \
  X(udp_bad_checksum)                                                                \
  X(udp_without_socket)                                                              \
  X(udp_queue_full)                                                                  \
  /* TCP */                                                                          \
  X(tcp_malformed)                                                                   \
  X(tcp_bad_checksum)                                                                \
  X(tcp_without_connection)                                                          \
  X(tcp_resets_out)                                                                  \
  X(tcp_connections_full)                                                            \
  X(tcp_time_wait_reused)                                                            \
  X(tcp_time_wait_overflow)                                                          \
  X(tcp_parked_reset)                                                                \
  X(tcp_orphans_refused)                                                             \
  /* out: there is no way; no room for the headers; as many wait as may */           \
  X(out_without_route)                                                               \
  X(out_without_memory)                                                              \
  X(out_queue_full)                                                                  \
  X(loopback_queue_full)

struct StackCounters {
#define DEMI_STACK_COUNTER_MEMBER(member) uint64_t member = 0;
  DEMI_STACK_COUNTERS(DEMI_STACK_COUNTER_MEMBER)
#undef DEMI_STACK_COUNTER_MEMBER
};

}  // namespace demi
