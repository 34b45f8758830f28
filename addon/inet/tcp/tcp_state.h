// TcpState: the states of a connection (RFC 9293 3.3.2), and the one function that leads from one to the next.
#pragma once

#include <cstdint>

namespace demi {

// X(state, name, number): the numbers are those of Linux's TCP_INFO.
#define DEMI_TCP_STATE_LIST(X)         \
  X(kEstablished, "ESTABLISHED", 1)    \
  X(kSynSent, "SYN-SENT", 2)           \
  X(kSynReceived, "SYN-RECEIVED", 3)   \
  X(kFinWait1, "FIN-WAIT-1", 4)        \
  X(kFinWait2, "FIN-WAIT-2", 5)        \
  X(kTimeWait, "TIME-WAIT", 6)         \
  X(kClosed, "CLOSED", 7)              \
  X(kCloseWait, "CLOSE-WAIT", 8)       \
  X(kLastAck, "LAST-ACK", 9)           \
  X(kListen, "LISTEN", 10)             \
  X(kClosing, "CLOSING", 11)

enum class TcpState : uint8_t {
#define DEMI_TCP_STATE_ENUMERATOR(state, name, number) state = number,
  DEMI_TCP_STATE_LIST(DEMI_TCP_STATE_ENUMERATOR)
#undef DEMI_TCP_STATE_ENUMERATOR
};

// What moves a connection. A segment that does two of these at once (SYN and ACK, ACK of our FIN and FIN) is two steps.
enum class TcpStateEvent : uint8_t {
  kListen,            // the passive OPEN call
  kActiveOpen,        // the active OPEN call
  kSynArrives,        // to a listener, or to SYN-SENT without an acknowledgment of our SYN: simultaneous open
  kSynAcknowledged,
  kClose,             // the CLOSE call, or the end of sending only
  kFinArrives,
  kFinAcknowledged,
  kTimeWaitOver,
  kAbort,             // the ABORT call, a RST, a timeout
};

const char* tcp_state_name(TcpState state);

// A step that RFC 9293 does not have is our own bug.
TcpState next_state(TcpState state, TcpStateEvent event);

// RFC 9293 3.5: both SYNs were acknowledged.
constexpr bool is_synchronized(TcpState state) {
  return state != TcpState::kClosed && state != TcpState::kListen && state != TcpState::kSynSent && state != TcpState::kSynReceived;
}
// Text of the user may still be given for sending.
constexpr bool accepts_send(TcpState state) {
  return state == TcpState::kSynSent || state == TcpState::kSynReceived || state == TcpState::kEstablished ||
         state == TcpState::kCloseWait;
}
// Text of the peer may still come: its FIN did not yet.
constexpr bool accepts_text(TcpState state) {
  return state == TcpState::kEstablished || state == TcpState::kFinWait1 || state == TcpState::kFinWait2;
}

}  // namespace demi
