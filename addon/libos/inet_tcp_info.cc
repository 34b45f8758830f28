#include "libos/inet_tcp_info.h"

#include <algorithm>

namespace demi {

namespace {

// What Linux says before the first loss (TCP_INFINITE_SSTHRESH).
constexpr uint64_t kInfiniteThreshold = 0x7fff'ffff;

uint64_t microseconds(Duration length) { return static_cast<uint64_t>(std::max<int64_t>(length.count_nanoseconds(), 0)) / 1000; }

}  // namespace

TcpInfo linux_tcp_info(const TcpConnectionInfo& from) {
  // Linux counts in segments what we count in bytes.
  const uint64_t mss = std::max<uint64_t>(from.mss, 1);
  const auto segments = [mss](uint64_t bytes) { return (bytes + mss - 1) / mss; };
  TcpInfo info;
  info.state = static_cast<uint64_t>(from.state);
  info.retransmits = from.back_offs;
  info.probes = from.zero_window_probes;
  info.backoff = from.back_offs;
  info.rto_us = microseconds(from.rto);
  info.snd_mss = from.mss;
  info.rcv_mss = from.peer_segment_size;
  info.unacked = segments(from.in_flight);
  info.sacked = segments(from.sacked);
  // For Linux what was sent again remains lost until it is acknowledged.
  info.lost = segments(uint64_t{from.lost} + from.repeated);
  info.retrans = segments(from.repeated);
  info.rcv_ssthresh = from.receive_window;
  info.rtt_us = microseconds(from.srtt);
  info.rttvar_us = microseconds(from.rttvar);
  info.min_rtt_us = microseconds(from.min_rtt);
  info.snd_ssthresh = from.ssthresh == UINT32_MAX ? kInfiniteThreshold : from.ssthresh / mss;
  info.snd_cwnd = from.cwnd / mss;
  info.rcv_space = from.receive_buffer;
  info.total_retrans = from.segments_retransmitted;
  info.bytes_acked = from.bytes_acked;
  info.bytes_received = from.bytes_received;
  info.segs_out = from.segments_out;
  info.segs_in = from.segments_in;
  info.notsent_bytes = from.unsent;
  info.data_segs_in = from.data_segments_in;
  info.data_segs_out = from.data_segments_out;
  info.bytes_sent = from.bytes_sent;
  info.bytes_retrans = from.bytes_retransmitted;
  info.snd_wnd = from.send_window;
  return info;
}

std::string_view name_of(CongestionAlgorithm algorithm) { return algorithm == CongestionAlgorithm::kCubic ? "cubic" : "reno"; }

std::optional<CongestionAlgorithm> congestion_algorithm_named(std::string_view name) {
  if (name == "cubic") return CongestionAlgorithm::kCubic;
  if (name == "reno" || name == "newreno") return CongestionAlgorithm::kNewReno;
  return std::nullopt;
}

}  // namespace demi
