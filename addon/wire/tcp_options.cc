#include "wire/tcp_options.h"

#include <algorithm>

#include "base/assert.h"

namespace demi {

namespace {

// The IANA registry "TCP Option Kind Numbers".
constexpr uint8_t kEndOfOptions = 0;
constexpr uint8_t kNoOperation = 1;
constexpr uint8_t kMaximumSegmentSize = 2;
constexpr uint8_t kWindowScale = 3;
constexpr uint8_t kSackPermitted = 4;
constexpr uint8_t kSack = 5;
constexpr uint8_t kTimestamps = 8;
constexpr uint8_t kFastOpen = 34;

constexpr size_t kKindAndLength = 2;
constexpr size_t kSackBlockBytes = 8;

// What options take with their padding: each group below ends on a word, as RFC 7323 appendix A and others recommend.
constexpr size_t kMaximumSegmentSizeBytes = 4;
constexpr size_t kWindowScaleBytes = 4;
constexpr size_t kSackPermittedBytes = 4;
constexpr size_t kSackHeadBytes = 4;

constexpr size_t words_up(size_t bytes) { return (bytes + 3) / 4 * 4; }

// Writes one thing behind the other.
class Writer {
 public:
  explicit Writer(uint8_t* to) : to_(to) {}
  const uint8_t* end() const { return to_; }
  void octet(uint8_t number) { *to_++ = number; }
  void word16(uint16_t number) { store_be16(to_, number), to_ += 2; }
  void word32(uint32_t number) { store_be32(to_, number), to_ += 4; }
  void option(uint8_t kind, size_t content_bytes) { octet(kind), octet(static_cast<uint8_t>(kKindAndLength + content_bytes)); }
  void padding(size_t bytes) { std::fill_n(to_, bytes, kNoOperation), to_ += bytes; }
  void bytes(Bytes content) { to_ = std::copy(content.begin(), content.end(), to_); }

 private:
  uint8_t* to_;
};

}  // namespace

bool TcpOptions::operator==(const TcpOptions& other) const {
  const auto same_bytes = [](Bytes a, Bytes b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); };
  return maximum_segment_size == other.maximum_segment_size && window_scale == other.window_scale &&
         sack_permitted == other.sack_permitted && timestamps == other.timestamps && sack_block_count == other.sack_block_count &&
         sack_blocks == other.sack_blocks && is_malformed == other.is_malformed &&
         fast_open_cookie.has_value() == other.fast_open_cookie.has_value() &&
         (!fast_open_cookie || same_bytes(*fast_open_cookie, *other.fast_open_cookie));
}

TcpOptions TcpOptions::parse(Bytes options, bool is_syn) {
  TcpOptions parsed;
  size_t at = 0;
  while (at < options.size()) {
    const uint8_t kind = options[at];
    // RFC 9293 3.2: these two are of one byte, and nothing behind the first is an option.
    if (kind == kEndOfOptions) break;
    if (kind == kNoOperation) {
      ++at;
      continue;
    }
    // RFC 9293 MUST-7: an illegal length must not do harm. Where the next option begins is unknown then, so this was the last.
    const size_t left = options.size() - at;
    if (left < kKindAndLength || options[at + 1] < kKindAndLength || options[at + 1] > left) {
      parsed.is_malformed = true;
      break;
    }
    const size_t length = options[at + 1];
    parsed.take(kind, options.subspan(at + kKindAndLength, length - kKindAndLength), is_syn);
    at += length;
  }
  return parsed;
}

void TcpOptions::take(uint8_t kind, Bytes content, bool is_syn) {
  switch (kind) {
    case kMaximumSegmentSize:  // RFC 9293 3.2: must only be sent with SYN
      if (is_syn && content.size() == 2) maximum_segment_size = load_be16(content.data());
      break;
    case kWindowScale:  // RFC 7323 2.2: elsewhere it must be ignored
      if (is_syn && content.size() == 1) window_scale = std::min(content[0], kWindowScaleMax);
      break;
    case kSackPermitted:  // RFC 2018 2: must not be sent on other segments
      if (is_syn && content.empty()) sack_permitted = true;
      break;
    case kSack:
      take_sack_blocks(content);
      break;
    case kTimestamps:
      if (content.size() == 8) timestamps = TcpTimestamps{load_be32(content.data()), load_be32(content.data() + 4)};
      break;
    case kFastOpen: {
      // RFC 7413 4.1.1: a cookie of another length, or outside a SYN, must be ignored.
      const bool is_cookie =
          content.size() >= kFastOpenCookieBytesMin && content.size() <= kFastOpenCookieBytesMax && content.size() % 2 == 0;
      if (is_syn && (content.empty() || is_cookie)) fast_open_cookie = content;
      break;
    }
    default:  // RFC 9293 MUST-6: what is not known is ignored
      break;
  }
}

void TcpOptions::take_sack_blocks(Bytes content) {
  // RFC 2018 3: 8*n+2 bytes with the head, so that 40 bytes take 4 blocks. More cannot be, since a header has no more.
  const size_t count = content.size() / kSackBlockBytes;
  if (content.size() % kSackBlockBytes != 0 || count == 0 || count > kSackBlocksMax) return;
  sack_blocks = {};
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* block = content.data() + i * kSackBlockBytes;
    sack_blocks[i] = {SeqNumber(load_be32(block)), SeqNumber(load_be32(block + 4))};
  }
  sack_block_count = static_cast<uint8_t>(count);
}

size_t TcpOptions::bytes_before_cookie() const {
  size_t bytes = 0;
  if (maximum_segment_size) bytes += kMaximumSegmentSizeBytes;
  if (timestamps) {
    bytes += kTimestampsBytes;  // two of them are padding, in which SACK-permitted fits
  } else if (sack_permitted) {
    bytes += kSackPermittedBytes;
  }
  if (window_scale) bytes += kWindowScaleBytes;
  return bytes;
}

bool TcpOptions::cookie_fits() const {
  return fast_open_cookie && bytes_before_cookie() + words_up(kKindAndLength + fast_open_cookie->size()) <= kBytesMax;
}

size_t TcpOptions::bytes_before_sack_blocks() const {
  return bytes_before_cookie() + (cookie_fits() ? words_up(kKindAndLength + fast_open_cookie->size()) : 0);
}

size_t TcpOptions::sack_blocks_that_fit() const {
  const size_t room = kBytesMax - bytes_before_sack_blocks();
  if (room < kSackHeadBytes + kSackBlockBytes) return 0;
  return std::min(size_t{sack_block_count}, (room - kSackHeadBytes) / kSackBlockBytes);
}

size_t TcpOptions::bytes_of_many() const {
  if (syn_order != nullptr) [[unlikely]] return bytes_in_order();
  const size_t blocks = sack_blocks_that_fit();
  return bytes_before_sack_blocks() + (blocks == 0 ? 0 : kSackHeadBytes + blocks * kSackBlockBytes);
}

void TcpOptions::emit(MutableBytes into) const {
  DEMI_ASSERT(into.size() >= bytes(), "no room for the TCP options");
  DEMI_ASSERT(sack_block_count <= kSackBlocksMax, "a TCP header has room for four SACK blocks");
  if (syn_order != nullptr) [[unlikely]] return emit_in_order(into);
  Writer writer(into.data());
  if (maximum_segment_size) {
    writer.option(kMaximumSegmentSize, 2);
    writer.word16(*maximum_segment_size);
  }
  if (sack_permitted) {
    if (!timestamps) writer.padding(2);
    writer.option(kSackPermitted, 0);
  }
  if (timestamps) {
    if (!sack_permitted) writer.padding(2);
    writer.option(kTimestamps, 8);
    writer.word32(timestamps->value);
    writer.word32(timestamps->echo_reply);
  }
  if (window_scale) {
    writer.padding(1);
    writer.option(kWindowScale, 1);
    writer.octet(*window_scale);
  }
  if (cookie_fits()) {
    const size_t option_bytes = kKindAndLength + fast_open_cookie->size();
    writer.padding(words_up(option_bytes) - option_bytes);
    writer.option(kFastOpen, fast_open_cookie->size());
    writer.bytes(*fast_open_cookie);
  }
  if (const size_t blocks = sack_blocks_that_fit(); blocks > 0) {
    writer.padding(kSackHeadBytes - kKindAndLength);
    writer.option(kSack, blocks * kSackBlockBytes);
    for (size_t i = 0; i < blocks; ++i) {
      writer.word32(sack_blocks[i].begin.value());
      writer.word32(sack_blocks[i].end.value());
    }
  }
  DEMI_ASSERT(writer.end() == into.data() + bytes(), "bytes() is what emit() writes");
}

// --- an order that was chosen ---

bool TcpOptions::has(SynOption option) const {
  switch (option) {
    case SynOption::kNoOperation:
      return true;
    case SynOption::kMaximumSegmentSize:
      return maximum_segment_size.has_value();
    case SynOption::kWindowScale:
      return window_scale.has_value();
    case SynOption::kSackPermitted:
      return sack_permitted;
    case SynOption::kTimestamps:
      return timestamps.has_value();
  }
  return false;
}

// What stands before an option only to align it goes with it, if the option is not there.
size_t TcpOptions::bytes_in_order() const {
  size_t bytes = 0;
  size_t padding = 0;
  for (const SynOption option : *syn_order) {
    if (option == SynOption::kNoOperation) {
      ++padding;
      continue;
    }
    if (has(option)) bytes += padding + SynOptionOrder::bytes_of(option);
    padding = 0;
  }
  return words_up(bytes + padding);
}

void TcpOptions::emit_in_order(MutableBytes into) const {
  Writer writer(into.data());
  size_t padding = 0;
  for (const SynOption option : *syn_order) {
    if (option == SynOption::kNoOperation) {
      ++padding;
      continue;
    }
    if (has(option)) {
      writer.padding(padding);
      writer.option(static_cast<uint8_t>(option), SynOptionOrder::bytes_of(option) - kKindAndLength);
      if (option == SynOption::kMaximumSegmentSize) writer.word16(*maximum_segment_size);
      if (option == SynOption::kWindowScale) writer.octet(*window_scale);
      if (option == SynOption::kTimestamps) writer.word32(timestamps->value), writer.word32(timestamps->echo_reply);
    }
    padding = 0;
  }
  writer.padding(static_cast<size_t>(into.data() + bytes_in_order() - writer.end()));
}

}  // namespace demi
