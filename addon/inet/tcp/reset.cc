#include "inet/tcp/reset.h"

namespace demi {

std::optional<TcpHeader> reset_for(const TcpHeader& segment, uint32_t length) {
  if (segment.flags.rst()) return std::nullopt;
  TcpHeader reset;
  reset.source_port = segment.destination_port;
  reset.destination_port = segment.source_port;
  if (segment.flags.ack()) {
    // <SEQ=SEG.ACK><CTL=RST>
    reset.sequence_number = segment.acknowledgment_number;
    reset.flags.bits = TcpFlags::kRst;
  } else {
    // <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>
    reset.acknowledgment_number = segment.sequence_number + length;
    reset.flags.bits = TcpFlags::kRst | TcpFlags::kAck;
  }
  return reset;
}

}  // namespace demi
