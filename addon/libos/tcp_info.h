// TcpInfo: what TCP_INFO tells of a connection; the fields of Linux's struct tcp_info that every TCP has. (tcp(7))
#pragma once

#include <cstdint>

namespace demi {

// X(member, name in JavaScript). Times in microseconds, windows and ssthresh in segments as on Linux, rates in bytes per second.
#define DEMI_TCP_INFO_FIELDS(X)               \
  X(state, "state")                           \
  X(retransmits, "retransmits")               \
  X(probes, "probes")                         \
  X(backoff, "backoff")                       \
  X(rto_us, "rtoUs")                          \
  X(ato_us, "atoUs")                          \
  X(snd_mss, "sndMss")                        \
  X(rcv_mss, "rcvMss")                        \
  X(unacked, "unacked")                       \
  X(sacked, "sacked")                         \
  X(lost, "lost")                             \
  X(retrans, "retrans")                       \
  X(pmtu, "pmtu")                             \
  X(rcv_ssthresh, "rcvSsthresh")              \
  X(rtt_us, "rttUs")                          \
  X(rttvar_us, "rttvarUs")                    \
  X(snd_ssthresh, "sndSsthresh")              \
  X(snd_cwnd, "sndCwnd")                      \
  X(advmss, "advmss")                         \
  X(reordering, "reordering")                 \
  X(rcv_rtt_us, "rcvRttUs")                   \
  X(rcv_space, "rcvSpace")                    \
  X(total_retrans, "totalRetrans")            \
  X(pacing_rate, "pacingRate")                \
  X(bytes_acked, "bytesAcked")                \
  X(bytes_received, "bytesReceived")          \
  X(segs_out, "segsOut")                      \
  X(segs_in, "segsIn")                        \
  X(notsent_bytes, "notsentBytes")            \
  X(min_rtt_us, "minRttUs")                   \
  X(data_segs_in, "dataSegsIn")               \
  X(data_segs_out, "dataSegsOut")             \
  X(delivery_rate, "deliveryRate")            \
  X(bytes_sent, "bytesSent")                  \
  X(bytes_retrans, "bytesRetrans")            \
  X(snd_wnd, "sndWnd")

struct TcpInfo {
#define DEMI_TCP_INFO_MEMBER(member, name) uint64_t member = 0;
  DEMI_TCP_INFO_FIELDS(DEMI_TCP_INFO_MEMBER)
#undef DEMI_TCP_INFO_MEMBER
};

}  // namespace demi
