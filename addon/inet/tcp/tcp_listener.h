// TcpListener: one port in LISTEN (RFC 9293 3.10.7.2). It answers SYNs, remembers each answer in a small entry until the ACK of it comes (the SYN
// queue), and keeps the connections that were made of them until they are accepted (the accept queue). Both are bounded.
//
// It does not make connections: their owner does, of the HalfOpen that it is given, and hands them to enqueue(). Driven like a connection:
// after handle_segment() and handle_timeout(), poll_transmit() until it returns false, then poll_timeout().
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/ring_queue.h"
#include "inet/tcp/half_open.h"
#include "inet/tcp/tcp_connection.h"
#include "inet/tcp/tcp_limits.h"

namespace demi {

// What is known of a SYN beside the segment.
struct SynContext {
  uint64_t entropy = 0;                     // as in TcpOpen
  uint16_t path_mss = 1460;                 // bytes of text and TCP options that the path to the peer carries
  std::optional<SeqNumber> previous_end;    // of a connection of this tuple that gave way (TcpConnection::yields_to, sent_end())
};

class TcpListener {
 public:
  enum class Verdict : uint8_t {
    kNothing,      // dropped, or something is to be transmitted
    kReset,        // the segment gets a RST (reset.h)
    kEstablished,  // `half_open` is complete: make its connection, then take() it, and give the connection this segment
  };

  // `backlog` connections wait for accept at most. `secret` is that of the stack.
  TcpListener(TcpResources& resources, HalfOpenPool& pool, const SipHashKey& secret, uint32_t backlog);
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;
  ~TcpListener();

  // A segment to this port that belongs to no connection. `text` is taken only with kNothing.
  Verdict handle_segment(const TcpTuple& tuple, const TcpHeader& header, SgArray& text, const SynContext& context, Instant now);
  // After kEstablished: what the connection is made of. It is no longer half-open then.
  struct Opened {
    TcpOpen open;
    PeerSyn peer;
    SgArray text;
    uint8_t transmissions;
    Instant answered;
  };
  Opened take();

  void handle_timeout(Instant now);
  // The next SYN-ACK, and between whom; false if there is none now.
  bool poll_transmit(OutgoingSegment& out, TcpTuple& tuple, Instant now);
  Instant poll_timeout() const;

  // The accept queue. A connection may have failed since; it is accepted nevertheless, and says so.
  void enqueue(TcpConnection& connection);
  TcpConnection* accept();

  void set_backlog(uint32_t backlog) { backlog_ = std::clamp(backlog, 1u, kBacklogMax); }

  uint32_t half_open() const { return half_open_; }
  size_t acceptable() const { return accept_queue_.size(); }
  // Whether a SYN that belongs to nothing yet would open a connection.
  bool would_take_syn(const TcpHeader& syn) const {
    return syn.flags.syn() && !syn.flags.fin() && half_open_ < resources_.config.syn_queue_entries && !accept_queue_is_full();
  }
  bool accept_queue_is_full() const { return accept_queue_.size() >= backlog_; }

 private:
  using OrderList = IntrusiveList<HalfOpen, &HalfOpen::order_hook>;

  HalfOpen** bucket_of(const TcpTuple& tuple);
  HalfOpen* find(const TcpTuple& tuple);
  void remove(HalfOpen& entry);
  void handle_syn(const TcpTuple& tuple, const TcpHeader& header, SgArray& text, const SynContext& context, Instant now);
  Verdict handle_for(HalfOpen& entry, const TcpHeader& header);
  void transmit_again(HalfOpen& entry);
  void acknowledge(HalfOpen& entry);
  void fill_header(const HalfOpen& entry, TcpHeader& header, Instant now) const;
  void fill_syn_ack(const HalfOpen& entry, TcpHeader& header, Instant now) const;
  void fill_ack(const HalfOpen& entry, TcpHeader& header, Instant now) const;
  uint8_t transmissions_max() const;

  TcpResources& resources_;
  HalfOpenPool& pool_;
  SipHashKey secret_;
  uint32_t backlog_;
  uint32_t half_open_ = 0;
  uint32_t texts_kept_ = 0;
  HalfOpen* opened_ = nullptr;                    // between kEstablished and take()
  std::vector<HalfOpen*> buckets_;                // a power of two of chains
  IntrusiveList<HalfOpen, &HalfOpen::ack_hook> acks_due_;
  OrderList due_;                                 // their SYN-ACK has to leave
  mutable OrderList waiting_[kSynAckTransmissionsMax];  // by transmissions - 1: each in the order in which its entries are due
  RingQueue<TcpConnection*> accept_queue_;
};

}  // namespace demi
