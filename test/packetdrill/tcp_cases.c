/* Connections: how they open, carry text, lose it, and close. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <linux/sockios.h>

#include "play.h"

static void write_text(int fd, size_t length) {
  static const char text[10000];
  EXPECT(length <= sizeof(text));
  EXPECT_EQ(CALL(write, fd, text, length), length);
}

static void passive_open_and_passive_close(void) {
  struct peer peer;
  struct packet packet;
  char text[100];
  const int fd = accepted_socket(&peer);
  inject(&peer, ACK | PSH, 1, 1, "question", 8);
  EXPECT_EQ(CALL(read, fd, text, sizeof(text)), 8);
  EXPECT_EQ(memcmp(text, "question", 8), 0);
  EXPECT_EQ(CALL(write, fd, "answer", 6), 6);
  expect(&peer, &packet, ACK | PSH, 1, 9, 6);
  EXPECT_EQ(memcmp(packet.text, "answer", 6), 0);
  inject(&peer, ACK | FIN, 9, 7, NULL, 0);
  expect(&peer, NULL, ACK, 7, 10, 0);
  EXPECT_EQ(CALL(read, fd, text, sizeof(text)), 0);
  EXPECT_EQ(CALL(close, fd), 0);
  expect(&peer, NULL, ACK | FIN, 7, 10, 0);
  inject(&peer, ACK, 10, 8, NULL, 0);
  /* Nobody is there any more. */
  inject(&peer, ACK, 10, 8, NULL, 0);
  expect(&peer, NULL, RST, 8, 0, 0);
}

static void active_close(void) {
  struct peer peer;
  const int fd = accepted_socket(&peer);
  write_text(fd, 10);
  expect(&peer, NULL, ACK | PSH, 1, 1, 10);
  EXPECT_EQ(CALL(close, fd), 0);
  expect(&peer, NULL, ACK | FIN, 11, 1, 0);
  inject(&peer, ACK, 1, 12, NULL, 0);
  inject(&peer, ACK | FIN, 1, 12, NULL, 0);
  expect(&peer, NULL, ACK, 12, 2, 0);
  EXPECT_ERROR(CALL(read, fd, NULL, 0), EBADF);
}

static void half_close(void) {
  struct peer peer;
  char text[10];
  const int fd = accepted_socket(&peer);
  EXPECT_EQ(CALL(shutdown, fd, SHUT_WR), 0);
  expect(&peer, NULL, ACK | FIN, 1, 1, 0);
  EXPECT_ERROR(CALL(write, fd, "x", 1), EPIPE);
  inject(&peer, ACK | PSH, 1, 2, "late", 4);
  EXPECT_EQ(CALL(read, fd, text, sizeof(text)), 4);
  EXPECT_EQ(CALL(shutdown, fd, SHUT_RD), 0);
  EXPECT_EQ(CALL(read, fd, text, sizeof(text)), 0);
  EXPECT_ERROR(CALL(shutdown, fd, 7), EINVAL);
}

/* An end that nobody waits for in a thread: without O_NONBLOCK the call would wait for a SYN-ACK. */
static int begin_nonblocking_connect(struct peer *peer) {
  const struct sockaddr_in remote = address_of(REMOTE_ADDRESS, REMOTE_PORT);
  const int fd = CALL(socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  EXPECT_ERROR(CALL(connect, fd, (const struct sockaddr *)&remote, sizeof(remote)), EINPROGRESS);
  EXPECT_ERROR(CALL(connect, fd, (const struct sockaddr *)&remote, sizeof(remote)), EALREADY);
  struct packet syn;
  receive_packet(&syn);
  EXPECT_EQ(syn.flags, SYN);
  EXPECT_EQ(syn.destination, REMOTE_ADDRESS);
  EXPECT_EQ(syn.source >> 16, 0xc0a8);
  EXPECT_EQ(ready_now(fd), 0);
  const struct peer fresh = {syn.source, syn.source_port, REMOTE_PORT, 900, syn.seq, 20000, NULL, 0};
  *peer = fresh;
  return fd;
}

static void active_open_without_waiting(void) {
  struct peer peer;
  const int fd = begin_nonblocking_connect(&peer);
  const struct sockaddr_in remote = address_of(REMOTE_ADDRESS, REMOTE_PORT);
  int error = -1;
  socklen_t length = sizeof(error);
  EXPECT_ERROR(CALL(write, fd, "x", 1), EAGAIN);
  EXPECT_ERROR(CALL(read, fd, &error, 1), EAGAIN);
  inject(&peer, SYN | ACK, 0, 1, NULL, 0);
  expect(&peer, NULL, ACK, 1, 1, 0);
  EXPECT_EQ(ready_now(fd), POLLOUT);
  EXPECT_EQ(CALL(getsockopt, fd, SOL_SOCKET, SO_ERROR, &error, &length), 0);
  EXPECT_EQ(error, 0);
  EXPECT_EQ(CALL(connect, fd, (const struct sockaddr *)&remote, sizeof(remote)), 0);
  EXPECT_ERROR(CALL(connect, fd, (const struct sockaddr *)&remote, sizeof(remote)), EISCONN);
  EXPECT_ERROR(CALL(read, fd, &error, 1), EAGAIN);
  EXPECT_EQ(CALL(write, fd, "x", 1), 1);
  expect(&peer, NULL, ACK | PSH, 1, 1, 1);
}

static void active_open_that_is_refused(void) {
  struct peer peer;
  const int fd = begin_nonblocking_connect(&peer);
  int error = -1;
  socklen_t length = sizeof(error);
  inject(&peer, RST | ACK, 0, 1, NULL, 0);
  EXPECT_EQ(ready_now(fd), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
  EXPECT_EQ(CALL(getsockopt, fd, SOL_SOCKET, SO_ERROR, &error, &length), 0);
  EXPECT_EQ(error, ECONNREFUSED);
  EXPECT_EQ(CALL(getsockopt, fd, SOL_SOCKET, SO_ERROR, &error, &length), 0);
  EXPECT_EQ(error, 0);
  /* The socket may try again. */
  const struct sockaddr_in remote = address_of(REMOTE_ADDRESS, REMOTE_PORT);
  EXPECT_ERROR(CALL(connect, fd, (const struct sockaddr *)&remote, sizeof(remote)), ECONNABORTED);
  EXPECT_ERROR(CALL(connect, fd, (const struct sockaddr *)&remote, sizeof(remote)), EINPROGRESS);
}

static void reset_by_peer(void) {
  struct peer peer;
  char text[10];
  const int fd = accepted_socket(&peer);
  inject(&peer, RST, 1, 0, NULL, 0);
  EXPECT_EQ(ready_now(fd), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
  EXPECT_ERROR(CALL(read, fd, text, sizeof(text)), ECONNRESET);
  EXPECT_EQ(CALL(read, fd, text, sizeof(text)), 0);
  EXPECT_ERROR(CALL(write, fd, "x", 1), EPIPE);
  EXPECT_ERROR(CALL(shutdown, fd, SHUT_WR), ENOTCONN);
  EXPECT_EQ(CALL(close, fd), 0);
}

/* SRTT is 100 ms and RTTVAR 50 ms: RTO is 300 ms, and doubles (RFC 6298 2.2, 5.5). */
static void retransmission(void) {
  struct peer peer;
  struct packet first, again;
  const int fd = accepted_socket(&peer);
  const long long written = clock_now();
  write_text(fd, 10);
  expect(&peer, &first, ACK | PSH, 1, 1, 10);
  EXPECT_TIME(first.at, written);
  expect(&peer, &again, ACK | PSH, 1, 1, 10);
  EXPECT_TIME(again.at, first.at + 300000);
  EXPECT_TIME(clock_now(), again.at);
  expect(&peer, &again, ACK | PSH, 1, 1, 10);
  EXPECT_TIME(again.at, first.at + 900000);
  inject(&peer, ACK, 1, 11, NULL, 0);
  write_text(fd, 5);
  expect(&peer, &again, ACK | PSH, 11, 1, 5);
  EXPECT_TIME(again.at, first.at + 900000);
}

/* What a timer sends while the tool sleeps has left when the timer said. */
static void retransmission_while_the_tool_sleeps(void) {
  struct peer peer;
  struct packet packet;
  const int fd = accepted_socket(&peer);
  const long long written = clock_now();
  write_text(fd, 10);
  pass_time(1000000);
  EXPECT_TIME(clock_now(), written + 1000000);
  expect(&peer, &packet, ACK | PSH, 1, 1, 10);
  EXPECT_TIME(packet.at, written);
  expect(&peer, &packet, ACK | PSH, 1, 1, 10);
  EXPECT_TIME(packet.at, written + 300000);
  expect(&peer, &packet, ACK | PSH, 1, 1, 10);
  EXPECT_TIME(packet.at, written + 900000);
}

static void delayed_ack(void) {
  struct peer peer;
  struct packet packet;
  accepted_socket(&peer);
  const long long sent = clock_now();
  inject(&peer, ACK | PSH, 1, 1, "text", 4);
  expect(&peer, &packet, ACK, 1, 5, 0);
  EXPECT_TIME(packet.at, sent + 40000);
}

static void keepalive(void) {
  struct peer peer;
  struct packet packet;
  const int fd = accepted_socket(&peer);
  const int on = 1, idle = 5, interval = 2;
  EXPECT_EQ(CALL(setsockopt, fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle)), 0);
  EXPECT_EQ(CALL(setsockopt, fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval)), 0);
  EXPECT_EQ(CALL(setsockopt, fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)), 0);
  const long long armed = clock_now();
  expect(&peer, &packet, ACK, 0, 1, 0);
  EXPECT_TIME(packet.at, armed + 5000000);
  expect(&peer, &packet, ACK, 0, 1, 0);
  EXPECT_TIME(packet.at, armed + 7000000);
}

static struct tcp_info info_of(int fd) {
  struct tcp_info info;
  socklen_t length = sizeof(info);
  EXPECT_EQ(CALL(getsockopt, fd, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
  EXPECT_EQ(length, sizeof(info));
  return info;
}

static void what_tcp_info_tells(void) {
  struct peer peer;
  const int listener = listening_socket();
  EXPECT_EQ(info_of(listener).tcpi_state, 10);
  EXPECT_EQ(CALL(close, listener), 0);
  const int fd = accepted_socket(&peer);
  struct tcp_info info = info_of(fd);
  EXPECT_EQ(info.tcpi_state, 1);
  EXPECT_EQ(info.tcpi_ca_state, 0);
  EXPECT_EQ(info.tcpi_options, 0);
  EXPECT_EQ(info.tcpi_snd_mss, 1000);
  EXPECT_EQ(info.tcpi_advmss, 1460);
  EXPECT_EQ(info.tcpi_pmtu, 1500);
  EXPECT_TIME(info.tcpi_rtt, 100000);
  EXPECT_TIME(info.tcpi_rttvar, 50000);
  EXPECT_TIME(info.tcpi_rto, 300000);
  EXPECT_EQ(info.tcpi_ato, 40000);
  EXPECT_EQ(info.tcpi_snd_cwnd, 10);
  EXPECT_EQ(info.tcpi_snd_ssthresh, 0x7fffffff);
  EXPECT_EQ(info.tcpi_unacked, 0);
  write_text(fd, 3000);
  info = info_of(fd);
  EXPECT_EQ(info.tcpi_unacked, 3);
  EXPECT_EQ(info.tcpi_bytes_sent, 3000);
  for (int i = 0; i < 3; ++i) receive_packet(&(struct packet){0});
  /* The timer expires: the window is one segment, and the first leaves again. Of the others F-RTO does not say yet that they are lost. */
  receive_packet(&(struct packet){0});
  info = info_of(fd);
  EXPECT_EQ(info.tcpi_ca_state, 4);
  EXPECT_EQ(info.tcpi_retransmits, 1);
  EXPECT_EQ(info.tcpi_snd_cwnd, 1);
  EXPECT_EQ(info.tcpi_total_retrans, 1);
  EXPECT_EQ(info.tcpi_retrans, 1);
  EXPECT_EQ(info.tcpi_lost, 1);
  /* Cut off at what the caller has room for, as the kernel does it. */
  uint8_t state[2] = {0, 0x55};
  socklen_t length = 1;
  EXPECT_EQ(CALL(getsockopt, fd, IPPROTO_TCP, TCP_INFO, state, &length), 0);
  EXPECT_EQ(state[0], 1);
  EXPECT_EQ(state[1], 0x55);
}

static void linger_of_zero(void) {
  struct peer peer;
  const int fd = accepted_socket(&peer);
  const struct linger abrupt = {1, 0};
  EXPECT_EQ(CALL(setsockopt, fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof(abrupt)), 0);
  EXPECT_EQ(CALL(close, fd), 0);
  expect(&peer, NULL, RST | ACK, 1, 1, 0);
}

/* Nobody acknowledges: close() returns when its time is over. */
static void linger_for_a_time(void) {
  struct peer peer;
  struct packet packet;
  const int fd = accepted_socket(&peer);
  const struct linger patient = {1, 2};
  EXPECT_EQ(CALL(setsockopt, fd, SOL_SOCKET, SO_LINGER, &patient, sizeof(patient)), 0);
  const long long begun = clock_now();
  EXPECT_EQ(CALL(close, fd), 0);
  EXPECT_TIME(clock_now(), begun + 2000000);
  expect(&peer, &packet, ACK | FIN, 1, 1, 0);
  EXPECT_TIME(packet.at, begun);
}

static void looking_without_taking(void) {
  struct peer peer;
  char text[10] = "";
  int count = -1;
  const int fd = accepted_socket(&peer);
  EXPECT_ERROR(CALL(recv, fd, text, sizeof(text), MSG_DONTWAIT), EAGAIN);
  inject(&peer, ACK | PSH, 1, 1, "abcdef", 6);
  EXPECT_EQ(ready_now(fd), POLLIN | POLLOUT);
  EXPECT_EQ(CALL(ioctl, fd, SIOCINQ, &count), 0);
  EXPECT_EQ(count, 6);
  EXPECT_EQ(CALL(recv, fd, text, 3, MSG_PEEK), 3);
  EXPECT_EQ(memcmp(text, "abc", 3), 0);
  EXPECT_EQ(CALL(recv, fd, text, 2, MSG_TRUNC), 2);
  struct iovec pieces[2] = {{text, 1}, {text + 5, 5}};
  struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2, .msg_flags = -1};
  EXPECT_EQ(CALL(recvmsg, fd, &message, 0), 4);
  EXPECT_EQ(text[0], 'c');
  EXPECT_EQ(memcmp(text + 5, "def", 3), 0);
  EXPECT_EQ(message.msg_flags, 0);
  EXPECT_ERROR(CALL(recv, fd, text, 1, MSG_OOB), EINVAL);
  EXPECT_ERROR(CALL(send, fd, text, 1, MSG_OOB), EOPNOTSUPP);
}

static void what_waits_to_be_acknowledged(void) {
  struct peer peer;
  int count = -1;
  const int fd = accepted_socket(&peer);
  struct iovec pieces[2] = {{"abc", 3}, {"de", 2}};
  const struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
  EXPECT_EQ(CALL(sendmsg, fd, &message, 0), 5);
  EXPECT_EQ(CALL(writev, fd, pieces, 2), 5);
  struct packet packet;
  expect(&peer, &packet, ACK | PSH, 1, 1, 5);
  EXPECT_EQ(memcmp(packet.text, "abcde", 5), 0);
  EXPECT_EQ(CALL(ioctl, fd, SIOCOUTQ, &count), 0);
  EXPECT_EQ(count, 10);
  EXPECT_EQ(CALL(ioctl, fd, SIOCOUTQNSD, &count), 0);
  EXPECT_EQ(count, 5); /* Nagle: a small segment waits for the ACK of the one before it */
  inject(&peer, ACK, 1, 6, NULL, 0);
  expect(&peer, NULL, ACK | PSH, 6, 1, 5);
  inject(&peer, ACK, 1, 11, NULL, 0);
  EXPECT_EQ(CALL(ioctl, fd, SIOCOUTQ, &count), 0);
  EXPECT_EQ(count, 0);
}

const struct play_case tcp_cases[] = {
    {"a passive open, text both ways, and a passive close", passive_open_and_passive_close, NULL, NULL},
    {"an active close", active_close, NULL, NULL},
    {"a half-closed connection", half_close, NULL, NULL},
    {"an active open without waiting", active_open_without_waiting, NULL, NULL},
    {"an active open that is refused", active_open_that_is_refused, NULL, NULL},
    {"a reset by the peer", reset_by_peer, NULL, NULL},
    {"a retransmission leaves when its timer says", retransmission, NULL, NULL},
    {"a retransmission while the tool sleeps", retransmission_while_the_tool_sleeps, NULL, NULL},
    {"a delayed ACK", delayed_ack, NULL, NULL},
    {"keepalive probes", keepalive, NULL, NULL},
    {"what TCP_INFO tells", what_tcp_info_tells, NULL, NULL},
    {"a close with a linger time of zero", linger_of_zero, NULL, NULL},
    {"a close that lingers in vain", linger_for_a_time, NULL, NULL},
    {"text is looked at, thrown away, and read in pieces", looking_without_taking, NULL, NULL},
    {"what waits to be acknowledged is counted", what_waits_to_be_acknowledged, NULL, NULL},
    {NULL, NULL, NULL, NULL},
};
