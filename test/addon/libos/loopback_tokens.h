// Tokens that remember what they came to, on top of loopback_fixture.h: for tests of many operations that finish in no order of interest.
//
//   Token reading = b.pop(server);                  // starts; whatever finishes at once has finished
//   EXPECT_EQ(reading.came_to(), "pending");
//   a.push(client, "hello");
//   settle();                                       // runs both libOSes until they are quiet, and takes their results
//   EXPECT_EQ(reading.text(), "hello");
//
// came_to() is "pending", "ok", the name of the error that came through the token ("ECANCELED"), or "thrown EPIPE" when the call was refused.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libos/loopback_fixture.h"

namespace demi {

inline Instant at_ms(int64_t milliseconds) { return Instant() + Duration::milliseconds(milliseconds); }

inline Endpoint localhost(uint16_t port) { return Endpoint::ipv4(127, 0, 0, 1, port); }
inline Endpoint any_ipv4(uint16_t port) { return Endpoint::wildcard(Family::kIPv4, port); }
inline Endpoint any_ipv6(uint16_t port) { return Endpoint::wildcard(Family::kIPv6, port); }

// `length` bytes in which a byte that is lost or twice shows; those of a stream from position `first` on.
inline std::string pattern(size_t length, size_t first = 0) {
  std::string text(length, '\0');
  for (size_t i = 0; i < length; ++i) text[i] = static_cast<char>((first + i) * 31 + ((first + i) >> 8));
  return text;
}

// Bytes that stay the caller's, which can be taken away from under a push.
class CallersBytes final : public PushSource {
 public:
  struct Shared {
    std::string bytes;
    bool detached = false;
    int kept = 0;  // sources that outlast their call
  };
  explicit CallersBytes(std::shared_ptr<Shared> shared, bool kept = false) : shared_(std::move(shared)), kept_(kept) {
    shared_->kept += kept_ ? 1 : 0;
  }
  ~CallersBytes() override { shared_->kept -= kept_ ? 1 : 0; }

  std::span<const uint8_t> bytes() override {
    if (shared_->detached) return {};
    return {reinterpret_cast<const uint8_t*>(shared_->bytes.data()), shared_->bytes.size()};
  }
  std::unique_ptr<PushSource> keep() override { return std::make_unique<CallersBytes>(shared_, true); }

 private:
  std::shared_ptr<Shared> shared_;
  const bool kept_;
};

inline std::shared_ptr<CallersBytes::Shared> callers_bytes(std::string text) {
  auto shared = std::make_shared<CallersBytes::Shared>();
  shared->bytes = std::move(text);
  return shared;
}

// What is remembered of a token, also after its operation was given back.
struct TokenRecord {
  enum class State : uint8_t { kRefused, kPending, kFinished };
  State state = State::kPending;
  Errno error = Errno::kOk;
  Operation* operation = nullptr;  // while pending
  std::string text;
  uint64_t bytes_accepted = 0;
  QDesc new_queue;
  bool has_endpoint = false;
  Endpoint endpoint;
};

class Token {
 public:
  Token() = default;
  explicit Token(std::shared_ptr<TokenRecord> record) : record_(std::move(record)) {}

  std::string came_to() const {
    if (pending()) return "pending";
    if (record_->error == Errno::kOk) return "ok";
    return (record_->state == TokenRecord::State::kRefused ? "thrown " : "") + std::string(errno_name(record_->error));
  }
  bool pending() const { return record_->state == TokenRecord::State::kPending; }
  // What was popped; the outcome in brackets if it is anything but success.
  std::string text() const { return came_to() == "ok" ? record_->text : "[" + came_to() + "]"; }
  uint64_t bytes_accepted() const { return record_->bytes_accepted; }
  QDesc new_queue() const { return record_->new_queue; }
  bool has_endpoint() const { return record_->has_endpoint; }
  Endpoint endpoint() const { return record_->endpoint; }
  Operation& operation() const { return *record_->operation; }

 private:
  std::shared_ptr<TokenRecord> record_;
};

// The application of one libOS: its calls by descriptor, and its tokens.
template <class Kind>
class HostOf {
 public:
  HostOf(std::unique_ptr<Kind>& libos, std::shared_ptr<Memory> memory) : libos_(libos), memory_(std::move(memory)) {}

  LibOS& libos() { return *libos_; }
  bool exists() const { return libos_ != nullptr; }
  void destroy() { libos_.reset(); }
  const LibOSCounters& counters() { return libos_->counters(); }
  Queue& queue(QDesc qd) { return *libos_->queues().find(qd); }
  bool is_open(QDesc qd) { return libos_->queues().find(qd) != nullptr; }

  QDesc stream(Family family = Family::kIPv4) { return *libos_->socket(family, kSockStream, 0); }
  QDesc datagram(Family family = Family::kIPv4) { return *libos_->socket(family, kSockDgram, 0); }
  QDesc memory_queue(uint64_t capacity) { return *libos_->memory_queue(capacity); }
  Errno bind(QDesc qd, const Endpoint& endpoint) { return queue(qd).bind(endpoint).error(); }
  Errno listen(QDesc qd, uint32_t backlog) { return queue(qd).listen(backlog).error(); }
  Endpoint name(QDesc qd) { return *queue(qd).local_endpoint(); }
  Endpoint peer(QDesc qd) { return *queue(qd).peer_endpoint(); }
  Errno set(QDesc qd, int level, int name, int64_t number, int64_t seconds = 0) {
    return queue(qd).set_option(level, name, {number, seconds}).error();
  }
  int64_t get(QDesc qd, int level, int name) { return queue(qd).get_option(level, name)->number; }
  int64_t so_error(QDesc qd) { return get(qd, kSolSocket, kSoError); }
  void linger(QDesc qd, int64_t seconds) { EXPECT_EQ(set(qd, kSolSocket, kSoLinger, 1, seconds), Errno::kOk); }

  Token push(QDesc qd, std::string_view text, bool until_acknowledged = false) {
    PushRequest request = request_of(text);
    request.until_acknowledged = until_acknowledged;
    return record(libos_->push(queue(qd), request));
  }
  Token push_to(QDesc qd, std::string_view text, const Endpoint& to) {
    PushRequest request = request_of(text);
    request.destination = to;
    return record(libos_->push(queue(qd), request));
  }
  Token push_bytes(QDesc qd, const std::shared_ptr<CallersBytes::Shared>& bytes, const Endpoint* to = nullptr) {
    CallersBytes source(bytes);
    PushRequest request;
    request.source = &source;
    request.total_bytes = source.bytes().size();
    if (to != nullptr) request.destination = *to;
    return record(libos_->push(queue(qd), request));
  }
  Token pop(QDesc qd, uint64_t limit = UINT64_MAX) { return record(libos_->pop(queue(qd), limit)); }
  Token accept(QDesc qd) { return record(libos_->accept(queue(qd))); }
  Token connect(QDesc qd, const Endpoint& to) { return record(libos_->connect(queue(qd), to)); }
  Token shutdown(QDesc qd, ShutdownHow how) { return record(libos_->shutdown(queue(qd), how)); }
  Token close(QDesc qd) { return record(libos_->close(queue(qd))); }
  Token stop() { return record(libos_->stop()); }
  void cancel(const Token& token) {
    if (token.pending()) libos_->cancel(token.operation());
    collect();
  }
  void set_deadline(const Token& token, Instant due) { libos_->set_deadline(token.operation(), due); }

  // Takes every result there is. Each belongs to a token that is pending: no token completes twice.
  void collect() {
    while (Operation* operation = libos_->take_done()) {
      const auto found = pending_.find(operation->slot);
      ASSERT_NE(found, pending_.end()) << "a result that nobody waits for, or one that came twice";
      EXPECT_EQ(operation->generation, found->second.generation);
      note(*found->second.record, *operation->completion);
      pending_.erase(found);
      libos_->release(*operation);
    }
  }
  size_t tokens_pending() const { return pending_.size(); }

  PushRequest request_of(std::string_view text) {
    PushRequest request;
    request.data = memory_->make_array();
    request.total_bytes = memory_->copy_in({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, request.data);
    EXPECT_EQ(request.total_bytes, text.size()) << "the test itself has run out of memory";
    return request;
  }
  Token record(const Started& started) {
    auto record = std::make_shared<TokenRecord>();
    if (started.state == Started::State::kRefused) {
      EXPECT_NE(started.error, Errno::kOk);
      record->state = TokenRecord::State::kRefused;
      record->error = started.error;
    } else if (started.state == Started::State::kFinished) {
      note(*record, libos_->immediate());
      libos_->immediate().sga.clear();
    } else {
      record->operation = started.operation;
      const bool added = pending_.emplace(started.operation->slot, Pending{record, started.operation->generation}).second;
      EXPECT_TRUE(added) << "the slot of an operation that is pending was given to another";
    }
    return Token(record);
  }

 private:
  struct Pending {
    std::shared_ptr<TokenRecord> record;
    uint32_t generation;
  };

  static void note(TokenRecord& record, const Completion& completion) {
    EXPECT_EQ(record.state, TokenRecord::State::kPending);
    record.state = TokenRecord::State::kFinished;
    record.error = completion.error;
    record.text = text_of(completion.sga);
    record.bytes_accepted = completion.bytes_accepted;
    record.new_queue = completion.new_queue;
    record.has_endpoint = completion.has_endpoint;
    record.endpoint = completion.endpoint;
    record.operation = nullptr;
  }

  std::unique_ptr<Kind>& libos_;
  std::shared_ptr<Memory> memory_;
  std::map<uint32_t, Pending> pending_;
};

using Host = HostOf<Loopback>;

// By custom `a` is where connections are opened and `b` where they are accepted.
class TokensFixture : public LoopbackFixture {
 protected:
  explicit TokensFixture(uint64_t memory_bytes = uint64_t{8} << 20, uint32_t tokens = 1024, size_t queues = 1024,
                         uint32_t connections = 0)
      : LoopbackFixture(memory_bytes, tokens, queues, connections) {
    memory->set_poison(true);
  }
  // Whatever a test leaves pending, ending the libOSes gives everything back.
  void TearDown() override {
    a.destroy();
    b.destroy();
    EXPECT_EQ(memory->buffers_outstanding(), 0u);
    EXPECT_EQ(memory->segments().live(), 0u);
  }

  // Until nothing more happens at this time.
  void settle() {
    for (bool any = true; any;) {
      any = false;
      for (Host* host : {&a, &b}) {
        if (!host->exists()) continue;
        if (host->libos().has_work() && host->libos().run_ready()) any = true;
        host->collect();
      }
    }
  }
  void turn_at(Instant now) {
    clock.set(now);
    for (Host* host : {&a, &b}) {
      if (host->exists()) host->libos().turn(now);
    }
    settle();
  }
  // Takes everything that the memory can give, room by room: the small ones are the last in the list.
  std::vector<SgArray> exhaust() {
    std::vector<SgArray> taken;
    const auto take = [&](SlabPool& pool) {
      Buffer* buffer = pool.allocate();
      if (buffer == nullptr) return false;
      taken.push_back(memory->make_array());
      taken.back().append_segment(BufferRef::adopt(buffer), 0, 1);
      return true;
    };
    take(memory->pool(0));
    for (size_t index = kRoomClasses; index-- > 0;) {
      while (take(memory->pool(index))) continue;
    }
    return taken;
  }

  QDesc listening(Host& host, const Endpoint& name, uint32_t backlog = 16) {
    const QDesc listener = host.stream(name.family);
    EXPECT_EQ(host.bind(listener, name), Errno::kOk);
    EXPECT_EQ(host.listen(listener, backlog), Errno::kOk);
    return listener;
  }

  // Both ends of a connection: the client at `a`, the server at `b`.
  struct Connection {
    QDesc client;
    QDesc server;
  };
  // Buffers of 2 KiB on each side, the least there are: 4 KiB fit in one direction, and what exceeds 2 KiB is not acknowledged.
  static constexpr size_t kRoom = 4096;
  static constexpr size_t kAcknowledged = 2048;
  Connection established(uint16_t port = 80) {
    const QDesc listener = listening(b, localhost(port));
    Connection made{a.stream(), QDesc()};
    for (int option : {kSoSndbuf, kSoRcvbuf}) {
      b.set(listener, kSolSocket, option, 2048);
      a.set(made.client, kSolSocket, option, 2048);
    }
    EXPECT_EQ(a.connect(made.client, localhost(port)).came_to(), "ok");
    made.server = b.accept(listener).new_queue();
    EXPECT_EQ(b.close(listener).came_to(), "ok");
    return made;
  }
  // The client has sent as much as fits, and the server has read nothing.
  Connection send_buffer_full() {
    const Connection made = established();
    EXPECT_EQ(a.push(made.client, pattern(kRoom)).came_to(), "ok");
    return made;
  }
  // The server has sent its last byte and reads on.
  Connection close_wait() {
    const Connection made = established();
    EXPECT_EQ(b.shutdown(made.server, ShutdownHow::kWrite).came_to(), "ok");
    return made;
  }

  Host a{one, memory};
  Host b{two, memory};
};

// A memory so small that a test can exhaust it.
class SmallMemoryFixture : public TokensFixture {
 protected:
  SmallMemoryFixture() : TokensFixture(256 * 1024) {}
};

}  // namespace demi
