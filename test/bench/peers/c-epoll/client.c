// The client of a benchmark, in C: it warms up, says {"began":true}, measures, and prints what it found.
//
//   client rtt|rate|connect|bulk port=N ms=N warm=N [bytes=64] [connections=1] [outstanding=1] [wait=block|busy|direct] [addresses=1]
//
// rtt sends a message on each connection whenever the one before has come back; rate has so many of them outstanding on each, and sends as many as have
// come back, by one call; connect makes a new connection for each; bulk sends without waiting for an answer.

#include "common.h"

static const char* workload;
static const char* waiting;
static int port, bytes, connections, addresses, outstanding;
static char* payload;
static char* answer;
static int epoll;
static int64_t sent_at[LARGEST_FD];
static int received[LARGEST_FD];
static size_t offset_of[LARGEST_FD];

static int open_connection(int flags) {
  static int next = 0;
  const int fd = connection_socket(flags);
  if (fd >= LARGEST_FD) exit(1);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(next++ % addresses));
  if (connect(fd, (struct sockaddr*)&to, sizeof(to)) != 0 && errno != EINPROGRESS) fail("connect");
  return fd;
}

static void send_message(int fd) {
  sent_at[fd] = now_ns();
  received[fd] = 0;
  if (send(fd, payload, (size_t)bytes, MSG_NOSIGNAL) != bytes) fail("send");
}

// True when the whole answer is there.
static int receive(int fd) {
  const ssize_t got = recv(fd, answer, (size_t)bytes, 0);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got <= 0) fail("recv");
  return (received[fd] += (int)got) >= bytes;
}

static int wait_for_events(struct epoll_event* events) {
  return epoll_wait(epoll, events, EVENTS, is(waiting, "block") ? -1 : 0);
}

static void ping_pong_direct(void) {
  const int fd = open_connection(0);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  do {
    send_message(fd);
    while (!receive(fd)) continue;
  } while (record(sent_at[fd], now_ns()));
}

static void ping_pong(void) {
  for (int i = 0; i < connections; ++i) {
    const int fd = open_connection(0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    watch(epoll, fd, EPOLLIN);
    send_message(fd);
  }
  struct epoll_event events[EVENTS];
  for (;;) {
    const int count = wait_for_events(events);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (!receive(fd)) continue;
      if (!record(sent_at[fd], now_ns())) return;
      send_message(fd);
    }
  }
}

// When the messages that are outstanding on a connection were sent: a ring, and where the oldest is.
static struct {
  int64_t* sent_at;
  int oldest;
} ring_of[LARGEST_FD];

static void open_ring(int fd) {
  const int64_t now = now_ns();
  ring_of[fd].sent_at = malloc(sizeof(int64_t) * (size_t)outstanding);
  for (int k = 0; k < outstanding; ++k) ring_of[fd].sent_at[k] = now;
}

// Counts the oldest message, whose place the one has that is sent instead; 0 when the time is over.
static int count_oldest(int fd) {
  int64_t* sent = &ring_of[fd].sent_at[ring_of[fd].oldest];
  ring_of[fd].oldest = (ring_of[fd].oldest + 1) % outstanding;
  const int goes = record(*sent, now_ns());
  *sent = now_ns();
  return goes;
}

static void keep_outstanding(void) {
  const size_t largest = (size_t)bytes * (size_t)outstanding;
  for (int i = 0; i < connections; ++i) {
    const int fd = open_connection(0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    watch(epoll, fd, EPOLLIN);
    open_ring(fd);
    if (send(fd, payload, largest, MSG_NOSIGNAL) != (ssize_t)largest) fail("send");
  }
  struct epoll_event events[EVENTS];
  for (;;) {
    const int count = wait_for_events(events);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      const ssize_t got = recv(fd, answer, largest, 0);
      if (got < 0 && errno == EAGAIN) continue;
      if (got <= 0) fail("recv");
      const int whole = (received[fd] + (int)got) / bytes;
      received[fd] = (received[fd] + (int)got) % bytes;
      for (int k = 0; k < whole; ++k) {
        if (!count_oldest(fd)) return;
      }
      if (whole > 0 && send(fd, payload, (size_t)(whole * bytes), MSG_NOSIGNAL) != whole * bytes) fail("send");
    }
  }
}

static void begin_short_connection(void) {
  const int64_t began = now_ns();
  const int fd = open_connection(SOCK_NONBLOCK);
  watch(epoll, fd, EPOLLOUT);
  offset_of[fd] = (size_t)began;
}

static void short_connections(void) {
  for (int i = 0; i < connections; ++i) begin_short_connection();
  struct epoll_event events[EVENTS];
  for (;;) {
    const int count = wait_for_events(events);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if ((events[i].events & EPOLLOUT) != 0) {
        struct epoll_event readable = {.events = EPOLLIN, .data.fd = fd};
        send_message(fd);
        epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &readable);
      } else if (receive(fd)) {
        close(fd);
        if (!record((int64_t)offset_of[fd], now_ns())) return;
        begin_short_connection();
      }
    }
  }
}

static void bulk(void) {
  for (int i = 0; i < connections; ++i) {
    const int fd = open_connection(0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    watch(epoll, fd, EPOLLOUT);
    sent_at[fd] = now_ns();
  }
  struct epoll_event events[EVENTS];
  for (;;) {
    const int count = wait_for_events(events);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      const ssize_t sent = send(fd, payload + offset_of[fd], (size_t)bytes - offset_of[fd], MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) continue;
      if (sent < 0) fail("send");
      load.bytes += (uint64_t)sent;
      offset_of[fd] += (size_t)sent;
      if (offset_of[fd] < (size_t)bytes) continue;
      offset_of[fd] = 0;
      if (!record(sent_at[fd], now_ns())) return;
      sent_at[fd] = now_ns();
    }
  }
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  workload = argv[1];
  waiting = argument(argc, argv, "wait", "block");
  port = (int)number_argument(argc, argv, "port", 0);
  bytes = (int)number_argument(argc, argv, "bytes", 64);
  connections = (int)number_argument(argc, argv, "connections", 1);
  addresses = (int)number_argument(argc, argv, "addresses", 1);
  outstanding = (int)number_argument(argc, argv, "outstanding", 1);
  payload = calloc((size_t)outstanding, (size_t)bytes);
  answer = malloc((size_t)bytes * (size_t)outstanding);
  epoll = epoll_create1(0);
  begin_load(argc, argv);
  if (is(workload, "connect")) {
    short_connections();
  } else if (is(workload, "bulk")) {
    bulk();
  } else if (is(workload, "rate")) {
    keep_outstanding();
  } else if (is(waiting, "direct")) {
    ping_pong_direct();
  } else {
    ping_pong();
  }
  report();
  return 0;
}
