#include "libos/kernel_tcp_info.h"

#ifdef __linux__

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "libos/kernel_address.h"

namespace demi {

Result<TcpInfo> kernel_tcp_info(int fd) {
  // What an older kernel does not tell stays 0.
  ::tcp_info kernel;
  std::memset(&kernel, 0, sizeof(kernel));
  socklen_t length = sizeof(kernel);
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &kernel, &length) != 0) return kernel_error(errno);
  TcpInfo info;
  info.state = kernel.tcpi_state;
  info.retransmits = kernel.tcpi_retransmits;
  info.probes = kernel.tcpi_probes;
  info.backoff = kernel.tcpi_backoff;
  info.rto_us = kernel.tcpi_rto;
  info.ato_us = kernel.tcpi_ato;
  info.snd_mss = kernel.tcpi_snd_mss;
  info.rcv_mss = kernel.tcpi_rcv_mss;
  info.unacked = kernel.tcpi_unacked;
  info.sacked = kernel.tcpi_sacked;
  info.lost = kernel.tcpi_lost;
  info.retrans = kernel.tcpi_retrans;
  info.pmtu = kernel.tcpi_pmtu;
  info.rcv_ssthresh = kernel.tcpi_rcv_ssthresh;
  info.rtt_us = kernel.tcpi_rtt;
  info.rttvar_us = kernel.tcpi_rttvar;
  info.snd_ssthresh = kernel.tcpi_snd_ssthresh;
  info.snd_cwnd = kernel.tcpi_snd_cwnd;
  info.advmss = kernel.tcpi_advmss;
  info.reordering = kernel.tcpi_reordering;
  info.rcv_rtt_us = kernel.tcpi_rcv_rtt;
  info.rcv_space = kernel.tcpi_rcv_space;
  info.total_retrans = kernel.tcpi_total_retrans;
  info.pacing_rate = kernel.tcpi_pacing_rate;
  info.bytes_acked = kernel.tcpi_bytes_acked;
  info.bytes_received = kernel.tcpi_bytes_received;
  info.segs_out = kernel.tcpi_segs_out;
  info.segs_in = kernel.tcpi_segs_in;
  info.notsent_bytes = kernel.tcpi_notsent_bytes;
  info.min_rtt_us = kernel.tcpi_min_rtt;
  info.data_segs_in = kernel.tcpi_data_segs_in;
  info.data_segs_out = kernel.tcpi_data_segs_out;
  info.delivery_rate = kernel.tcpi_delivery_rate;
  info.bytes_sent = kernel.tcpi_bytes_sent;
  info.bytes_retrans = kernel.tcpi_bytes_retrans;
  info.snd_wnd = kernel.tcpi_snd_wnd;
  return info;
}

}  // namespace demi

#endif  // __linux__
