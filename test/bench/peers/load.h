// What the compiled clients and servers of the benchmarks share, in C and in C++: arguments, the clock, and the histogram of ../support/histogram.js.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

// --- the measured time of a client ---

static struct {
  int64_t warm_until, began_at, until, cpu_before;
  uint64_t messages, bytes;
} load;

static inline void begin_load(int argc, char** argv) {
  load.warm_until = now_ns() + number_argument(argc, argv, "warm", 100) * 1000000;
  load.until = number_argument(argc, argv, "ms", 500) * 1000000;
}

// Counts a message that took from `began` until `now`; 0 when the time is over.
static inline int record(int64_t began, int64_t now) {
  if (load.began_at == 0) {
    if (now < load.warm_until) return 1;
    load.began_at = now;
    load.until += now;
    load.cpu_before = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    load.messages = load.bytes = 0;
    memset(histogram, 0, sizeof(histogram));
    printf("{\"began\":true}\n");
    fflush(stdout);
    return 1;
  }
  ++load.messages;
  const int64_t took = now - began;
  ++histogram[bucket_of(took > UINT32_MAX ? UINT32_MAX : (uint32_t)took)];
  return now < load.until;
}

static inline void report(void) {
  const int64_t cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID) - load.cpu_before;
  printf("{\"ns\":%lld,\"cpu\":%lld,\"messages\":%llu,\"bytes\":%llu,\"histogram\":", (long long)(now_ns() - load.began_at), (long long)cpu,
         (unsigned long long)load.messages, (unsigned long long)load.bytes);
  print_histogram();
  printf("}\n");
}
