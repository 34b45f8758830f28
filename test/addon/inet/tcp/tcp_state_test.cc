#include "inet/tcp/tcp_state.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

namespace demi {
namespace {

using S = TcpState;
using E = TcpStateEvent;

const std::vector<S> kStates = {S::kClosed,   S::kListen,   S::kSynSent,  S::kSynReceived, S::kEstablished, S::kFinWait1,
                                S::kFinWait2, S::kCloseWait, S::kClosing, S::kLastAck,     S::kTimeWait};
const std::vector<E> kEvents = {E::kListen, E::kActiveOpen, E::kSynArrives,      E::kSynAcknowledged, E::kClose,
                                E::kFinArrives, E::kFinAcknowledged, E::kTimeWaitOver, E::kAbort};

// RFC 9293 figure 5, and 3.10.7.4 for a FIN that comes again. Every pair that is not here does not exist.
const std::map<std::pair<S, E>, S> kSteps = {
    {{S::kClosed, E::kListen}, S::kListen},
    {{S::kClosed, E::kActiveOpen}, S::kSynSent},
    {{S::kListen, E::kActiveOpen}, S::kSynSent},
    {{S::kListen, E::kSynArrives}, S::kSynReceived},
    {{S::kListen, E::kClose}, S::kClosed},
    {{S::kSynSent, E::kSynArrives}, S::kSynReceived},
    {{S::kSynSent, E::kSynAcknowledged}, S::kEstablished},
    {{S::kSynSent, E::kClose}, S::kClosed},
    {{S::kSynReceived, E::kSynAcknowledged}, S::kEstablished},
    {{S::kSynReceived, E::kClose}, S::kFinWait1},
    {{S::kSynReceived, E::kFinArrives}, S::kCloseWait},
    {{S::kEstablished, E::kClose}, S::kFinWait1},
    {{S::kEstablished, E::kFinArrives}, S::kCloseWait},
    {{S::kFinWait1, E::kFinAcknowledged}, S::kFinWait2},
    {{S::kFinWait1, E::kFinArrives}, S::kClosing},
    {{S::kFinWait2, E::kFinArrives}, S::kTimeWait},
    {{S::kClosing, E::kFinAcknowledged}, S::kTimeWait},
    {{S::kClosing, E::kFinArrives}, S::kClosing},
    {{S::kCloseWait, E::kClose}, S::kLastAck},
    {{S::kCloseWait, E::kFinArrives}, S::kCloseWait},
    {{S::kLastAck, E::kFinAcknowledged}, S::kClosed},
    {{S::kLastAck, E::kFinArrives}, S::kLastAck},
    {{S::kTimeWait, E::kFinArrives}, S::kTimeWait},
    {{S::kTimeWait, E::kTimeWaitOver}, S::kClosed},
};

TEST(TcpStateTest, EveryStepOfTheDiagram) {
  for (const auto& [from, to] : kSteps) {
    EXPECT_EQ(next_state(from.first, from.second), to) << tcp_state_name(from.first) << " event " << static_cast<int>(from.second);
  }
  for (S state : kStates) EXPECT_EQ(next_state(state, E::kAbort), S::kClosed);
}

TEST(TcpStateDeathTest, AndNoOther) {
  for (S state : kStates) {
    for (E event : kEvents) {
      if (event == E::kAbort || kSteps.count({state, event}) > 0) continue;
      EXPECT_DEATH(next_state(state, event), "a step that TCP does not have")
          << tcp_state_name(state) << " event " << static_cast<int>(event);
    }
  }
}

TEST(TcpStateTest, WhatIsPossibleInWhichState) {
  for (S state : kStates) {
    const bool is_early = state == S::kClosed || state == S::kListen || state == S::kSynSent || state == S::kSynReceived;
    EXPECT_EQ(is_synchronized(state), !is_early) << tcp_state_name(state);
    const bool sends = state == S::kSynSent || state == S::kSynReceived || state == S::kEstablished || state == S::kCloseWait;
    EXPECT_EQ(accepts_send(state), sends) << tcp_state_name(state);
    const bool receives = state == S::kEstablished || state == S::kFinWait1 || state == S::kFinWait2;
    EXPECT_EQ(accepts_text(state), receives) << tcp_state_name(state);
  }
  EXPECT_STREQ(tcp_state_name(S::kSynReceived), "SYN-RECEIVED");
  EXPECT_EQ(static_cast<int>(S::kEstablished), 1);
}

}  // namespace
}  // namespace demi
