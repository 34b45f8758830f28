#include "settings.h"

#include <charconv>
#include <optional>
#include <vector>

#include "wire/ipv4.h"
#include "wire/tcp.h"

namespace demi {

namespace {

constexpr uint32_t kHeaders = Ipv4Header::kBytes + TcpHeader::kBytesMin;
// net.ipv4.tcp_rmem of Linux.
constexpr uint32_t kReceiveBuffer = 131'072;
constexpr uint32_t kReceiveBufferMax = 6 << 20;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0;;) {
    const size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) return parts;
    begin = end + 1;
  }
}

// A decimal number without a sign, and nothing behind it.
std::optional<uint64_t> number_of(const std::string& text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

struct Bounds {
  const char* key;
  uint64_t least;
  uint64_t most;
};

// A segment is sent with 12 bytes of timestamps and a byte of text at least. Windows are below 2^30 (RFC 7323 2.3).
constexpr Bounds kNumbers[] = {
    {"mtu", kMtuMin, kMtuMax},      {"mss", 48, kMtuMax - kHeaders}, {"rcvbuf", 1024, 1u << 30}, {"sndbuf", 1024, 1u << 30},
    {"ttl", 1, 255},                {"deadline", 1, 10'000'000},     {"iw", 1, 1000},
};

std::string set_syn_options(const std::string& value, TcpConfig& tcp) {
  const std::string wrong = "The flag syn_options=" + value + " ";
  SynOptionOrder order;
  for (const std::string& name : split(value, '+')) {
    SynOption option = SynOption::kNoOperation;
    if (name == "mss") option = SynOption::kMaximumSegmentSize;
    if (name == "sack") option = SynOption::kSackPermitted;
    if (name == "ts") option = SynOption::kTimestamps;
    if (name == "wscale") option = SynOption::kWindowScale;
    if (option == SynOption::kNoOperation && name != "nop") return wrong + "has '" + name + "': its parts are mss, sack, ts, wscale and nop.";
    if (option != SynOption::kNoOperation && order.has(option)) return wrong + "has " + name + " twice: remove one.";
    if (!order.append(option)) return wrong + "is longer than a TCP header has room for: remove some.";
  }
  // RFC 9293 3.7.1 (MUST-14).
  if (!order.has(SynOption::kMaximumSegmentSize)) return wrong + "has no mss, which each SYN says: add it.";
  tcp.sack = order.has(SynOption::kSackPermitted);
  tcp.timestamps = order.has(SynOption::kTimestamps);
  tcp.window_scale = order.has(SynOption::kWindowScale);
  tcp.syn_option_order = order;
  return "";
}

}  // namespace

Settings::Settings() {
  stack.mac = {{0x02, 0, 0, 0, 0, 1}};
  stack.claims.announcements = 0;
  // Not a secret here: the same script sees the same numbers each time.
  stack.secret = {0x6465'6d69'2d69'6f00, 0x7061'636b'6574'6472};
  stack.tcp.receive_buffer_bytes = kReceiveBuffer;
  stack.tcp.receive_buffer_max_bytes = kReceiveBufferMax;
}

std::string Settings::parse(const char* flags) {
  if (flags == nullptr || *flags == '\0') return "";
  for (const std::string& part : split(flags, ',')) {
    const size_t equals = part.find('=');
    if (equals == std::string::npos) return "The flag '" + part + "' has no value: flags are key=value, with commas between them.";
    std::string problem = set(part.substr(0, equals), part.substr(equals + 1));
    if (!problem.empty()) return problem;
  }
  if (stack.tcp.mss_max > stack.mtu_bytes - kHeaders) {
    return "The flag mss=" + std::to_string(stack.tcp.mss_max) + " is more than an MTU of " + std::to_string(stack.mtu_bytes) +
           " leaves: it is at most " + std::to_string(stack.mtu_bytes - kHeaders) + " with it.";
  }
  return "";
}

std::string Settings::set(const std::string& key, const std::string& value) {
  TcpConfig& tcp = stack.tcp;
  if (key == "syn_options") return set_syn_options(value, tcp);
  if (key == "cc") {
    if (value != "cubic" && value != "reno") return "The flag cc=" + value + " names no congestion control that there is: cubic or reno.";
    tcp.congestion = value == "reno" ? CongestionAlgorithm::kNewReno : CongestionAlgorithm::kCubic;
    return "";
  }
  for (const Bounds& bounds : kNumbers) {
    if (key != bounds.key) continue;
    const std::optional<uint64_t> number = number_of(value);
    if (!number || *number < bounds.least || *number > bounds.most) {
      return "The flag " + key + "=" + value + " is out of bounds: it is a number of " + std::to_string(bounds.least) + " to " +
             std::to_string(bounds.most) + ".";
    }
    const auto word = static_cast<uint32_t>(*number);
    if (key == "mtu") stack.mtu_bytes = word;
    if (key == "mss") tcp.mss_max = static_cast<uint16_t>(word);
    if (key == "ttl") stack.time_to_live = static_cast<uint8_t>(word);
    if (key == "iw") tcp.initial_window_segments = word;
    if (key == "deadline") deadline = Duration::seconds(word);
    if (key == "sndbuf") tcp.send_buffer_bytes = tcp.send_buffer_max_bytes = word;
    if (key == "rcvbuf") {
      tcp.receive_buffer_bytes = word;
      tcp.receive_auto_tuning = false;
    }
    return "";
  }
  return "The flag '" + key + "' is unknown: there are mtu, mss, rcvbuf, sndbuf, ttl, deadline, syn_options, cc and iw.";
}

}  // namespace demi
