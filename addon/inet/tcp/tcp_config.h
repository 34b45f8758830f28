// TcpConfig: what can be chosen about TCP. One per stack; the connections and listeners refer to it, so it outlives them.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "wire/syn_option_order.h"

namespace demi {

enum class CongestionAlgorithm : uint8_t { kNewReno, kCubic };

struct TcpConfig {
  // --- retransmission ---
  // RFC 6298 2.1 and 5.7: before the first measurement, and if the SYN had to be sent again.
  Duration initial_rto = Duration::seconds(1);
  Duration initial_rto_after_syn_loss = Duration::seconds(3);
  // RFC 6298 2.4 has 1 s, which made sense with clocks of 500 ms. Data centres take 1 ms.
  Duration min_rto = Duration::milliseconds(200);
  Duration max_rto = Duration::seconds(60);
  // RFC 9293 3.8.3 (R2): SYNs and SYN-ACKs that are sent again before we give up. Six make 123 s: 1, 2, 4, 8, 16 and 32 s, and
  // the last of 60 s, which is max_rto.
  uint8_t syn_retries = 6;
  uint8_t syn_ack_retries = 5;

  // RFC 8899 4.3: after so many timeouts in a row the path is taken to carry only so much text and TCP options in a packet.
  uint8_t black_hole_timeouts = 3;
  uint16_t black_hole_mss = 1220;

  // --- congestion ---
  CongestionAlgorithm congestion = CongestionAlgorithm::kCubic;
  // RFC 6928 2.
  uint32_t initial_window_segments = 10;

  // --- sending ---
  // Text that is accepted ahead of the peer's acknowledgment: so much, or two congestion windows up to the other.
  uint32_t send_buffer_bytes = 1 << 20;
  uint32_t send_buffer_max_bytes = 32 << 20;
  bool nagle = true;
  // Whether a device that cuts segments is given several at once; and how much text in one frame, in how many pieces: what the device's
  // capabilities say.
  bool segment_offload = true;
  uint32_t segment_offload_bytes = 0;
  uint32_t segment_offload_pieces = UINT32_MAX;

  // --- receiving ---
  // The receive buffer begins with this and grows with what the application takes, up to the other.
  uint32_t receive_buffer_bytes = 256 << 10;
  uint32_t receive_buffer_max_bytes = 32 << 20;
  bool receive_auto_tuning = true;
  // RFC 9293 3.8.6.3 (SHLD-18) has 0.5 s at most.
  Duration delayed_ack = Duration::milliseconds(40);

  // --- options that are offered ---
  bool window_scale = true;
  bool timestamps = true;
  bool sack = true;
  // What a SYN says that we take, text and TCP options, and what is sent, at most. 0: as much as the path carries.
  uint16_t mss_max = 0;
  // Empty: as Linux orders them. What is offered, the flags above say.
  SynOptionOrder syn_option_order;

  // --- liveness ---
  // RFC 9293 3.8.3 (R2): how long text may remain without an acknowledgment.
  Duration user_timeout = Duration::seconds(300);
  // RFC 9293 3.8.4 (MUST-25): off unless asked for; and two hours then.
  bool keepalive = false;
  Duration keepalive_idle = Duration::seconds(7200);
  Duration keepalive_interval = Duration::seconds(75);
  uint8_t keepalive_probes = 9;
  // The maximum segment lifetime: TIME-WAIT lasts two of them (RFC 9293 3.4.2 suggests 2 minutes; Linux has 30 s).
  Duration msl = Duration::seconds(30);
  // How long a connection that nobody holds goes on although nothing of what it sent is acknowledged, or the peer's window is closed: Linux
  // has tcp_orphan_retries, which come to about so much.
  Duration orphan_timeout = Duration::seconds(60);
  // How long a connection that nobody holds waits for the peer's FIN.
  Duration fin_wait_2_timeout = Duration::seconds(60);

  // --- challenge ACKs (RFC 5961 7) ---
  // For each connection in each period; both are made a little different for each connection.
  uint8_t challenge_acks = 10;
  Duration challenge_period = Duration::seconds(5);

  // Off, every segment goes through all steps of RFC 9293 3.10.7.4: a test compares the two ways.
  bool header_prediction = true;

  // --- listening ---
  uint32_t syn_queue_entries = 1024;
};

}  // namespace demi
