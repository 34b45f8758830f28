// The network side of the host. The calls are in script_calls.cc.
#include "scripts/script_host.h"

#include <algorithm>
#include <utility>

#include "inet/tcp/reset.h"
#include "inet/tcp/tcp_fixture.h"

namespace demi {

namespace {
constexpr uint16_t kFirstPeerPort = 8888;
// Just below a wrap, so that every script of more than some kilobytes goes through it.
constexpr SeqNumber kPeerNumbers{0xffffe000};
// A host that sends more at once never stops.
constexpr int kBurstMax = 100'000;
constexpr uint32_t kIpAndTcpHeaders = 40;
}  // namespace

ScriptHost::ScriptHost(const ScriptConfig& config) : config_(config), resources_(config_.tcp, memory_) {}

ScriptHost::~ScriptHost() { (void)finish(); }

std::string ScriptHost::finish() {
  sockets_.clear();
  connections_.clear();
  peers_.clear();
  out_.text.clear();
  last_ = nullptr;
  if (memory_.buffers_outstanding() != 0) return "buffers are missing at the end";
  if (memory_.segments().live() != 0) return "segments of arrays are missing at the end";
  if (resources_.flights.live() + resources_.scoreboards.live() + resources_.reassembly_queues.live() +
          resources_.reassembly_blocks.live() + half_opens_.live() != 0) {
    return "an object of a pool is missing at the end";
  }
  return "";
}

ScriptHost::Peer& ScriptHost::peer_of(int number) {
  const auto [found, is_new] = peers_.try_emplace(number);
  if (is_new) {
    found->second.port = static_cast<uint16_t>(kFirstPeerPort + number - 1);
    found->second.irs = kPeerNumbers;
  }
  return found->second;
}

TcpTuple ScriptHost::tuple_of(const Peer& peer) const {
  return {IpAddress::ipv4(192, 168, 0, 1), IpAddress::ipv4(192, 0, 2, 1), kLocalPort, peer.port};
}

TcpListener* ScriptHost::listener() {
  for (auto& [fd, socket] : sockets_) {
    if (socket.listener) return socket.listener.get();
  }
  return nullptr;
}

// --- time ---

Instant ScriptHost::next_deadline() const {
  Instant earliest = Instant::never();
  for (const auto& connection : connections_) {
    earliest = std::min({earliest, connection->tcp->poll_timeout(), connection->linger_until});
  }
  for (const auto& [fd, socket] : sockets_) {
    if (socket.listener) earliest = std::min(earliest, socket.listener->poll_timeout());
  }
  return earliest;
}

void ScriptHost::advance_to(Instant time) {
  for (Instant due = next_deadline(); due <= time; due = next_deadline()) {
    now_ = std::max(now_, due);
    for (const auto& connection : connections_) {
      if (connection->tcp->poll_timeout() <= now_) connection->tcp->handle_timeout(now_);
      if (connection->linger_until > now_) continue;
      connection->linger_until = Instant::never();
      if (connection->tcp->unacked_bytes() > 0) connection->tcp->abort(now_);
    }
    if (TcpListener* listening = listener()) listening->handle_timeout(now_);
    transmit_all();
  }
  now_ = std::max(now_, time);
}

// --- what comes in ---

void ScriptHost::inject(int number, const ScriptSegment& segment) {
  Peer& peer = peer_of(number);
  // The stream of the peer begins behind its SYN.
  const bool is_syn = (segment.flags & TcpFlags::kSyn) != 0;
  const auto place = static_cast<uint64_t>(segment.begin + is_syn - 1);
  std::vector<uint8_t> text(segment.text_length());
  for (size_t i = 0; i < text.size(); ++i) text[i] = byte_at(place + i);
  // Through the wire, so that the parsers see what a script puts there.
  const std::vector<uint8_t> bytes = segment.encode(peer.port, kLocalPort, {peer.irs, peer.iss}, text);
  const Parsed<TcpView> view = TcpView::parse(bytes);
  if (!view.ok()) return;
  dispatch(number, view->header(), text_at(memory_, place, view->text().size()));
  transmit_all();
}

void ScriptHost::dispatch(int number, const TcpHeader& header, SgArray text) {
  Peer& peer = peer_of(number);
  if (peer.connection != nullptr && peer.connection->is_finished()) peer.connection = nullptr;
  const auto text_length = static_cast<uint32_t>(text.bytes());
  SynContext context;
  context.entropy = kEntropy | config_.timestamp_offset;
  context.path_mss = config_.path_mss;
  TcpListener* listening = listener();
  if (peer.connection != nullptr && listening != nullptr && peer.connection->yields_to(header)) {
    context.previous_end = peer.connection->sent_end();
    peer.connection->abort(now_);
    peer.connection = nullptr;
  }
  if (peer.connection != nullptr) {
    peer.connection->handle_segment(header, std::move(text), now_);
    return;
  }
  if (listening == nullptr) return reset(number, header, text_length);
  switch (listening->handle_segment(tuple_of(peer), header, text, context, now_)) {
    case TcpListener::Verdict::kNothing:
      return;
    case TcpListener::Verdict::kReset:
      return reset(number, header, text_length);
    case TcpListener::Verdict::kEstablished:
      make_connection(number, listening->take(), header, std::move(text));
      return;
  }
}

void ScriptHost::make_connection(int number, TcpListener::Opened opened, const TcpHeader& header, SgArray text) {
  Connection& connection = add_connection(number, opened.open);
  connection.tcp->resume(opened.peer, std::move(opened.text), opened.transmissions, opened.answered, now_);
  connection.tcp->handle_segment(header, std::move(text), now_);
  listener()->enqueue(*connection.tcp);
}

ScriptHost::Connection& ScriptHost::add_connection(int number, const TcpOpen& open) {
  Connection& connection = *connections_.emplace_back(std::make_unique<Connection>());
  connection.tcp = std::make_unique<TcpConnection>(resources_, open);
  connection.peer = number;
  peer_of(number).connection = connection.tcp.get();
  last_ = connection.tcp.get();
  return connection;
}

void ScriptHost::reset(int number, const TcpHeader& segment, uint32_t text_length) {
  const std::optional<TcpHeader> header = reset_for(segment, text_length + segment.flags.syn() + segment.flags.fin());
  if (!header) return;
  out_.header = *header;
  out_.text.clear();
  note_sent(number, out_, true);
}

bool ScriptHost::inject_icmp(int number, const ScriptIcmp& icmp) {
  struct Message {
    std::string_view code;
    IcmpErrorKind kind;
    Errno error;
  };
  // RFC 9293 3.9.2.2, with the errors of RFC 1122 4.2.3.9.
  static constexpr Message kMessages[] = {
      {"net_unreachable", IcmpErrorKind::kSoft, Errno::kENETUNREACH},
      {"host_unreachable", IcmpErrorKind::kSoft, Errno::kEHOSTUNREACH},
      {"protocol_unreachable", IcmpErrorKind::kHard, Errno::kECONNREFUSED},
      {"port_unreachable", IcmpErrorKind::kHard, Errno::kECONNREFUSED},
  };
  Peer& peer = peer_of(number);
  const SeqNumber quoted = peer.iss + static_cast<uint32_t>(icmp.quoted);
  if (icmp.code == "frag_needed") {
    if (peer.connection != nullptr) peer.connection->handle_path_mss(static_cast<uint32_t>(icmp.mtu) - kIpAndTcpHeaders, quoted);
    transmit_all();
    return icmp.mtu > kIpAndTcpHeaders;
  }
  for (const Message& message : kMessages) {
    if (message.code != icmp.code) continue;
    if (peer.connection != nullptr) peer.connection->handle_icmp_error(message.kind, message.error, quoted);
    transmit_all();
    return true;
  }
  return false;
}

// --- what goes out ---

void ScriptHost::transmit_all() {
  int burst = 0;
  if (TcpListener* listening = listener()) {
    for (TcpTuple tuple; burst < kBurstMax && listening->poll_transmit(out_, tuple, now_); ++burst) {
      note_sent(tuple.remote_port - kFirstPeerPort + 1, out_, false);
    }
  }
  for (const auto& connection : connections_) {
    for (; burst < kBurstMax && connection->tcp->poll_transmit(out_, now_); ++burst) note_sent(connection->peer, out_, false);
    while (connection->tcp->poll_event() != TcpEvent::kNone) {
    }
  }
  out_.text.clear();
}

// `is_of_nobody`: a reset whose numbers may be those of no connection.
void ScriptHost::note_sent(int number, const OutgoingSegment& out, bool is_of_nobody) {
  Peer& peer = peer_of(number);
  if (out.header.flags.syn()) {
    peer.iss = out.header.sequence_number;
  }
  // <SEQ=0> of RFC 9293 3.10.7.1 is counted from nothing.
  const bool is_zero = is_of_nobody && out.header.flags.ack();
  const SegmentBases bases{is_zero ? SeqNumber() : peer.iss, peer.irs};
  const size_t header_bytes = out.header.bytes();
  std::vector<uint8_t> bytes(header_bytes + out.text.bytes());
  out.header.emit(MutableBytes(bytes.data(), header_bytes));
  out.text.copy_out({bytes.data() + header_bytes, bytes.size() - header_bytes});
  Sent& sent = sent_.emplace_back();
  sent.at = now_;
  sent.peer = number;
  sent.segment = ScriptSegment::decode(bytes, bases);
  sent.text_is_right = is_text_at(out.text, static_cast<uint64_t>(sent.segment.begin - 1));
}

}  // namespace demi
