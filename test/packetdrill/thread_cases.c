/* System calls that wait in a second thread while the first one goes on, and time. */
#include <netinet/in.h>

#include "play.h"

struct transfer {
  int fd;
  void *bytes;
  size_t length;
  int flags;
};

static long long do_connect(void *argument) {
  const struct sockaddr_in remote = address_of(REMOTE_ADDRESS, REMOTE_PORT);
  return CALL(connect, *(int *)argument, (const struct sockaddr *)&remote, sizeof(remote));
}

static long long do_recv(void *argument) {
  const struct transfer *transfer = argument;
  return CALL(recv, transfer->fd, transfer->bytes, transfer->length, transfer->flags);
}

static long long do_write(void *argument) {
  const struct transfer *transfer = argument;
  return CALL(write, transfer->fd, transfer->bytes, transfer->length);
}

static long long do_accept(void *argument) { return CALL(accept, *(int *)argument, NULL, NULL); }

static long long do_poll(void *argument) { return CALL(poll, (struct pollfd *)argument, 1, 250); }

static void connect_waits_for_the_syn_ack(void) {
  struct blocked_call call;
  struct packet syn;
  int fd = CALL(socket, AF_INET, SOCK_STREAM, 0);
  const struct sockaddr_in local = address_of(LOCAL_ADDRESS, 0);
  EXPECT_EQ(CALL(bind, fd, (const struct sockaddr *)&local, sizeof(local)), 0);
  begin_call(&call, do_connect, &fd);
  receive_packet(&syn);
  EXPECT_EQ(syn.flags, SYN);
  EXPECT_EQ(syn.source, LOCAL_ADDRESS);
  const struct peer peer = {LOCAL_ADDRESS, syn.source_port, REMOTE_PORT, 77, syn.seq, 10000, NULL, 0};
  pass_time(30000);
  const long long answered = clock_now();
  inject(&peer, SYN | ACK, 0, 1, NULL, 0);
  pass_time(500000);
  end_call(&call);
  EXPECT_EQ(call.result, 0);
  EXPECT_TIME(call.ended_at, answered);
  expect(&peer, NULL, ACK, 1, 1, 0);
}

static void connect_gives_up_by_itself(void) {
  struct blocked_call call;
  struct packet syn;
  int fd = CALL(socket, AF_INET, SOCK_STREAM, 0);
  const long long begun = clock_now();
  begin_call(&call, do_connect, &fd);
  for (int i = 0; i < 7; ++i) {
    receive_packet(&syn);
    EXPECT_EQ(syn.flags, SYN);
    EXPECT_TIME(syn.at, begun + ((1LL << i) - 1) * 1000000);
  }
  /* Six were sent again; after the last the wait is 60 s, the maximum (RFC 6298 2.5). */
  pass_time(100000000);
  end_call(&call);
  EXPECT_EQ(call.result, -1);
  EXPECT_EQ(call.error, ETIMEDOUT);
  EXPECT_TIME(call.ended_at, syn.at + 60000000);
}

static void accept_waits_for_a_connection(void) {
  struct blocked_call call;
  struct packet syn_ack;
  int listener = listening_socket();
  begin_call(&call, do_accept, &listener);
  struct peer peer = {LOCAL_ADDRESS, LOCAL_PORT, REMOTE_PORT, 5000, 0, 10000, NULL, 0};
  inject(&peer, SYN, 0, 0, NULL, 0);
  receive_packet(&syn_ack);
  peer.irs = syn_ack.seq;
  pass_time(20000);
  const long long answered = clock_now();
  inject(&peer, ACK, 1, 1, NULL, 0);
  end_call(&call);
  EXPECT(call.result >= 0);
  EXPECT_TIME(call.ended_at, answered);
  EXPECT_EQ(CALL(write, (int)call.result, "x", 1), 1);
  expect(&peer, NULL, ACK | PSH, 1, 1, 1);
}

static void read_waits_for_text(void) {
  struct blocked_call call;
  struct peer peer;
  char text[10] = "";
  struct transfer transfer = {accepted_socket(&peer), text, sizeof(text), 0};
  begin_call(&call, do_recv, &transfer);
  pass_time(70000);
  const long long sent = clock_now();
  inject(&peer, ACK | PSH, 1, 1, "abc", 3);
  /* However the threads are scheduled, the call has ended now. */
  pass_time(1000);
  end_call(&call);
  EXPECT_EQ(call.result, 3);
  EXPECT_EQ(memcmp(text, "abc", 3), 0);
  EXPECT_TIME(call.ended_at, sent);
}

static void read_waits_for_all(void) {
  struct blocked_call call;
  struct peer peer;
  char text[6] = "";
  struct transfer transfer = {accepted_socket(&peer), text, sizeof(text), MSG_WAITALL};
  begin_call(&call, do_recv, &transfer);
  inject(&peer, ACK | PSH, 1, 1, "abc", 3);
  pass_time(10000);
  const long long sent = clock_now();
  inject(&peer, ACK | PSH, 4, 1, "def", 3);
  pass_time(10000);
  end_call(&call);
  EXPECT_EQ(call.result, 6);
  EXPECT_EQ(memcmp(text, "abcdef", 6), 0);
  EXPECT_TIME(call.ended_at, sent);
}

static void read_ends_with_a_reset(void) {
  struct blocked_call call;
  struct peer peer;
  char text[6] = "";
  struct transfer transfer = {accepted_socket(&peer), text, sizeof(text), 0};
  begin_call(&call, do_recv, &transfer);
  inject(&peer, RST, 1, 0, NULL, 0);
  end_call(&call);
  EXPECT_EQ(call.result, -1);
  EXPECT_EQ(call.error, ECONNRESET);
}

static void read_waits_no_longer_than_it_was_told(void) {
  struct blocked_call call;
  struct peer peer;
  char text[6] = "";
  struct transfer transfer = {accepted_socket(&peer), text, sizeof(text), 0};
  const struct timeval limit = {0, 300000};
  EXPECT_EQ(CALL(setsockopt, transfer.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
  const long long begun = clock_now();
  begin_call(&call, do_recv, &transfer);
  pass_time(1000000);
  end_call(&call);
  EXPECT_EQ(call.result, -1);
  EXPECT_EQ(call.error, EAGAIN);
  EXPECT_TIME(call.ended_at, begun + 300000);
}

/* The send buffer has 20000 bytes: 35000 are in it when 20000 are acknowledged. */
static void write_waits_for_room(void) {
  static char text[35000];
  struct blocked_call call;
  struct peer peer;
  struct transfer transfer = {accepted_socket(&peer), text, sizeof(text), 0};
  begin_call(&call, do_write, &transfer);
  EXPECT_EQ(ready_now(transfer.fd), 0);
  for (int i = 0; i < 10; ++i) expect(&peer, NULL, ACK, (uint32_t)(1 + 1000 * i), 1, 1000);
  inject(&peer, ACK, 1, 10001, NULL, 0);
  pass_time(1000);
  const long long acknowledged = clock_now();
  for (int i = 10; i < 20; ++i) expect(&peer, NULL, i < 19 ? ACK : ACK | PSH, (uint32_t)(1 + 1000 * i), 1, 1000);
  inject(&peer, ACK, 1, 20001, NULL, 0);
  end_call(&call);
  EXPECT_EQ(call.result, sizeof(text));
  EXPECT_TIME(call.ended_at, acknowledged);
}

static void poll_waits_for_one_of_two_things(void) {
  struct blocked_call call;
  struct peer peer;
  struct pollfd entry = {accepted_socket(&peer), POLLIN, 0};
  long long begun = clock_now();
  begin_call(&call, do_poll, &entry);
  pass_time(600000);
  end_call(&call);
  EXPECT_EQ(call.result, 0);
  EXPECT_TIME(call.ended_at, begun + 250000);
  begin_call(&call, do_poll, &entry);
  pass_time(100000);
  begun = clock_now();
  inject(&peer, ACK | PSH, 1, 1, "x", 1);
  pass_time(600000);
  end_call(&call);
  EXPECT_EQ(call.result, 1);
  EXPECT_EQ(entry.revents, POLLIN);
  EXPECT_TIME(call.ended_at, begun);
}

static void looking_at_the_clock_moves_it(void) {
  for (int i = 0; i < 1000; ++i) {
    const long long before = clock_now();
    const long long after = clock_now();
    EXPECT(after >= before + 1);
    EXPECT(after <= before + 10);
  }
  long long before = clock_now();
  pass_time(0);
  EXPECT(clock_now() > before);
  before = clock_now();
  pass_time(600000000);
  EXPECT_TIME(clock_now(), before + 600000000);
}

static void a_wait_in_the_first_thread_passes_time(void) {
  struct peer peer;
  struct pollfd entry = {accepted_socket(&peer), POLLIN, 0};
  const long long begun = clock_now();
  EXPECT_EQ(CALL(poll, &entry, 1, 50), 0);
  EXPECT_TIME(clock_now(), begun + 50000);
  /* A wait that says how long it is may be longer than the deadline. */
  EXPECT_EQ(CALL(poll, &entry, 1, 60000), 0);
  EXPECT_TIME(clock_now(), begun + 60050000);
}

const struct play_case thread_cases[] = {
    {"connect() waits for the SYN-ACK", connect_waits_for_the_syn_ack, NULL, NULL},
    {"connect() gives up by itself", connect_gives_up_by_itself, "deadline=60", NULL},
    {"accept() waits for a connection", accept_waits_for_a_connection, NULL, NULL},
    {"recv() waits for text", read_waits_for_text, NULL, NULL},
    {"recv() with MSG_WAITALL waits for all", read_waits_for_all, NULL, NULL},
    {"recv() ends with a reset", read_ends_with_a_reset, NULL, NULL},
    {"recv() waits no longer than SO_RCVTIMEO", read_waits_no_longer_than_it_was_told, NULL, NULL},
    {"write() waits for room", write_waits_for_room, "sndbuf=20000", NULL},
    {"poll() waits for an event or its time", poll_waits_for_one_of_two_things, NULL, NULL},
    {"looking at the clock moves it", looking_at_the_clock_moves_it, NULL, NULL},
    {"a wait in the first thread passes time", a_wait_in_the_first_thread_passes_time, NULL, NULL},
    {NULL, NULL, NULL, NULL},
};
