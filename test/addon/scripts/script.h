// Script: a file of test/scripts, parsed: what happens when, in the language of packetdrill, or the part of it that our TCP needs.
//
//   // A comment. Directives come first, and an unknown one makes the script unsupported:
//   --mss=1000 --rto_min=0.2
//   0       socket(..., SOCK_STREAM, IPPROTO_TCP) = 3       a call and its result, and its error: = -1 EAGAIN (whatever)
//   +0.1    < S 0:0(0) win 1000 <mss 1000>                  a segment comes from the network
//   +0      > S. 0:0(0) ack 1 <...>                         a segment goes to it. Without 'win' any window does, with <...> any options
//   +0      >? . 1:1(0) ack 1                               ours: it may, if it is a pure ACK. An ACK that is not expected is a failure
//   +0~+0.2 > . 1:1(0) ack 1                                between these times; * is at any time
//   +0      < icmp unreachable host_unreachable [1:101(100)]  ICMP about a segment; also port_unreachable, frag_needed mtu N
//   +0      %{ assert tcpi_state == TCP_ESTABLISHED; tcpi_snd_cwnd >= 10 }%   script_values.h has the names
//
// Times are in seconds, relative to the event before with a +, from the begin of the script without. No time is +0. Ours, too: <@2, >@2 are
// segments of a second peer, of port 8889; up to @9.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "inet/tcp/tcp_config.h"
#include "scripts/script_segment.h"

namespace demi {

struct ScriptConfig {
  TcpConfig tcp;
  uint16_t path_mss = 1460;       // bytes of text and TCP options
  uint32_t iss = 0xfffff000;      // of active opens: just below a wrap
  uint32_t timestamp_offset = 0;  // so that timestamps are the milliseconds of the script
  Duration tolerance;
};

struct ScriptTime {
  enum class Kind : uint8_t { kAbsolute, kRelative, kAny };
  Kind kind = Kind::kRelative;
  Duration from;
  Duration to;
  bool is_range = false;
};

struct ScriptCall {
  std::string name;
  std::vector<std::string> arguments;
  int64_t result = 0;
  std::string error;  // the name of an errno, or empty
};

struct ScriptAssertion {
  std::string name;
  std::string comparison;
  std::string value;
};

struct ScriptIcmp {
  std::string code;
  int64_t mtu = 0;
  int64_t quoted = 0;  // the sequence number of the segment that it is about
};

struct ScriptEvent {
  enum class Kind : uint8_t { kInject, kExpect, kMayCome, kIcmp, kCall, kAssert };
  Kind kind = Kind::kCall;
  int line = 0;
  ScriptTime time;
  int peer = 1;
  ScriptSegment segment;
  ScriptIcmp icmp;
  ScriptCall call;
  std::vector<ScriptAssertion> assertions;
};

struct ScriptError {
  int line = 0;
  std::string message;
};

struct Script {
  ScriptConfig config;
  std::vector<ScriptEvent> events;

  // What is wrong with it, or nothing.
  std::optional<ScriptError> parse(std::string_view text);
};

// Seconds with a fraction as a literal length of time. False if it is none.
bool take_seconds(TextCursor& cursor, Duration& out);

}  // namespace demi
