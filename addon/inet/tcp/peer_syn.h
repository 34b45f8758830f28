// PeerSyn: what the SYN of a peer said that matters later. All that a half-open connection has to remember of it.
#pragma once

#include <cstdint>

#include "inet/tcp/tcp_config.h"
#include "wire/tcp.h"

namespace demi {

struct PeerSyn {
  SeqNumber irs;
  uint32_t timestamp = 0;          // TSval, if `timestamps`
  uint16_t mss = 0;                // bytes of text and options that it takes
  uint16_t window = 0;             // bytes: the window of a SYN is not scaled (RFC 7323 2.2)
  uint8_t window_scale = 0;
  bool has_window_scale = false;
  bool timestamps = false;
  bool sack = false;

  // What both want: options that we do not offer are as if the peer had not, either. `default_mss` is for a peer that does not say
  // (RFC 9293 3.7.1).
  static PeerSyn of(const TcpHeader& syn, const TcpConfig& config, uint32_t default_mss);
};

}  // namespace demi
