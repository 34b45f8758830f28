#include "linux_tcp_info.h"

#include <algorithm>

#include "wire/ipv4.h"

namespace demi {

namespace {
// What Linux says of a threshold that was never set.
constexpr uint32_t kInfiniteThreshold = 0x7fffffff;
// RFC 6675: three duplicate acknowledgments.
constexpr uint32_t kReordering = 3;
// enum tcp_ca_state of Linux.
constexpr uint8_t kOpen = 0, kDisorder = 1, kRecovery = 3, kLoss = 4;

uint32_t microseconds(Duration length) { return static_cast<uint32_t>(length.count_nanoseconds() / 1000); }

uint8_t recovery_state(const TcpConnection& connection) {
  const Flight* flight = connection.sender().flight();
  if (flight == nullptr) return kOpen;
  switch (flight->recovery.phase()) {
    case LossRecovery::Phase::kOpen:
      return flight->recovery.duplicate_acks() > 0 || connection.sender().sacked_bytes() > 0 ? kDisorder : kOpen;
    case LossRecovery::Phase::kFastRecovery:
      return kRecovery;
    case LossRecovery::Phase::kTimeoutRecovery:
      return kLoss;
  }
  return kOpen;
}
}  // namespace

tcp_info linux_tcp_info(const TcpConnection& connection, const StackConfig& config) {
  const TcpConnectionInfo ours = connection.info();
  const uint32_t mss = std::max(ours.mss, 1u);
  const auto segments = [mss](uint32_t bytes) { return (bytes + mss - 1) / mss; };
  tcp_info info{};
  info.tcpi_state = static_cast<uint8_t>(ours.state);
  info.tcpi_ca_state = recovery_state(connection);
  info.tcpi_retransmits = ours.zero_window_probes > 0 ? 0 : ours.back_offs;
  info.tcpi_probes = ours.zero_window_probes;
  info.tcpi_backoff = ours.back_offs;
  if (ours.timestamps) info.tcpi_options |= TCPI_OPT_TIMESTAMPS;
  if (ours.sack) info.tcpi_options |= TCPI_OPT_SACK;
  if (ours.window_scaling) info.tcpi_options |= TCPI_OPT_WSCALE;
  info.tcpi_snd_wscale = ours.peer_window_scale & 0xf;
  info.tcpi_rcv_wscale = ours.window_scaling ? connection.receiver().offered_scale() & 0xf : 0;
  info.tcpi_rto = microseconds(ours.rto);
  info.tcpi_ato = microseconds(config.tcp.delayed_ack);
  info.tcpi_snd_mss = ours.mss;
  info.tcpi_rcv_mss = ours.peer_segment_size;
  info.tcpi_unacked = segments(ours.in_flight);
  info.tcpi_sacked = segments(ours.sacked);
  // For Linux what was sent again remains lost until it is acknowledged.
  info.tcpi_lost = segments(ours.lost + ours.repeated);
  info.tcpi_retrans = segments(ours.repeated);
  info.tcpi_pmtu = config.mtu_bytes;
  info.tcpi_rcv_ssthresh = ours.receive_window;
  info.tcpi_rtt = microseconds(ours.srtt);
  info.tcpi_rttvar = microseconds(ours.rttvar);
  info.tcpi_snd_ssthresh = ours.ssthresh == UINT32_MAX ? kInfiniteThreshold : ours.ssthresh / mss;
  // Before the connection stands the window is the one that it will begin with.
  info.tcpi_snd_cwnd = ours.cwnd == 0 ? config.tcp.initial_window_segments : std::max(ours.cwnd / mss, 1u);
  info.tcpi_advmss = config.mtu_bytes - Ipv4Header::kBytes - TcpHeader::kBytesMin;
  if (config.tcp.mss_max != 0) info.tcpi_advmss = std::min<uint32_t>(info.tcpi_advmss, config.tcp.mss_max);
  info.tcpi_reordering = kReordering;
  info.tcpi_rcv_space = ours.receive_buffer;
  info.tcpi_total_retrans = ours.segments_retransmitted;
  info.tcpi_bytes_acked = ours.bytes_acked;
  info.tcpi_bytes_received = ours.bytes_received;
  info.tcpi_segs_out = ours.segments_out;
  info.tcpi_segs_in = ours.segments_in;
  info.tcpi_notsent_bytes = ours.unsent;
  info.tcpi_min_rtt = microseconds(ours.min_rtt);
  info.tcpi_data_segs_in = ours.data_segments_in;
  info.tcpi_data_segs_out = ours.data_segments_out;
  info.tcpi_bytes_sent = ours.bytes_sent;
  info.tcpi_bytes_retrans = ours.bytes_retransmitted;
  info.tcpi_snd_wnd = ours.send_window;
  return info;
}

}  // namespace demi
