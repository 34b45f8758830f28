#include "scripts/script_values.h"

#include <algorithm>

#include "scripts/text_cursor.h"

namespace demi {

namespace {

struct Value {
  std::string_view name;
  int64_t (*of)(const TcpConnectionInfo& info);
};

int64_t microseconds(Duration length) { return length.count_nanoseconds() / 1000; }
int64_t segments(const TcpConnectionInfo& info, uint32_t bytes) { return (bytes + info.mss - 1) / std::max(info.mss, 1u); }
using Info = TcpConnectionInfo;

constexpr Value kValues[] = {
    {"tcpi_state", [](const Info& info) { return static_cast<int64_t>(info.state); }},
    {"tcpi_ca_cubic", [](const Info& info) { return int64_t{info.congestion == CongestionAlgorithm::kCubic}; }},
    {"tcpi_timestamps", [](const Info& info) { return int64_t{info.timestamps}; }},
    {"tcpi_sack", [](const Info& info) { return int64_t{info.sack}; }},
    {"tcpi_wscale", [](const Info& info) { return int64_t{info.window_scaling}; }},
    {"tcpi_snd_wscale", [](const Info& info) { return int64_t{info.peer_window_scale}; }},
    {"tcpi_backoff", [](const Info& info) { return int64_t{info.back_offs}; }},
    {"tcpi_probes", [](const Info& info) { return int64_t{info.zero_window_probes}; }},
    {"tcpi_rtt", [](const Info& info) { return microseconds(info.srtt); }},
    {"tcpi_rttvar", [](const Info& info) { return microseconds(info.rttvar); }},
    {"tcpi_min_rtt", [](const Info& info) { return microseconds(info.min_rtt); }},
    {"tcpi_rto", [](const Info& info) { return microseconds(info.rto); }},
    {"tcpi_snd_mss", [](const Info& info) { return int64_t{info.mss}; }},
    {"tcpi_rcv_mss", [](const Info& info) { return int64_t{info.peer_segment_size}; }},
    {"tcpi_snd_cwnd", [](const Info& info) { return int64_t{info.cwnd / std::max(info.mss, 1u)}; }},
    {"tcpi_snd_ssthresh", [](const Info& info) { return int64_t{info.ssthresh / std::max(info.mss, 1u)}; }},
    {"tcpi_unacked", [](const Info& info) { return segments(info, info.in_flight); }},
    {"tcpi_sacked", [](const Info& info) { return segments(info, info.sacked); }},
    {"tcpi_lost", [](const Info& info) { return segments(info, info.lost); }},
    {"tcpi_total_retrans", [](const Info& info) { return int64_t{info.segments_retransmitted}; }},
    {"tcpi_bytes_acked", [](const Info& info) { return static_cast<int64_t>(info.bytes_acked); }},
    {"tcpi_bytes_received", [](const Info& info) { return static_cast<int64_t>(info.bytes_received); }},
    {"tcpi_bytes_sent", [](const Info& info) { return static_cast<int64_t>(info.bytes_sent); }},
    {"tcpi_bytes_retrans", [](const Info& info) { return static_cast<int64_t>(info.bytes_retransmitted); }},
    {"tcpi_segs_in", [](const Info& info) { return int64_t{info.segments_in}; }},
    {"tcpi_segs_out", [](const Info& info) { return int64_t{info.segments_out}; }},
    {"tcpi_data_segs_in", [](const Info& info) { return int64_t{info.data_segments_in}; }},
    {"tcpi_data_segs_out", [](const Info& info) { return int64_t{info.data_segments_out}; }},
    {"tcpi_notsent_bytes", [](const Info& info) { return int64_t{info.unsent}; }},
    {"tcpi_snd_wnd", [](const Info& info) { return int64_t{info.send_window}; }},
    {"tcpi_rcv_wnd", [](const Info& info) { return int64_t{info.receive_window}; }},
    {"tcpi_rcv_space", [](const Info& info) { return int64_t{info.receive_buffer}; }},
    {"tcpi_cwnd_bytes", [](const Info& info) { return int64_t{info.cwnd}; }},
    {"tcpi_ssthresh_bytes", [](const Info& info) { return int64_t{info.ssthresh}; }},
    {"tcpi_in_flight", [](const Info& info) { return int64_t{info.in_flight}; }},
    {"tcpi_pipe", [](const Info& info) { return int64_t{info.pipe}; }},
    {"tcpi_sacked_bytes", [](const Info& info) { return int64_t{info.sacked}; }},
    {"tcpi_lost_bytes", [](const Info& info) { return int64_t{info.lost}; }},
    {"tcpi_send_queue", [](const Info& info) { return int64_t{info.send_queue}; }},
};

struct Constant {
  std::string_view name;
  TcpState state;
};
constexpr Constant kStates[] = {
    {"TCP_ESTABLISHED", TcpState::kEstablished}, {"TCP_SYN_SENT", TcpState::kSynSent},     {"TCP_SYN_RECV", TcpState::kSynReceived},
    {"TCP_FIN_WAIT1", TcpState::kFinWait1},      {"TCP_FIN_WAIT2", TcpState::kFinWait2},   {"TCP_TIME_WAIT", TcpState::kTimeWait},
    {"TCP_CLOSE", TcpState::kClosed},            {"TCP_CLOSE_WAIT", TcpState::kCloseWait}, {"TCP_LAST_ACK", TcpState::kLastAck},
    {"TCP_LISTEN", TcpState::kListen},           {"TCP_CLOSING", TcpState::kClosing},
};

}  // namespace

std::optional<int64_t> script_value(const std::string& name, const TcpConnectionInfo& info, const TcpCounters& counters) {
#define DEMI_SCRIPT_COUNTER(member) \
  if (name == "count_" #member) return static_cast<int64_t>(counters.member);
  DEMI_TCP_COUNTERS(DEMI_SCRIPT_COUNTER)
#undef DEMI_SCRIPT_COUNTER
  for (const Value& value : kValues) {
    if (value.name == name) return value.of(info);
  }
  return std::nullopt;
}

std::optional<int64_t> script_constant(const std::string& text) {
  for (const Constant& state : kStates) {
    if (state.name == text) return static_cast<int64_t>(state.state);
  }
  TextCursor cursor(text);
  int64_t number = 0;
  if (!cursor.take_number(number) || !cursor.at_end()) return std::nullopt;
  return number;
}

std::string check_assertion(const ScriptAssertion& assertion, const TcpConnectionInfo& info, const TcpCounters& counters) {
  const std::optional<int64_t> got = script_value(assertion.name, info, counters);
  if (!got) return "unsupported name: " + assertion.name;
  std::optional<int64_t> wanted = script_constant(assertion.value);
  if (!wanted) wanted = script_value(assertion.value, info, counters);
  if (!wanted) return "unsupported value: " + assertion.value;
  const std::string& comparison = assertion.comparison;
  bool holds = false;
  if (comparison == "==") {
    holds = *got == *wanted;
  } else if (comparison == "!=") {
    holds = *got != *wanted;
  } else if (comparison == "<") {
    holds = *got < *wanted;
  } else if (comparison == "<=") {
    holds = *got <= *wanted;
  } else if (comparison == ">") {
    holds = *got > *wanted;
  } else if (comparison == ">=") {
    holds = *got >= *wanted;
  } else {
    return "unsupported comparison: " + comparison;
  }
  if (holds) return "";
  const bool is_state = assertion.name == "tcpi_state";
  return "other than asserted\n  expected: " + assertion.name + " " + comparison + " " + assertion.value + "\n  got:      " +
         assertion.name + " == " + (is_state ? tcp_state_name(info.state) : std::to_string(*got));
}

}  // namespace demi
