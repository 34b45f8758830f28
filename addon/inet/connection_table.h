// ConnectionTable: the connections of a stack by their four-tuples, of both families.
//
// A lookup has three steps, so that a burst of segments waits for memory once and not for each: hash() all, prefetch_bucket() all,
// prefetch_connection() all; then find() one after the other. The hash is keyed: strangers choose most of a tuple (RFC 6528 has the same reason).
#pragma once

#include <cstdint>
#include <memory>

#include "base/intrusive_list.h"
#include "base/timer_wheel.h"
#include "inet/socket_table.h"
#include "inet/tcp/isn.h"
#include "inet/tcp/object_pool.h"
#include "inet/tcp/tcp_connection.h"

namespace demi {

class Stack;

// One connection, and what the stack has to know about it.
struct Connection final : TcpConnection, Timer {
  Connection(TcpResources& resources, const TcpOpen& open, const TcpTuple& its_tuple, Stack* its_stack, void (*fire)(Timer&))
      : TcpConnection(resources, open), Timer(fire), tuple(its_tuple), stack(its_stack) {}

  // Whether the peer has all that was sent, and its end, as far as can be known.
  bool has_delivered() const { return state() == TcpState::kFinWait2 || state() == TcpState::kTimeWait || state() == TcpState::kClosed; }

  const TcpTuple tuple;
  Stack* const stack;
  uint64_t hash = 0;                     // while it is in the table
  Connection* next_in_bucket = nullptr;
  ListHook transmit_hook;                // it may have something to say
  ListHook ending_hook;                  // of those whose users are gone, or of those in TIME-WAIT
  SocketHandle socket;                   // none: the user has not accepted it, or has closed it
  bool is_in_table = false;
  bool awaits_accept = false;            // a listener has it
  bool is_local = false;                 // the peer is ourselves
  bool is_orphan = false;                // its user has closed it, and it goes on
  bool is_time_wait = false;             // it is in the list of those
  bool is_draining = false;              // its user is gone, and it still delivers
  bool claims_port = false;              // the user has asked for its port; it goes back when the user is done
};

// What an idle connection takes: a million of them, with their buckets, fit in 1 GiB with what their user keeps.
static_assert(sizeof(Connection) <= 704);

class ConnectionTable {
 public:
  explicit ConnectionTable(const SipHashKey& secret);
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  uint64_t hash(const TcpTuple& tuple) const { return hash_of(tuple, secret_); }
  void prefetch_bucket(uint64_t hash) const { __builtin_prefetch(&buckets_[hash & mask_]); }
  void prefetch_connection(uint64_t hash) const {
    const Connection* connection = buckets_[hash & mask_];
    // Where the table looks, and the first lines of what a segment changes.
    const auto* bytes = reinterpret_cast<const char*>(connection);
    if (connection == nullptr) return;
    __builtin_prefetch(&connection->tuple);
    for (size_t line = 0; line < 4; ++line) __builtin_prefetch(bytes + 64 * line);
  }
  // nullptr if there is none.
  Connection* find(const TcpTuple& tuple, uint64_t hash) const {
    Connection* connection = buckets_[hash & mask_];
    while (connection != nullptr && !(connection->hash == hash && connection->tuple == tuple)) connection = connection->next_in_bucket;
    return connection;
  }
  Connection* find(const TcpTuple& tuple) const { return find(tuple, hash(tuple)); }

  // Its tuple is in no other connection of the table.
  void insert(Connection& connection);
  void remove(Connection& connection);
  size_t size() const { return size_; }
  // Any one of them; nullptr when it is empty. For the end of a stack.
  Connection* any() const;

 private:
  static constexpr size_t kFirstBuckets = 256;
  void grow();

  const SipHashKey secret_;
  std::unique_ptr<Connection*[]> buckets_;  // a power of two of chains
  size_t mask_ = kFirstBuckets - 1;
  size_t size_ = 0;
};

}  // namespace demi
