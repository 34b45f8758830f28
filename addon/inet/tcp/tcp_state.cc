#include "inet/tcp/tcp_state.h"

#include "base/assert.h"

namespace demi {

const char* tcp_state_name(TcpState state) {
  switch (state) {
#define DEMI_TCP_STATE_NAME(state, name, number) \
  case TcpState::state:                          \
    return name;
    DEMI_TCP_STATE_LIST(DEMI_TCP_STATE_NAME)
#undef DEMI_TCP_STATE_NAME
  }
  return "?";
}

namespace {

[[noreturn]] void no_such_step() { assertion_failed("next_state", "a step that TCP does not have", __FILE__, __LINE__); }

// RFC 9293 figure 5: what each event does, by state.
TcpState after_close(TcpState state) {
  switch (state) {
    case TcpState::kListen:
    case TcpState::kSynSent:
      return TcpState::kClosed;
    case TcpState::kSynReceived:
    case TcpState::kEstablished:
      return TcpState::kFinWait1;
    case TcpState::kCloseWait:
      return TcpState::kLastAck;
    case TcpState::kClosed:
    case TcpState::kFinWait1:
    case TcpState::kFinWait2:
    case TcpState::kClosing:
    case TcpState::kLastAck:
    case TcpState::kTimeWait:
      break;
  }
  no_such_step();
}

TcpState after_fin(TcpState state) {
  switch (state) {
    case TcpState::kSynReceived:
    case TcpState::kEstablished:
      return TcpState::kCloseWait;
    case TcpState::kFinWait1:
      return TcpState::kClosing;
    case TcpState::kFinWait2:
      return TcpState::kTimeWait;
    // RFC 9293 3.10.7.4, eighth: a FIN again changes nothing.
    case TcpState::kCloseWait:
    case TcpState::kClosing:
    case TcpState::kLastAck:
    case TcpState::kTimeWait:
      return state;
    case TcpState::kClosed:
    case TcpState::kListen:
    case TcpState::kSynSent:
      break;
  }
  no_such_step();
}

TcpState after_fin_acknowledged(TcpState state) {
  switch (state) {
    case TcpState::kFinWait1:
      return TcpState::kFinWait2;
    case TcpState::kClosing:
      return TcpState::kTimeWait;
    case TcpState::kLastAck:
      return TcpState::kClosed;
    case TcpState::kClosed:
    case TcpState::kListen:
    case TcpState::kSynSent:
    case TcpState::kSynReceived:
    case TcpState::kEstablished:
    case TcpState::kFinWait2:
    case TcpState::kCloseWait:
    case TcpState::kTimeWait:
      break;
  }
  no_such_step();
}

TcpState step_if(bool possible, TcpState next) {
  if (!possible) no_such_step();
  return next;
}

}  // namespace

TcpState next_state(TcpState state, TcpStateEvent event) {
  switch (event) {
    case TcpStateEvent::kListen:
      return step_if(state == TcpState::kClosed, TcpState::kListen);
    case TcpStateEvent::kActiveOpen:
      return step_if(state == TcpState::kClosed || state == TcpState::kListen, TcpState::kSynSent);
    case TcpStateEvent::kSynArrives:
      return step_if(state == TcpState::kListen || state == TcpState::kSynSent, TcpState::kSynReceived);
    case TcpStateEvent::kSynAcknowledged:
      return step_if(state == TcpState::kSynSent || state == TcpState::kSynReceived, TcpState::kEstablished);
    case TcpStateEvent::kClose:
      return after_close(state);
    case TcpStateEvent::kFinArrives:
      return after_fin(state);
    case TcpStateEvent::kFinAcknowledged:
      return after_fin_acknowledged(state);
    case TcpStateEvent::kTimeWaitOver:
      return step_if(state == TcpState::kTimeWait, TcpState::kClosed);
    case TcpStateEvent::kAbort:
      return TcpState::kClosed;
  }
  no_such_step();
}

}  // namespace demi
