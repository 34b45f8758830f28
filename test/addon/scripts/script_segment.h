// ScriptSegment: one segment in the notation of packetdrill, "P. 1:101(100) ack 1 win 65535 <nop,nop,TS val 5 ecr 3>". Numbers are counted from
// the initial sequence number of the side that they belong to; options stand in the order in which they are on the wire.
//
// Flags are S F R P . U E W, or - for none. Beside the options of packetdrill, <bytes fd 04 12 34> puts bytes there as they are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "scripts/text_cursor.h"
#include "wire/tcp.h"

namespace demi {

// Where the numbers of a segment are counted from.
struct SegmentBases {
  SeqNumber seq;
  SeqNumber ack;  // of SACK blocks, too: they tell of the other side's text
};

struct ScriptOption {
  enum class Kind : uint8_t { kEol, kNop, kMss, kWscale, kSackOk, kSack, kTimestamps, kBytes };

  Kind kind = Kind::kNop;
  std::vector<int64_t> numbers;

  std::string to_text() const;
  void encode(std::vector<uint8_t>& into, SeqNumber ack_base) const;
};

struct ScriptSegment {
  uint16_t flags = 0;
  int64_t begin = 0;
  int64_t end = 0;
  std::optional<int64_t> ack;
  std::optional<uint32_t> window;
  std::optional<uint32_t> urgent;
  bool any_options = false;  // <...>: whatever they are
  std::vector<ScriptOption> options;

  uint32_t text_length() const { return static_cast<uint32_t>(end - begin); }
  bool is_pure_ack() const { return flags == TcpFlags::kAck && begin == end; }

  // False, and why.
  bool parse(TextCursor& cursor, std::string& error);
  std::string to_text() const;
  // The same, silent about what `expected` leaves open.
  std::string to_text_as(const ScriptSegment& expected) const;

  // As it is on the wire, without a checksum.
  std::vector<uint8_t> encode(uint16_t source_port, uint16_t destination_port, const SegmentBases& bases, Bytes text) const;
  // Of a segment that was parsed once.
  static ScriptSegment decode(Bytes segment, const SegmentBases& bases);
};

}  // namespace demi
