// What the C server and the C client share: sockets. The rest is in ../load.h.
#pragma once

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../load.h"

#define EVENTS 512
#define LARGEST_FD 65536

static inline void watch(int epoll, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

static inline int connection_socket(int flags) {
  const int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
  if (fd < 0) fail("socket");
  return fd;
}
