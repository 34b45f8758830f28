// Prr: how much leaves during a fast recovery (Proportional Rate Reduction, RFC 9937). What the acknowledgments report as delivered clocks out what is
// sent: neither is there silence until half of a window has drained, nor a burst when it turns out that much was lost, which would lose what is sent
// again as well. It needs SACK, which says what is delivered.
#pragma once

#include <cstdint>

namespace demi {

// What an acknowledgment of a recovery says, in bytes.
struct PrrAck {
  uint32_t delivered;  // acknowledged or reported, and neither before
  uint32_t pipe;       // still in the network
  uint32_t ssthresh;   // where the window is to be at the end
  uint32_t mss;
  bool is_safe;        // SND.UNA has moved, and no further loss has shown
};

class Prr {
 public:
  // A recovery begins with an acknowledgment; `flight`: the bytes that were in the network before it.
  void begin(uint32_t flight);
  // How much may leave upon this acknowledgment.
  uint32_t handle_ack(const PrrAck& ack);
  // New or again.
  void handle_sent(uint32_t bytes) { out_ += bytes; }

 private:
  // RecoverFS, prr_delivered and prr_out of RFC 9937.
  uint32_t recover_fs_ = 1;
  uint32_t delivered_ = 0;
  uint32_t out_ = 0;
};

}  // namespace demi
