// Talker: an application at one end of a connection of a StackPair, which sends so many bytes, reads as many, and closes its half.
#pragma once

#include <algorithm>
#include <utility>

#include "inet/stack_pair.h"
#include "inet/tcp/known_text.h"

namespace demi {

// One end of a connection that sends `total` bytes and reads as many, then closes.
struct Talker {
  Talker(PairedHost& its_host, SocketHandle its_socket, uint64_t bytes) : host(its_host), socket(its_socket), total(bytes) {}

  void act(Instant now) {
    while (sent < total && write_some(now)) {
    }
    if (sent == total && !std::exchange(is_shut, true)) {
      ASSERT_TRUE(host.stack->tcp_shutdown_send(socket, now).ok());
    }
    for (;;) {
      Result<SgArray> text = host.stack->tcp_receive(socket, UINT64_MAX, now);
      if (!text.ok()) {
        ASSERT_EQ(text.error(), Errno::kEAGAIN);
        return;
      }
      if (text->empty()) {
        ended = true;
        return;
      }
      ASSERT_TRUE(is_text_at(*text, received));
      received += text->bytes();
    }
  }
  bool write_some(Instant now) {
    const uint64_t count = std::min<uint64_t>({total - sent, largest_write, host.stack->tcp_connection(socket)->writable_bytes()});
    if (count == 0) return false;
    SgArray text = text_at(host.memory, sent, count);
    Result<uint64_t> taken = host.stack->tcp_send(socket, text, now);
    EXPECT_TRUE(taken.ok());
    sent += taken.ok() ? *taken : 0;
    return taken.ok() && *taken > 0;
  }
  bool is_done() const { return ended && sent == total && received == total; }

  PairedHost& host;
  SocketHandle socket;
  uint64_t total;
  uint64_t largest_write = 10'000;
  uint64_t sent = 0;
  uint64_t received = 0;
  bool is_shut = false;
  bool ended = false;
};

struct Connected {
  SocketHandle listener;
  SocketHandle client;
  SocketHandle server;
};

inline Connected connect(StackPair& pair) {
  Connected made;
  made.listener = *pair.b.stack->tcp_listen({kAny, 80}, 4);
  made.client = *pair.a.stack->tcp_connect({kAny, 0}, {host(2), 80}, pair.now);
  EXPECT_TRUE(pair.run_until([&] { return pair.b.saw(made.listener, SocketEventKind::kAcceptable); }));
  EXPECT_TRUE(pair.a.saw(made.client, SocketEventKind::kConnected));
  Result<SocketHandle> server = pair.b.stack->tcp_accept(made.listener);
  EXPECT_TRUE(server.ok());
  made.server = *server;
  return made;
}

}  // namespace demi
