#include "inet/tcp/peer_syn.h"

namespace demi {

PeerSyn PeerSyn::of(const TcpHeader& syn, const TcpConfig& config, uint32_t default_mss) {
  PeerSyn peer;
  peer.irs = syn.sequence_number;
  peer.mss = syn.options.maximum_segment_size.value_or(static_cast<uint16_t>(default_mss));
  peer.window = syn.window;
  peer.has_window_scale = config.window_scale && syn.options.window_scale.has_value();
  if (peer.has_window_scale) peer.window_scale = *syn.options.window_scale;
  peer.sack = config.sack && syn.options.sack_permitted;
  peer.timestamps = config.timestamps && syn.options.timestamps.has_value();
  if (peer.timestamps) peer.timestamp = syn.options.timestamps->value;
  return peer;
}

}  // namespace demi
