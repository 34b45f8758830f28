// The options of a TCP header: which of those we know a segment carries (RFC 9293 3.1 and 3.2).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "wire/parsed.h"
#include "wire/seq_number.h"
#include "wire/syn_option_order.h"

namespace demi {

// Received text behind a gap (RFC 2018 3): [begin, end).
struct SackBlock {
  SeqNumber begin;
  SeqNumber end;

  bool operator==(const SackBlock&) const = default;
};

// RFC 7323 3.2.
struct TcpTimestamps {
  uint32_t value = 0;
  uint32_t echo_reply = 0;

  bool operator==(const TcpTimestamps&) const = default;
};

struct TcpOptions {
  // The data offset counts words of 32 bits and has four bits: 60 bytes of header, 20 of them fixed.
  static constexpr size_t kBytesMax = 40;
  static constexpr size_t kSackBlocksMax = 4;
  // RFC 7323 2.3: a shift count above 14 is read as 14.
  static constexpr uint8_t kWindowScaleMax = 14;
  // RFC 7413 4.1.1: 4 to 16 bytes, an even number of them.
  static constexpr size_t kFastOpenCookieBytesMin = 4;
  static constexpr size_t kFastOpenCookieBytesMax = 16;

  // As sent: a maximum segment size of 0 or 1 arrives here, too, and has to be survived.
  std::optional<uint16_t> maximum_segment_size;
  std::optional<uint8_t> window_scale;
  bool sack_permitted = false;
  std::optional<TcpTimestamps> timestamps;
  uint8_t sack_block_count = 0;
  std::array<SackBlock, kSackBlocksMax> sack_blocks{};
  // Empty asks for a cookie (RFC 7413 4.1.1). Parsed, it points into the segment.
  std::optional<Bytes> fast_open_cookie;
  // To be sent in a SYN: this order and no other option. nullptr: as emit() has it, which is how Linux does it.
  const SynOptionOrder* syn_order = nullptr;
  // Parsed only: an option had a length of 0 or 1 or ran past the end. What stood before it counts.
  bool is_malformed = false;

  // Compares the cookies by their bytes, and no order.
  bool operator==(const TcpOptions& other) const;

  // Unknown options are skipped, and so are known ones whose length is not theirs. Of two of a kind the later counts. What belongs
  // only into a SYN is ignored elsewhere.
  static TcpOptions parse(Bytes options, bool is_syn);
  // Nothing but timestamps, which is what most segments of a connection have, or nothing at all.
  bool is_plain() const {
    return !maximum_segment_size && !window_scale && !sack_permitted && sack_block_count == 0 && !fast_open_cookie;
  }
  // A multiple of 4, at most kBytesMax. If not everything fits, SACK blocks are left out, the last first, and then the cookie.
  size_t bytes() const { return is_plain() ? (timestamps ? kTimestampsBytes : 0) : bytes_of_many(); }
  void emit(MutableBytes into) const;

  // RFC 7323 appendix A: how everybody lays out timestamps that stand alone: two of padding, then the option.
  static constexpr size_t kTimestampsBytes = 12;
  static constexpr uint32_t kTimestampsHead = 0x0101'080a;

 private:
  size_t bytes_of_many() const;
  void take(uint8_t kind, Bytes content, bool is_syn);
  void take_sack_blocks(Bytes content);
  bool has(SynOption option) const;
  size_t bytes_in_order() const;
  void emit_in_order(MutableBytes into) const;
  size_t bytes_before_cookie() const;
  bool cookie_fits() const;
  size_t bytes_before_sack_blocks() const;
  size_t sack_blocks_that_fit() const;
};

}  // namespace demi
