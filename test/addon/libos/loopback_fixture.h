// What the tests of this room share: libOSes of one thread with one namespace, and short names for what they do all the time.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "libos/loopback.h"
#include "libos/memory_queue.h"
#include "libos/socket_options.h"

namespace demi {

// Bytes of a test, that can be lost as those of a detached ArrayBuffer.
class TestSource final : public PushSource {
 public:
  explicit TestSource(std::shared_ptr<std::vector<uint8_t>> bytes) : bytes_(std::move(bytes)) {}
  std::span<const uint8_t> bytes() override { return *bytes_; }
  std::unique_ptr<PushSource> keep() override { return std::make_unique<TestSource>(bytes_); }

 private:
  std::shared_ptr<std::vector<uint8_t>> bytes_;
};

inline std::string text_of(const SgArray& array) {
  std::string text(array.bytes(), '\0');
  array.copy_out({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  return text;
}

class LoopbackFixture : public testing::Test {
 protected:
  static constexpr uint64_t kAll = UINT64_MAX;
  static constexpr size_t kQueues = 64;
  static constexpr uint32_t kTokens = 256;

  // What a token gave, taken out of the table.
  struct Outcome {
    Errno error = Errno::kOk;
    uint64_t accepted = 0;
    std::string text;
    QDesc queue;
    Endpoint endpoint;
  };

  explicit LoopbackFixture(uint64_t memory_bytes = uint64_t{8} << 20, uint32_t tokens = kTokens, size_t queues = kQueues,
                           uint32_t connections = 0)
      : memory(std::make_shared<Memory>(MemoryConfig{.limit_bytes = memory_bytes})),
        tokens_(tokens),
        one_descriptors_(queues),
        two_descriptors_(queues) {
    one = make(0, one_descriptors_, connections);
    two = make(1, two_descriptors_, connections);
  }
  ~LoopbackFixture() override {
    one.reset();
    two.reset();
    EXPECT_EQ(memory->buffers_outstanding(), 0u);
  }

  std::unique_ptr<Loopback> make(uint32_t id, std::vector<double>& descriptors, uint32_t connections) {
    LibOSSettings settings;
    settings.id = id;
    settings.tokens_limit = tokens_;
    settings.connections_limit = connections;
    settings.descriptors = descriptors;
    settings.memory = memory;
    settings.names = pipes;
    settings.clock = &clock;
    return std::make_unique<Loopback>(settings, names);
  }

  // --- queues ---
  Queue& at(QDesc qd) { return at(*one, qd); }
  static Queue& at(LibOS& libos, QDesc qd) {
    Queue* queue = libos.queues().find(qd);
    EXPECT_NE(queue, nullptr);
    return *queue;
  }
  Queue& stream(LibOS& libos) { return at(libos, *libos.socket(Family::kIPv4, kSockStream, 0)); }
  Queue& datagram(LibOS& libos) { return at(libos, *libos.socket(Family::kIPv4, kSockDgram, 0)); }
  Queue& bound_datagram(LibOS& libos, uint16_t port) {
    Queue& queue = datagram(libos);
    EXPECT_TRUE(queue.bind(here(port)).ok());
    return queue;
  }
  Queue& listener(LibOS& libos, uint16_t port, uint32_t backlog = 8) {
    Queue& queue = stream(libos);
    EXPECT_TRUE(queue.bind(here(port)).ok());
    EXPECT_TRUE(queue.listen(backlog).ok());
    return queue;
  }
  static Endpoint here(uint16_t port) { return Endpoint::ipv4(127, 0, 0, 1, port); }
  // The near end in `one`, the far end in `two`.
  struct Pair {
    Queue* near;
    Queue* far;
  };
  Pair established(uint16_t port = 80) {
    Queue& listening = listener(*two, port);
    Queue& near = stream(*one);
    EXPECT_EQ(one->connect(near, here(port)).state, Started::State::kFinished);
    EXPECT_EQ(two->accept(listening).state, Started::State::kFinished);
    EXPECT_EQ(two->immediate().error, Errno::kOk);
    Queue& far = at(*two, two->immediate().new_queue);
    EXPECT_EQ(two->close(listening).state, Started::State::kFinished);
    return {&near, &far};
  }
  static void option(Queue& queue, int name, int64_t number, int64_t seconds = 0) {
    EXPECT_TRUE(queue.set_option(kSolSocket, name, {number, seconds}).ok());
  }

  // --- operations ---
  PushRequest request(std::string_view text) {
    PushRequest made;
    made.data = memory->make_array();
    made.total_bytes = text.size();
    EXPECT_EQ(memory->copy_in({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, made.data), text.size());
    return made;
  }
  Started push(LibOS& libos, Queue& queue, std::string_view text) {
    PushRequest pushed = request(text);
    return libos.push(queue, pushed);
  }
  Started push_bytes(LibOS& libos, Queue& queue, std::shared_ptr<std::vector<uint8_t>> bytes) {
    TestSource source(bytes);
    PushRequest pushed;
    pushed.source = &source;
    pushed.total_bytes = bytes->size();
    return libos.push(queue, pushed);
  }
  Started push_to(LibOS& libos, Queue& queue, std::string_view text, const Endpoint& to) {
    PushRequest pushed = request(text);
    pushed.destination = to;
    return libos.push(queue, pushed);
  }
  static std::shared_ptr<std::vector<uint8_t>> bytes(size_t count) {
    auto made = std::make_shared<std::vector<uint8_t>>(count);
    for (size_t i = 0; i < count; ++i) (*made)[i] = static_cast<uint8_t>(i * 31 + (i >> 8));
    return made;
  }

  static Outcome outcome_of(Completion& completion) {
    const SgArray sga = std::move(completion.sga);
    return {completion.error, completion.bytes_accepted, text_of(sga), completion.new_queue, completion.endpoint};
  }
  // Of an operation that finished at the call.
  Outcome now(LibOS& libos, const Started& started) {
    EXPECT_EQ(started.state, Started::State::kFinished) << errno_name(started.error);
    return outcome_of(libos.immediate());
  }
  static Errno refusal(const Started& started) {
    return started.state == Started::State::kRefused ? started.error : Errno::kOk;
  }
  static Operation& pending(const Started& started) {
    EXPECT_EQ(started.state, Started::State::kPending) << errno_name(started.error);
    return *started.operation;
  }
  // Both libOSes, until nothing is to be done.
  void run() {
    for (bool any = true; any;) {
      any = one->turn(clock.now());
      if (two->turn(clock.now())) any = true;
    }
  }
  // Of an operation that was pending and is done now; it must be the next in order.
  Outcome next(LibOS& libos) {
    Operation* done = libos.take_done();
    EXPECT_NE(done, nullptr);
    if (done == nullptr) return {};
    Outcome outcome = outcome_of(*done->completion);
    libos.release(*done);
    return outcome;
  }
  Outcome next() { return next(*one); }
  bool nothing_done(LibOS& libos) { return libos.take_done() == nullptr; }
  std::string popped(LibOS& libos, Queue& queue, uint64_t limit = kAll) { return now(libos, libos.pop(queue, limit)).text; }

  ManualClock clock;
  std::shared_ptr<Memory> memory;
  std::shared_ptr<MemoryQueueNames> pipes = std::make_shared<MemoryQueueNames>();
  std::shared_ptr<LoopbackNamespace> names = std::make_shared<LoopbackNamespace>(1);

 private:
  const uint32_t tokens_;
  std::vector<double> one_descriptors_;
  std::vector<double> two_descriptors_;

 protected:
  std::unique_ptr<Loopback> one;
  std::unique_ptr<Loopback> two;
};

}  // namespace demi
