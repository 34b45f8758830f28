// ConnectionPair: two connections on one Memory whose segments reach each other at once, without a copy: for what needs much traffic and no
// network. The heap is touched by nothing here.
#pragma once

#include <memory>
#include <utility>

#include "base/assert.h"
#include "base/random.h"
#include "inet/tcp/tcp_connection.h"
#include "memory/memory.h"

namespace demi {

class ConnectionPair {
 public:
  explicit ConnectionPair(TcpResources& resources) {
    TcpOpen open;
    open.iss = SeqNumber(1000);
    a = std::make_unique<TcpConnection>(resources, open);
    open.iss = SeqNumber(2000);
    b = std::make_unique<TcpConnection>(resources, open);
    a->connect(now);
    DEMI_ASSERT(a->poll_transmit(segment_, now), "no SYN");
    b->accept(segment_.header, SgArray(), now);
    exchange();
    DEMI_ASSERT(a->state() == TcpState::kEstablished && b->state() == TcpState::kEstablished, "no connection");
  }

  // Until neither has anything to send. One of `lose_one_of` segments is lost; 0: none.
  void exchange(uint64_t lose_one_of = 0) {
    bool moved = true;
    while (moved) {
      moved = false;
      while (a->poll_transmit(segment_, now)) moved = pass(*b, lose_one_of);
      while (b->poll_transmit(segment_, now)) moved = pass(*a, lose_one_of);
    }
  }

  std::unique_ptr<TcpConnection> a;
  std::unique_ptr<TcpConnection> b;
  Instant now;

 private:
  bool pass(TcpConnection& to, uint64_t lose_one_of) {
    if (lose_one_of == 0 || random_.below(lose_one_of) != 0) to.handle_segment(segment_.header, std::move(segment_.text), now);
    return true;
  }

  OutgoingSegment segment_;
  Random random_{1};
};

}  // namespace demi
