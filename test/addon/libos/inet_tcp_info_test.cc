#include "libos/inet_tcp_info.h"

#include <gtest/gtest.h>

namespace demi {
namespace {

TEST(InetTcpInfo, CountsInSegmentsWhatLinuxCountsInSegments) {
  TcpConnectionInfo from;
  from.state = TcpState::kCloseWait;
  from.mss = 1000;
  from.cwnd = 10'999;
  from.ssthresh = 20'000;
  from.in_flight = 5001;
  from.sacked = 2000;
  from.lost = 1000;
  from.repeated = 1001;
  const TcpInfo info = linux_tcp_info(from);
  EXPECT_EQ(info.state, 8u);
  EXPECT_EQ(info.snd_mss, 1000u);
  EXPECT_EQ(info.snd_cwnd, 10u);
  EXPECT_EQ(info.snd_ssthresh, 20u);
  EXPECT_EQ(info.unacked, 6u);
  EXPECT_EQ(info.sacked, 2u);
  EXPECT_EQ(info.lost, 3u);
  EXPECT_EQ(info.retrans, 2u);
  from.ssthresh = UINT32_MAX;
  EXPECT_EQ(linux_tcp_info(from).snd_ssthresh, 0x7fff'ffffu);
}

TEST(InetTcpInfo, TimesAreInMicroseconds) {
  TcpConnectionInfo from;
  from.srtt = Duration::nanoseconds(12'999);
  from.rttvar = Duration::microseconds(3);
  from.min_rtt = Duration::microseconds(10);
  from.rto = Duration::milliseconds(200);
  const TcpInfo info = linux_tcp_info(from);
  EXPECT_EQ(info.rtt_us, 12u);
  EXPECT_EQ(info.rttvar_us, 3u);
  EXPECT_EQ(info.min_rtt_us, 10u);
  EXPECT_EQ(info.rto_us, 200'000u);
}

TEST(InetTcpInfo, TheRestIsAsItIs) {
  TcpConnectionInfo from;
  from.back_offs = 3;
  from.zero_window_probes = 4;
  from.peer_segment_size = 1448;
  from.receive_window = 60'000;
  from.receive_buffer = 65'536;
  from.segments_retransmitted = 5;
  from.bytes_acked = uint64_t{1} << 40;
  from.bytes_received = 7;
  from.segments_out = 8;
  from.segments_in = 9;
  from.unsent = 10;
  from.data_segments_in = 11;
  from.data_segments_out = 12;
  from.bytes_sent = 13;
  from.bytes_retransmitted = 14;
  from.send_window = 15;
  const TcpInfo info = linux_tcp_info(from);
  EXPECT_EQ(info.retransmits, 3u);
  EXPECT_EQ(info.backoff, 3u);
  EXPECT_EQ(info.probes, 4u);
  EXPECT_EQ(info.rcv_mss, 1448u);
  EXPECT_EQ(info.rcv_ssthresh, 60'000u);
  EXPECT_EQ(info.rcv_space, 65'536u);
  EXPECT_EQ(info.total_retrans, 5u);
  EXPECT_EQ(info.bytes_acked, uint64_t{1} << 40);
  EXPECT_EQ(info.bytes_received, 7u);
  EXPECT_EQ(info.segs_out, 8u);
  EXPECT_EQ(info.segs_in, 9u);
  EXPECT_EQ(info.notsent_bytes, 10u);
  EXPECT_EQ(info.data_segs_in, 11u);
  EXPECT_EQ(info.data_segs_out, 12u);
  EXPECT_EQ(info.bytes_sent, 13u);
  EXPECT_EQ(info.bytes_retrans, 14u);
  EXPECT_EQ(info.snd_wnd, 15u);
}

TEST(InetTcpInfo, AlgorithmsAreCalledAsOnLinux) {
  for (const CongestionAlgorithm algorithm : {CongestionAlgorithm::kCubic, CongestionAlgorithm::kNewReno}) {
    EXPECT_EQ(congestion_algorithm_named(name_of(algorithm)), algorithm);
  }
  EXPECT_EQ(congestion_algorithm_named("newreno"), CongestionAlgorithm::kNewReno);
  EXPECT_EQ(congestion_algorithm_named("bbr"), std::nullopt);
  EXPECT_EQ(congestion_algorithm_named(""), std::nullopt);
}

}  // namespace
}  // namespace demi
