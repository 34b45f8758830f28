#include "libos/netos_stream.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "inet/inet_limits.h"
#include "libos/inet_tcp_info.h"
#include "libos/socket_options.h"

namespace demi {

NetosStream::NetosStream(Netos& netos) : NetosSocket(netos) {
  is_stream = true;
  const TcpConfig& config = stack().config().tcp;
  nagle_ = config.nagle;
  keepalive_ = config.keepalive;
  congestion_ = config.congestion;
}

NetosStream::~NetosStream() {
  close_listener();
  if (handle_) sure(stack().tcp_abort(leave_handle(), now()));
  release_port();
  end_to_count();
}

void NetosStream::begin_to_count() {
  libos().connections().add();
  counts_ = true;
}

void NetosStream::end_to_count() {
  if (!counts_) return;
  counts_ = false;
  libos().connections().remove();
}

void NetosStream::release_port() {
  if (is_bound()) stack().tcp_unbind(*local_);
  local_.reset();
}

Result<Endpoint> NetosStream::peer_endpoint() {
  if (state_ != State::kConnected) return Errno::kENOTCONN;
  return NetosSocket::peer_endpoint();
}

// --- passive open ---

Result<void> NetosStream::listen(uint32_t backlog) {
  if (state_ == State::kConnecting || state_ == State::kConnected) return Errno::kEISCONN;
  if (!is_bound()) return Errno::kEDESTADDRREQ;
  if (state_ == State::kListening) return stack().tcp_set_backlog(handle_, backlog);
  Result<SocketHandle> made = stack().tcp_listen(*local_, backlog, Stack::PortOwner::kUser, options().mss_max);
  if (!made.ok()) return made.error();
  take_handle(*made);
  state_ = State::kListening;
  return {};
}

Attempt NetosStream::try_accept(std::unique_ptr<Queue>& connection, Completion& completion) {
  if (state_ != State::kListening) return Attempt::refused(Errno::kEINVAL);
  if (libos().connections().full()) {
    libos().connections().wake_at_next_end(*this);
    return Attempt::would_block();
  }
  Result<SocketHandle> made = stack().tcp_accept(handle_);
  if (!made.ok() && netos().network_is_gone()) return Attempt::failed(completion, Errno::kENETDOWN);
  if (!made.ok()) return Attempt::would_block();
  auto accepted = std::make_unique<NetosStream>(netos());
  accepted->take_handle(*made);
  accepted->state_ = State::kConnected;
  accepted->begin_to_count();
  // As accept(2) on Linux: a connection begins with the options of its listener.
  accepted->nagle_ = nagle_;
  accepted->keepalive_ = keepalive_;
  accepted->congestion_ = congestion_;
  if (options_ != nullptr) accepted->own_options() = *options_;
  accepted->linger_ = linger_;
  accepted->linger_seconds_ = linger_seconds_;
  accepted->apply_options();
  completion.has_endpoint = true;
  completion.endpoint = endpoint_of(*stack().remote_endpoint(*made));
  connection = std::move(accepted);
  return Attempt::done();
}

void NetosStream::close_listener() {
  if (state_ != State::kListening) return;
  sure(stack().close(leave_handle(), now()));
  state_ = State::kFresh;
}

// --- active open ---

Errno NetosStream::begin_connect(const Endpoint& remote) {
  if (state_ == State::kConnecting) return Errno::kEALREADY;
  if (state_ != State::kFresh) return Errno::kEISCONN;
  const Errno wrong = check_remote(remote);
  if (wrong != Errno::kOk) return wrong;
  if (remote.is_multicast_or_broadcast()) return Errno::kEINVAL;
  if (libos().connections().full()) return Errno::kEAGAIN;
  connect_error_ = open_connection(inet_endpoint_of(remote));
  switch (connect_error_) {
    case Errno::kOk:
      apply_options();
      break;
    case Errno::kENOMEM:
      return Errno::kEAGAIN;
    case Errno::kENETUNREACH:
    case Errno::kENETDOWN:
      break;
    case Errno::kEADDRINUSE:
      // The very connection is there, or in TIME-WAIT.
      return Errno::kEADDRNOTAVAIL;
    default:
      return connect_error_;
  }
  begin_to_count();
  state_ = State::kConnecting;
  return Errno::kOk;
}

Errno NetosStream::open_connection(const InetEndpoint& remote) {
  const Errno down = netos().check_link(remote.address);
  if (down != Errno::kOk) return down;
  const InetEndpoint local = is_bound() ? *local_ : InetEndpoint{IpAddress::unspecified(Family::kIPv4), 0};
  Result<SocketHandle> made = stack().tcp_connect(local, remote, now(), Stack::PortOwner::kUser, options().mss_max);
  if (made.ok()) {
    take_handle(*made);
    netos().note_output();
  }
  return made.error();
}

Attempt NetosStream::try_connect(Completion& completion) {
  const TcpConnection* opening = connection();
  if (opening != nullptr) {
    const TcpState state = opening->state();
    if (state == TcpState::kSynSent || state == TcpState::kSynReceived) return Attempt::would_block();
    if (state != TcpState::kClosed) {
      state_ = State::kConnected;
      return Attempt::done();
    }
    connect_error_ = opening->error() != Errno::kOk ? opening->error() : Errno::kECONNRESET;
  }
  const Errno error = connect_error_;
  abandon_connect();
  return Attempt::failed(completion, error);
}

void NetosStream::abandon_connect() {
  if (handle_) sure(stack().tcp_abort(leave_handle(), now()));
  state_ = State::kFresh;
  end_to_count();
}

// --- data ---

Errno NetosStream::end_error() {
  const TcpConnection* at_end = connection();
  return at_end == nullptr ? Errno::kOk : at_end->error();
}

// Who hears of the end by an error first is told which; pushes after that, that there is nobody to send to.
Attempt NetosStream::ended(Completion& completion) {
  end_reported_ = true;
  pending_error_ = Errno::kOk;
  return Attempt::failed(completion, end_error());
}

Attempt NetosStream::try_push(PushRequest& request, Completion& completion) {
  if (state_ != State::kConnected) return Attempt::refused(Errno::kENOTCONN);
  if (end_sent_) return Attempt::refused(Errno::kEPIPE);
  if (end_reported_) return Attempt::failed(completion, Errno::kEPIPE);
  const TcpConnection& tcp = *connection();
  if (tcp.error() != Errno::kOk) return ended(completion);
  if (request.remaining_bytes() > 0) {
    uint64_t room = tcp.writable_bytes();
    if (room == 0) return Attempt::would_block();
    SgArray text = libos().memory().make_array();
    // What arrives needs memory, too: without acknowledgments nothing of what waits here would ever come back.
    if (request.source != nullptr) {
      const uint64_t reserve = libos().memory().limit_bytes() / kMemoryReserveShare;
      request.memory_wanted_bytes = 2 * reserve;
      if (!libos().memory().has(2 * reserve)) return Attempt::no_memory();
      room = std::min(room, libos().memory().available_bytes() - reserve);
    }
    const Errno wrong = request.accept_into(text, room, libos().memory());
    if (!text.empty()) {
      const Result<uint64_t> taken = stack().tcp_send(handle_, text, now());
      DEMI_ASSERT(taken.ok() && text.empty(), "a connection with room takes what fits");
      netos().note_output();
    }
    if (wrong == Errno::kENOMEM) return Attempt::no_memory();
    if (wrong != Errno::kOk) return Attempt::failed(completion, wrong);
    if (request.remaining_bytes() > 0) return tcp.writable_bytes() > 0 ? Attempt::no_memory() : Attempt::would_block();
  }
  // Pushes that came later have given nothing yet.
  return request.until_acknowledged && tcp.unacked_bytes() > 0 ? Attempt::would_block() : Attempt::done();
}

Attempt NetosStream::try_pop(uint64_t limit, Completion& completion) {
  if (state_ != State::kConnected) return Attempt::refused(Errno::kENOTCONN);
  if (discards_) return Attempt::done();
  Result<SgArray> text = stack().tcp_receive(handle_, limit, now());
  if (text.ok()) {
    completion.sga = std::move(*text);
    return Attempt::done();
  }
  if (text.error() == Errno::kEAGAIN) return Attempt::would_block();
  // The peer had said all it had to say; what happened to the other direction concerns who sends.
  if (connection()->receiver().fin_is_received()) return Attempt::done();
  return ended(completion);
}

void NetosStream::handle_event(SocketEventKind kind) {
  switch (kind) {
    case SocketEventKind::kReadable:
    case SocketEventKind::kAcceptable:
      netos().try_front(lines().readers);
      return;
    case SocketEventKind::kConnected:
    case SocketEventKind::kWritable:
    case SocketEventKind::kDelivered:
      wake_writer();
      return;
    case SocketEventKind::kClosed:
      pending_error_ = end_error();
      if (pending_error_ == Errno::kECONNRESET) ++libos().counters().resets;
      wake_reader();
      wake_writer();
      return;
  }
}

void NetosStream::handle_link_loss() {
  if (!netos().network_is_gone() && state_ != State::kConnecting) return;
  TcpConnection* tcp = connection();
  if (tcp == nullptr) {
    netos().try_front(lines().readers);
    return;
  }
  tcp->give_up(Errno::kENETDOWN);
  stack().touch(handle_);
}

// --- the end ---

Attempt NetosStream::try_shutdown(ShutdownHow how, Completion&) {
  if (state_ != State::kConnected) return Attempt::refused(Errno::kENOTCONN);
  if (how != ShutdownHow::kRead && !end_sent_) {
    end_sent_ = true;
    sure(stack().tcp_shutdown_send(handle_, now()));
    netos().note_output();
  }
  if (how != ShutdownHow::kWrite) {
    discards_ = true;
    connection()->shutdown_receive();
    stack().touch(handle_);
    wake_reader();
  }
  return Attempt::done();
}

void NetosStream::leave_connection() {
  if (!handle_) return;
  netos().note_output();
  const SocketHandle handle = leave_handle();
  if (counts_) {
    counts_ = false;
    netos().close_counted(handle);
  } else {
    sure(stack().close(handle, now()));
  }
}

void NetosStream::begin_close() {
  close_listener();
  if (state_ == State::kConnected && handle_) {
    TcpConnection& tcp = *connection();
    if (linger_ && linger_seconds_ == 0) {
      abort();
    } else if (linger_ && tcp.error() == Errno::kOk) {
      if (tcp.readable_bytes() > 0) ++libos().counters().resets;
      tcp.close(now());
      stack().touch(handle_);
      lingers_ = true;
    } else {
      // RFC 2525 2.17: to close with bytes unread is to lose them, and the peer is told by a reset.
      if (tcp.readable_bytes() > 0) ++libos().counters().resets;
      leave_connection();
    }
  }
  if (!lingers_) release_port();
}

Attempt NetosStream::try_close(Completion& completion) {
  const TcpConnection* tcp = connection();
  if (!lingers_ || tcp == nullptr) return Attempt::done();
  if (!tcp->has_delivered()) return Attempt::would_block();
  const Errno error = tcp->error();
  leave_connection();
  return error == Errno::kOk ? Attempt::done() : Attempt::failed(completion, error);
}

void NetosStream::abort() {
  close_listener();
  if (handle_) {
    if (state_ == State::kConnected && end_error() == Errno::kOk) ++libos().counters().resets;
    sure(stack().tcp_abort(leave_handle(), now()));
  }
  release_port();
}

// --- options ---

Errno NetosStream::take_pending_error() { return std::exchange(pending_error_, Errno::kOk); }

const NetosStream::Options& NetosStream::options() const {
  static constexpr Options kNone;
  return options_ == nullptr ? kNone : *options_;
}

NetosStream::Options& NetosStream::own_options() {
  if (options_ == nullptr) options_ = std::make_unique<Options>();
  return *options_;
}

uint32_t NetosStream::receive_buffer() {
  const uint32_t chosen = options().receive_buffer_bytes;
  return chosen != 0 ? chosen : stack().config().tcp.receive_buffer_bytes;
}

void NetosStream::set_receive_buffer(uint32_t bytes) {
  own_options().receive_buffer_bytes = bytes;
  apply_options();
}

void NetosStream::apply_options() {
  TcpConnection* tcp = connection();
  if (tcp == nullptr) return;
  const Options& chosen = options();
  tcp->set_nagle(nagle_);
  if (chosen.send_buffer_bytes != 0) tcp->set_send_buffer(chosen.send_buffer_bytes);
  if (chosen.receive_buffer_bytes != 0) tcp->set_receive_buffer(chosen.receive_buffer_bytes);
  if (tcp->congestion() != congestion_) tcp->set_congestion(congestion_);
  const Duration user_timeout = Duration::milliseconds(chosen.user_timeout_ms);
  if (tcp->user_timeout() != user_timeout) tcp->set_user_timeout(user_timeout);
  tcp->set_keepalive_times(Duration::seconds(chosen.keepalive_idle_seconds), Duration::seconds(chosen.keepalive_interval_seconds),
                           chosen.keepalive_probes);
  if (tcp->keepalive() != keepalive_) tcp->set_keepalive(keepalive_, now());
  stack().touch(handle_);
}

Result<void> NetosStream::set_option(int level, int name, const OptionValue& value) {
  const auto within = [&](int64_t least, int64_t most) { return value.number >= least && value.number <= most; };
  if (level == kSolSocket && name == kSoSndbuf) {
    if (!within(1, kLargestSocketBufferBytes)) return Errno::kEINVAL;
    own_options().send_buffer_bytes = static_cast<uint32_t>(std::max(value.number, kLeastSocketBufferBytes));
  } else if (level == kSolSocket && name == kSoKeepalive) {
    keepalive_ = value.number != 0;
  } else if (level != kIpprotoTcp) {
    return NetosSocket::set_option(level, name, value);
  } else {
    // The bounds of tcp(7).
    switch (name) {
      case kTcpNodelay:
        nagle_ = value.number == 0;
        break;
      case kTcpMaxseg:
        // What was agreed in the SYNs holds.
        if (!within(88, 32767) || state_ != State::kFresh) return Errno::kEINVAL;
        own_options().mss_max = static_cast<uint16_t>(value.number);
        break;
      case kTcpKeepidle:
        if (!within(1, 32767)) return Errno::kEINVAL;
        own_options().keepalive_idle_seconds = static_cast<uint32_t>(value.number);
        break;
      case kTcpKeepintvl:
        if (!within(1, 32767)) return Errno::kEINVAL;
        own_options().keepalive_interval_seconds = static_cast<uint32_t>(value.number);
        break;
      case kTcpKeepcnt:
        if (!within(1, 127)) return Errno::kEINVAL;
        own_options().keepalive_probes = static_cast<uint8_t>(value.number);
        break;
      case kTcpUserTimeout:
        if (!within(0, INT32_MAX)) return Errno::kEINVAL;
        own_options().user_timeout_ms = static_cast<uint32_t>(value.number);
        break;
      default:
        return Errno::kENOPROTOOPT;
    }
  }
  apply_options();
  // A buffer may have become larger, and a push waits for that.
  wake_writer();
  return {};
}

Result<OptionValue> NetosStream::get_option(int level, int name) {
  const TcpConfig& config = stack().config().tcp;
  const Options& chosen = options();
  if (level == kSolSocket && name == kSoSndbuf) {
    return OptionValue{chosen.send_buffer_bytes != 0 ? chosen.send_buffer_bytes : config.send_buffer_bytes, 0};
  }
  if (level == kSolSocket && name == kSoKeepalive) return OptionValue{keepalive_, 0};
  if (level != kIpprotoTcp) return NetosSocket::get_option(level, name);
  const auto seconds_or = [](uint32_t seconds, Duration otherwise) {
    return OptionValue{seconds != 0 ? seconds : otherwise.count_nanoseconds() / 1'000'000'000, 0};
  };
  switch (name) {
    case kTcpNodelay:
      return OptionValue{!nagle_, 0};
    case kTcpMaxseg: {
      const TcpConnection* tcp = state_ == State::kConnected ? connection() : nullptr;
      return OptionValue{tcp != nullptr ? tcp->sender().mss() : chosen.mss_max != 0 ? chosen.mss_max : kDefaultMssIPv4, 0};
    }
    case kTcpKeepidle:
      return seconds_or(chosen.keepalive_idle_seconds, config.keepalive_idle);
    case kTcpKeepintvl:
      return seconds_or(chosen.keepalive_interval_seconds, config.keepalive_interval);
    case kTcpKeepcnt:
      return OptionValue{chosen.keepalive_probes != 0 ? chosen.keepalive_probes : config.keepalive_probes, 0};
    case kTcpUserTimeout:
      return OptionValue{chosen.user_timeout_ms, 0};
    default:
      return Errno::kENOPROTOOPT;
  }
}

Result<void> NetosStream::set_text_option(int level, int name, std::string_view value) {
  if (level != kIpprotoTcp || name != kTcpCongestion) return Errno::kENOPROTOOPT;
  const std::optional<CongestionAlgorithm> algorithm = congestion_algorithm_named(value);
  if (!algorithm) return Errno::kEINVAL;
  congestion_ = *algorithm;
  apply_options();
  return {};
}

Result<std::string> NetosStream::text_option(int level, int name) {
  if (level != kIpprotoTcp || name != kTcpCongestion) return Errno::kENOPROTOOPT;
  return std::string(name_of(congestion_));
}

Result<TcpInfo> NetosStream::tcp_info() {
  const TcpConnection* tcp = connection();
  if (tcp != nullptr) return linux_tcp_info(tcp->info());
  TcpInfo info;
  info.state = static_cast<uint64_t>(state_ == State::kListening ? TcpState::kListen : TcpState::kClosed);
  return info;
}

}  // namespace demi
