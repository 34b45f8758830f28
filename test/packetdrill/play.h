/* What the cases have in common: the stack under test, packets as its peer sends and sees them, and checks. A case plays both the tool's part and that
 * of the peer, as a script of packetdrill does: calls of the stack on one side, literal packets on the other.
 */
#pragma once

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packetdrill_interface.h"

/* --- cases --- */

struct play_case {
  const char *name;
  void (*run)(void);
  const char *flags;       /* for the shared object */
  const char *last_words;  /* not NULL: the process has to fail, and to say this */
};

/* Ends with a case without a name. */
extern const struct play_case tcp_cases[];
extern const struct play_case socket_cases[];
extern const struct play_case thread_cases[];
extern const struct play_case flag_cases[];

/* The stack of the case that runs, and what each call of it takes first. */
extern struct packetdrill_interface stack;
#define CALL(name, ...) stack.name(stack.userdata, __VA_ARGS__)

/* --- checks: the process ends with the first that fails --- */

void check_failed(const char *file, int line, const char *what, long long expected, long long got);

#define EXPECT_EQ(got, expected)                                                      \
  do {                                                                                \
    const long long expected_ = (long long)(expected), got_ = (long long)(got);       \
    if (expected_ != got_) check_failed(__FILE__, __LINE__, #got, expected_, got_);   \
  } while (0)
#define EXPECT(condition) EXPECT_EQ(!!(condition), 1)
/* That a call fails, and why. */
#define EXPECT_ERROR(call, number)   \
  do {                               \
    errno = 0;                       \
    EXPECT_EQ(call, -1);             \
    EXPECT_EQ(errno, number);        \
  } while (0)
/* That two times are the same but for the microseconds that calls take. */
#define EXPECT_TIME(got, expected)                                                                             \
  do {                                                                                                         \
    const long long time_ = (long long)(expected), seen_ = (long long)(got);                                   \
    if (seen_ < time_ - 100 || seen_ > time_ + 100) check_failed(__FILE__, __LINE__, #got, time_, seen_);      \
  } while (0)

/* --- time, in microseconds --- */

long long clock_now(void);
void pass_time(long long microseconds);

/* --- packets --- */

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };
enum { LOCAL_ADDRESS = 0xc0a84d05 /* 192.168.77.5 */, REMOTE_ADDRESS = 0xc0000201 /* 192.0.2.1 */ };
enum { LOCAL_PORT = 8080, REMOTE_PORT = 40000 };

struct packet {
  uint8_t bytes[2048];
  size_t length;
  long long at;
  uint8_t protocol, ttl;
  uint32_t source, destination;
  uint16_t source_port, destination_port;
  uint32_t seq, ack;      /* of TCP, as the following */
  uint8_t flags;
  uint16_t window;
  const uint8_t *options;
  size_t option_bytes;
  const uint8_t *text;    /* of TCP or UDP */
  size_t text_bytes;
};

/* The next packet out of the stack. Its checksums are right, or the case fails. */
void receive_packet(struct packet *out);
uint16_t internet_checksum(const uint8_t *bytes, size_t length, uint32_t start);
/* An IPv4 packet into the stack. */
void inject_ip(uint8_t protocol, uint32_t source, uint32_t destination, const uint8_t *payload, size_t length);
void inject_udp(uint32_t destination, uint16_t source_port, uint16_t destination_port, const char *text);

/* A connection as its peer knows it: numbers in calls count from 0, as in a script. */
struct peer {
  uint32_t local_address;  /* of the stack */
  uint16_t local_port, remote_port;
  uint32_t iss;            /* the peer's own */
  uint32_t irs;            /* the stack's */
  uint16_t window;
  const uint8_t *options;  /* of the segments to come */
  size_t option_bytes;
};

void inject(const struct peer *peer, uint8_t flags, uint32_t seq, uint32_t ack, const void *text, size_t length);
/* The next packet, which has to be this segment. */
void expect(const struct peer *peer, struct packet *out, uint8_t flags, uint32_t seq, uint32_t ack, size_t length);

/* --- usual beginnings --- */

struct sockaddr_in;
struct sockaddr_in address_of(uint32_t address, uint16_t port);
int listening_socket(void);
/* The peer opens a connection, a tenth of a second away: its socket. Segments of 1000 bytes. */
int accepted_socket(struct peer *peer);
/* What poll() says at once. */
short ready_now(int fd);

/* --- a system call that waits, in a thread of its own --- */

struct blocked_call {
  pthread_t thread;
  long long (*run)(void *argument);
  void *argument;
  long long result;
  int error;
  long long ended_at;
  volatile int task;
};

/* Returns when the call sleeps; and when it has ended. */
void begin_call(struct blocked_call *call, long long (*run)(void *), void *argument);
void end_call(struct blocked_call *call);
