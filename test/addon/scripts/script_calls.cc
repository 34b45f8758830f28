// The socket calls of a script: what they return, and what they do to the host of script_host.h. A call that is not here makes a script
// unsupported.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "inet/tcp/tcp_fixture.h"
#include "scripts/script_host.h"

namespace demi {

namespace {

ScriptHost::CallResult failed(Errno error) { return {-1, error, ""}; }
ScriptHost::CallResult complaint(std::string message) { return {0, Errno::kOk, std::move(message)}; }

// "[1]", "1" and "[1" are all 1.
int64_t number_in(const std::string& argument) {
  const size_t digits = argument.find_first_of("0123456789");
  return digits == std::string::npos ? 0 : std::strtoll(argument.c_str() + digits, nullptr, 10);
}

const std::string& argument_of(const ScriptCall& call, size_t index) {
  static const std::string none;
  return index < call.arguments.size() ? call.arguments[index] : none;
}

}  // namespace

ScriptHost::Socket* ScriptHost::find_socket(int64_t fd) {
  const auto found = sockets_.find(fd);
  return found == sockets_.end() || !found->second.is_open ? nullptr : &found->second;
}

ScriptHost::CallResult ScriptHost::call(const ScriptCall& call) {
  if (call.name == "socket") {
    sockets_[next_fd_];
    return {next_fd_++, Errno::kOk, ""};
  }
  const std::string& fd = argument_of(call, 0);
  const bool is_number = !fd.empty() && std::all_of(fd.begin(), fd.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number) return complaint("unsupported call: " + call.name + " without a descriptor");
  Socket* socket = find_socket(number_in(fd));
  if (socket == nullptr) return failed(Errno::kEBADF);
  CallResult result = call_on(*socket, call);
  transmit_all();
  return result;
}

ScriptHost::CallResult ScriptHost::call_on(Socket& socket, const ScriptCall& call) {
  const std::string& name = call.name;
  // There is one local address, and nothing blocks.
  if (name == "bind" || name == "fcntl") return {};
  if (name == "listen") {
    if (listener() != nullptr) return failed(Errno::kEADDRINUSE);
    const auto backlog = static_cast<uint32_t>(number_in(argument_of(call, 1)));
    socket.listener = std::make_unique<TcpListener>(resources_, half_opens_, secret_, backlog);
    return {};
  }
  if (name == "connect") return connect(socket);
  if (name == "accept" || name == "accept4") return accept(socket);
  if (name == "write" || name == "send") return write(socket, static_cast<uint64_t>(number_in(argument_of(call, 2))));
  if (name == "read" || name == "recv") return read(socket, static_cast<uint64_t>(number_in(argument_of(call, 2))));
  if (name == "shutdown") return shutdown(socket, argument_of(call, 1));
  if (name == "close") return close(socket);
  if (name == "setsockopt") return set_option(socket, call);
  if (name == "getsockopt") return get_option(socket, call);
  return complaint("unsupported call: " + name);
}

// --- opening ---

ScriptHost::CallResult ScriptHost::connect(Socket& socket) {
  if (socket.connection != nullptr) {
    TcpConnection& tcp = *socket.connection->tcp;
    if (tcp.state() == TcpState::kSynSent || tcp.state() == TcpState::kSynReceived) return failed(Errno::kEALREADY);
    if (tcp.error() != Errno::kOk && !std::exchange(socket.error_was_told, true)) return failed(tcp.error());
    return failed(Errno::kEISCONN);
  }
  Peer& peer = peer_of(1);
  SeqNumber iss{config_.iss};
  if (peer.connection != nullptr && !peer.connection->is_finished()) {
    // RFC 6191 2: the tuple of a connection in TIME-WAIT may be used again.
    if (!peer.connection->yields_to_active_open(now_)) return failed(Errno::kEADDRNOTAVAIL);
    iss = peer.connection->sent_end() + 1;
    peer.connection->abort(now_);
  }
  TcpOpen open;
  open.local_port = kLocalPort;
  open.remote_port = peer.port;
  open.iss = iss;
  open.entropy = kEntropy | config_.timestamp_offset;
  open.path_mss = config_.path_mss;
  socket.connection = &add_connection(1, open);
  for (const ScriptCall& option : std::exchange(socket.options, {})) (void)apply_option(socket, option);
  socket.connection->tcp->connect(now_);
  return failed(Errno::kEINPROGRESS);
}

ScriptHost::CallResult ScriptHost::accept(Socket& socket) {
  if (!socket.listener) return failed(Errno::kEINVAL);
  TcpConnection* accepted = socket.listener->accept();
  if (accepted == nullptr) return failed(Errno::kEAGAIN);
  Socket& made = sockets_[next_fd_];
  for (const auto& connection : connections_) {
    if (connection->tcp.get() == accepted) made.connection = connection.get();
  }
  last_ = accepted;
  // As in Linux: what was set on the listener holds for what it accepts.
  for (const ScriptCall& option : socket.options) (void)apply_option(made, option);
  return {next_fd_++, Errno::kOk, ""};
}

// --- text ---

ScriptHost::CallResult ScriptHost::write(Socket& socket, uint64_t length) {
  if (socket.connection == nullptr) return failed(Errno::kENOTCONN);
  Connection& connection = *socket.connection;
  SgArray text = text_at(memory_, connection.sent_bytes, length);
  Result<uint64_t> taken = connection.tcp->send(text, now_);
  if (!taken.ok()) return failed(taken.error());
  if (*taken == 0 && length > 0) return failed(Errno::kEAGAIN);
  connection.sent_bytes += *taken;
  return {static_cast<int64_t>(*taken), Errno::kOk, ""};
}

ScriptHost::CallResult ScriptHost::read(Socket& socket, uint64_t length) {
  if (socket.connection == nullptr) return failed(Errno::kENOTCONN);
  Connection& connection = *socket.connection;
  TcpConnection& tcp = *connection.tcp;
  const SgArray text = tcp.receive(length, now_);
  if (text.empty()) {
    if (tcp.error() != Errno::kOk && !std::exchange(socket.error_was_told, true)) return failed(tcp.error());
    return tcp.is_ended() ? CallResult{} : failed(Errno::kEAGAIN);
  }
  // The numbers of a peer that opened a second time do not begin where the first began.
  const uint32_t begin = tcp.receiver().irs().distance_from(peer_of(connection.peer).irs);
  if (!is_text_at(text, begin + connection.read_bytes)) return complaint("read other bytes than the peer has sent");
  connection.read_bytes += text.bytes();
  return {static_cast<int64_t>(text.bytes()), Errno::kOk, ""};
}

// --- closing ---

ScriptHost::CallResult ScriptHost::shutdown(Socket& socket, const std::string& how) {
  if (socket.connection == nullptr) return failed(Errno::kENOTCONN);
  TcpConnection& tcp = *socket.connection->tcp;
  const bool both = how == "SHUT_RDWR";
  if (!both && how != "SHUT_RD" && how != "SHUT_WR") return complaint("unsupported: shutdown with " + how);
  if (tcp.state() == TcpState::kClosed) return failed(Errno::kENOTCONN);
  if (both || how == "SHUT_RD") tcp.shutdown_receive();
  if (both || how == "SHUT_WR") tcp.shutdown_send(now_);
  return {};
}

ScriptHost::CallResult ScriptHost::close(Socket& socket) {
  socket.is_open = false;
  socket.listener.reset();
  if (socket.connection == nullptr) return {};
  TcpConnection& tcp = *socket.connection->tcp;
  if (socket.lingers && socket.linger == Duration()) {
    tcp.abort(now_);
  } else {
    tcp.close(now_);
    if (socket.lingers) socket.connection->linger_until = now_ + socket.linger;
  }
  return {};
}

// --- options ---

ScriptHost::CallResult ScriptHost::set_option(Socket& socket, const ScriptCall& call) {
  const std::string& name = argument_of(call, 2);
  if (name == "SO_REUSEADDR") return {};
  if (name == "SO_LINGER") {
    // {onoff=1,linger=5}
    const std::string& value = argument_of(call, 3);
    const size_t comma = value.find(',');
    if (comma == std::string::npos) return failed(Errno::kEINVAL);
    socket.lingers = number_in(value) != 0;
    socket.linger = Duration::seconds(number_in(value.substr(comma)));
    return {};
  }
  if (socket.connection == nullptr) {
    socket.options.push_back(call);
    return {};
  }
  if (!apply_option(socket, call)) return complaint("unsupported option: " + name + " " + argument_of(call, 3));
  return {};
}

// False if it is not known. The three knobs of keepalive belong together, so those that are not told keep their defaults.
bool ScriptHost::apply_option(Socket& socket, const ScriptCall& call) {
  TcpConnection& tcp = *socket.connection->tcp;
  const std::string& name = argument_of(call, 2);
  const std::string& value = argument_of(call, 3);
  const int64_t number = number_in(value);
  Connection& connection = *socket.connection;
  if (name == "TCP_NODELAY") {
    tcp.set_nagle(number == 0);
  } else if (name == "SO_KEEPALIVE") {
    tcp.set_keepalive(number != 0, now_);
  } else if (name == "TCP_KEEPIDLE") {
    connection.keepalive_idle = Duration::seconds(number);
  } else if (name == "TCP_KEEPINTVL") {
    connection.keepalive_interval = Duration::seconds(number);
  } else if (name == "TCP_KEEPCNT") {
    connection.keepalive_probes = static_cast<uint8_t>(number);
  } else if (name == "TCP_USER_TIMEOUT") {
    tcp.set_user_timeout(Duration::milliseconds(number));
  } else if (name == "SO_RCVBUF") {
    tcp.set_receive_buffer(static_cast<uint32_t>(number));
  } else if (name == "SO_SNDBUF") {
    tcp.set_send_buffer(static_cast<uint32_t>(number));
  } else if (name == "TCP_CONGESTION" && value.find("reno") != std::string::npos) {
    tcp.set_congestion(CongestionAlgorithm::kNewReno);
  } else if (name == "TCP_CONGESTION" && value.find("cubic") != std::string::npos) {
    tcp.set_congestion(CongestionAlgorithm::kCubic);
  } else {
    return false;
  }
  tcp.set_keepalive_times(connection.keepalive_idle, connection.keepalive_interval, connection.keepalive_probes);
  return true;
}

ScriptHost::CallResult ScriptHost::get_option(Socket& socket, const ScriptCall& call) {
  const std::string& name = argument_of(call, 2);
  std::string wanted = argument_of(call, 3);
  wanted.erase(std::remove_if(wanted.begin(), wanted.end(), [](char c) { return c == '[' || c == ']'; }), wanted.end());
  if (socket.connection == nullptr) return failed(Errno::kENOTCONN);
  TcpConnection& tcp = *socket.connection->tcp;
  std::string got;
  if (name == "SO_ERROR") {
    const Errno error = std::exchange(socket.error_was_told, true) ? Errno::kOk : tcp.error();
    socket.error_was_told = error != Errno::kOk;
    got = error == Errno::kOk ? "0" : errno_name(error);
  } else if (name == "TCP_NODELAY") {
    got = tcp.nagle() ? "0" : "1";
  } else if (name == "SO_KEEPALIVE") {
    got = tcp.keepalive() ? "1" : "0";
  } else {
    return complaint("unsupported option: " + name);
  }
  if (got != wanted) return complaint(name + " is " + got + " and not " + wanted);
  return {};
}

}  // namespace demi
