// What the tests of netos share: two of them on one hub, each with a memory of its own, tokens as in loopback_tokens.h, and a clock that jumps
// from one deadline to the next.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device/faults.h"
#include "device/wire_hub.h"
#include "libos/loopback_tokens.h"
#include "libos/netos.h"

namespace demi {

// Middleware of a link that can be pulled out. What is sent into it then is lost.
class Plug final : public Device {
 public:
  explicit Plug(std::unique_ptr<Device> inner) : Device(inner->capabilities()), inner_(std::move(inner)) {}

  size_t transmit(std::span<Frame> frames, Instant now) override {
    if (records) calls += 't';
    if (state_ == LinkState::kUp) return inner_->transmit(frames, now);
    for (Frame& frame : frames) frame.clear();
    return frames.size();
  }
  size_t receive(std::span<Frame> frames, Instant now) override {
    if (records) calls += 'r';
    const size_t count = inner_->receive(frames, now);
    if (state_ == LinkState::kUp) return count;
    for (Frame& frame : frames.first(count)) frame.clear();
    return 0;
  }
  Instant next_deadline() const override { return inner_->next_deadline(); }
  LinkState link_state() const override { return state_; }
  void set(LinkState state) { state_ = state; }

  // A letter for each call while it records them: transmit, receive.
  bool records = false;
  std::string calls;

 private:
  std::unique_ptr<Device> inner_;
  LinkState state_ = LinkState::kUp;
};

class NetosFixture : public testing::Test {
 protected:
  static constexpr uint16_t kPort = 80;

  explicit NetosFixture(uint32_t connections = 0, const std::function<void(StackConfig&)>& change = {}) {
    one = make(1, memory_one, one_descriptors_, connections, change);
    two = make(2, memory_two, two_descriptors_, connections, change);
  }
  // Whatever a test leaves behind, ending the libOSes gives everything back.
  void TearDown() override {
    one.reset();
    two.reset();
    for (const auto& memory : {memory_one, memory_two}) {
      EXPECT_EQ(memory->buffers_outstanding(), 0u);
      EXPECT_EQ(memory->segments().live(), 0u);
    }
  }

  // 10.0.0.1 is `one`, where `a` lives, and 10.0.0.2 is `two`, where `b` lives.
  static Endpoint at(uint8_t number, uint16_t port = kPort) { return Endpoint::ipv4(10, 0, 0, number, port); }

  std::unique_ptr<Netos> make(uint8_t number, const std::shared_ptr<Memory>& memory, std::vector<double>& descriptors, uint32_t connections,
                              const std::function<void(StackConfig&)>& change) {
    memory->set_poison(true);
    LibOSSettings settings;
    settings.id = number;
    settings.tokens_limit = 1024;
    settings.connections_limit = connections;
    settings.descriptors = descriptors;
    settings.memory = memory;
    settings.names = std::make_shared<MemoryQueueNames>();
    settings.clock = &clock;
    const MacAddress mac{{2, 0, 10, 0, 0, number}};
    Result<std::unique_ptr<WireHubPort>> port = WireHubPort::attach(hub, mac, *memory);
    EXPECT_TRUE(port.ok());
    auto link = std::make_unique<Faults>(std::move(*port), *memory, number);
    (number == 1 ? link_one : link_two) = link.get();
    StackConfig config;
    config.mac = mac;
    config.addresses = {Cidr(IpAddress::ipv4(10, 0, 0, number), 24)};
    config.secret = {number, 7};
    config.claims.announcements = 0;
    if (change) change(config);
    auto plug = std::make_unique<Plug>(std::move(link));
    (number == 1 ? plug_one : plug_two) = plug.get();
    return std::make_unique<Netos>("catpowder", settings, std::move(plug), config);
  }

  // --- time ---

  // Until nothing more happens at this time.
  void settle() {
    for (int turns = 0; turns < 10'000; ++turns) {
      bool again = false;
      for (auto* host : {&a, &b}) {
        if (!host->exists()) continue;
        if (host->libos().turn(clock.now())) again = true;
        host->collect();
        if (host->libos().has_work() || host->libos().next_deadline() <= clock.now()) again = true;
      }
      if (!again) return;
    }
    ADD_FAILURE() << "the libOSes never rest";
  }
  void run_for(Duration length) {
    const Instant end = clock.now() + length;
    for (;;) {
      settle();
      Instant next = end;
      for (auto* host : {&a, &b}) {
        if (host->exists()) next = std::min(next, host->libos().next_deadline());
      }
      clock.set(next);
      if (next == end) return settle();
    }
  }
  // Lets time pass, a virtual minute at most, until the token is finished.
  std::string finish(const Token& token) {
    settle();
    for (int i = 0; i < 6000 && token.pending(); ++i) run_for(Duration::milliseconds(10));
    return token.came_to();
  }
  std::string text(const Token& token) {
    finish(token);
    return token.text();
  }
  // Until so many bytes have come, or the end.
  std::string read(HostOf<Netos>& host, QDesc qd, size_t bytes) {
    std::string all;
    while (all.size() < bytes) {
      const std::string part = text(host.pop(qd));
      if (part.empty() || part[0] == '[') break;
      all += part;
    }
    return all;
  }

  // --- queues ---

  QDesc listening(HostOf<Netos>& host, const Endpoint& name, uint32_t backlog = 16) {
    const QDesc listener = host.stream();
    EXPECT_EQ(host.bind(listener, name), Errno::kOk);
    EXPECT_EQ(host.listen(listener, backlog), Errno::kOk);
    return listener;
  }
  struct Connection {
    QDesc client;
    QDesc server;
  };
  // The client at `a`, the server at `b`.
  Connection established(int64_t buffer_bytes = 0) {
    const QDesc listener = listening(b, at(2));
    Connection made{a.stream(), QDesc()};
    if (buffer_bytes != 0) {
      for (int option : {kSoSndbuf, kSoRcvbuf}) {
        a.set(made.client, kSolSocket, option, buffer_bytes);
        b.set(listener, kSolSocket, option, buffer_bytes);
      }
    }
    EXPECT_EQ(finish(a.connect(made.client, at(2))), "ok");
    const Token accepting = b.accept(listener);
    EXPECT_EQ(finish(accepting), "ok");
    made.server = accepting.new_queue();
    EXPECT_EQ(b.close(listener).came_to(), "ok");
    return made;
  }
  // Nothing passes any more, either way.
  void cut_the_wire(bool cut = true) {
    for (Faults* link : {link_one, link_two}) {
      ImpairmentConfig config = link->outgoing().config();
      config.is_partitioned = cut;
      link->outgoing().configure(config);
    }
  }

  ManualClock clock;
  std::shared_ptr<Memory> memory_one = std::make_shared<Memory>(MemoryConfig{.limit_bytes = uint64_t{32} << 20});
  std::shared_ptr<Memory> memory_two = std::make_shared<Memory>(MemoryConfig{.limit_bytes = uint64_t{32} << 20});
  std::shared_ptr<WireHub> hub = std::make_shared<WireHub>();

 private:
  std::vector<double> one_descriptors_ = std::vector<double>(1024);
  std::vector<double> two_descriptors_ = std::vector<double>(1024);

 protected:
  Faults* link_one = nullptr;
  Faults* link_two = nullptr;
  Plug* plug_one = nullptr;
  Plug* plug_two = nullptr;
  std::unique_ptr<Netos> one;
  std::unique_ptr<Netos> two;
  HostOf<Netos> a{one, memory_one};
  HostOf<Netos> b{two, memory_two};
};

}  // namespace demi
