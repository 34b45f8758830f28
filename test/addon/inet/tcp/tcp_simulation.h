// Two connections and the network between them, in virtual time: it loses, delays, reorders and duplicates as its seed says, and after
// every step checks what must hold of any TCP. A failure names the seed; the same seed fails the same way.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "base/random.h"
#include "inet/tcp/known_text.h"
#include "inet/tcp/tcp_connection.h"
#include "inet/tcp/tcp_invariants.h"

namespace demi {

struct SimulatedLink {
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;                              // takes up to three times as long
  Duration delay = Duration::milliseconds(5);      // one way
  Duration jitter;
  uint64_t bytes_per_second = 0;                   // 0: no bound
  uint64_t queue_bytes = UINT64_MAX;               // what waits for the rate; more is lost
};

struct SimulatedHost {
  SimulatedHost(const TcpConfig& tcp_config, uint64_t to_send, uint64_t seed)
      : config(tcp_config), resources(config, memory), sending_bytes(to_send), random(seed) {}

  TcpConfig config;
  Memory memory;
  TcpResources resources;
  std::unique_ptr<TcpConnection> connection;
  // The application.
  uint64_t sending_bytes;       // in all
  uint64_t largest_write = 20'000;
  uint64_t largest_read = 100'000;
  bool reads_slowly = false;
  uint64_t sent_bytes = 0;
  uint64_t received_bytes = 0;
  uint32_t ends_seen = 0;
  bool closed = false;
  Instant next_read;
  Random random;
  TcpInvariants invariants;
};

class TcpSimulation {
 public:
  TcpSimulation(const TcpConfig& config, const SimulatedLink& link, uint64_t bytes_there, uint64_t bytes_back, uint64_t seed)
      : a(config, bytes_there, seed * 4 + 1), b(config, bytes_back, seed * 4 + 2), link_(link), random_(seed * 4 + 3), seed_(seed) {}

  // Runs until both are CLOSED. False if that did not happen within `limit` of virtual time or an invariant broke.
  bool run(Duration limit = Duration::seconds(7200)) {
    SCOPED_TRACE("seed " + std::to_string(seed_));
    a.connection = std::make_unique<TcpConnection>(a.resources, open_of(a));
    b.connection = std::make_unique<TcpConnection>(b.resources, open_of(b));
    a.connection->connect(now);
    turn(a);
    uint64_t steps = 0;
    while (!is_over() && !failed_) {
      const Instant next = next_time();
      if (next.is_never()) {
        fail("nothing will ever happen again");
        break;
      }
      if (next > Instant() + limit || ++steps > 20'000'000) {
        fail("it does not end");
        break;
      }
      now = std::max(now, next);
      deliver();
      for (SimulatedHost* self : {&a, &b}) {
        if (self->connection->poll_timeout() <= now) self->connection->handle_timeout(now);
        turn(*self);
      }
    }
    finish();
    return !failed_;
  }

  SimulatedHost a;
  SimulatedHost b;
  Instant now;
  Instant both_received;  // when the last byte had arrived on both sides

 private:
  struct Packet {
    Instant due;
    uint64_t number;
    bool to_a;
    TcpHeader header;
    std::vector<uint8_t> text;
    bool operator<(const Packet& other) const { return due != other.due ? due > other.due : number > other.number; }
  };

  static TcpOpen open_of(SimulatedHost& host) {
    TcpOpen open;
    open.local_port = 1;
    open.remote_port = 1;
    open.iss = SeqNumber(static_cast<uint32_t>(host.random.next()));
    open.entropy = host.random.next();
    return open;
  }

  void fail(const std::string& what) {
    failed_ = true;
    ADD_FAILURE() << what << " at " << now.nanoseconds() / 1000 << " us; a " << describe(a) << "; b " << describe(b);
  }
  static std::string describe(const SimulatedHost& host) {
    const TcpConnectionInfo info = host.connection->info();
    return std::string(tcp_state_name(info.state)) + " sent " + std::to_string(host.sent_bytes) + " acked " + std::to_string(info.bytes_acked) +
           " received " + std::to_string(host.received_bytes) + " in flight " + std::to_string(info.in_flight) + " cwnd " +
           std::to_string(info.cwnd) + " window " + std::to_string(info.send_window) + " error " + errno_name(host.connection->error());
  }

  bool is_over() const {
    const auto has_ended = [](const SimulatedHost& host) {
      // What arrived can be read after the connection is CLOSED, too.
      return host.connection->is_finished() && (host.ends_seen > 0 || host.connection->error() != Errno::kOk);
    };
    return b_opened_ && has_ended(a) && has_ended(b);
  }

  Instant next_time() const {
    Instant next = packets_.empty() ? Instant::never() : packets_.top().due;
    for (const SimulatedHost* host : {&a, &b}) {
      next = std::min(next, host->connection->poll_timeout());
      if (host->connection->readable_bytes() > 0) next = std::min(next, host->next_read);
    }
    return next;
  }

  void deliver() {
    while (!packets_.empty() && packets_.top().due <= now) {
      const Packet packet = packets_.top();
      packets_.pop();
      SimulatedHost& host = packet.to_a ? a : b;
      // A frame arrives in a room for frames.
      SgArray text = host.memory.make_array();
      if (!packet.text.empty()) {
        BufferRef room = host.memory.allocate_room(2048);
        if (!room) continue;
        std::copy(packet.text.begin(), packet.text.end(), room->payload());
        const uint32_t headroom = room->headroom;
        text.append_segment(std::move(room), headroom, static_cast<uint32_t>(packet.text.size()));
      }
      host.invariants.note_arrival(packet.header, packet.text.size());
      if (!packet.to_a && !b_opened_) {
        if (!packet.header.flags.syn()) continue;
        b_opened_ = true;
        b.connection->accept(packet.header, std::move(text), now);
      } else {
        host.connection->handle_segment(packet.header, std::move(text), now);
      }
    }
  }

  // What an application does when it has its turn, then what the network gets of it.
  void turn(SimulatedHost& self) {
    TcpConnection& connection = *self.connection;
    if (connection.state() == TcpState::kClosed && !connection.is_finished()) transmit(self);
    use(self);
    transmit(self);
    check(self);
    while (connection.poll_event() != TcpEvent::kNone) {
    }
  }

  void use(SimulatedHost& self) {
    TcpConnection& connection = *self.connection;
    if (connection.error() != Errno::kOk) return;
    while (self.sent_bytes < self.sending_bytes && connection.writable_bytes() > 0) {
      const uint64_t most = std::min({self.sending_bytes - self.sent_bytes, self.largest_write, connection.writable_bytes()});
      SgArray text = text_at(self.memory, self.sent_bytes, 1 + self.random.below(most));
      Result<uint64_t> taken = connection.send(text, now);
      if (!taken.ok()) return fail("a send was refused");
      self.sent_bytes += *taken;
    }
    if (self.sent_bytes == self.sending_bytes && !self.closed && is_synchronized(connection.state())) {
      self.closed = true;
      connection.shutdown_send(now);
    }
    while (connection.readable_bytes() > 0 && now >= self.next_read) {
      const SgArray text = connection.receive(1 + self.random.below(self.largest_read), now);
      if (!is_text_at(text, self.received_bytes)) return fail("other bytes arrived than were sent");
      self.received_bytes += text.bytes();
      self.invariants.note_reason_to_answer();
      if (self.reads_slowly) self.next_read = now + Duration::microseconds(static_cast<int64_t>(self.random.below(300'000)));
      if (a.received_bytes == b.sending_bytes && b.received_bytes == a.sending_bytes) both_received = now;
    }
    if (self.ends_seen == 0 && connection.is_ended() && connection.readable_bytes() == 0) ++self.ends_seen;
  }

  void transmit(SimulatedHost& self) {
    OutgoingSegment segment;
    uint64_t burst = 0;
    while (self.connection->poll_transmit(segment, now)) {
      if (++burst > 100'000) return fail("it never stops sending");
      check_segment(self, segment);
      put_on_the_wire(self, segment);
    }
  }

  void check_segment(SimulatedHost& self, const OutgoingSegment& segment) {
    if (segment.header.flags.rst()) fail("a reset");
    report(self.invariants.check_segment(segment.header, segment.text.bytes(), 1460, &self.connection->sender()));
  }
  void check(SimulatedHost& self) {
    report(self.invariants.check_rest(*self.connection, self.resources.counters.challenge_acks));
  }
  void report(const char* problem) {
    if (problem != nullptr) fail(problem);
  }

  void put_on_the_wire(SimulatedHost& self, const OutgoingSegment& segment) {
    const bool to_a = &self == &b;
    const int copies = random_.below(1'000'000) < link_.duplicate * 1e6 ? 2 : 1;
    const uint64_t wire_bytes = segment.text.bytes() + 54;
    Instant& free_at = to_a ? back_free_ : there_free_;
    Instant leaves = now;
    if (link_.bytes_per_second > 0) {
      const auto took = Duration::nanoseconds(static_cast<int64_t>(wire_bytes * 1'000'000'000ull / link_.bytes_per_second));
      const Instant begins = std::max(now, free_at);
      const auto waiting = static_cast<uint64_t>((begins - now).count_nanoseconds()) / 1000 * link_.bytes_per_second / 1'000'000;
      if (waiting > link_.queue_bytes) return;
      leaves = free_at = begins + took;
    }
    for (int copy = 0; copy < copies; ++copy) {
      if (random_.below(1'000'000) < link_.loss * 1e6) continue;
      Duration delay = link_.delay;
      if (link_.jitter > Duration()) {
        delay = delay + Duration::nanoseconds(static_cast<int64_t>(random_.below(static_cast<uint64_t>(link_.jitter.count_nanoseconds()))));
      }
      if (random_.below(1'000'000) < link_.reorder * 1e6) delay = delay * static_cast<int64_t>(1 + random_.below(3));
      Packet packet{leaves + delay, next_number_++, to_a, segment.header, std::vector<uint8_t>(segment.text.bytes())};
      segment.text.copy_out(packet.text);
      packets_.push(std::move(packet));
    }
  }

  void finish() {
    if (failed_) return;
    for (auto [self, peer] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
      EXPECT_EQ(self->connection->error(), Errno::kOk);
      EXPECT_EQ(self->received_bytes, peer->sending_bytes);
      EXPECT_EQ(self->ends_seen, 1u);
      EXPECT_EQ(self->connection->acked_bytes(), self->sending_bytes);
      self->connection.reset();
      EXPECT_EQ(self->memory.buffers_outstanding(), 0u);
      EXPECT_EQ(self->memory.segments().live(), 0u);
      EXPECT_EQ(self->resources.flights.live(), 0u);
      EXPECT_EQ(self->resources.scoreboards.live(), 0u);
      EXPECT_EQ(self->resources.reassembly_queues.live(), 0u);
      EXPECT_EQ(self->resources.reassembly_blocks.live(), 0u);
    }
    failed_ = testing::Test::HasFailure();
  }

  SimulatedLink link_;
  Random random_;
  uint64_t seed_;
  std::priority_queue<Packet> packets_;
  uint64_t next_number_ = 0;
  Instant there_free_;
  Instant back_free_;
  bool b_opened_ = false;
  bool failed_ = false;
};

}  // namespace demi
