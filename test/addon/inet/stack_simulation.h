// StackSimulation: whole stacks on one hub with a bad link to each, and applications that use them, in virtual time. A seed chooses everything:
// the stacks' options, what the links do and when they change, who connects to whom and how they behave. After every step it is checked what must
// hold of any TCP (tcp_invariants.h), and at the end that every byte has arrived once and in order and nothing is left of it all.
//
// DEMI_SIMULATION_TRACE=1 prints each segment that is sent or arrives.
//
// Read stack_pair.h and simulated_application.h first; what a seed chooses is in stack_simulation_plan.h.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "inet/simulated_application.h"
#include "inet/stack_simulation_plan.h"
#include "inet/tcp/segment_text.h"
#include "inet/tcp/tcp_invariants.h"

namespace demi {

class StackSimulation {
 public:
  explicit StackSimulation(uint64_t seed) : plan_(stack_simulation_plan(seed)), random_(seed * 4 + 3), seed_(seed) {
    WireHubConfig hub_config;
    hub_config.mtu_bytes = plan_.hub_mtu;
    auto hub = std::make_shared<WireHub>(hub_config);
    for (size_t i = 0; i < plan_.hosts.size(); ++i) {
      hosts_.push_back(std::make_unique<Host>(plan_.hosts[i], hub, seed * 8 + i));
      hosts_.back()->paired.device->outgoing().configure(plan_.hosts[i].link);
    }
    for (size_t i = 0; i < plan_.connections.size(); ++i) connections_.push_back(std::make_unique<Conversation>(plan_.connections[i], *this, seed * 64 + i));
  }

  // Runs to the end. False if an invariant broke.
  bool run() {
    SCOPED_TRACE("seed " + std::to_string(seed_));
    listen();
    run_until([this] { return is_everybody_done(); });
    // TIME-WAIT, and what nobody accepts.
    run_until([this] { return connections_left() == 0; });
    if (!failed_) check_what_arrived();
    if (!failed_) check_what_is_left();
    return !failed_;
  }

  uint64_t bytes_delivered() const { return bytes_delivered_; }
  uint64_t frames() const { return frames_; }
  Instant now() const { return now_; }

 private:
  static constexpr uint16_t kPort = 80;
  static constexpr uint16_t kDatagramPort = 53;

  struct Conversation {
    Conversation(const ConnectionPlan& its_plan, StackSimulation& world, uint64_t seed)
        : plan(its_plan),
          client(world.hosts_[its_plan.client]->paired, its_plan.ends[0], seed * 2),
          server(world.hosts_[its_plan.server]->paired, its_plan.ends[1], seed * 2 + 1),
          next_attempt(its_plan.begins) {}

    const ConnectionPlan& plan;
    SimulatedApplication client;
    SimulatedApplication server;
    Instant next_attempt;        // never: it is under way
    uint32_t attempts = 0;
    bool is_refused = false;     // a simultaneous open did not come about
  };
  // What is seen of one connection on one host.
  struct Watched {
    TcpInvariants invariants;
    SimulatedApplication* application = nullptr;
    uint64_t reads = 0;
  };
  // The local port, the last byte of the peer's address, and its port.
  struct WatchedKey {
    WatchedKey(uint16_t local, const IpAddress& remote, uint16_t port) : local_port(local), remote_host(static_cast<uint8_t>(remote.words[0])), remote_port(port) {}
    auto operator<=>(const WatchedKey&) const = default;

    uint16_t local_port;
    uint8_t remote_host;
    uint16_t remote_port;
  };
  struct Host {
    Host(const HostPlan& its_plan, const std::shared_ptr<WireHub>& hub, uint64_t seed)
        : plan(its_plan), paired(its_plan.config, hub, seed, Instant(), its_plan.memory) {}

    const HostPlan& plan;
    PairedHost paired;
    SocketHandle listener;
    SocketHandle datagrams;
    bool may_accept = true;
    Instant next_accept;
    size_t next_change = 0;
    uint64_t datagrams_left = 0;
    Instant next_datagram;
    std::map<WatchedKey, Watched> watched;
    std::deque<Frame> from_router;
  };

  // --- the world ---

  void listen() {
    for (auto& host : hosts_) {
      host->listener = *host->paired.stack->tcp_listen({kAny, kPort}, host->plan.backlog);
      host->datagrams = *host->paired.stack->udp_bind({kAny, kDatagramPort});
      host->datagrams_left = host->plan.datagrams;
    }
  }

  template <class Done>
  void run_until(Done&& done) {
    uint64_t steps_at_once = 0;
    while (!failed_ && !done()) {
      for (auto& host : hosts_) turn(*host);
      if (failed_ || done()) return;
      const Instant next = next_time();
      if (next.is_never()) return fail("nothing will ever happen again");
      if (next > Instant() + kTimeLimit) return fail("it does not end");
      steps_at_once = next > now_ ? 0 : steps_at_once + 1;
      if (steps_at_once > 100'000) return fail("time stands still");
      now_ = std::max(now_, next);
    }
  }

  Instant next_time() {
    Instant next = Instant::never();
    for (auto& host : hosts_) {
      next = std::min(next, host->paired.due());
      if (host->may_accept) next = std::min(next, host->next_accept);
      if (host->next_change < host->plan.changes.size()) next = std::min(next, host->plan.changes[host->next_change].at);
      if (host->datagrams_left > 0) next = std::min(next, host->next_datagram);
      if (!host->from_router.empty() || !host->paired.events.empty()) next = now_;
    }
    for (auto& each : connections_) next = std::min({next, each->client.due(), each->server.due(), each->next_attempt});
    return next;
  }

  void turn(Host& host) {
    while (host.next_change < host.plan.changes.size() && host.plan.changes[host.next_change].at <= now_) {
      host.paired.device->outgoing().configure(host.plan.changes[host.next_change++].link);
    }
    while (!host.from_router.empty()) {
      Frame frame = std::move(host.from_router.front());
      host.from_router.pop_front();
      host.paired.stack->handle_frames({&frame, 1}, now_);
    }
    host.paired.turn(
        now_, [&](const Frame& frame) { see(host, frame, true); }, [&](const Frame& frame) { see(host, frame, false); },
        [&] { act(host); });
    check_rest(host);
  }

  // --- the applications of a host ---

  void act(Host& host) {
    for (const SocketEvent& event : std::exchange(host.paired.events, {})) {
      if (event.socket == host.listener) host.may_accept = true;
      if (event.socket == host.datagrams) read_datagrams(host);
      if (SimulatedApplication* application = application_of(host, event.socket)) application->handle_event(event.kind);
    }
    for (auto& each : connections_) {
      if (&host == hosts_[each->plan.client].get()) connect_if_due(*each);
    }
    accept(host);
    for (auto& each : connections_) {
      for (SimulatedApplication* application : {&each->client, &each->server}) {
        if (&application->host() != &host.paired) continue;
        const std::string wrong = application->act(now_);
        if (!wrong.empty()) fail(wrong);
      }
      try_again_if_refused(*each);
    }
    send_datagram(host);
  }

  SimulatedApplication* application_of(Host& host, SocketHandle socket) {
    for (auto& each : connections_) {
      for (SimulatedApplication* application : {&each->client, &each->server}) {
        if (&application->host() == &host.paired && application->has_socket() && application->socket() == socket) return application;
      }
    }
    return nullptr;
  }

  void connect_if_due(Conversation& conversation) {
    if (conversation.next_attempt > now_) return;
    conversation.next_attempt = Instant::never();
    ++conversation.attempts;
    if (conversation.attempts > 1000) return fail("no attempt to connect succeeds");
    const ConnectionPlan& plan = conversation.plan;
    if (!plan.is_simultaneous) {
      connect(conversation.client, plan.client, plan.server, 0, kPort);
      return;
    }
    connect(conversation.client, plan.client, plan.server, plan.ports[0], plan.ports[1]);
    connect(conversation.server, plan.server, plan.client, plan.ports[1], plan.ports[0]);
  }
  void connect(SimulatedApplication& application, size_t from, size_t to, uint16_t local_port, uint16_t remote_port) {
    Stack& stack = *hosts_[from]->paired.stack;
    Result<SocketHandle> socket = stack.tcp_connect({kAny, local_port}, {host(static_cast<uint8_t>(to + 1)), remote_port}, now_);
    if (!socket.ok()) return fail(std::string("connect: ") + errno_name(socket.error()));
    application.take(*socket, false, now_);
    watch(*hosts_[from], application);
  }
  void watch(Host& host, SimulatedApplication& application) {
    const InetEndpoint local = *host.paired.stack->local_endpoint(application.socket());
    const InetEndpoint remote = *host.paired.stack->remote_endpoint(application.socket());
    // Of an attempt that has failed.
    for (auto& [key, watched] : host.watched) {
      if (watched.application == &application) watched.application = nullptr;
    }
    host.watched[{local.port, remote.address, remote.port}].application = &application;
  }

  // A neighbor that is not found, or a SYN that is never answered, is no end: it is tried again.
  void try_again_if_refused(Conversation& conversation) {
    SimulatedApplication& client = conversation.client;
    const bool may_fail = client.error() == Errno::kEHOSTUNREACH || client.error() == Errno::kETIMEDOUT;
    if (conversation.plan.is_simultaneous) {
      for (SimulatedApplication* end : {&client, &conversation.server}) {
        if (end->is_done() && !end->is_open() && end->error() != Errno::kOk) conversation.is_refused = true;
      }
      return;
    }
    if (!client.is_done() || client.is_open() || !may_fail) return;
    client.forget();
    conversation.next_attempt = now_ + Duration::seconds(1);
  }

  void accept(Host& host) {
    while (host.may_accept && now_ >= host.next_accept) {
      Result<SocketHandle> socket = host.paired.stack->tcp_accept(host.listener);
      if (!socket.ok()) {
        host.may_accept = false;
        return;
      }
      if (host.plan.accept_pause > Duration()) host.next_accept = now_ + host.plan.accept_pause;
      const InetEndpoint remote = *host.paired.stack->remote_endpoint(*socket);
      Conversation* of = conversation_of(host, remote);
      if (of == nullptr || of->server.has_socket() || of->server.is_done()) {
        // Its client has given up, or tried again.
        (void)host.paired.stack->close(*socket, now_);
        continue;
      }
      of->server.take(*socket, true, now_);
      watch(host, of->server);
    }
  }
  Conversation* conversation_of(Host& host, const InetEndpoint& remote) {
    for (auto& each : connections_) {
      if (hosts_[each->plan.server].get() != &host || each->plan.is_simultaneous) continue;
      Host& from = *hosts_[each->plan.client];
      const auto watched = from.watched.find({remote.port, host_address(host), kPort});
      if (remote.address == host_address(from) && watched != from.watched.end() && watched->second.application == &each->client) return each.get();
    }
    return nullptr;
  }
  IpAddress host_address(const Host& of) const { return of.plan.config.addresses[0].address(); }

  // --- datagrams: they may be lost, doubled and late, but never others ---

  void send_datagram(Host& host) {
    if (host.datagrams_left == 0 || now_ < host.next_datagram) return;
    --host.datagrams_left;
    host.next_datagram = now_ + Duration::milliseconds(static_cast<int64_t>(random_.below(2000)));
    const size_t to = random_.below(hosts_.size());
    const uint64_t largest = host.plan.config.mtu_bytes - std::min<uint64_t>(host.plan.config.mtu_bytes - 1, 28);
    SgArray payload = text_if_there_is_room(host.paired.memory, 7, 1 + random_.below(largest));
    if (payload.empty()) return;
    (void)host.paired.stack->udp_send(host.datagrams, std::move(payload), {demi::host(static_cast<uint8_t>(to + 1)), kDatagramPort}, now_);
  }
  void read_datagrams(Host& host) {
    for (;;) {
      Result<UdpDatagram> datagram = host.paired.stack->udp_receive(host.datagrams);
      if (!datagram.ok()) return;
      if (!is_text_at(datagram->payload, 7)) fail("another datagram arrived than was sent");
    }
  }

  // --- what is seen on the wire ---

  void see(Host& host, const Frame& frame, bool arrives) {
    ++frames_;
    seen_.resize(frame.bytes());
    frame.copy_out(seen_);
    const Parsed<EthernetView> ethernet = EthernetView::parse(seen_);
    if (!ethernet || ethernet->ether_type() != EtherType::kIPv4) return;
    const Parsed<Ipv4View> ip = Ipv4View::parse(ethernet->payload());
    if (!ip || (arrives && !ip->checksum_is_valid())) return;
    if (!arrives && ip->packet().size() > host.plan.config.mtu_bytes) fail("a packet above the MTU");
    if (!arrives) answer_as_router(host, ip->packet());
    if (ip->protocol() != IpProtocol::kTcp) return;
    const Parsed<TcpView> tcp = TcpView::parse(ip->payload());
    if (!tcp || (arrives && !tcp->checksum_is_valid(ip->source(), ip->destination()))) return;
    const bool is_for_us = arrives ? ip->destination() == host_address(host) && ethernet->destination() == host.plan.config.mac : true;
    if (!is_for_us || ip->source() == ip->destination()) return;
    const TcpHeader header = tcp->header();
    if (is_traced_) {
      std::printf("%14.6f %s %s port %u to %u: %s\n", static_cast<double>(now_.nanoseconds()) / 1e9, text_of(host_address(host)).c_str(),
                  arrives ? "gets " : "sends", header.source_port, header.destination_port,
                  text_of(header, static_cast<uint32_t>(tcp->text().size()), SeqNumber(), SeqNumber()).c_str());
    }
    if (arrives) {
      Watched& watched = host.watched[{header.destination_port, ip->source(), header.source_port}];
      watched.invariants.note_arrival(header, tcp->text().size());
    } else {
      Watched& watched = host.watched[{header.source_port, ip->destination(), header.destination_port}];
      const uint64_t size_limit = host.plan.config.mtu_bytes - Ipv4Header::kBytes - TcpHeader::kBytesMin;
      const TcpConnection* connection = connection_of(host, watched);
      report(watched.invariants.check_segment(header, tcp->text().size(), size_limit, connection == nullptr ? nullptr : &connection->sender()));
    }
  }

  // RFC 1191 4: some links say what they do not carry.
  void answer_as_router(Host& host, Bytes packet) {
    const uint32_t mtu = host.paired.device->outgoing().config().mtu_bytes;
    if (!host.plan.router_answers || mtu == 0 || packet.size() <= mtu || random_.below(2) == 0) return;
    IcmpV4Header header;
    header.type = IcmpV4Type::kDestinationUnreachable;
    header.code = static_cast<uint8_t>(IcmpV4Unreachable::kFragmentationNeeded);
    header.next_hop_mtu = static_cast<uint16_t>(mtu);
    Ipv4Header ip;
    ip.protocol = IpProtocol::kIcmpV4;
    ip.source = demi::host(254);
    ip.destination = host_address(host);
    const Octets message = icmp_message(header, Octets(packet.begin(), packet.begin() + std::min<ptrdiff_t>(std::ssize(packet), 128)));
    host.from_router.push_back(
        frame_in(host.paired.memory, ethernet_frame(host.plan.config.mac, station(254), EtherType::kIPv4, ip_packet(ip, message))));
  }

  // --- what must hold ---

  const TcpConnection* connection_of(Host& host, const Watched& watched) const {
    if (watched.application == nullptr || !watched.application->has_socket()) return nullptr;
    return host.paired.stack->tcp_connection(watched.application->socket());
  }

  void check_rest(Host& host) {
    const TcpCounters& counters = host.paired.stack->tcp_counters();
    for (auto& [key, watched] : host.watched) {
      const TcpConnection* connection = connection_of(host, watched);
      if (connection == nullptr) continue;
      for (; watched.reads < watched.application->reads(); ++watched.reads) watched.invariants.note_reason_to_answer();
      report(watched.invariants.check_rest(*connection, counters.challenge_acks + counters.keepalive_probes + kHalfOpenAcksMax));
    }
  }

  bool is_everybody_done() const {
    return std::all_of(connections_.begin(), connections_.end(), [](const auto& each) {
      const bool is_excused = each->client.has_aborted() || each->is_refused;
      return each->client.is_done() && (each->server.is_done() || (is_excused && !each->server.has_socket()));
    });
  }
  size_t connections_left() const {
    size_t left = 0;
    for (const auto& host : hosts_) left += host->paired.stack->connections();
    return left;
  }

  void check_what_arrived() {
    for (auto& each : connections_) {
      if (each->is_refused || each->client.has_aborted() || each->server.has_aborted()) continue;
      for (SimulatedApplication* end : {&each->client, &each->server}) {
        if (end->error() != Errno::kOk) fail(std::string("a connection failed: ") + errno_name(end->error()));
        if (!end->is_served()) fail("bytes are missing, or the end");
        bytes_delivered_ += end->plan().expected_bytes;
      }
    }
  }

  // Tables and memory are empty, and nobody says a word any more.
  void check_what_is_left() {
    for (auto& host : hosts_) {
      (void)host->paired.stack->close(host->listener, now_);
      (void)host->paired.stack->close(host->datagrams, now_);
      host->datagrams_left = 0;
    }
    const Instant quiet = now_ + Duration::seconds(600);
    // What still is under way, to nobody: half-open connections, and requests for neighbors.
    for (Instant next = next_time(); next <= quiet; next = next_time()) {
      now_ = std::max(now_, next);
      for (auto& host : hosts_) turn(*host);
    }
    const uint64_t frames = frames_;
    now_ = quiet + Duration::seconds(3600);
    for (auto& host : hosts_) turn(*host);
    if (frames_ != frames) fail("frames without a reason");
    for (auto& host : hosts_) {
      const Stack& stack = *host->paired.stack;
      if (stack.sockets() + stack.connections() + stack.time_waits() > 0) fail("something is left in the tables");
      if (host->paired.memory.buffers_outstanding() > 0 || host->paired.memory.segments().live() > 0) fail("memory is missing");
    }
  }

  void report(const char* problem) {
    if (problem != nullptr) fail(problem);
  }
  void fail(const std::string& what) {
    if (std::exchange(failed_, true)) return;
    std::string all;
    for (const auto& each : connections_) all += "\n  client " + each->client.describe() + "\n  server " + each->server.describe();
    ADD_FAILURE() << what << " at " << now_.nanoseconds() / 1000 << " us, seed " << seed_ << all;
  }

  // Nobody gives up before, and partitions heal.
  static constexpr Duration kTimeLimit = Duration::seconds(10 * 24 * 3600);

  const StackSimulationPlan plan_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<std::unique_ptr<Conversation>> connections_;
  Random random_;
  uint64_t seed_;
  Instant now_;
  std::vector<uint8_t> seen_;
  uint64_t frames_ = 0;
  uint64_t bytes_delivered_ = 0;
  bool failed_ = false;
  const bool is_traced_ = std::getenv("DEMI_SIMULATION_TRACE") != nullptr;
};

}  // namespace demi
