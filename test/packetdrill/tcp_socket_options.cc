// getsockopt(2) and setsockopt(2) of a socket of TCP. Read tcp_socket.h first.
#include <linux/tcp.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "linux_tcp_info.h"
#include "tcp_socket.h"

namespace demi {

namespace {
// tcp(7): an int of seconds, of at most so much.
constexpr int kKeepaliveSecondsMax = 32'767;
constexpr int kKeepaliveProbesMax = 127;
// Linux bounds buffers and so do we; twice of it fits an int.
constexpr uint32_t kBufferMax = 1u << 29;
constexpr uint32_t kBufferMin = 1024;
// TCP_CA_NAME_MAX of Linux.
constexpr size_t kCongestionNameBytes = 16;
constexpr int kMssMax = 32'767;

const char* name_of(CongestionAlgorithm algorithm) { return algorithm == CongestionAlgorithm::kNewReno ? "reno" : "cubic"; }

int seconds_of(Duration length) { return static_cast<int>(length.count_nanoseconds() / 1'000'000'000); }

uint32_t buffer_of(int bytes) { return std::clamp(bytes < 0 ? kBufferMax : static_cast<uint32_t>(bytes), kBufferMin, kBufferMax); }

// socket(7): Linux sets aside as much again for its own records, and says so.
int told_buffer(uint32_t bytes) { return static_cast<int>(std::min(bytes, kBufferMax) * 2); }
}  // namespace

// To the connection that there is now.
void TcpSocket::apply_choices() {
  TcpConnection* tcp = connection();
  if (tcp == nullptr) return;
  if (choices_.nodelay) tcp->set_nagle(!*choices_.nodelay);
  if (choices_.congestion) tcp->set_congestion(*choices_.congestion);
  if (choices_.send_buffer) tcp->set_send_buffer(*choices_.send_buffer);
  if (choices_.receive_buffer) tcp->set_receive_buffer(*choices_.receive_buffer);
  tcp->set_user_timeout(choices_.user_timeout);
  tcp->set_keepalive_times(choices_.keepalive_idle, choices_.keepalive_interval, choices_.keepalive_probes);
  if (choices_.keepalive && *choices_.keepalive != tcp->keepalive()) tcp->set_keepalive(*choices_.keepalive, now());
  host_.stack()->touch(handle_);
}

// --- get ---

int64_t TcpSocket::get_option(int level, int name, void* value, socklen_t* length) {
  if (level == SOL_SOCKET) return get_socket_option(name, value, length);
  if (level == IPPROTO_TCP) return get_tcp_option(name, value, length);
  if (level == IPPROTO_IP && name == IP_TTL) return store_option(host_.settings().stack.time_to_live, value, length);
  return -ENOPROTOOPT;
}

int64_t TcpSocket::get_socket_option(int name, void* value, socklen_t* length) {
  const TcpConfig& config = host_.settings().stack.tcp;
  const TcpConnection* tcp = connection();
  switch (name) {
    case SO_ERROR:
      return store_option(static_cast<int>(-take_error()), value, length);
    case SO_TYPE:
      return store_option(SOCK_STREAM, value, length);
    case SO_PROTOCOL:
      return store_option(IPPROTO_TCP, value, length);
    case SO_ACCEPTCONN:
      return store_option(stage_ == Stage::kListening, value, length);
    case SO_KEEPALIVE:
      return store_option(choices_.keepalive.value_or(false), value, length);
    case SO_SNDBUF:
      return store_option(told_buffer(choices_.send_buffer.value_or(config.send_buffer_bytes)), value, length);
    case SO_RCVBUF:
      return store_option(told_buffer(tcp != nullptr ? tcp->receiver().buffer() : choices_.receive_buffer.value_or(config.receive_buffer_bytes)),
                          value, length);
    default:
      return options_.get(name, value, length);
  }
}

int64_t TcpSocket::get_tcp_option(int name, void* value, socklen_t* length) const {
  const TcpConfig& config = host_.settings().stack.tcp;
  const TcpConnection* tcp = connection();
  const auto or_default = [](Duration chosen, Duration otherwise) { return seconds_of(chosen > Duration() ? chosen : otherwise); };
  switch (name) {
    case TCP_NODELAY:
      return store_option(choices_.nodelay.value_or(!config.nagle), value, length);
    case TCP_MAXSEG: {
      constexpr int kUntilAgreed = 536;
      const bool stands = tcp != nullptr && is_synchronized(tcp->state());
      return store_option(stands ? static_cast<int>(tcp->info().mss) : choices_.mss_max != 0 ? choices_.mss_max : kUntilAgreed, value, length);
    }
    case TCP_KEEPIDLE:
      return store_option(or_default(choices_.keepalive_idle, config.keepalive_idle), value, length);
    case TCP_KEEPINTVL:
      return store_option(or_default(choices_.keepalive_interval, config.keepalive_interval), value, length);
    case TCP_KEEPCNT:
      return store_option(choices_.keepalive_probes != 0 ? choices_.keepalive_probes : config.keepalive_probes, value, length);
    case TCP_USER_TIMEOUT:
      return store_option(static_cast<int>(choices_.user_timeout.count_nanoseconds() / 1'000'000), value, length);
    case TCP_CONGESTION: {
      char name_of_it[kCongestionNameBytes] = {};
      const CongestionAlgorithm algorithm = tcp != nullptr ? tcp->info().congestion : choices_.congestion.value_or(config.congestion);
      std::strcpy(name_of_it, name_of(algorithm));
      return store_option(name_of_it, sizeof(name_of_it), value, length);
    }
    case TCP_INFO:
      return get_info(value, length);
    default:
      return -ENOPROTOOPT;
  }
}

int64_t TcpSocket::get_info(void* value, socklen_t* length) const {
  tcp_info info{};
  if (const TcpConnection* tcp = connection()) {
    info = linux_tcp_info(*tcp, host_.settings().stack);
  } else {
    info.tcpi_state = static_cast<uint8_t>(stage_ == Stage::kListening ? TcpState::kListen : TcpState::kClosed);
    // As Linux has it: of a listener these are the accept queue and its limit.
    if (stage_ == Stage::kListening) {
      info.tcpi_unacked = host_.stack() == nullptr ? 0 : static_cast<uint32_t>(host_.stack()->tcp_acceptable(handle_));
      info.tcpi_sacked = backlog_;
    }
  }
  return store_option(&info, sizeof(info), value, length);
}

// --- set ---

int64_t TcpSocket::set_option(int level, int name, const void* value, socklen_t length) {
  if (level == SOL_SOCKET) return set_socket_option(name, value, length);
  return level == IPPROTO_TCP ? set_tcp_option(name, value, length) : -ENOPROTOOPT;
}

int64_t TcpSocket::set_socket_option(int name, const void* value, socklen_t length) {
  if (name != SO_KEEPALIVE && name != SO_SNDBUF && name != SO_RCVBUF) return options_.set(name, value, length);
  const std::optional<int> number = int_option(value, length);
  if (!number) return -EINVAL;
  if (name == SO_KEEPALIVE) choices_.keepalive = *number != 0;
  if (name == SO_SNDBUF) choices_.send_buffer = buffer_of(*number);
  if (name == SO_RCVBUF) choices_.receive_buffer = buffer_of(*number);
  apply_choices();
  return 0;
}

int64_t TcpSocket::set_congestion(const void* value, socklen_t length) {
  if (value == nullptr || length == 0) return -EINVAL;
  const auto* text = static_cast<const char*>(value);
  const std::string name(text, strnlen(text, std::min<size_t>(length, kCongestionNameBytes)));
  if (name != "reno" && name != "cubic") return -ENOENT;
  choices_.congestion = name == "reno" ? CongestionAlgorithm::kNewReno : CongestionAlgorithm::kCubic;
  apply_choices();
  return 0;
}

int64_t TcpSocket::set_keepalive_option(int name, int number) {
  if (number < 1 || number > (name == TCP_KEEPCNT ? kKeepaliveProbesMax : kKeepaliveSecondsMax)) return -EINVAL;
  if (name == TCP_KEEPIDLE) choices_.keepalive_idle = Duration::seconds(number);
  if (name == TCP_KEEPINTVL) choices_.keepalive_interval = Duration::seconds(number);
  if (name == TCP_KEEPCNT) choices_.keepalive_probes = static_cast<uint8_t>(number);
  apply_choices();
  // The timer that runs was armed with the idle time of before.
  TcpConnection* tcp = connection();
  if (tcp != nullptr && tcp->keepalive()) tcp->set_keepalive(true, now()), host_.stack()->touch(handle_);
  return 0;
}

int64_t TcpSocket::set_tcp_option(int name, const void* value, socklen_t length) {
  if (name == TCP_CONGESTION) return set_congestion(value, length);
  const std::optional<int> number = int_option(value, length);
  if (!number) return -EINVAL;
  switch (name) {
    case TCP_NODELAY:
      choices_.nodelay = *number != 0;
      apply_choices();
      return 0;
    case TCP_MAXSEG:
      if (*number != 0 && (*number < 48 || *number > kMssMax)) return -EINVAL;
      choices_.mss_max = static_cast<uint16_t>(*number);
      return 0;
    case TCP_USER_TIMEOUT:
      if (*number < 0) return -EINVAL;
      choices_.user_timeout = Duration::milliseconds(*number);
      apply_choices();
      return 0;
    case TCP_KEEPIDLE:
    case TCP_KEEPINTVL:
    case TCP_KEEPCNT:
      return set_keepalive_option(name, *number);
    default:
      return -ENOPROTOOPT;
  }
}

}  // namespace demi
