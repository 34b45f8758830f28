#include "scripts/script_directive.h"

namespace demi {

namespace {

struct TimeDirective {
  std::string_view name;
  Duration TcpConfig::* member;
};
constexpr TimeDirective kTimes[] = {
    {"rto_initial", &TcpConfig::initial_rto},
    {"rto_after_syn_loss", &TcpConfig::initial_rto_after_syn_loss},
    {"rto_min", &TcpConfig::min_rto},
    {"rto_max", &TcpConfig::max_rto},
    {"delayed_ack", &TcpConfig::delayed_ack},
    {"user_timeout", &TcpConfig::user_timeout},
    {"keepalive_time", &TcpConfig::keepalive_idle},
    {"keepalive_intvl", &TcpConfig::keepalive_interval},
    {"msl", &TcpConfig::msl},
    {"fin_timeout", &TcpConfig::fin_wait_2_timeout},
    {"challenge_period", &TcpConfig::challenge_period},
};

struct NumberDirective {
  std::string_view name;
  uint32_t TcpConfig::* member;
};
constexpr NumberDirective kNumbers[] = {
    {"initial_window", &TcpConfig::initial_window_segments}, {"sndbuf", &TcpConfig::send_buffer_bytes},
    {"sndbuf_max", &TcpConfig::send_buffer_max_bytes},       {"rcvbuf", &TcpConfig::receive_buffer_bytes},
    {"rcvbuf_max", &TcpConfig::receive_buffer_max_bytes},    {"segment_offload", &TcpConfig::segment_offload_bytes},
    {"syn_queue", &TcpConfig::syn_queue_entries},
};

struct CountDirective {
  std::string_view name;
  uint8_t TcpConfig::* member;
};
constexpr CountDirective kCounts[] = {
    {"syn_retries", &TcpConfig::syn_retries},
    {"synack_retries", &TcpConfig::syn_ack_retries},
    {"keepalive_probes", &TcpConfig::keepalive_probes},
    {"challenge_acks", &TcpConfig::challenge_acks},
};

struct SwitchDirective {
  std::string_view name;
  bool TcpConfig::* member;
};
constexpr SwitchDirective kSwitches[] = {
    {"nagle", &TcpConfig::nagle},
    {"rcvbuf_auto", &TcpConfig::receive_auto_tuning},
    {"wscale", &TcpConfig::window_scale},
    {"timestamps", &TcpConfig::timestamps},
    {"sack", &TcpConfig::sack},
};

template <class Table>
auto find(const Table& table, std::string_view name) -> decltype(&table[0]) {
  for (const auto& entry : table) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

enum class Applied : uint8_t { kYes, kBadValue, kUnknown };

Applied apply_number(std::string_view name, TextCursor value, ScriptConfig& config) {
  uint64_t number = 0;
  const bool is_number = value.take_number(number) && value.at_end();
  const Applied applied = is_number ? Applied::kYes : Applied::kBadValue;
  if (name == "mss") {
    config.path_mss = static_cast<uint16_t>(number);
  } else if (name == "iss") {
    config.iss = static_cast<uint32_t>(number);
  } else if (name == "ts_offset") {
    config.timestamp_offset = static_cast<uint32_t>(number);
  } else if (const NumberDirective* directive = find(kNumbers, name)) {
    config.tcp.*directive->member = static_cast<uint32_t>(number);
  } else if (const CountDirective* count = find(kCounts, name)) {
    if (number > 255) return Applied::kBadValue;
    config.tcp.*count->member = static_cast<uint8_t>(number);
  } else if (const SwitchDirective* choice = find(kSwitches, name)) {
    if (number > 1) return Applied::kBadValue;
    config.tcp.*choice->member = number == 1;
  } else {
    return Applied::kUnknown;
  }
  return applied;
}

Applied apply(std::string_view name, std::string_view value, ScriptConfig& config) {
  if (name == "congestion") {
    if (value != "reno" && value != "cubic") return Applied::kBadValue;
    config.tcp.congestion = value == "reno" ? CongestionAlgorithm::kNewReno : CongestionAlgorithm::kCubic;
    return Applied::kYes;
  }
  TextCursor cursor(value);
  if (name == "tolerance") return take_seconds(cursor, config.tolerance) && cursor.at_end() ? Applied::kYes : Applied::kBadValue;
  if (const TimeDirective* time = find(kTimes, name)) {
    return take_seconds(cursor, config.tcp.*time->member) && cursor.at_end() ? Applied::kYes : Applied::kBadValue;
  }
  return apply_number(name, cursor, config);
}

}  // namespace

bool apply_directive(std::string_view text, ScriptConfig& config, std::string& error) {
  const size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? std::string_view() : text.substr(equals + 1);
  switch (apply(name, value, config)) {
    case Applied::kYes:
      return true;
    case Applied::kBadValue:
      error = "a bad value: --" + std::string(text);
      return false;
    case Applied::kUnknown:
      error = "unsupported directive: --" + std::string(text);
      return false;
  }
  return false;
}

}  // namespace demi
