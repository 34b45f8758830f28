// StackPair: two stacks, each with its device on one hub, and a bad link between them, in virtual time. The same seed gives the same run.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "device/faults.h"
#include "device/wire_hub.h"
#include "inet/stack_fixture.h"

namespace demi {

struct PairedHost {
  PairedHost(const StackConfig& config, const std::shared_ptr<WireHub>& hub, uint64_t seed, Instant now) {
    auto port = WireHubPort::attach(hub, config.mac, memory);
    device = std::make_unique<Faults>(std::move(*port), memory, seed);
    stack = std::make_unique<Stack>(config, memory, now);
  }
  bool saw(SocketHandle socket, SocketEventKind kind) const {
    return std::find(events.begin(), events.end(), SocketEvent{socket, kind}) != events.end();
  }

  Memory memory;
  std::unique_ptr<Faults> device;
  std::unique_ptr<Stack> stack;
  std::vector<SocketEvent> events;  // all that there were
};

class StackPair {
 public:
  explicit StackPair(uint64_t seed, const std::function<void(StackConfig&)>& change = [](StackConfig&) {})
      : hub_(std::make_shared<WireHub>()),
        a(changed(stack_config(1), change), hub_, seed * 2, Instant()),
        b(changed(stack_config(2), change), hub_, seed * 2 + 1, Instant()) {}
  ~StackPair() {
    for (PairedHost* each : {&a, &b}) {
      each->stack.reset();
      each->device.reset();
      EXPECT_EQ(each->memory.buffers_outstanding(), 0u);
      EXPECT_EQ(each->memory.segments().live(), 0u);
    }
  }

  void impair(const ImpairmentConfig& config) {
    a.device->outgoing().configure(config);
    b.device->outgoing().configure(config);
  }

  // Turns, and time when nothing is left to be done at once, until `done`; false if that does not come before `limit`.
  bool run_until(const std::function<bool()>& done, Duration limit = Duration::seconds(600)) {
    const Instant end = now + limit;
    while (!done()) {
      turn(a);
      turn(b);
      if (done()) return true;
      const Instant next = std::min({due(a), due(b)});
      if (next > end) return false;
      now = std::max(now, next);
    }
    return true;
  }
  void run_for(Duration length) {
    const Instant end = now + length;
    run_until([] { return false; }, length);
    now = end;
  }

 private:
  static StackConfig changed(StackConfig config, const std::function<void(StackConfig&)>& change) {
    change(config);
    return config;
  }
  static Instant due(PairedHost& host) { return std::min(host.stack->poll_timeout(), host.device->next_deadline()); }

  void turn(PairedHost& host) {
    std::array<Frame, 32> burst;
    while (const size_t count = host.device->receive(burst, now)) host.stack->handle_frames(std::span(burst).first(count), now);
    if (host.stack->poll_timeout() <= now) host.stack->handle_timeout(now);
    for (SocketEvent event; host.stack->poll_event(event);) host.events.push_back(event);
    for (Frame frame = host.stack->poll_transmit(now); !frame.empty(); frame = host.stack->poll_transmit(now)) {
      ASSERT_EQ(host.device->transmit({&frame, 1}, now), 1u);
    }
    for (SocketEvent event; host.stack->poll_event(event);) host.events.push_back(event);
  }

  std::shared_ptr<WireHub> hub_;

 public:
  PairedHost a;
  PairedHost b;
  Instant now;
};

}  // namespace demi
