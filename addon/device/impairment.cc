#include "device/impairment.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "wire/ethernet.h"

namespace demi {

bool ImpairmentConfig::is_valid() const {
  for (const double chance : {loss, corrupt, duplicate, reorder, burst_loss.enter, burst_loss.leave, burst_loss.loss_while_good,
                              burst_loss.loss_while_bad}) {
    if (!(chance >= 0 && chance <= 1)) return false;  // not a number is none of both
  }
  for (const Duration length : {delay, jitter, reorder_delay}) {
    if (length < Duration()) return false;
  }
  return burst_loss.enter == 0 || burst_loss.leave > 0;
}

void Impairment::configure(const ImpairmentConfig& config) {
  DEMI_ASSERT(config.is_valid(), "a link cannot be like this");
  config_ = config;
  if (config.rate_bits_per_second == 0) rate_free_at_ = Instant();
  rate_remainder_ = 0;
}

// 53 random bits are a number in [0, 1) that a double holds exactly, so this is the same on every machine. What cannot happen draws
// nothing.
bool Impairment::happens(double chance) {
  if (chance <= 0) return false;
  constexpr double kOneOf = 1.0 / static_cast<double>(uint64_t{1} << 53);
  return static_cast<double>(random_.next() >> 11) * kOneOf < chance;
}

bool Impairment::is_lost_in_burst() {
  const BurstLoss& burst = config_.burst_loss;
  if (happens(is_bad_ ? burst.leave : burst.enter)) is_bad_ = !is_bad_;
  return happens(is_bad_ ? burst.loss_while_bad : burst.loss_while_good);
}

bool Impairment::is_lost(const Frame& frame) {
  uint64_t* cause = nullptr;
  if (config_.is_partitioned) {
    cause = &counters_.partitioned;
  } else if (config_.mtu_bytes != 0 && frame.bytes() > EthernetView::kBytes + config_.mtu_bytes) {
    cause = &counters_.too_long;
  } else if (happens(config_.loss)) {
    cause = &counters_.lost;
  } else if (is_lost_in_burst()) {
    cause = &counters_.lost_in_burst;
  }
  if (cause != nullptr) ++*cause;
  return cause != nullptr;
}

// In a copy: the bytes of the frame may be those that are sent again. False if there is no memory for it.
bool Impairment::corrupt(Frame& frame) {
  if (frame.bytes() <= config_.corrupt_from) return true;
  Frame copy = frame.copied_into(memory_);
  if (copy.empty()) return false;
  const size_t at = config_.corrupt_from + random_.below(frame.bytes() - config_.corrupt_from);
  copy.writable_head()[at] ^= static_cast<uint8_t>(1u << random_.below(8));
  // Who vouched for the checksum has not seen it like this.
  if (copy.verdict == ChecksumVerdict::kGood) copy.verdict = ChecksumVerdict::kBad;
  frame = std::move(copy);
  ++counters_.corrupted;
  return true;
}

void Impairment::enter(Frame frame, Instant now) {
  ++counters_.entered;
  if (is_lost(frame)) return;
  if (happens(config_.corrupt) && !corrupt(frame)) {
    ++counters_.no_memory;
    return;
  }
  Frame twin;
  if (happens(config_.duplicate)) {
    // A copy, because who receives a frame may write into its buffer.
    twin = frame.copied_into(memory_);
    ++(twin.empty() ? counters_.not_duplicated : counters_.duplicated);
  }
  send_on(std::move(frame), now);
  if (!twin.empty()) send_on(std::move(twin), now);
}

// Lets `bytes` leave by the rate, behind those before them; false if the queue is full.
bool Impairment::take_turn(size_t bytes, Instant now) {
  const uint64_t rate = config_.rate_bits_per_second;
  if (rate == 0) return true;
  constexpr uint64_t kSecond = 1'000'000'000;
  if (rate_free_at_ <= now) {
    rate_free_at_ = now;
    rate_remainder_ = 0;
  }
  if (config_.queue_bytes != 0) {
    const auto backlog_nanoseconds = static_cast<uint64_t>((rate_free_at_ - now).count_nanoseconds());
    const auto backlog_bits = static_cast<unsigned __int128>(backlog_nanoseconds) * rate / kSecond;
    if (backlog_bits / 8 + bytes > config_.queue_bytes) return false;
  }
  // The remainder is carried on, so that a rate is exact however short its frames are.
  const uint64_t work = uint64_t{bytes} * 8 * kSecond + rate_remainder_;
  rate_free_at_ = rate_free_at_ + Duration::nanoseconds(static_cast<int64_t>(work / rate));
  rate_remainder_ = work % rate;
  return true;
}

void Impairment::send_on(Frame frame, Instant now) {
  if (under_way() == kImpairmentFramesMax) {
    ++counters_.too_many;
    return;
  }
  if (!take_turn(frame.bytes(), now)) {
    ++counters_.queue_full;
    return;
  }
  Instant due = (config_.rate_bits_per_second == 0 ? now : rate_free_at_) + config_.delay;
  if (config_.jitter > Duration()) {
    due = due + Duration::nanoseconds(static_cast<int64_t>(random_.below(static_cast<uint64_t>(config_.jitter.count_nanoseconds()) + 1)));
  }
  const bool is_held_back = happens(config_.reorder);
  if (is_held_back) {
    due = due + config_.reorder_delay;
    ++counters_.reordered;
  }
  (is_held_back ? held_back_ : straight_).frames.push_back({std::move(frame), due});
}

size_t Impairment::leave(std::span<Frame> frames, Instant now) {
  size_t count = 0;
  while (count < frames.size()) {
    // Of two that are due at once the one goes first that was not held back: it has overtaken the other.
    Lane& lane = held_back_.next_due() < straight_.next_due() ? held_back_ : straight_;
    if (lane.frames.empty() || lane.next_due() > now) break;
    frames[count++] = lane.frames.pop_front().frame;
  }
  counters_.left += count;
  return count;
}

Instant Impairment::next_deadline() const { return std::min(straight_.next_due(), held_back_.next_due()); }

}  // namespace demi
