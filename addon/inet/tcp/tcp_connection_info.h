// TcpConnectionInfo: what TCP_INFO tells of a connection, in its own units; the libOS makes the numbers of Linux from it.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "inet/tcp/tcp_config.h"
#include "inet/tcp/tcp_state.h"

namespace demi {

struct TcpConnectionInfo {
  TcpState state = TcpState::kClosed;
  CongestionAlgorithm congestion = CongestionAlgorithm::kCubic;
  bool timestamps = false;
  bool sack = false;
  bool window_scaling = false;
  uint8_t peer_window_scale = 0;
  uint8_t back_offs = 0;               // of the retransmission or persist timer
  uint8_t zero_window_probes = 0;      // since the window was last open
  Duration srtt;
  Duration rttvar;
  Duration min_rtt;
  Duration rto;
  uint32_t mss = 0;                    // bytes of text in a full segment that we send
  uint32_t peer_segment_size = 0;      // the same of the peer, as far as it shows
  uint32_t cwnd = 0;                   // bytes, as all that follow
  uint32_t ssthresh = 0;
  uint32_t in_flight = 0;
  uint32_t pipe = 0;
  uint32_t sacked = 0;
  uint32_t lost = 0;                   // and not sent again yet
  uint32_t repeated = 0;               // sent again, and still in flight
  uint32_t send_window = 0;
  uint32_t receive_window = 0;
  uint32_t receive_buffer = 0;
  uint32_t unsent = 0;
  uint32_t send_queue = 0;
  uint64_t bytes_acked = 0;
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  uint64_t bytes_retransmitted = 0;
  uint32_t segments_retransmitted = 0;
  uint32_t segments_in = 0;
  uint32_t segments_out = 0;
  uint32_t data_segments_in = 0;
  uint32_t data_segments_out = 0;
};

}  // namespace demi
