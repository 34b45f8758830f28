// What the C server and the C client share: arguments, clock, sockets, and the histogram of ../../support/histogram.js.
#pragma once

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 512
#define LARGEST_FD 65536

static inline void fail(const char* what) {
  perror(what);
  exit(1);
}

static inline int64_t read_clock(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t now_ns(void) { return read_clock(CLOCK_MONOTONIC); }

// The value of an argument `name=value`.
static inline const char* argument(int argc, char** argv, const char* name, const char* otherwise) {
  const size_t length = strlen(name);
  for (int i = 1; i < argc; ++i) {
    if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=') return argv[i] + length + 1;
  }
  return otherwise;
}

static inline long number_argument(int argc, char** argv, const char* name, long otherwise) {
  const char* text = argument(argc, argv, name, NULL);
  return text == NULL ? otherwise : atol(text);
}

static inline int is(const char* text, const char* other) { return strcmp(text, other) == 0; }

static inline void watch(int epoll, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

static inline int connection_socket(int flags) {
  const int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
  if (fd < 0) fail("socket");
  return fd;
}

// --- histogram: 32 buckets to a power of two, so that a value is known to 3 % ---

#define BUCKETS 1024
static uint32_t histogram[BUCKETS];

static inline int bucket_of(uint32_t ns) {
  if (ns < 32) return (int)ns;
  const int shift = 26 - __builtin_clz(ns);
  return (shift << 5) + (int)(ns >> shift);
}

static inline void print_histogram(void) {
  const char* comma = "";
  printf("[");
  for (int i = 0; i < BUCKETS; ++i) {
    if (histogram[i] == 0) continue;
    printf("%s[%d,%u]", comma, i, histogram[i]);
    comma = ",";
  }
  printf("]");
}
