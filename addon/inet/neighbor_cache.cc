#include "inet/neighbor_cache.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace demi {

NeighborCache::NeighborCache(const NeighborConfig& config, const SipHashKey& secret) : config_(config), secret_(secret) {
  DEMI_ASSERT(config.requests > 0, "a neighbor is asked for at least once");
}

NeighborCache::~NeighborCache() {
  for (Entry* bucket : buckets_) {
    while (bucket != nullptr) remove(*std::exchange(bucket, bucket->next_in_bucket));
  }
}

// --- entries ---

// Keyed, because strangers choose the addresses; there are so few entries that a simple hash will do.
size_t NeighborCache::bucket_of(const IpAddress& address) const {
  uint64_t hash = secret_.k0;
  for (uint32_t word : address.words) hash = (hash ^ word) * (secret_.k1 | 1), hash ^= hash >> 32;
  return hash % kBuckets;
}

NeighborCache::Entry* NeighborCache::find(const IpAddress& address) const {
  Entry* entry = buckets_[bucket_of(address)];
  while (entry != nullptr && !(entry->address == address)) entry = entry->next_in_bucket;
  return entry;
}

NeighborCache::Entry& NeighborCache::make(const IpAddress& address) {
  if (entries_.live() >= kNeighborsMax) make_room();
  Entry& entry = *entries_.make();
  entry.address = address;
  Entry*& bucket = buckets_[bucket_of(address)];
  entry.next_in_bucket = bucket;
  bucket = &entry;
  return entry;
}

void NeighborCache::remove(Entry& entry) {
  ++version_;
  while (entry.first != nullptr) take_frame(entry);
  Entry** link = &buckets_[bucket_of(entry.address)];
  while (*link != &entry) link = &(*link)->next_in_bucket;
  *link = entry.next_in_bucket;
  entries_.release(&entry);
}

// What was not used for longest goes first, then what may not exist at all: whoever makes us ask for many addresses does not make us forget
// those that answer.
void NeighborCache::make_room() {
  for (OrderList* list : {&stale_, &asking_, &reachable_}) {
    Entry* oldest = list->front();
    if (oldest == nullptr) continue;
    ++counters_.evicted;
    remove(*oldest);
    return;
  }
  DEMI_ASSERT(false, "static neighbors only");
}

Frame NeighborCache::take_frame(Entry& entry) {
  Waiting* taken = entry.first;
  entry.first = taken->next;
  if (entry.first == nullptr) entry.last = nullptr;
  --entry.waiting;
  Frame frame = std::move(taken->frame);
  waiting_.release(taken);
  return frame;
}

// --- states ---

void NeighborCache::ask(Entry& entry, NeighborState state, Instant now) {
  entry.state = state;
  entry.requests = 0;
  entry.deadline = now + config_.retry;
  entry.order_hook.unlink();
  asking_.push_back(entry);
  if (!entry.request_hook.linked()) requests_.push_back(entry);
}

void NeighborCache::set_reachable(Entry& entry, Instant now) {
  entry.state = NeighborState::kReachable;
  entry.ask_everybody = false;
  entry.request_hook.unlink();
  entry.deadline = now + config_.reachable;
  entry.order_hook.unlink();
  reachable_.push_back(entry);
}

void NeighborCache::set_stale(Entry& entry, Instant now) {
  ++version_;
  entry.state = NeighborState::kStale;
  entry.request_hook.unlink();
  entry.deadline = now + config_.expiry;
  entry.order_hook.unlink();
  stale_.push_back(entry);
}

void NeighborCache::add_static(const IpAddress& address, const MacAddress& mac) {
  Entry* found = find(address);
  Entry& entry = found != nullptr ? *found : make(address);
  ++version_;
  entry.mac = mac;
  entry.state = NeighborState::kStatic;
  entry.deadline = Instant::never();
  entry.request_hook.unlink();
  entry.order_hook.unlink();
  static_.push_back(entry);
  release_frames(entry);
}

NeighborState NeighborCache::state(const IpAddress& address) const {
  const Entry* entry = find(address);
  return entry == nullptr ? NeighborState::kNone : entry->state;
}

// --- frames ---

std::optional<MacAddress> NeighborCache::use(const IpAddress& address, Instant now) {
  Entry* entry = find(address);
  if (entry == nullptr || entry->state == NeighborState::kIncomplete) return std::nullopt;
  // RFC 4861 7.3.3: what is old is used, and asked for meanwhile.
  if (entry->state == NeighborState::kStale) ask(*entry, NeighborState::kProbe, now);
  return entry->mac;
}

void NeighborCache::wait_for(const IpAddress& address, Frame frame, Instant now) {
  Entry* found = find(address);
  DEMI_ASSERT(found == nullptr || found->state == NeighborState::kIncomplete, "a frame waits for what is known");
  Entry& entry = found != nullptr ? *found : make(address);
  if (found == nullptr) ask(entry, NeighborState::kIncomplete, now);
  // RFC 1122 2.3.2.2: the latest is kept.
  if (entry.waiting == kNeighborQueueFrames) {
    ++counters_.queue_full;
    take_frame(entry);
  }
  Waiting* added = waiting_.make();
  added->frame = std::move(frame);
  if (entry.last != nullptr) {
    entry.last->next = added;
  } else {
    entry.first = added;
  }
  entry.last = added;
  ++entry.waiting;
}

void NeighborCache::release_frames(Entry& entry) {
  while (entry.first != nullptr) ready_.push_back({take_frame(entry), entry.mac});
}

// --- what comes in ---

void NeighborCache::handle_reply(const IpAddress& address, const MacAddress& mac, Instant now) {
  Entry* entry = find(address);
  const bool was_asked = entry != nullptr && (entry->state == NeighborState::kIncomplete || entry->state == NeighborState::kProbe) &&
                         entry->requests > 0;
  if (!was_asked) {
    ++counters_.unsolicited;
    return;
  }
  // A probe goes to the one that we know, so another one can only be the answer of somebody who was not asked.
  if (entry->state == NeighborState::kProbe && !entry->ask_everybody && !(entry->mac == mac)) {
    ++counters_.contradicted;
    return;
  }
  ++version_;
  entry->mac = mac;
  set_reachable(*entry, now);
  release_frames(*entry);
}

// RFC 826, Packet Reception, the merge: but what was confirmed is not given up for a claim. It is only doubted, and all are asked when it is
// used next.
void NeighborCache::handle_request(const IpAddress& address, const MacAddress& mac, bool for_us, Instant now) {
  Entry* entry = find(address);
  if (entry == nullptr) {
    if (!for_us) return;
    Entry& added = make(address);
    added.mac = mac;
    added.ask_everybody = false;
    set_stale(added, now);
    return;
  }
  switch (entry->state) {
    case NeighborState::kIncomplete:
      // Nothing to be confirmed by it, but to be used.
      if (!for_us) return;
      entry->mac = mac;
      entry->ask_everybody = false;
      set_stale(*entry, now);
      release_frames(*entry);
      return;
    case NeighborState::kReachable:
    case NeighborState::kStale:
    case NeighborState::kProbe:
      if (entry->mac == mac) return;
      ++counters_.contradicted;
      entry->ask_everybody = true;
      if (entry->state == NeighborState::kReachable) set_stale(*entry, now);
      return;
    case NeighborState::kStatic:
      if (!(entry->mac == mac)) ++counters_.contradicted;
      return;
    case NeighborState::kNone:
      return;
  }
}

void NeighborCache::confirm(const IpAddress& address, Instant now) {
  Entry* entry = find(address);
  if (entry == nullptr || entry->ask_everybody) return;
  const NeighborState state = entry->state;
  if (state == NeighborState::kReachable || state == NeighborState::kStale || state == NeighborState::kProbe) set_reachable(*entry, now);
}

// --- time ---

void NeighborCache::give_up(Entry& entry) {
  while (entry.first != nullptr) {
    ++counters_.unanswered;
    unreachable_.push_back(take_frame(entry));
  }
  remove(entry);
}

void NeighborCache::handle_timeout(Instant now) {
  for (Entry* entry = asking_.front(); entry != nullptr && entry->deadline <= now; entry = asking_.front()) {
    if (entry->requests >= config_.requests) {
      give_up(*entry);
      continue;
    }
    entry->deadline = now + config_.retry;
    entry->order_hook.unlink();
    asking_.push_back(*entry);
    if (!entry->request_hook.linked()) requests_.push_back(*entry);
  }
  for (Entry* entry = reachable_.front(); entry != nullptr && entry->deadline <= now; entry = reachable_.front()) set_stale(*entry, now);
  for (Entry* entry = stale_.front(); entry != nullptr && entry->deadline <= now; entry = stale_.front()) {
    ++counters_.expired;
    remove(*entry);
  }
}

void NeighborCache::handle_link_loss() {
  for (OrderList* list : {&reachable_, &stale_}) {
    while (Entry* entry = list->front()) remove(*entry);
  }
  for (Entry* entry : buckets_) {
    while (entry != nullptr) {
      Entry& looked_at = *std::exchange(entry, entry->next_in_bucket);
      if (looked_at.state == NeighborState::kProbe) remove(looked_at);
    }
  }
}

Instant NeighborCache::poll_timeout() const {
  Instant earliest = Instant::never();
  for (OrderList* list : {&asking_, &reachable_, &stale_}) {
    if (const Entry* entry = list->front()) earliest = std::min(earliest, entry->deadline);
  }
  return earliest;
}

// --- what goes out ---

bool NeighborCache::poll_request(NeighborRequest& out) {
  Entry* entry = requests_.pop_front();
  if (entry == nullptr) return false;
  // RFC 1122 2.3.2.1 (2): a neighbor that is known is asked itself, and the last time all are.
  const bool everybody = entry->ask_everybody || entry->state == NeighborState::kIncomplete;
  ++entry->requests;
  if (entry->requests + 1 >= config_.requests) entry->ask_everybody = true;
  ++counters_.requests;
  out = {entry->address, everybody ? MacAddress::broadcast() : entry->mac};
  return true;
}

bool NeighborCache::poll_frame(Frame& frame, MacAddress& to) {
  if (ready_.empty()) return false;
  Ready ready = ready_.pop_front();
  frame = std::move(ready.frame);
  to = ready.to;
  return true;
}

bool NeighborCache::poll_unreachable(Frame& frame) {
  if (unreachable_.empty()) return false;
  frame = unreachable_.pop_front();
  return true;
}

}  // namespace demi
