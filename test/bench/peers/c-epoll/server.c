// Echoes, or drops, what arrives, with epoll: the least that such a server can do. Prints its port; ends when its input does.
//
//   server echo|sink [wait=block|busy|direct] [largest=BYTES]
//
// block sleeps in epoll_wait, busy calls it with no time-out, direct reads the newest connection until something is there and looks at
// the others by epoll now and then.

#include "common.h"

static const int kReadsBetweenEvents = 64;

static char* buffer;
static size_t buffer_bytes;
static int echoes;
static int epoll;
static int newest = -1;

static void end_connection(int fd) {
  if (fd == newest) newest = -1;
  close(fd);
}

// What cannot be sent at once is sent by spinning: an echo of a message that fits the send buffer never has to.
static int send_all(int fd, const char* from, size_t bytes) {
  while (bytes > 0) {
    const ssize_t sent = send(fd, from, bytes, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return -1;
    if (sent < 0) continue;
    from += sent;
    bytes -= (size_t)sent;
  }
  return 0;
}

// 0: there was nothing to read.
static int serve(int fd) {
  const ssize_t got = recv(fd, buffer, buffer_bytes, 0);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got <= 0 || (echoes && send_all(fd, buffer, (size_t)got) != 0)) end_connection(fd);
  return 1;
}

static void accept_all(int listener) {
  for (;;) {
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    newest = fd;
    watch(epoll, fd, EPOLLIN);
  }
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  echoes = is(argv[1], "echo");
  buffer_bytes = (size_t)number_argument(argc, argv, "largest", 256 * 1024);
  buffer = malloc(buffer_bytes);
  const char* wait = argument(argc, argv, "wait", "block");
  const int timeout = is(wait, "block") ? -1 : 0;

  const int listener = connection_socket(SOCK_NONBLOCK);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
  socklen_t length = sizeof(address);
  if (bind(listener, (struct sockaddr*)&address, length) != 0) fail("bind");
  if (listen(listener, 4096) != 0) fail("listen");
  getsockname(listener, (struct sockaddr*)&address, &length);
  epoll = epoll_create1(0);
  watch(epoll, listener, EPOLLIN);
  watch(epoll, STDIN_FILENO, EPOLLIN);
  printf("{\"port\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);

  struct epoll_event events[EVENTS];
  for (;;) {
    if (is(wait, "direct") && newest >= 0) {
      for (int i = 0; i < kReadsBetweenEvents && newest >= 0; ++i) {
        if (serve(newest)) i = 0;
      }
    }
    const int count = epoll_wait(epoll, events, EVENTS, timeout);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == STDIN_FILENO) return 0;
      if (fd == listener) accept_all(listener);
      else serve(fd);
    }
  }
}
