#include "inet/tcp/tcp_listener.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/assert.h"

namespace demi {

TcpListener::TcpListener(TcpResources& resources, HalfOpenPool& pool, const SipHashKey& secret, uint32_t backlog)
    : resources_(resources),
      pool_(pool),
      secret_(secret),
      backlog_(std::clamp(backlog, 1u, kBacklogMax)),
      buckets_(std::bit_ceil(std::max(resources.config.syn_queue_entries, 1u))) {}

TcpListener::~TcpListener() {
  for (HalfOpen*& bucket : buckets_) {
    while (bucket != nullptr) remove(*bucket);
  }
}

uint8_t TcpListener::transmissions_max() const {
  return static_cast<uint8_t>(std::min<uint32_t>(resources_.config.syn_ack_retries + 1u, kSynAckTransmissionsMax));
}

// --- the SYN queue ---

HalfOpen** TcpListener::bucket_of(const TcpTuple& tuple) { return &buckets_[hash_of(tuple, secret_) & (buckets_.size() - 1)]; }

HalfOpen* TcpListener::find(const TcpTuple& tuple) {
  if (half_open_ == 0) return nullptr;
  HalfOpen* entry = *bucket_of(tuple);
  while (entry != nullptr && !(entry->tuple == tuple)) entry = entry->next_in_bucket;
  return entry;
}

void TcpListener::remove(HalfOpen& entry) {
  HalfOpen** link = bucket_of(entry.tuple);
  while (*link != &entry) link = &(*link)->next_in_bucket;
  *link = entry.next_in_bucket;
  if (!entry.text.empty()) --texts_kept_;
  --half_open_;
  pool_.release(&entry);
}

void TcpListener::transmit_again(HalfOpen& entry) {
  entry.order_hook.unlink();
  due_.push_back(entry);
}

void TcpListener::acknowledge(HalfOpen& entry) {
  // Before its SYN-ACK has left there is nothing that could have been answered.
  if (entry.transmissions == 0 || entry.ack_hook.linked()) return;
  if (entry.acks >= kHalfOpenAcksMax) {
    ++resources_.counters.challenge_acks_withheld;
    return;
  }
  ++entry.acks;
  ++resources_.counters.challenge_acks;
  acks_due_.push_back(entry);
}

// --- what comes in ---

TcpListener::Verdict TcpListener::handle_segment(const TcpTuple& tuple, const TcpHeader& header, SgArray& text,
                                                 const SynContext& context, Instant now) {
  ++resources_.counters.segments_in;
  if (HalfOpen* entry = find(tuple)) return handle_for(*entry, header);
  // RFC 9293 3.10.7.2. First a RST, which is ignored, second an ACK of nothing, third a SYN; anything else is dropped.
  if (header.flags.rst()) return Verdict::kNothing;
  if (header.flags.ack()) return Verdict::kReset;
  // A SYN with a FIN opens nothing that a sane peer would want.
  if (!header.flags.syn() || header.flags.fin()) return Verdict::kNothing;
  handle_syn(tuple, header, text, context, now);
  return Verdict::kNothing;
}

void TcpListener::handle_syn(const TcpTuple& tuple, const TcpHeader& header, SgArray& text, const SynContext& context, Instant now) {
  if (half_open_ >= resources_.config.syn_queue_entries) {
    ++resources_.counters.syn_queue_full;
    return;
  }
  // Whoever cannot be accepted is better told by silence, and tries again (RFC 9293 3.9.1.2 leaves it open).
  if (accept_queue_is_full()) {
    ++resources_.counters.accept_queue_full;
    return;
  }
  HalfOpen& entry = *pool_.make();
  entry.tuple = tuple;
  entry.peer = PeerSyn::of(header, resources_.config, tuple.remote_address.is_ipv6() ? kDefaultMssIPv6 : kDefaultMssIPv4);
  entry.iss = initial_sequence_number(tuple, secret_, now);
  // RFC 9293 3.6.1: above everything that the connection before it has sent.
  if (context.previous_end && entry.iss <= *context.previous_end) entry.iss = *context.previous_end + 1;
  entry.timestamp_offset = static_cast<uint32_t>(context.entropy);
  entry.entropy_high = static_cast<uint32_t>(context.entropy >> 32);
  entry.path_mss = context.path_mss;
  if (!text.empty() && texts_kept_ < kSynTextsMax) {
    entry.text = std::move(text);
    ++texts_kept_;
  }
  HalfOpen** bucket = bucket_of(tuple);
  entry.next_in_bucket = *bucket;
  *bucket = &entry;
  ++half_open_;
  due_.push_back(entry);
}

// A segment for a connection in SYN-RECEIVED: RFC 9293 3.10.7.4, as far as so little knowledge needs it. The rest is for the connection.
TcpListener::Verdict TcpListener::handle_for(HalfOpen& entry, const TcpHeader& header) {
  // First, the sequence number, which is of one window at most.
  const bool is_expected = header.sequence_number.in_window(entry.rcv_nxt(), resources_.config.receive_buffer_bytes + 1);
  if (header.flags.rst()) {
    // RFC 5961 3.2: exactly where it is waited for; elsewhere in the window it is challenged.
    if (header.sequence_number == entry.rcv_nxt()) {
      remove(entry);
    } else if (is_expected) {
      acknowledge(entry);
    }
    return Verdict::kNothing;
  }
  if (header.flags.syn()) {
    // The same again, or of a peer that has begun anew: it answers our SYN-ACK with a RST then (RFC 9293 3.5.1).
    transmit_again(entry);
    return Verdict::kNothing;
  }
  if (!is_expected) {
    // RFC 9293 3.10.7.4, first.
    acknowledge(entry);
    return Verdict::kNothing;
  }
  if (!header.flags.ack()) return Verdict::kNothing;
  if (header.acknowledgment_number != entry.iss + 1) return Verdict::kReset;
  if (accept_queue_is_full()) {
    // The entry stays: its SYN-ACK goes out again, and the ACK that comes then may find room.
    ++resources_.counters.accept_queue_full;
    return Verdict::kNothing;
  }
  opened_ = &entry;
  return Verdict::kEstablished;
}

TcpListener::Opened TcpListener::take() {
  DEMI_ASSERT(opened_ != nullptr, "no connection was opened");
  HalfOpen& entry = *std::exchange(opened_, nullptr);
  Opened opened;
  opened.open.local_port = entry.tuple.local_port;
  opened.open.remote_port = entry.tuple.remote_port;
  opened.open.iss = entry.iss;
  opened.open.entropy = uint64_t{entry.entropy_high} << 32 | entry.timestamp_offset;
  opened.open.path_mss = entry.path_mss;
  opened.open.family = entry.tuple.remote_address.family;
  opened.peer = entry.peer;
  opened.transmissions = entry.transmissions;
  opened.answered = entry.answered;
  if (!entry.text.empty()) {
    opened.text = std::move(entry.text);
    --texts_kept_;
  }
  remove(entry);
  return opened;
}

// --- what goes out ---

// What both kinds of segments have.
void TcpListener::fill_header(const HalfOpen& entry, TcpHeader& header, Instant now) const {
  header.source_port = entry.tuple.local_port;
  header.destination_port = entry.tuple.remote_port;
  header.acknowledgment_number = entry.rcv_nxt();
  if (entry.peer.timestamps) {
    const auto clock = static_cast<uint32_t>(now.nanoseconds() / 1'000'000);
    header.options.timestamps = TcpTimestamps{entry.timestamp_offset + clock, entry.peer.timestamp};
  }
}

void TcpListener::fill_syn_ack(const HalfOpen& entry, TcpHeader& header, Instant now) const {
  const TcpConfig& config = resources_.config;
  fill_header(entry, header, now);
  header.sequence_number = entry.iss;
  header.flags.bits = TcpFlags::kSyn | TcpFlags::kAck;
  header.window = static_cast<uint16_t>(std::min(config.receive_buffer_bytes, 65535u));
  header.options.maximum_segment_size = entry.path_mss;
  header.options.sack_permitted = entry.peer.sack;
  if (entry.peer.has_window_scale) header.options.window_scale = Receiver::scale_for(config, config.receive_buffer_bytes);
  if (!config.syn_option_order.empty()) header.options.syn_order = &config.syn_option_order;
}

void TcpListener::fill_ack(const HalfOpen& entry, TcpHeader& header, Instant now) const {
  const TcpConfig& config = resources_.config;
  fill_header(entry, header, now);
  header.sequence_number = entry.iss + 1;
  header.flags.bits = TcpFlags::kAck;
  const uint8_t scale = entry.peer.has_window_scale ? Receiver::scale_for(config, config.receive_buffer_bytes) : 0;
  header.window = static_cast<uint16_t>(std::min(config.receive_buffer_bytes >> scale, 65535u));
}

bool TcpListener::poll_transmit(OutgoingSegment& out, TcpTuple& tuple, Instant now) {
  out.header = TcpHeader();
  out.text.clear();
  if (const HalfOpen* challenged = acks_due_.pop_front()) {
    tuple = challenged->tuple;
    fill_ack(*challenged, out.header, now);
    ++resources_.counters.segments_out;
    return true;
  }
  HalfOpen* entry = due_.pop_front();
  if (entry == nullptr) return false;
  tuple = entry->tuple;
  fill_syn_ack(*entry, out.header, now);
  ++resources_.counters.segments_out;
  if (entry->transmissions > 0) ++resources_.counters.retransmitted;
  // RFC 6298 5.5 and 5.7.
  if (entry->transmissions < transmissions_max()) ++entry->transmissions;
  const Duration rto = resources_.config.initial_rto * (int64_t{1} << (entry->transmissions - 1));
  entry->answered = now;
  entry->next_transmission = now + std::min(rto, resources_.config.max_rto);
  waiting_[entry->transmissions - 1].push_back(*entry);
  return true;
}

void TcpListener::handle_timeout(Instant now) {
  for (OrderList& waiting : waiting_) {
    for (HalfOpen* entry = waiting.front(); entry != nullptr && entry->next_transmission <= now; entry = waiting.front()) {
      if (entry->transmissions >= transmissions_max()) {
        ++resources_.counters.syn_ack_timeouts;
        remove(*entry);
      } else {
        transmit_again(*entry);
      }
    }
  }
}

Instant TcpListener::poll_timeout() const {
  Instant earliest = Instant::never();
  for (OrderList& waiting : waiting_) {
    if (const HalfOpen* entry = waiting.front()) earliest = std::min(earliest, entry->next_transmission);
  }
  return earliest;
}

// --- the accept queue ---

void TcpListener::enqueue(TcpConnection& connection) {
  DEMI_ASSERT(!accept_queue_is_full(), "a connection beyond the backlog");
  accept_queue_.push_back(&connection);
}

TcpConnection* TcpListener::accept() { return accept_queue_.empty() ? nullptr : accept_queue_.pop_front(); }

}  // namespace demi
