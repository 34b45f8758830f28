// What the tests of catnap share: two of them that meet over this machine's own addresses, tokens as in loopback_tokens.h, and a peer
// that is not of ours. Time is a value here as everywhere; only what the kernel does is awaited, boundedly.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libos/catnap.h"
#include "libos/kernel_address.h"
#include "libos/loopback_tokens.h"

namespace demi {

// A socket of the kernel that no libOS has.
class RawSocket {
 public:
  explicit RawSocket(Family family, int type = SOCK_STREAM)
      : fd_(::socket(family == Family::kIPv4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0)) {}
  RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~RawSocket() { close(); }

  void bind_and_listen(Endpoint at, int backlog) {
    KernelAddress address = KernelAddress::of(at);
    ASSERT_EQ(::bind(fd_, address.get(), address.length), 0);
    ASSERT_EQ(::listen(fd_, backlog), 0);
  }
  void connect(const Endpoint& to) {
    KernelAddress address = KernelAddress::of(to);
    ASSERT_EQ(::connect(fd_, address.get(), address.length), 0);
  }
  // Waits for a connection.
  RawSocket accept() { return RawSocket(::accept(fd_, nullptr, nullptr)); }
  Endpoint name() const {
    KernelAddress address;
    EXPECT_EQ(::getsockname(fd_, address.get(), &address.length), 0);
    return address.endpoint();
  }
  void send(std::string_view text, int flags = 0) {
    ASSERT_EQ(::send(fd_, text.data(), text.size(), flags | MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  void reset() {
    const linger at_once{1, 0};
    ASSERT_EQ(::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    close();
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int fd() const { return fd_; }

 private:
  explicit RawSocket(int fd) : fd_(fd) {}
  int fd_;
};

// While it exists, this process may open no more files.
class NoMoreFiles {
 public:
  NoMoreFiles() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    // The lowest number that is free is the first that may not be used.
    const int next = ::dup(0);
    ::close(next);
    rlimit less = before_;
    less.rlim_cur = static_cast<rlim_t>(next);
    ::setrlimit(RLIMIT_NOFILE, &less);
  }
  ~NoMoreFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_;
};

class CatnapFixture : public testing::Test {
 protected:
  explicit CatnapFixture(uint64_t memory_bytes = uint64_t{32} << 20, uint32_t connections = 0)
      : memory(std::make_shared<Memory>(MemoryConfig{.limit_bytes = memory_bytes})) {
    memory->set_poison(true);
    one = make(0, one_descriptors_, connections);
    two = make(1, two_descriptors_, connections);
  }
  void TearDown() override {
    one.reset();
    two.reset();
    EXPECT_EQ(memory->buffers_outstanding(), 0u);
    EXPECT_EQ(memory->segments().live(), 0u);
  }
  std::unique_ptr<Catnap> make(uint32_t id, std::vector<double>& descriptors, uint32_t connections) {
    LibOSSettings settings;
    settings.id = id;
    settings.tokens_limit = 4096;
    settings.connections_limit = connections;
    settings.descriptors = descriptors;
    settings.memory = memory;
    settings.names = std::make_shared<MemoryQueueNames>();
    settings.clock = &clock;
    Result<std::unique_ptr<Catnap>> made = Catnap::create(settings);
    EXPECT_TRUE(made.ok());
    return std::move(*made);
  }

  // One turn of both, at a time that is a millisecond later.
  bool turn() {
    clock.advance(Duration::milliseconds(1));
    bool any = false;
    for (auto* host : {&a, &b}) {
      if (!host->exists()) continue;
      if (host->libos().turn(clock.now())) any = true;
      host->collect();
    }
    return any;
  }
  // Takes turns, and rests on the wake-up fds while there is nothing to do, until that is so.
  template <class Condition>
  bool turn_until(Condition condition) {
    for (int i = 0; i < 5000; ++i) {
      if (condition()) return true;
      if (turn()) continue;
      pollfd wakeups[2] = {{one ? one->wakeup_fd() : -1, POLLIN, 0}, {two ? two->wakeup_fd() : -1, POLLIN, 0}};
      ::poll(wakeups, 2, 1);
    }
    return condition();
  }
  std::string finish(const Token& token) {
    turn_until([&] { return !token.pending(); });
    return token.came_to();
  }
  std::string text(const Token& token) {
    finish(token);
    return token.text();
  }
  // Until so many bytes have come, or the end.
  std::string read(HostOf<Catnap>& host, QDesc qd, size_t bytes) {
    std::string all;
    while (all.size() < bytes) {
      const std::string part = text(host.pop(qd));
      if (part.empty() || part[0] == '[') break;
      all += part;
    }
    return all;
  }
  void settle() {
    for (int i = 0; i < 5; ++i) turn();
  }

  static Endpoint here(Family family, uint16_t port = 0) {
    return family == Family::kIPv4 ? localhost(port) : Endpoint::ipv6_loopback(port);
  }
  QDesc listening(HostOf<Catnap>& host, Family family, uint32_t backlog = 64) {
    const QDesc listener = host.stream(family);
    EXPECT_EQ(host.bind(listener, here(family)), Errno::kOk);
    EXPECT_EQ(host.listen(listener, backlog), Errno::kOk);
    return listener;
  }
  struct Connection {
    QDesc client;
    QDesc server;
  };
  // The client at `a`, the server at `b`. Buffers as given, 0: the kernel's choice.
  Connection established(Family family, int64_t send_buffer = 0, int64_t receive_buffer = 0) {
    const QDesc listener = listening(b, family);
    Connection made{a.stream(family), QDesc()};
    if (send_buffer != 0) a.set(made.client, kSolSocket, kSoSndbuf, send_buffer);
    if (receive_buffer != 0) b.set(listener, kSolSocket, kSoRcvbuf, receive_buffer);
    EXPECT_EQ(finish(a.connect(made.client, b.name(listener))), "ok");
    const Token accepting = b.accept(listener);
    EXPECT_EQ(finish(accepting), "ok");
    made.server = accepting.new_queue();
    EXPECT_EQ(b.close(listener).came_to(), "ok");
    return made;
  }
  // The server at `b` accepts a peer that is not of ours.
  QDesc accepted(Family family, RawSocket& peer) {
    const QDesc listener = listening(b, family);
    peer.connect(b.name(listener));
    const Token accepting = b.accept(listener);
    EXPECT_EQ(finish(accepting), "ok");
    b.close(listener);
    return accepting.new_queue();
  }
  // Takes everything that the memory can give; the rooms of the smallest size are the last.
  std::vector<SgArray> exhaust() {
    std::vector<SgArray> taken;
    const auto take = [&](SlabPool& pool) {
      Buffer* buffer = pool.allocate();
      if (buffer == nullptr) return false;
      taken.push_back(memory->make_array());
      taken.back().append_segment(BufferRef::adopt(buffer), 0, 1);
      return true;
    };
    // Before the large ones take all there is.
    take(memory->pool(0));
    for (size_t index = kRoomClasses; index-- > 0;) {
      while (take(memory->pool(index))) continue;
    }
    return taken;
  }

  ManualClock clock;
  std::shared_ptr<Memory> memory;

 private:
  std::vector<double> one_descriptors_ = std::vector<double>(2048);
  std::vector<double> two_descriptors_ = std::vector<double>(2048);

 protected:
  std::unique_ptr<Catnap> one;
  std::unique_ptr<Catnap> two;
  HostOf<Catnap> a{one, memory};
  HostOf<Catnap> b{two, memory};
};

// The same, for both families.
class CatnapFamilies : public CatnapFixture, public testing::WithParamInterface<Family> {
 protected:
  using CatnapFixture::CatnapFixture;
  Family family() const { return GetParam(); }
};
inline std::string family_name(const testing::TestParamInfo<Family>& info) { return info.param == Family::kIPv4 ? "IPv4" : "IPv6"; }

}  // namespace demi
