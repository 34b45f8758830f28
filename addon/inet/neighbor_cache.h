// NeighborCache: which MAC address an IP address of our link has, asked for when it is needed and asked for again when it has grown old. What it
// knows comes by ARP (RFC 826) for IPv4; the states are those of RFC 4861 7.3.2, without DELAY, and will do for IPv6.
//
// It sends nothing by itself. After any call: poll_request() until it returns false, then poll_frame() and poll_unreachable() likewise.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/intrusive_list.h"
#include "base/ring_queue.h"
#include "base/time.h"
#include "inet/inet_limits.h"
#include "inet/tcp/object_pool.h"
#include "inet/tcp/siphash.h"
#include "memory/frame.h"
#include "wire/address.h"

namespace demi {

struct NeighborConfig {
  // RFC 1122 2.3.2.1: one request per second and destination at most.
  Duration retry = Duration::seconds(1);
  // RFC 4861 10, MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT.
  uint8_t requests = 3;
  // RFC 4861 10, REACHABLE_TIME: what was confirmed so long ago is asked for again when it is used.
  Duration reachable = Duration::seconds(30);
  // An entry that nobody has used for so long is forgotten (RFC 1122 2.3.2.1 has "on the order of a minute" and longer).
  Duration expiry = Duration::seconds(1200);
};

struct NeighborCounters {
  uint64_t requests = 0;
  // Frames that were given up: as many waited as may, the oldest of them; nobody answered; the entry had to make room.
  uint64_t queue_full = 0;
  uint64_t unanswered = 0;
  uint64_t evicted = 0;
  // Replies that nobody had asked for, and claims of another MAC address than the one that was confirmed: both change nothing.
  uint64_t unsolicited = 0;
  uint64_t contradicted = 0;
  uint64_t expired = 0;
};

enum class NeighborState : uint8_t {
  kNone,
  kIncomplete,  // asked for by broadcast; frames wait
  kReachable,
  kStale,       // known, and not confirmed for long
  kProbe,       // the same, and asked for
  kStatic,      // configured: nothing on the wire changes it
};

struct NeighborRequest {
  IpAddress target;
  MacAddress to;  // broadcast, or the neighbor itself
};

class NeighborCache {
 public:
  NeighborCache(const NeighborConfig& config, const SipHashKey& secret);
  NeighborCache(const NeighborCache&) = delete;
  NeighborCache& operator=(const NeighborCache&) = delete;
  ~NeighborCache();

  // Changes whenever what use() has said of any neighbor may be another now. Until then who remembers it need not ask again.
  uint64_t version() const { return version_; }
  // For one frame to `address`: its MAC address if it is known. If it is not, hand the frame to wait_for().
  std::optional<MacAddress> use(const IpAddress& address, Instant now);
  void wait_for(const IpAddress& address, Frame frame, Instant now);

  // --- what comes in ---

  // An answer to a request of ours, or what claims to be one.
  void handle_reply(const IpAddress& address, const MacAddress& mac, Instant now);
  // A neighbor has said who it is while it asked for one of us (`for_us`) or for somebody else.
  void handle_request(const IpAddress& address, const MacAddress& mac, bool for_us, Instant now);
  // Traffic of a higher layer shows that what we send arrives (RFC 1122 2.3.2.1, RFC 4861 7.3.1).
  void confirm(const IpAddress& address, Instant now);
  void handle_timeout(Instant now);
  // The link went down. Who is at its other end when it comes up may be another: what was configured stays, and who has not answered yet is still asked.
  void handle_link_loss();

  // --- what goes out ---

  bool poll_request(NeighborRequest& out);
  // A frame whose neighbor has answered, and where it goes.
  bool poll_frame(Frame& frame, MacAddress& to);
  // A frame whose neighbor has not.
  bool poll_unreachable(Frame& frame);
  bool has_unreachable() const { return !unreachable_.empty(); }
  // Whether one of these has something now.
  bool has_output() const { return !requests_.empty() || !ready_.empty() || !unreachable_.empty(); }
  Instant poll_timeout() const;

  void add_static(const IpAddress& address, const MacAddress& mac);
  NeighborState state(const IpAddress& address) const;
  size_t size() const { return entries_.live(); }
  size_t frames_waiting() const { return waiting_.live(); }
  const NeighborCounters& counters() const { return counters_; }

 private:
  struct Waiting {
    Frame frame;
    Waiting* next = nullptr;
  };
  struct Entry {
    IpAddress address;
    MacAddress mac;
    NeighborState state = NeighborState::kIncomplete;
    bool ask_everybody = true;   // instead of the neighbor itself
    uint8_t requests = 0;        // sent since it was last confirmed
    uint8_t waiting = 0;
    Instant deadline;
    Waiting* first = nullptr;
    Waiting* last = nullptr;
    Entry* next_in_bucket = nullptr;
    ListHook order_hook;         // in the list of its state: each is in order of its deadlines
    ListHook request_hook;
  };
  struct Ready {
    Frame frame;
    MacAddress to;
  };
  using OrderList = IntrusiveList<Entry, &Entry::order_hook>;
  static constexpr size_t kBuckets = kNeighborsMax;

  size_t bucket_of(const IpAddress& address) const;
  Entry* find(const IpAddress& address) const;
  Entry& make(const IpAddress& address);
  void remove(Entry& entry);
  void make_room();
  void ask(Entry& entry, NeighborState state, Instant now);
  void set_reachable(Entry& entry, Instant now);
  void set_stale(Entry& entry, Instant now);
  void release_frames(Entry& entry);
  Frame take_frame(Entry& entry);
  void give_up(Entry& entry);

  const NeighborConfig config_;
  const SipHashKey secret_;
  NeighborCounters counters_;
  uint64_t version_ = 1;
  ObjectPool<Entry> entries_;
  ObjectPool<Waiting> waiting_;
  std::array<Entry*, kBuckets> buckets_{};
  mutable OrderList asking_;     // kIncomplete and kProbe
  mutable OrderList reachable_;
  mutable OrderList stale_;
  OrderList static_;
  IntrusiveList<Entry, &Entry::request_hook> requests_;
  RingQueue<Ready> ready_;
  RingQueue<Frame> unreachable_;
};

}  // namespace demi
