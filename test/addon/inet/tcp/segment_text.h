// Segments as one line of text, so that tests read as the protocol: "P. 1:101(100) ack 1 win 65535 sack 201:301 ts 5 3".
// Flags are S F R P . U; numbers are counted from the initial sequence number of their side; options follow in any order:
// mss N, ws N, sackok, ts VALUE ECHO, sack BEGIN:END (up to four times).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

#include "base/assert.h"
#include "wire/tcp.h"

namespace demi {

struct ParsedSegment {
  TcpHeader header;
  uint32_t text_length = 0;
};

// `seq_base` and `ack_base` are the initial numbers of the side that sends it and of the other.
inline ParsedSegment segment_from(const std::string& line, SeqNumber seq_base, SeqNumber ack_base) {
  ParsedSegment parsed;
  TcpHeader& header = parsed.header;
  std::istringstream words(line);
  std::string word;
  words >> word;
  for (char flag : word) {
    switch (flag) {
      case 'S': header.flags.bits |= TcpFlags::kSyn; break;
      case 'F': header.flags.bits |= TcpFlags::kFin; break;
      case 'R': header.flags.bits |= TcpFlags::kRst; break;
      case 'P': header.flags.bits |= TcpFlags::kPsh; break;
      case '.': header.flags.bits |= TcpFlags::kAck; break;
      case 'U': header.flags.bits |= TcpFlags::kUrg; break;
      default: DEMI_ASSERT(flag == '-', "an unknown flag in a segment");
    }
  }
  long begin = 0, end = 0, length = 0;
  words >> word;
  DEMI_ASSERT(std::sscanf(word.c_str(), "%ld:%ld(%ld)", &begin, &end, &length) == 3 && end - begin == length, "bad sequence numbers");
  header.sequence_number = seq_base + static_cast<uint32_t>(begin);
  parsed.text_length = static_cast<uint32_t>(length);
  while (words >> word) {
    long number = 0;
    if (word == "sackok") {
      header.options.sack_permitted = true;
    } else if (word == "ack") {
      words >> number;
      header.acknowledgment_number = ack_base + static_cast<uint32_t>(number);
    } else if (word == "win") {
      words >> number;
      header.window = static_cast<uint16_t>(number);
    } else if (word == "urg") {
      words >> number;
      header.urgent_pointer = static_cast<uint16_t>(number);
    } else if (word == "mss") {
      words >> number;
      header.options.maximum_segment_size = static_cast<uint16_t>(number);
    } else if (word == "ws") {
      words >> number;
      header.options.window_scale = static_cast<uint8_t>(number);
    } else if (word == "ts") {
      uint32_t value = 0, echo = 0;
      words >> value >> echo;
      header.options.timestamps = TcpTimestamps{value, echo};
    } else if (word == "sack") {
      words >> word;
      DEMI_ASSERT(std::sscanf(word.c_str(), "%ld:%ld", &begin, &end) == 2, "a bad SACK block");
      header.options.sack_blocks[header.options.sack_block_count++] = {ack_base + static_cast<uint32_t>(begin),
                                                                       ack_base + static_cast<uint32_t>(end)};
    } else {
      DEMI_ASSERT(false, "an unknown word in a segment");
    }
  }
  return parsed;
}

inline std::string text_of(const TcpHeader& header, uint32_t text_length, SeqNumber seq_base, SeqNumber ack_base) {
  std::string flags;
  if (header.flags.syn()) flags += 'S';
  if (header.flags.fin()) flags += 'F';
  if (header.flags.rst()) flags += 'R';
  if (header.flags.has_any(TcpFlags::kPsh)) flags += 'P';
  if (header.flags.ack()) flags += '.';
  if (flags.empty()) flags = "-";
  std::ostringstream line;
  const int32_t begin = header.sequence_number - seq_base;
  line << flags << ' ' << begin << ':' << begin + static_cast<int64_t>(text_length) << '(' << text_length << ')';
  if (header.flags.ack()) line << " ack " << header.acknowledgment_number - ack_base;
  if (!header.flags.rst()) line << " win " << header.window;
  const TcpOptions& options = header.options;
  if (options.maximum_segment_size) line << " mss " << *options.maximum_segment_size;
  if (options.window_scale) line << " ws " << int{*options.window_scale};
  if (options.sack_permitted) line << " sackok";
  if (options.timestamps) line << " ts " << options.timestamps->value << ' ' << options.timestamps->echo_reply;
  for (size_t i = 0; i < options.sack_block_count; ++i) {
    line << " sack " << options.sack_blocks[i].begin - ack_base << ':' << options.sack_blocks[i].end - ack_base;
  }
  return line.str();
}

}  // namespace demi
