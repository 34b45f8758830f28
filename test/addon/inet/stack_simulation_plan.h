// What a seed chooses for a StackSimulation: everything that may differ between two runs, before any of it happens.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "device/impairment.h"
#include "inet/simulated_application.h"
#include "inet/stack_fixture.h"

namespace demi {

struct LinkChange {
  Instant at;
  ImpairmentConfig link;
};

struct HostPlan {
  StackConfig config;
  MemoryConfig memory;
  ImpairmentConfig link;             // of what it sends
  std::vector<LinkChange> changes;   // the last of them stays, and lets something through
  bool router_answers = false;       // or packets that are too long vanish
  uint32_t backlog = 16;
  Duration accept_pause;
  uint64_t datagrams = 0;
};

struct ConnectionPlan {
  size_t client = 0;
  size_t server = 1;
  Instant begins;
  bool is_simultaneous = false;      // both connect, between `ports`
  uint16_t ports[2] = {0, 0};
  ApplicationPlan ends[2];           // the client's, the server's
};

struct StackSimulationPlan {
  uint32_t hub_mtu = 1500;
  std::vector<HostPlan> hosts;
  std::vector<ConnectionPlan> connections;
};

class StackSimulationPlanner {
 public:
  explicit StackSimulationPlanner(uint64_t seed) : random_(seed) {}

  StackSimulationPlan make() {
    StackSimulationPlan plan;
    if (one_in(8)) plan.hub_mtu = 9000;
    const size_t hosts = one_in(4) ? 3 : 2;
    for (size_t i = 0; i < hosts; ++i) plan.hosts.push_back(host_plan(static_cast<uint8_t>(i + 1), plan.hub_mtu));
    const uint64_t connections = 1 + random_.below(one_in(3) ? 8 : 3);
    for (uint64_t i = 0; i < connections; ++i) plan.connections.push_back(connection_plan(i, hosts));
    return plan;
  }

 private:
  bool one_in(uint64_t of) { return random_.below(of) == 0; }
  uint64_t between(uint64_t least, uint64_t most) { return least + random_.below(most - least + 1); }
  // In parts of a thousand.
  double chance(uint64_t most) { return static_cast<double>(random_.below(most + 1)) / 1000; }
  Duration microseconds(uint64_t least, uint64_t most) { return Duration::microseconds(static_cast<int64_t>(between(least, most))); }
  Duration seconds(uint64_t least, uint64_t most) { return microseconds(least * 1'000'000, most * 1'000'000); }

  TcpConfig tcp_config() {
    TcpConfig tcp;
    tcp.timestamps = !one_in(3);
    tcp.sack = !one_in(3);
    tcp.window_scale = !one_in(3);
    tcp.congestion = one_in(2) ? CongestionAlgorithm::kNewReno : CongestionAlgorithm::kCubic;
    if (one_in(4)) tcp.initial_window_segments = static_cast<uint32_t>(between(1, 10));
    if (one_in(4)) tcp.min_rto = microseconds(1'000, 1'000'000);
    if (one_in(4)) tcp.delayed_ack = microseconds(1'000, 500'000);
    tcp.receive_auto_tuning = one_in(2);
    if (one_in(2)) {
      tcp.segment_offload_bytes = one_in(4) ? static_cast<uint32_t>(between(1, 20'000)) : kCutTextBytesMax;
      if (one_in(2)) tcp.segment_offload_pieces = static_cast<uint32_t>(between(1, 15));
    }
    if (one_in(4)) tcp.receive_buffer_bytes = static_cast<uint32_t>(between(one_in(4) ? 1 : 2'000, 20'000));
    if (one_in(4)) tcp.send_buffer_bytes = static_cast<uint32_t>(between(1, 20'000));
    if (one_in(6)) tcp.syn_queue_entries = static_cast<uint32_t>(between(1, 4));
    // Nobody gives up: it ends as long as anything gets through. So do TIME-WAIT and FIN-WAIT-2 outlast the longest row of losses.
    tcp.msl = Duration::seconds(3600);
    tcp.fin_wait_2_timeout = Duration::seconds(7200);
    tcp.user_timeout = tcp.orphan_timeout = Duration::seconds(5 * 24 * 3600);
    tcp.syn_retries = one_in(3) ? 2 : 200;
    tcp.syn_ack_retries = 200;
    return tcp;
  }

  ImpairmentConfig link(const HostPlan& host, uint32_t hub_mtu) {
    ImpairmentConfig link;
    if (!one_in(4)) link.loss = one_in(12) ? 0.3 : chance(80);
    if (one_in(6)) {
      link.burst_loss.enter = chance(20);
      link.burst_loss.leave = 0.1 + chance(500);
    }
    if (one_in(4)) link.corrupt = chance(30);
    if (one_in(2)) link.corrupt_from = 42;
    if (one_in(3)) link.duplicate = chance(100);
    if (one_in(3)) link.reorder = chance(300);
    link.reorder_delay = microseconds(10, 30'000);
    link.delay = one_in(10) ? microseconds(0, 400'000) : microseconds(0, 40'000);
    if (one_in(2)) link.jitter = microseconds(1, 20'000);
    if (one_in(4)) {
      link.rate_bits_per_second = between(100'000, one_in(2) ? 1'000'000 : 100'000'000);
      link.queue_bytes = between(20'000, 200'000);
    }
    // RFC 8899: a path that says nothing is found out as long as it carries what the stack falls back to.
    const uint32_t fallback = host.config.tcp.black_hole_mss + 40;
    if (one_in(6)) link.mtu_bytes = static_cast<uint32_t>(between(host.router_answers ? 576 : fallback, hub_mtu));
    return link;
  }

  HostPlan host_plan(uint8_t number, uint32_t hub_mtu) {
    HostPlan host;
    host.config = stack_config(number);
    host.config.secret = {random_.next(), random_.next()};
    host.config.claims.announcements = one_in(2) ? 2 : 0;
    host.config.tcp = tcp_config();
    host.config.mtu_bytes = one_in(3) ? static_cast<uint32_t>(between(576, hub_mtu)) : hub_mtu;
    if (one_in(20)) host.config.mtu_bytes = static_cast<uint32_t>(between(kMtuMin, 576));
    if (one_in(4)) host.config.neighbor.expiry = seconds(31, 60);
    if (one_in(8)) host.memory.limit_bytes = between(6, 12) << 20;
    host.router_answers = one_in(2);
    host.link = link(host, hub_mtu);
    Instant at;
    for (uint64_t changes = one_in(2) ? random_.below(4) : 0; changes > 0; --changes) {
      at = at + (one_in(2) ? seconds(0, 2) : seconds(0, 40));
      ImpairmentConfig cut = link(host, hub_mtu);
      if (one_in(2)) {
        cut.is_partitioned = true;
        host.changes.push_back({at, cut});
        at = at + (one_in(2) ? seconds(0, 5) : seconds(5, 120));
        cut.is_partitioned = false;
      }
      host.changes.push_back({at, cut});
    }
    if (one_in(3)) host.backlog = static_cast<uint32_t>(between(1, 3));
    if (one_in(4)) host.accept_pause = seconds(0, 10);
    if (one_in(3)) host.datagrams = random_.below(20);
    return host;
  }

  ApplicationPlan application_plan(uint64_t place) {
    ApplicationPlan plan;
    plan.first_place = place;
    const uint64_t kind = random_.below(20);
    plan.sending_bytes = kind == 0 ? random_.below(400'000) : kind < 5 ? 0 : random_.below(20'000);
    if (one_in(3)) plan.largest_write = between(1 + plan.sending_bytes / 500, 2'000);
    if (one_in(3)) plan.largest_read = between(100, 2'000);
    if (one_in(5)) plan.write_pause = microseconds(1, 300'000);
    if (one_in(5)) plan.read_pause = microseconds(1, 100'000);
    if (one_in(6)) {
      plan.stalls_at = random_.below(10'000);
      plan.stall = seconds(0, 150);
    }
    plan.nagle = one_in(2);
    if (one_in(10)) plan.send_buffer = static_cast<uint32_t>(between(1, 5'000));
    if (one_in(10)) plan.receive_buffer = static_cast<uint32_t>(between(1, 5'000));
    if (one_in(4)) plan.keepalive = seconds(10, 100);
    return plan;
  }

  ConnectionPlan connection_plan(uint64_t number, size_t hosts) {
    ConnectionPlan plan;
    plan.client = random_.below(hosts);
    plan.server = (plan.client + 1 + random_.below(hosts - 1)) % hosts;
    plan.begins = Instant() + (one_in(2) ? Duration() : seconds(0, 30));
    plan.is_simultaneous = one_in(12);
    plan.ports[0] = static_cast<uint16_t>(1000 + 2 * number);
    plan.ports[1] = static_cast<uint16_t>(1001 + 2 * number);
    ApplicationPlan& client = plan.ends[0] = application_plan(random_.below(1 << 30));
    ApplicationPlan& server = plan.ends[1] = application_plan(random_.below(1 << 30));
    for (auto [own, other] : {std::pair{&client, &server}, std::pair{&server, &client}}) {
      own->expected_bytes = other->sending_bytes;
      own->expected_place = other->first_place;
    }
    // One of them goes first.
    (one_in(2) ? client : server).closing = std::array{ClosingStyle::kHalfClose, ClosingStyle::kAfterPeer, ClosingStyle::kWhenServed}[random_.below(3)];
    // One may give up when the other has opened already: who only waits must notice.
    if (plan.is_simultaneous) client.keepalive = server.keepalive = Duration::seconds(60);
    if (one_in(6)) {
      ApplicationPlan& aborting = one_in(2) ? client : server;
      aborting.aborts_at = random_.below(1 + aborting.sending_bytes + aborting.expected_bytes);
      aborting.aborts_by_close = one_in(2);
      // The RST may be lost, and who only waits must notice.
      client.keepalive = seconds(10, 100);
      server.keepalive = seconds(10, 100);
    }
    return plan;
  }

  Random random_;
};

inline StackSimulationPlan stack_simulation_plan(uint64_t seed) { return StackSimulationPlanner(seed).make(); }

}  // namespace demi
