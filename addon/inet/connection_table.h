// ConnectionTable: the connections of a stack by their four-tuples, of both families.
//
// A lookup has three steps, so that a burst of segments waits for memory once and not for each: hash() all, prefetch_bucket() all,
// prefetch_connection() all; then find() one after the other. The hash is keyed: strangers choose most of a tuple (RFC 6528 has the same reason).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/intrusive_list.h"
#include "base/timer_wheel.h"
#include "inet/socket_table.h"
#include "inet/tcp/isn.h"
#include "inet/tcp/object_pool.h"
#include "inet/tcp/tcp_connection.h"

namespace demi {

class Stack;
struct Connection;

// What the stack has to know of a connection that waits for some point in time, has something to say, or is about to end, and of no other: an idle
// one has none.
struct ConnectionWork final : Timer {
  ConnectionWork(Stack& its_stack, Connection& its_connection, void (*fire)(Timer&)) : Timer(fire), stack(its_stack), connection(its_connection) {}

  bool is_done() const { return !armed() && !transmit_hook.linked() && !ending_hook.linked(); }

  Stack& stack;
  Connection& connection;
  ListHook transmit_hook;                // it may have something to say
  ListHook ending_hook;                  // of those parked, of those whose users are gone, or of those in TIME-WAIT
  // Where its frames go, as far as the neighbors' version says that this is still so.
  uint64_t neighbors_version = 0;
  MacAddress next_mac;
};

// One connection, and what the stack has to know about it. What only a connection needs on which something happens is not in here: its flight, text
// that nobody has read, timers.
struct alignas(32) Connection final : TcpConnection {
  // The ports and the family of `open` are those of `tuple`.
  Connection(TcpResources& resources, const TcpOpen& open, const TcpTuple& tuple) : TcpConnection(resources, between(open, tuple)) {
    if (family() == Family::kIPv4) [[likely]] {
      ipv4_ = {tuple.local_address.words[0], tuple.remote_address.words[0]};
    } else {
      ipv6_ = resources.ipv6_ends.make(Ipv6Ends{tuple.local_address, tuple.remote_address});
    }
  }
  ~Connection() {
    if (family() != Family::kIPv4) resources().ipv6_ends.release(ipv6_);
  }

  IpAddress local_address() const { return family() == Family::kIPv4 ? IpAddress::ipv4(ipv4_.local) : ipv6_->local; }
  IpAddress remote_address() const { return family() == Family::kIPv4 ? IpAddress::ipv4(ipv4_.remote) : ipv6_->remote; }
  TcpTuple tuple() const { return {local_address(), remote_address(), local_port(), remote_port()}; }
  bool is_of(const TcpTuple& tuple) const {
    if (local_port() != tuple.local_port || remote_port() != tuple.remote_port || family() != tuple.remote_address.family) return false;
    if (family() == Family::kIPv4) return ipv4_.local == tuple.local_address.words[0] && ipv4_.remote == tuple.remote_address.words[0];
    return ipv6_->local == tuple.local_address && ipv6_->remote == tuple.remote_address;
  }

  void prefetch_work() const {
    if (work == nullptr) return;
    __builtin_prefetch(work, 1);
    __builtin_prefetch(reinterpret_cast<const char*>(work) + sizeof(ConnectionWork) - 1, 1);
  }

  bool is_in_table : 1 = false;
  bool awaits_accept : 1 = false;        // a listener has it
  bool is_local : 1 = false;             // the peer is ourselves
  bool is_orphan : 1 = false;            // its user has closed it, and it goes on
  bool is_time_wait : 1 = false;         // it is in the list of those
  bool is_parked : 1 = false;            // text of it waits behind a closed window
  bool is_draining : 1 = false;          // its user is gone, and it still delivers
  bool claims_port : 1 = false;          // the user has asked for its port; it goes back when the user is done
  Connection* next_in_bucket = nullptr;
  ConnectionWork* work = nullptr;        // the stack's; none while it is idle
  SocketHandle socket;                   // none: the user has not accepted it, or has closed it

 private:
  struct Ipv4Ends {
    uint32_t local;
    uint32_t remote;
  };
  static TcpOpen between(TcpOpen open, const TcpTuple& tuple) {
    open.local_port = tuple.local_port;
    open.remote_port = tuple.remote_port;
    open.family = tuple.remote_address.family;
    return open;
  }

  union {
    Ipv4Ends ipv4_;
    Ipv6Ends* ipv6_;
  };
};

// What an idle connection takes: a million of them, with their buckets, fit in 1 GiB with what their user keeps. Five and a half cache lines: each one
// more is one more that every segment waits for when there are many connections.
static_assert(sizeof(Connection) == 352);
static_assert(sizeof(Flight) <= 192);

class ConnectionTable {
 public:
  explicit ConnectionTable(const SipHashKey& secret);
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  uint64_t hash(const TcpTuple& tuple) const { return table_hash_of(tuple, secret_); }
  void prefetch_bucket(uint64_t hash) const { __builtin_prefetch(&bucket_of(hash)); }
  // All of it: a segment needs nearly all, and the processor fetches what it is told to side by side.
  void prefetch_connection(uint64_t hash) const {
    const Connection* connection = bucket_of(hash);
    if (connection == nullptr) return;
    const auto* bytes = reinterpret_cast<const char*>(connection);
    for (size_t line = 0; line < sizeof(Connection); line += 64) __builtin_prefetch(bytes + line, 1);
    __builtin_prefetch(bytes + sizeof(Connection) - 1, 1);
  }
  // The one that find() looks at first; mostly it is the one.
  Connection* first_in_bucket(uint64_t hash) const { return bucket_of(hash); }
  // nullptr if there is none.
  Connection* find(const TcpTuple& tuple, uint64_t hash) const {
    Connection* connection = bucket_of(hash);
    while (connection != nullptr && !connection->is_of(tuple)) connection = connection->next_in_bucket;
    return connection;
  }
  Connection* find(const TcpTuple& tuple) const { return find(tuple, hash(tuple)); }

  // Its tuple is in no other connection of the table.
  void insert(Connection& connection);
  void remove(Connection& connection);
  size_t size() const { return size_; }
  // Any one of them; nullptr when it is empty. For the end of a stack.
  Connection* any() const;

  // Whether chains are on their way into a larger table.
  bool is_growing() const { return old_ != nullptr; }

 private:
  static constexpr size_t kFirstBuckets = 256;
  // The table doubles, so half as many would do to be done before it doubles again.
  static constexpr size_t kChainsMovedPerInsert = 2;

  // A power of two of chains. Large ones are pages that the system gives as they are touched: nobody waits until all are zeroed.
  struct Free {
    void operator()(Connection** chains) const { std::free(chains); }
  };
  using Chains = std::unique_ptr<Connection*[], Free>;
  static Chains make_chains(size_t count);

  // Growing, the chains move a few at a time, from the first on, and the others stay in the old table until then.
  Connection*& bucket_of(uint64_t hash) const {
    if (old_ != nullptr && (hash & old_mask_) >= moved_) [[unlikely]] return old_[hash & old_mask_];
    return buckets_[hash & mask_];
  }
  void begin_to_grow();
  void move_chains(size_t count);

  const SipHashKey secret_;
  Chains buckets_;
  size_t mask_ = kFirstBuckets - 1;
  Chains old_;
  size_t old_mask_ = 0;
  size_t moved_ = 0;
  size_t size_ = 0;
};

}  // namespace demi
