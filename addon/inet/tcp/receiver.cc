#include "inet/tcp/receiver.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "inet/tcp/tcp_limits.h"

namespace demi {

namespace {
// RFC 9293 3.7.1: what a full segment has if nothing is known.
constexpr uint32_t kFirstSegmentSize = 536;
// Text that is copied together shares rooms of this size.
constexpr size_t kCompactRoomBytes = 2048;
constexpr size_t kWindowFieldMax = 65535;
// What options take of a segment: timestamps, and SACK blocks beside their kind, length and padding.
constexpr uint32_t kTimestampOptionBytes = 12;
constexpr uint32_t kSackOptionBytes = 4;
constexpr uint32_t kSackBlockBytes = 8;
// Who has just lost something has a small window, and waits for each acknowledgment: for so many segments there is no delay.
constexpr uint8_t kQuickAcks = 15;
// Of a path that was never measured (the SYN-ACK was lost, and nothing was sent since).
constexpr Duration kRttIfUnknown = Duration::milliseconds(100);
}  // namespace

Receiver::Receiver(TcpCore& core)
    : core_(core),
      buffer_bytes_(core.config().receive_buffer_bytes),
      mss_(kDefaultMssIPv4),
      segment_size_(kFirstSegmentSize) {}

Receiver::~Receiver() {
  if (text_ != nullptr) release_text();
}

ReceivedText& Receiver::need_text() {
  if (text_ == nullptr) text_ = core_.resources.received_texts.make(core_.resources.memory.segments());
  return *text_;
}

void Receiver::release_text() {
  drop_reassembly();
  core_.resources.received_texts.release(std::exchange(text_, nullptr));
}

const SgArray& Receiver::readable_text() const {
  static const SgArray kNone;
  return text_ == nullptr ? kNone : text_->queue;
}

void Receiver::open(SeqNumber irs) {
  irs_ = irs;
  nxt_ = last_ack_sent_ = irs + 1;
  // The window of the SYN counts from here; it cannot be scaled.
  edge_ = nxt_ + static_cast<uint32_t>(std::min<size_t>(buffer_bytes_, kWindowFieldMax));
}

uint8_t Receiver::scale_for(const TcpConfig& config, uint32_t buffer_bytes) {
  const uint64_t largest = std::max(buffer_bytes, config.receive_auto_tuning ? config.receive_buffer_max_bytes : 0);
  uint8_t scale = 0;
  while (scale < TcpOptions::kWindowScaleMax && kWindowFieldMax << scale < largest) ++scale;
  return scale;
}

void Receiver::agree(uint8_t window_scale, uint32_t mss) {
  window_scale_ = window_scale;
  mss_ = mss;
  segment_size_ = std::min(kFirstSegmentSize, mss);
  if (window_scale > 0) buffer_bytes_ = std::max(buffer_bytes_, least_scaled_buffer());
}

uint64_t Receiver::charged_bytes() const {
  if (text_ == nullptr) return 0;
  return text_->queue_charge + (text_->reassembly == nullptr ? 0 : text_->reassembly->charged_bytes());
}

void Receiver::set_buffer(uint32_t bytes) {
  buffer_bytes_ = std::clamp<uint32_t>(bytes, std::max(2 * mss_, least_scaled_buffer()), kWindowMax);
  buffer_is_chosen_ = true;
}

// --- text ---

void Receiver::handle_duplicate(SeqNumber seq, uint32_t length) {
  ++core_.counters().duplicate_text;
  quick_acks_ = kQuickAcks;
  need_text().duplicate = {seq, seq + length};
}

void Receiver::handle_text(SeqNumber seq, SgArray&& text, bool fin, Instant now) {
  // RFC 9293 3.10.7.4, first: what lies outside the window is cut off.
  if (seq < nxt_) {
    const uint32_t old = std::min<uint64_t>(nxt_.distance_from(seq), text.bytes());
    if (old > 0) handle_duplicate(seq, old);
    text.drop_front(old);
    seq = nxt_;
    ack_is_due_ = true;
  }
  if (text.bytes() > edge_.distance_from(seq)) {
    text = text.split_front(edge_.distance_from(seq));
    fin = false;
  }
  const auto length = static_cast<uint32_t>(text.bytes());
  // RFC 9293 3.10.7.4, eighth. Nothing is behind a FIN: one that comes again elsewhere is not believed.
  if (fin && !fin_is_known_ && !fin_is_received_) {
    fin_is_known_ = true;
    fin_seq_ = seq + length;
  }
  if (length > 0) {
    ++data_segments_;
    segment_size_ = std::clamp(length, segment_size_, std::max(segment_size_, mss_));
    if (fin_is_received_ || (fin_is_known_ && seq + length > fin_seq_)) {
      ack_is_due_ = true;
      return;
    }
    if (seq == nxt_) {
      const bool fills_hole = reassembly() != nullptr;
      if (!keep_in_order(std::move(text))) return;
      take_reassembled();
      acknowledge_in_order(fills_hole, now);
    } else {
      keep_behind_hole(seq, std::move(text));
      quick_acks_ = kQuickAcks;
      ack_is_due_ = true;  // RFC 5681 4.2
    }
  }
  if (fin_is_known_ && !fin_is_received_ && nxt_ == fin_seq_) {
    fin_is_received_ = true;
    nxt_ += 1;
    ack_is_due_ = true;
  } else if (fin && nxt_ != fin_seq_) {
    ack_is_due_ = true;
  }
}

bool Receiver::handle_next_text(SgArray&& text, Instant now) {
  const auto length = static_cast<uint32_t>(text.bytes());
  ++data_segments_;
  segment_size_ = std::clamp(length, segment_size_, std::max(segment_size_, mss_));
  if (!keep_in_order(std::move(text))) return false;
  acknowledge_in_order(false, now);
  return true;
}

// False if there is no memory for it: then it never came.
bool Receiver::keep_in_order(SgArray&& text) {
  const uint32_t length = static_cast<uint32_t>(text.bytes());
  if (core_.resources.memory_is_reserved && !discards_) [[unlikely]] {
    ++core_.counters().text_without_memory;
    ack_is_due_ = true;
    return false;
  }
  if (!discards_) {
    const uint64_t charge = charge_of(text);
    const bool is_wasteful = charge > 4 * uint64_t{length};
    if (charged_bytes() + charge > charge_limit() || (core_.resources.memory_is_short && is_wasteful)) {
      if (!append_compact(text)) {
        ++core_.counters().text_without_memory;
        ack_is_due_ = true;
        return false;
      }
    } else {
      ReceivedText& received = need_text();
      received.queue_charge += charge;
      received.queue.append(std::move(text));
    }
  }
  nxt_ += length;
  bytes_received_ += length;
  return true;
}

// Copies `text` behind what was copied before, all of it or nothing.
bool Receiver::append_compact(const SgArray& text) {
  const size_t length = text.bytes();
  ReceivedText& received = need_text();
  const size_t left = received.compact_room ? received.compact_room->payload_capacity() - received.compact_used : 0;
  if (left < length) {
    BufferRef room = core_.resources.memory.allocate_room(std::max(length, kCompactRoomBytes));
    if (!room) room = core_.resources.memory.allocate_room(length);
    if (!room) return false;
    received.compact_room = std::move(room);
    received.compact_used = 0;
  }
  Buffer& room = *received.compact_room;
  text.copy_out({room.payload() + received.compact_used, length});
  const uint32_t before = received.queue.count();
  received.queue.append_segment(BufferRef::share(room), room.headroom + received.compact_used, static_cast<uint32_t>(length), true);
  if (received.queue.count() > before) received.queue_charge += room.capacity;
  received.compact_used += static_cast<uint32_t>(length);
  return true;
}

// Moves `text` into the smallest room that holds it, if that saves something.
bool Receiver::make_compact(SgArray& text) {
  BufferRef room = core_.resources.memory.allocate_room(text.bytes());
  if (!room || room->capacity >= charge_of(text)) return false;
  text.copy_out({room->payload(), text.bytes()});
  SgArray copy(core_.resources.memory.segments());
  const uint32_t headroom = room->headroom;
  copy.append_segment(std::move(room), headroom, static_cast<uint32_t>(text.bytes()));
  text = std::move(copy);
  return true;
}

bool Receiver::keep_behind_hole(SeqNumber seq, SgArray&& text) {
  if (discards_) return false;
  if (core_.resources.memory_is_reserved) [[unlikely]] {
    ++core_.counters().text_without_memory;
    return false;
  }
  const auto length = static_cast<uint32_t>(text.bytes());
  uint64_t charge = charge_of(text);
  if ((core_.resources.memory_is_short || charged_bytes() + charge > buffer_bytes_) && charge > 4 * uint64_t{length}) {
    if (make_compact(text)) charge = charge_of(text);
  }
  if (charged_bytes() + charge > charge_limit()) {
    ++core_.counters().text_over_buffer;
    return false;
  }
  ReceivedText& received = need_text();
  if (received.reassembly == nullptr) received.reassembly = core_.resources.reassembly_queues.make(core_.resources.reassembly_blocks);
  switch (received.reassembly->insert(seq, std::move(text))) {
    case ReassemblyQueue::Inserted::kKept:
      return true;
    case ReassemblyQueue::Inserted::kDuplicate:
      handle_duplicate(seq, length);
      return false;
    case ReassemblyQueue::Inserted::kRefused:
      ++core_.counters().reassembly_refused;
      drop_reassembly_if_empty();
      return false;
  }
  return false;
}

void Receiver::take_reassembled() {
  if (reassembly() == nullptr) return;
  ReassemblyQueue& waiting = *text_->reassembly;
  for (SgArray text = waiting.take_at(nxt_); !text.empty(); text = waiting.take_at(nxt_)) {
    const uint64_t length = text.bytes();
    nxt_ += static_cast<uint32_t>(length);
    bytes_received_ += length;
    if (discards_) continue;
    text_->queue_charge += charge_of(text);
    text_->queue.append(std::move(text));
  }
  drop_reassembly_if_empty();
}

void Receiver::drop_reassembly_if_empty() {
  if (reassembly() == nullptr || !text_->reassembly->empty()) return;
  drop_reassembly();
}

void Receiver::drop_reassembly() {
  if (text_->reassembly != nullptr) core_.resources.reassembly_queues.release(std::exchange(text_->reassembly, nullptr));
}

// RFC 9293 3.8.6.3 and RFC 5681 4.2: at once if it fills a hole or is the second full segment, or little is on its way; otherwise with a delay.
void Receiver::acknowledge_in_order(bool filled_hole, Instant now) {
  if (quick_acks_ > 0) {
    --quick_acks_;
    ack_is_due_ = true;
  } else if (filled_hole || nxt_.distance_from(last_ack_sent_) >= 2 * segment_size_) {
    ack_is_due_ = true;
  } else if (!core_.timers.is_armed(TcpTimer::kDelayedAck)) {
    core_.timers.arm(TcpTimer::kDelayedAck, now + core_.config().delayed_ack);
  }
}

// --- to the user ---

SgArray Receiver::read(uint64_t limit, Duration rtt, Instant now) {
  SgArray text(core_.resources.memory.segments());
  if (text_ != nullptr) {
    ReceivedText& received = *text_;
    const uint32_t before = received.queue.count();
    text = received.queue.split_front(limit);
    // A room that was cut stays charged until the rest of it is read.
    const bool is_cut = text.count() + received.queue.count() > before;
    uint32_t index = 0;
    for (const Segment& segment : text) {
      if (!is_cut || ++index < text.count()) received.queue_charge -= segment.buffer->capacity;
    }
    if (received.queue.empty()) received.compact_room.reset();
  }
  tune_buffer(text.bytes(), rtt, now);
  need_ack_if_window_opened();
  return text;
}

void Receiver::discard() {
  discards_ = true;
  if (text_ == nullptr) return;
  // The peer is still told what it sent twice.
  const SackBlock duplicate = text_->duplicate;
  release_text();
  if (duplicate.begin != duplicate.end) need_text().duplicate = duplicate;
}

// Dynamic right-sizing (M. Fisk and W. Feng, "Dynamic Adjustment of TCP Window Sizes"): the buffer holds four times what is read in a round
// trip: the sender's window doubles in each, and has done so once more before it hears of this one.
void Receiver::tune_buffer(uint64_t read, Duration rtt, Instant now) {
  const TcpConfig& config = core_.config();
  if (!config.receive_auto_tuning || buffer_is_chosen_ || core_.resources.memory_is_short) return;
  if (rtt <= Duration()) rtt = kRttIfUnknown;
  if (tuned_at_.is_never()) tuned_at_ = now;
  tuned_bytes_ = static_cast<uint32_t>(std::min<uint64_t>(uint64_t{tuned_bytes_} + read, kWindowMax));
  if (now - tuned_at_ < rtt) return;
  const uint64_t wanted = 4 * uint64_t{tuned_bytes_} + 16 * uint64_t{mss_};
  const uint32_t largest = std::min(config.receive_buffer_max_bytes, kWindowMax);
  // What came in more than one round trip says nothing of one.
  if (wanted > buffer_bytes_ && now - tuned_at_ < rtt * 2) {
    buffer_bytes_ = std::max(buffer_bytes_, static_cast<uint32_t>(std::min<uint64_t>(wanted, largest)));
  }
  tuned_bytes_ = 0;
  tuned_at_ = now;
}

// --- the window ---

uint32_t Receiver::free_bytes() const {
  const uint64_t kept = readable_bytes();
  const uint64_t by_text = kept >= buffer_bytes_ ? 0 : buffer_bytes_ - kept;
  const uint64_t charge = charged_bytes();
  const uint64_t by_rooms = charge >= charge_limit() ? 0 : charge_limit() - charge;
  uint64_t free = std::min(by_text, by_rooms);
  // A window that was promised is kept, but none is promised anew.
  if (core_.resources.memory_is_short) free = std::min<uint64_t>(free, std::max(window(), 2 * segment_size_));
  return static_cast<uint32_t>(free);
}

uint16_t Receiver::window_field(bool is_syn) {
  const uint32_t free = free_bytes();
  if (is_syn) return static_cast<uint16_t>(std::min<size_t>(free, kWindowFieldMax));  // RFC 7323 2.2: never scaled
  // RFC 9293 3.8.6.2.2: the edge moves by half of the buffer or a segment at least.
  SeqNumber edge = edge_;
  if (nxt_ + free > edge_ && (nxt_ + free).distance_from(edge_) >= std::min(buffer_bytes_ / 2, segment_size_)) edge = nxt_ + free;
  const uint32_t unit = uint32_t{1} << window_scale_;
  uint32_t units = (edge > nxt_ ? edge.distance_from(nxt_) : 0) >> window_scale_;
  // A field rounded down would move the edge back (RFC 7323 2.4). One unit more is promised instead, as long as that is a small part
  // of the buffer.
  const bool moves_back = nxt_ + units * unit < edge_;
  if (moves_back && window() + unit <= free + buffer_bytes_ / 8) ++units;
  units = std::min<uint32_t>(units, kWindowFieldMax);
  edge_ = SeqNumber::later_of(edge_, nxt_ + units * unit);
  return static_cast<uint16_t>(units);
}

// RFC 9293 3.8.6.2.2: whether the peer should hear of it before it sends again.
void Receiver::need_ack_if_window_opened() {
  // No further than the field can say: without a scale that is less than what is free.
  const uint64_t most = uint64_t{kWindowFieldMax} << window_scale_;
  const SeqNumber edge = nxt_ + static_cast<uint32_t>(std::min<uint64_t>(free_bytes(), most));
  if (edge <= edge_ || fin_is_received_) return;
  const uint32_t gain = edge.distance_from(edge_);
  if (gain < std::min(buffer_bytes_ / 2, 2 * segment_size_)) return;
  // Not for every segment that is read: when the window would be a quarter larger, or little of it is left.
  if (gain >= buffer_bytes_ / 4 || window() <= buffer_bytes_ / 8) ack_is_due_ = true;
}

uint32_t Receiver::sack_option_bytes(uint32_t path_mss) const {
  if (!core_.sack || text_ == nullptr || (text_->reassembly == nullptr && text_->duplicate.begin == text_->duplicate.end)) return 0;
  TcpOptions options;
  fill_sack_blocks(options, path_mss);
  return static_cast<uint32_t>(options.bytes());
}

void Receiver::fill_sack_blocks(TcpOptions& options, uint32_t path_mss) const {
  if (!core_.sack || text_ == nullptr) return;
  // RFC 2883 4: a duplicate is reported once, in front. RFC 2018 3: three blocks beside timestamps, four without.
  size_t limit = core_.timestamps ? TcpOptions::kSackBlocksMax - 1 : TcpOptions::kSackBlocksMax;
  // On a link of tiny packets options take half of one at most.
  if (path_mss < 2 * TcpOptions::kBytesMax) {
    const uint32_t other_bytes = (core_.timestamps ? kTimestampOptionBytes : 0) + kSackOptionBytes;
    limit = path_mss / 2 <= other_bytes ? 0 : (path_mss / 2 - other_bytes) / kSackBlockBytes;
    if (limit == 0) return;
  }
  const SackBlock duplicate = text_->duplicate;
  if (duplicate.begin != duplicate.end) options.sack_blocks[options.sack_block_count++] = duplicate;
  if (text_->reassembly != nullptr) text_->reassembly->add_sack_blocks(options, limit);
}

void Receiver::handle_ack_sent() {
  ack_is_due_ = false;
  if (text_ != nullptr) text_->duplicate = {};
  last_ack_sent_ = nxt_;
  core_.timers.cancel(TcpTimer::kDelayedAck);
}

}  // namespace demi
