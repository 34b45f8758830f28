// StackPair: two stacks, each with its device on one hub, and a bad link between them, in virtual time. The same seed gives the same run.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "device/faults.h"
#include "device/segment_cutter.h"
#include "device/wire_hub.h"
#include "inet/stack_fixture.h"

namespace demi {

struct PairedHost {
  PairedHost(const StackConfig& config, const std::shared_ptr<WireHub>& hub, uint64_t seed, Instant now, const MemoryConfig& memory_config = {})
      : memory(memory_config) {
    auto port = WireHubPort::attach(hub, config.mac, memory);
    device = std::make_unique<Faults>(std::move(*port), memory, seed);
    stack = std::make_unique<Stack>(config, memory, now);
  }
  bool saw(SocketHandle socket, SocketEventKind kind) const {
    return std::find(events.begin(), events.end(), SocketEvent{socket, kind}) != events.end();
  }

  // One turn, as stack.h says: what has arrived, what is due, what the user does about it (`act`), what is to be sent. `arrives` and `leaves` see
  // each frame first, as it is on the wire.
  template <class Arrives, class Leaves, class Act>
  void turn(Instant now, Arrives&& arrives, Leaves&& leaves, Act&& act) {
    std::array<Frame, 32> burst;
    while (const size_t count = device->receive(burst, now)) {
      for (size_t i = 0; i < count; ++i) arrives(burst[i]);
      stack->handle_frames(std::span(burst).first(count), now);
    }
    if (stack->poll_timeout() <= now) stack->handle_timeout(now);
    take_events();
    act();
    for (Frame frame = stack->poll_transmit(now); !frame.empty(); frame = stack->poll_transmit(now)) {
      show(frame, leaves);
      ASSERT_EQ(device->transmit({&frame, 1}, now), 1u);
    }
    take_events();
  }
  void turn(Instant now) {
    const auto note = [this](const Frame& frame) {
      if (sent == nullptr) return;
      sent->emplace_back(frame.bytes());
      frame.copy_out(sent->back());
    };
    turn(now, [](const Frame&) {}, note, [] {});
  }
  void take_events() {
    for (SocketEvent event; stack->poll_event(event);) events.push_back(event);
  }
  // What the device is to cut is seen as it will be when it is cut.
  template <class Leaves>
  void show(const Frame& frame, Leaves& leaves) {
    if (frame.segment_bytes == 0) return leaves(frame);
    Frame twin(BufferRef::share(*frame.head), frame.offset, frame.length);
    twin.payload = frame.payload.clone();
    twin.checksum_start = frame.checksum_start;
    twin.checksum_offset = frame.checksum_offset;
    twin.segment_bytes = frame.segment_bytes;
    RingQueue<Frame> segments;
    cut_segments(std::move(twin), memory, false, segments);
    ++cut_frames;
    while (!segments.empty()) {
      const Frame segment = segments.pop_front();
      leaves(segment);
    }
  }
  Instant due() const { return std::min(stack->poll_timeout(), device->next_deadline()); }

  Memory memory;
  std::unique_ptr<Faults> device;
  std::unique_ptr<Stack> stack;
  std::vector<SocketEvent> events;  // all that there were
  uint64_t cut_frames = 0;
  std::vector<Octets>* sent = nullptr;  // takes all that leaves, as it is on the wire
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
      a.turn(now);
      b.turn(now);
      if (done()) return true;
      const Instant next = std::min(a.due(), b.due());
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
  std::shared_ptr<WireHub> hub_;

 public:
  PairedHost a;
  PairedHost b;
  Instant now;
};

}  // namespace demi
