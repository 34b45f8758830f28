// Random sequences of every call on everything, with too little of everything: memory, tokens, descriptors, connections, backlog. No
// model predicts what comes of them. What must hold all the same: each token completes exactly once (loopback_tokens.h checks it), no
// limit is exceeded, what is quiet has nothing left to do, and at the end everything has been given back. Failures name their seed.
#include <algorithm>
#include <set>

#include "base/random.h"
#include "libos/loopback_tokens.h"

namespace demi {
namespace {

constexpr uint32_t kTokensLimit = 48;
constexpr size_t kQueuesLimit = 24;
constexpr uint32_t kConnectionsLimit = 6;

class ChaosTest : public TokensFixture {
 protected:
  ChaosTest() : TokensFixture(128 * 1024, kTokensLimit, kQueuesLimit, kConnectionsLimit) {}

  Host& any_host() { return random.below(2) == 0 ? a : b; }
  QDesc any_queue(Host& host) {
    std::vector<QDesc> open;
    for (uint32_t slot = 0; slot < host.libos().queues().slots(); ++slot) {
      if (Queue* queue = host.libos().queues().at(slot)) open.push_back(queue->descriptor);
    }
    return open.empty() ? QDesc() : open[random.below(open.size())];
  }
  Endpoint any_endpoint(Family family) {
    const auto port = static_cast<uint16_t>(1 + random.below(3));
    if (family == Family::kIPv4) return random.below(3) == 0 ? any_ipv4(port) : localhost(port);
    const Endpoint six[] = {any_ipv6(port), Endpoint::ipv6_loopback(port), localhost(port).to_v4_mapped()};
    return six[random.below(3)];
  }
  Family any_family() { return random.below(3) == 0 ? Family::kIPv6 : Family::kIPv4; }
  std::string any_text() {
    const size_t lengths[] = {1, 3000, 65507, 120000};
    return pattern(1 + random.below(lengths[random.below(std::size(lengths))]));
  }

  void keep(Host& host, const Token& token) {
    if (!token.pending()) return;
    if (random.below(4) == 0) host.set_deadline(token, clock.now() + Duration::milliseconds(static_cast<int64_t>(random.below(50))));
    tokens.emplace_back(&host, token);
  }
  void open_something(Host& host) {
    LibOS& libos = host.libos();
    const std::string pipe(1, static_cast<char>('p' + random.below(2)));
    switch (random.below(5)) {
      case 0:
      case 1: open(libos.socket(any_family(), kSockStream, 0), host); break;
      case 2: open(libos.socket(any_family(), kSockDgram, 0), host); break;
      case 3: open(libos.memory_queue(random.below(3)), host); break;
      default: open(random.below(2) == 0 ? libos.create_pipe(pipe, random.below(3)) : libos.open_pipe(pipe), host); break;
    }
  }
  void open(Result<QDesc> made, Host& host) {
    if (!made) {
      const std::set<Errno> expected = {Errno::kEMFILE, Errno::kEEXIST, Errno::kENOENT, Errno::kECANCELED};
      EXPECT_EQ(expected.count(made.error()), 1u) << errno_name(made.error());
      return;
    }
    for (int name : {kSoSndbuf, kSoRcvbuf}) {
      if (random.below(2) == 0) (void)host.queue(*made).set_option(kSolSocket, name, {4096, 0});
    }
    if (random.below(2) == 0) name_it(host, *made);
  }
  void name_it(Host& host, QDesc qd) {
    Result<Endpoint> local = host.queue(qd).local_endpoint();
    if (!local) return;
    (void)host.bind(qd, any_endpoint(local->family));
    if (random.below(4) != 0) (void)host.listen(qd, static_cast<uint32_t>(random.below(3)));
  }
  void push_something(Host& host, QDesc qd) {
    if (random.below(2) == 0) {
      const Result<Endpoint> local = host.queue(qd).local_endpoint();
      const Endpoint to = any_endpoint(any_family());
      const auto bytes = callers_bytes(any_text());
      keep(host, host.push_bytes(qd, bytes, local.ok() && random.below(2) == 0 ? &to : nullptr));
      if (random.below(50) == 0) bytes->detached = true;
      return;
    }
    const std::string text = pattern(1 + random.below(200));
    if (memory->has(4096)) keep(host, host.push(qd, text, random.below(4) == 0));
  }
  void step() {
    Host& host = any_host();
    const QDesc qd = any_queue(host);
    const uint64_t action = random.below(100);
    if (action < 12 || !qd.valid()) return open_something(host);
    if (action < 32) return push_something(host, qd);
    if (action < 54) return keep(host, host.pop(qd, random.below(3) == 0 ? 1 + random.below(5000) : UINT64_MAX));
    if (action < 66) return keep(host, host.accept(qd));
    if (action < 78) return keep(host, host.connect(qd, any_endpoint(any_family())));
    if (action < 80) return keep(host, host.shutdown(qd, static_cast<ShutdownHow>(random.below(3))));
    if (action < 84) return name_it(host, qd);
    if (action < 90) return close_it(host, qd);
    if (action < 98) return cancel_something();
    clock.advance(Duration::milliseconds(static_cast<int64_t>(random.below(20))));
    turn_at(clock.now());
  }
  void close_it(Host& host, QDesc qd) {
    const int64_t seconds = static_cast<int64_t>(random.below(3));
    if (random.below(2) == 0) (void)host.queue(qd).set_option(kSolSocket, kSoLinger, {1, seconds});
    keep(host, host.close(qd));
  }
  void cancel_something() {
    if (tokens.empty()) return;
    auto& [host, token] = tokens[random.below(tokens.size())];
    host->cancel(token);
  }
  void check() {
    std::erase_if(tokens, [](const auto& kept) { return !kept.second.pending(); });
    for (Host* host : {&a, &b}) {
      LibOS& libos = host->libos();
      EXPECT_FALSE(libos.has_work());
      EXPECT_LE(libos.connections().count(), kConnectionsLimit);
      EXPECT_LE(libos.queues().size(), kQueuesLimit);
      EXPECT_EQ(libos.operations().in_use(), host->tokens_pending());
      // Beyond their limit go closes, one shutdown for each queue, and pushes of which a part was accepted.
      EXPECT_LE(libos.operations().in_use(), kTokensLimit + 2 * kQueuesLimit + libos.orphans());
    }
  }

  Random random{0};
  std::vector<std::pair<Host*, Token>> tokens;
};

TEST_F(ChaosTest, EverythingIsGivenBack) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    random = Random(seed);
    for (int i = 0; i < 2000; ++i) {
      step();
      if (random.below(3) != 0) continue;
      settle();
      check();
      if (HasFailure()) return;
    }
    // Everything is closed, in any order; what lingers is over in time.
    for (Host* host : {&a, &b}) {
      while (host->libos().queues().size() > 0) keep(*host, host->close(any_queue(*host)));
    }
    turn_at(clock.now() + Duration::seconds(10));
    check();
    for (Host* host : {&a, &b}) {
      EXPECT_EQ(host->tokens_pending(), 0u);
      EXPECT_EQ(host->libos().orphans(), 0u);
      EXPECT_EQ(host->libos().connections().count(), 0u);
      EXPECT_EQ(host->libos().scheduler().ready_count(), 0u);
      EXPECT_EQ(host->libos().scheduler().frames().live(), 0u);
      EXPECT_EQ(host->libos().timers().armed(), 0u);
      EXPECT_FALSE(host->libos().waits_for_memory());
    }
    EXPECT_EQ(memory->buffers_outstanding(), 0u);
    EXPECT_EQ(memory->segments().live(), 0u);
    if (HasFailure()) return;
  }
  // The sequences came to what they are meant to exercise.
  for (Host* host : {&a, &b}) {
    const LibOSCounters& counters = host->counters();
    EXPECT_GT(counters.memory_waits, 50u);
    EXPECT_GT(counters.timed_out, 100u);
    EXPECT_GT(counters.resets, 20u);
    EXPECT_GT(counters.datagrams_dropped, 20u);
  }
}

class StopInChaosTest : public ChaosTest, public testing::WithParamInterface<uint64_t> {};

TEST_P(StopInChaosTest, EndsEverything) {
  random = Random(GetParam());
  for (int i = 0; i < 200; ++i) step();
  Host &first = any_host(), &second = &first == &a ? b : a;
  const Token stopping = first.stop();
  if (stopping.pending()) first.set_deadline(stopping, clock.now() + Duration::seconds(1));
  for (int i = 0; i < 30; ++i) step();
  settle();
  turn_at(clock.now() + Duration::seconds(1));
  EXPECT_EQ(stopping.came_to(), "ok");
  EXPECT_EQ(first.tokens_pending(), 0u);
  EXPECT_EQ(first.libos().operations().in_use(), 0u);
  EXPECT_EQ(first.libos().queues().size(), 0u);
  EXPECT_EQ(first.libos().connections().count(), 0u);
  // The other one is destroyed in the middle of whatever it does.
  second.destroy();
}

INSTANTIATE_TEST_SUITE_P(Seeds, StopInChaosTest, testing::Range<uint64_t>(1, 31));

}  // namespace
}  // namespace demi
