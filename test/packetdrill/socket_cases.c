/* Sockets of UDP, options, descriptors, pipes, and waiting for several files. */
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include "play.h"

/* --- UDP --- */

static int udp_socket(uint32_t address, uint16_t port) {
  const int fd = CALL(socket, AF_INET, SOCK_DGRAM, 0);
  EXPECT(fd >= 0);
  const struct sockaddr_in local = address_of(address, port);
  EXPECT_EQ(CALL(bind, fd, (const struct sockaddr *)&local, sizeof(local)), 0);
  return fd;
}

static void expect_datagram(uint16_t source_port, uint16_t destination_port, const char *text) {
  struct packet packet;
  receive_packet(&packet);
  EXPECT_EQ(packet.protocol, IPPROTO_UDP);
  EXPECT_EQ(packet.source, LOCAL_ADDRESS);
  EXPECT_EQ(packet.destination, REMOTE_ADDRESS);
  EXPECT_EQ(packet.source_port, source_port);
  EXPECT_EQ(packet.destination_port, destination_port);
  EXPECT_EQ(packet.text_bytes, strlen(text));
  EXPECT_EQ(memcmp(packet.text, text, strlen(text)), 0);
}

static void datagrams_both_ways(void) {
  char text[20] = "";
  int count = -1;
  struct sockaddr_in from;
  socklen_t length = sizeof(from);
  const int fd = udp_socket(LOCAL_ADDRESS, 53);
  EXPECT_EQ(ready_now(fd), POLLOUT);
  EXPECT_ERROR(CALL(recv, fd, text, sizeof(text), MSG_DONTWAIT), EAGAIN);
  inject_udp(LOCAL_ADDRESS, 7000, 53, "question");
  inject_udp(LOCAL_ADDRESS, 7001, 53, "another");
  EXPECT_EQ(ready_now(fd), POLLIN | POLLOUT);
  EXPECT_EQ(CALL(ioctl, fd, FIONREAD, &count), 0);
  EXPECT_EQ(count, 8);
  EXPECT_EQ(CALL(recv, fd, text, sizeof(text), MSG_PEEK), 8);
  EXPECT_EQ(CALL(recvfrom, fd, text, 5, MSG_TRUNC, (struct sockaddr *)&from, &length), 8);
  EXPECT_EQ(memcmp(text, "quest", 5), 0);
  EXPECT_EQ(length, sizeof(from));
  EXPECT_EQ(from.sin_port, htons(7000));
  EXPECT_EQ(from.sin_addr.s_addr, htonl(REMOTE_ADDRESS));
  struct iovec piece = {text, 3};
  struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &piece, .msg_iovlen = 1};
  EXPECT_EQ(CALL(recvmsg, fd, &message, 0), 3);
  EXPECT_EQ(message.msg_flags, MSG_TRUNC);
  EXPECT_EQ(from.sin_port, htons(7001));
  EXPECT_EQ(CALL(sendto, fd, "answer", 6, 0, (const struct sockaddr *)&from, sizeof(from)), 6);
  expect_datagram(53, 7001, "answer");
  EXPECT_ERROR(CALL(write, fd, "x", 1), EDESTADDRREQ);
  EXPECT_ERROR(CALL(listen, fd, 1), EOPNOTSUPP);
}

static void connected_datagrams(void) {
  char text[20] = "";
  struct packet packet;
  const int fd = udp_socket(INADDR_ANY, 53);
  /* The address is that of the first packet, which is for nobody: the answer says so. */
  inject_udp(LOCAL_ADDRESS, 7000, 54, "x");
  receive_packet(&packet);
  EXPECT_EQ(packet.protocol, IPPROTO_ICMP);
  EXPECT_EQ(packet.bytes[20], 3);
  EXPECT_EQ(packet.bytes[21], 3);
  const struct sockaddr_in remote = address_of(REMOTE_ADDRESS, 7000);
  EXPECT_EQ(CALL(connect, fd, (const struct sockaddr *)&remote, sizeof(remote)), 0);
  inject_udp(LOCAL_ADDRESS, 7001, 53, "stranger");
  receive_packet(&packet);
  EXPECT_EQ(packet.protocol, IPPROTO_ICMP);
  inject_udp(LOCAL_ADDRESS, 7000, 53, "peer");
  EXPECT_EQ(CALL(read, fd, text, sizeof(text)), 4);
  EXPECT_EQ(CALL(send, fd, "hello", 5, 0), 5);
  receive_packet(&packet);
  /* The port of the peer is unreachable. */
  uint8_t icmp[8 + 28] = {3, 3};
  memcpy(icmp + 8, packet.bytes, 28);
  const uint16_t sum = internet_checksum(icmp, sizeof(icmp), 0);
  icmp[2] = (uint8_t)(sum >> 8), icmp[3] = (uint8_t)sum;
  inject_ip(IPPROTO_ICMP, REMOTE_ADDRESS, LOCAL_ADDRESS, icmp, sizeof(icmp));
  EXPECT_EQ(ready_now(fd), POLLOUT | POLLERR);
  EXPECT_ERROR(CALL(read, fd, text, sizeof(text)), ECONNREFUSED);
  EXPECT_ERROR(CALL(recv, fd, text, sizeof(text), MSG_DONTWAIT), EAGAIN);
  EXPECT_EQ(CALL(shutdown, fd, SHUT_WR), 0);
  EXPECT_ERROR(CALL(send, fd, "x", 1, 0), EPIPE);
  EXPECT_EQ(CALL(close, fd), 0);
}

/* --- addresses --- */

static void a_listener_of_all_addresses_learns_its_own(void) {
  const int listener = CALL(socket, AF_INET, SOCK_STREAM, 0);
  const struct sockaddr_in local = address_of(INADDR_ANY, LOCAL_PORT);
  struct sockaddr_in remote;
  socklen_t length = sizeof(remote);
  EXPECT_EQ(CALL(bind, listener, (const struct sockaddr *)&local, sizeof(local)), 0);
  EXPECT_EQ(CALL(listen, listener, 5), 0);
  EXPECT_EQ(ready_now(listener), 0);
  struct peer peer = {0xc0a80909, LOCAL_PORT, REMOTE_PORT, 1, 0, 1000, NULL, 0};
  inject(&peer, SYN, 0, 0, NULL, 0);
  struct packet syn_ack;
  receive_packet(&syn_ack);
  EXPECT_EQ(syn_ack.source, peer.local_address);
  peer.irs = syn_ack.seq;
  inject(&peer, ACK, 1, 1, NULL, 0);
  EXPECT_EQ(ready_now(listener), POLLIN);
  EXPECT(CALL(accept, listener, (struct sockaddr *)&remote, &length) >= 0);
  EXPECT_EQ(remote.sin_port, htons(REMOTE_PORT));
}

static void what_cannot_be_bound(void) {
  const int first = listening_socket();
  const int second = CALL(socket, AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in local = address_of(LOCAL_ADDRESS, LOCAL_PORT);
  EXPECT_ERROR(CALL(bind, second, (const struct sockaddr *)&local, sizeof(local)), EADDRINUSE);
  local = address_of(LOCAL_ADDRESS + 1, 1);
  EXPECT_ERROR(CALL(bind, second, (const struct sockaddr *)&local, sizeof(local)), EADDRNOTAVAIL);
  EXPECT_ERROR(CALL(bind, second, (const struct sockaddr *)&local, 3), EINVAL);
  local.sin_family = AF_INET6;
  EXPECT_ERROR(CALL(bind, second, (const struct sockaddr *)&local, sizeof(local)), EAFNOSUPPORT);
  EXPECT_ERROR(CALL(bind, first, (const struct sockaddr *)&local, sizeof(local)), EINVAL);
  EXPECT_ERROR(CALL(socket, AF_INET6, SOCK_STREAM, 0), EAFNOSUPPORT);
  EXPECT_ERROR(CALL(socket, AF_INET, SOCK_RAW, 0), ESOCKTNOSUPPORT);
  EXPECT_ERROR(CALL(socket, AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
}

/* --- options --- */

static int int_option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof(value);
  EXPECT_EQ(CALL(getsockopt, fd, level, name, &value, &length), 0);
  EXPECT_EQ(length, sizeof(value));
  return value;
}

static void set_int_option(int fd, int level, int name, int value) {
  EXPECT_EQ(CALL(setsockopt, fd, level, name, &value, sizeof(value)), 0);
}

static void options_are_kept(void) {
  const struct {
    int level, name, standard, chosen, told;
  } all[] = {
      {IPPROTO_TCP, TCP_NODELAY, 0, 1, 1},      {IPPROTO_TCP, TCP_MAXSEG, 536, 900, 900},         {IPPROTO_TCP, TCP_KEEPIDLE, 7200, 9, 9},
      {IPPROTO_TCP, TCP_KEEPINTVL, 75, 8, 8},   {IPPROTO_TCP, TCP_KEEPCNT, 9, 3, 3},              {IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 5000, 5000},
      {SOL_SOCKET, SO_KEEPALIVE, 0, 1, 1},      {SOL_SOCKET, SO_REUSEADDR, 0, 1, 1},              {SOL_SOCKET, SO_RCVBUF, 262144, 40000, 80000},
      {SOL_SOCKET, SO_SNDBUF, 2097152, 30000, 60000},
  };
  const int fd = CALL(socket, AF_INET, SOCK_STREAM, 0);
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); ++i) {
    EXPECT_EQ(int_option(fd, all[i].level, all[i].name), all[i].standard);
    set_int_option(fd, all[i].level, all[i].name, all[i].chosen);
    EXPECT_EQ(int_option(fd, all[i].level, all[i].name), all[i].told);
  }
  char name[16] = "";
  socklen_t length = sizeof(name);
  EXPECT_EQ(CALL(getsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, name, &length), 0);
  EXPECT_EQ(strcmp(name, "cubic"), 0);
  EXPECT_EQ(CALL(setsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
  EXPECT_ERROR(CALL(setsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, "vegas", 5), ENOENT);
  EXPECT_EQ(CALL(getsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, name, &length), 0);
  EXPECT_EQ(strcmp(name, "reno"), 0);
  EXPECT_EQ(int_option(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
  EXPECT_EQ(int_option(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
  EXPECT_EQ(int_option(fd, IPPROTO_IP, IP_TTL), 64);
}

static void options_that_are_refused(void) {
  const int fd = CALL(socket, AF_INET, SOCK_STREAM, 0);
  const int number = 1, negative = -1, large = 100000;
  int value;
  socklen_t length = sizeof(value);
  EXPECT_ERROR(CALL(setsockopt, fd, IPPROTO_TCP, TCP_QUICKACK, &number, sizeof(number)), ENOPROTOOPT);
  EXPECT_ERROR(CALL(getsockopt, fd, IPPROTO_TCP, 9999, &value, &length), ENOPROTOOPT);
  EXPECT_ERROR(CALL(setsockopt, fd, SOL_SOCKET, 9999, &number, sizeof(number)), ENOPROTOOPT);
  EXPECT_ERROR(CALL(setsockopt, fd, IPPROTO_IP, IP_TOS, &number, sizeof(number)), ENOPROTOOPT);
  EXPECT_ERROR(CALL(setsockopt, fd, IPPROTO_TCP, TCP_NODELAY, &number, 1), EINVAL);
  EXPECT_ERROR(CALL(setsockopt, fd, IPPROTO_TCP, TCP_MAXSEG, &large, sizeof(large)), EINVAL);
  EXPECT_ERROR(CALL(setsockopt, fd, IPPROTO_TCP, TCP_KEEPCNT, &large, sizeof(large)), EINVAL);
  EXPECT_ERROR(CALL(setsockopt, fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &negative, sizeof(negative)), EINVAL);
}

/* What a listener was told holds for what it accepts. */
static void options_go_over_to_accepted_sockets(void) {
  const int listener = listening_socket();
  struct packet packet;
  set_int_option(listener, IPPROTO_TCP, TCP_NODELAY, 1);
  struct peer peer = {LOCAL_ADDRESS, LOCAL_PORT, REMOTE_PORT, 1, 0, 10000, NULL, 0};
  inject(&peer, SYN, 0, 0, NULL, 0);
  receive_packet(&packet);
  peer.irs = packet.seq;
  inject(&peer, ACK, 1, 1, NULL, 0);
  const int fd = CALL(accept, listener, NULL, NULL);
  EXPECT_EQ(int_option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(CALL(write, fd, "a", 1), 1);
  EXPECT_EQ(CALL(write, fd, "b", 1), 1);
  expect(&peer, NULL, ACK | PSH, 1, 1, 1);
  expect(&peer, NULL, ACK | PSH, 2, 1, 1);
}

/* --- descriptors --- */

static void calls_without_waiting(void) {
  const int fd = listening_socket();
  EXPECT_EQ(CALL(fcntl, fd, F_GETFL), O_RDWR);
  EXPECT_EQ(CALL(fcntl, fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
  EXPECT_EQ(CALL(fcntl, fd, F_GETFL), O_RDWR | O_NONBLOCK);
  EXPECT_ERROR(CALL(accept, fd, NULL, NULL), EAGAIN);
  EXPECT_ERROR(CALL(fcntl, fd, 9999), EINVAL);
  EXPECT_ERROR(CALL(ioctl, fd, 0x9999UL, &(int){0}), ENOTTY);
  EXPECT_ERROR(CALL(read, fd, &(char){0}, 1), ENOTCONN);
  EXPECT_ERROR(CALL(write, fd, "x", 1), EPIPE);
  EXPECT_ERROR(CALL(close, 77), EBADF);
  EXPECT_ERROR(CALL(accept, -1, NULL, NULL), EBADF);
  struct pollfd entries[2] = {{fd, POLLIN, 0}, {77, POLLIN, 0}};
  EXPECT_EQ(CALL(poll, entries, 2, 1000), 1);
  EXPECT_EQ(entries[1].revents, POLLNVAL);
  EXPECT_EQ(CALL(close, fd), 0);
  EXPECT_ERROR(CALL(close, fd), EBADF);
}

/* --- epoll --- */

static void epoll_tells_what_is_ready(void) {
  struct peer peer;
  char text[10];
  struct epoll_event event = {EPOLLIN, {.u64 = 42}}, told[4];
  const int fd = accepted_socket(&peer), epoll = CALL(epoll_create, 1);
  EXPECT_ERROR(CALL(epoll_create, 0), EINVAL);
  EXPECT_ERROR(CALL(epoll_ctl, epoll, EPOLL_CTL_MOD, fd, &event), ENOENT);
  EXPECT_EQ(CALL(epoll_ctl, epoll, EPOLL_CTL_ADD, fd, &event), 0);
  EXPECT_ERROR(CALL(epoll_ctl, epoll, EPOLL_CTL_ADD, fd, &event), EEXIST);
  EXPECT_ERROR(CALL(epoll_ctl, epoll, EPOLL_CTL_ADD, epoll, &event), EINVAL);
  EXPECT_ERROR(CALL(epoll_wait, fd, told, 4, 0), EINVAL);
  const long long begun = clock_now();
  EXPECT_EQ(CALL(epoll_wait, epoll, told, 4, 30), 0);
  EXPECT_TIME(clock_now(), begun + 30000);
  inject(&peer, ACK | PSH, 1, 1, "ab", 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(CALL(epoll_wait, epoll, told, 4, -1), 1);
    EXPECT_EQ(told[0].events, EPOLLIN);
    EXPECT_EQ(told[0].data.u64, 42);
  }
  event.events = EPOLLIN | EPOLLET;
  EXPECT_EQ(CALL(epoll_ctl, epoll, EPOLL_CTL_MOD, fd, &event), 0);
  EXPECT_EQ(CALL(epoll_wait, epoll, told, 4, 0), 1);
  EXPECT_EQ(CALL(epoll_wait, epoll, told, 4, 0), 0);
  inject(&peer, ACK | PSH, 3, 1, "c", 1);
  EXPECT_EQ(CALL(epoll_wait, epoll, told, 4, 0), 1);
  EXPECT_EQ(CALL(epoll_wait, epoll, told, 4, 0), 0);
  event.events = EPOLLIN | EPOLLOUT | EPOLLONESHOT;
  EXPECT_EQ(CALL(epoll_ctl, epoll, EPOLL_CTL_MOD, fd, &event), 0);
  EXPECT_EQ(CALL(epoll_wait, epoll, told, 4, 0), 1);
  EXPECT_EQ(told[0].events, EPOLLIN | EPOLLOUT);
  EXPECT_EQ(CALL(epoll_wait, epoll, told, 4, 0), 0);
  EXPECT_EQ(CALL(epoll_ctl, epoll, EPOLL_CTL_DEL, fd, NULL), 0);
  EXPECT_ERROR(CALL(epoll_ctl, epoll, EPOLL_CTL_DEL, fd, NULL), ENOENT);
  EXPECT_EQ(CALL(read, fd, text, sizeof(text)), 3);
  EXPECT_EQ(CALL(close, fd), 0);
  EXPECT_ERROR(CALL(epoll_ctl, epoll, EPOLL_CTL_ADD, fd, &event), EBADF);
}

/* --- pipes --- */

static void pipes_carry_bytes(void) {
  int ends[2];
  char text[10] = "";
  static char much[70000];
  EXPECT_EQ(CALL(pipe, ends), 0);
  EXPECT_EQ(ready_now(ends[0]), 0);
  EXPECT_EQ(ready_now(ends[1]), POLLOUT);
  EXPECT_EQ(CALL(write, ends[1], "abc", 3), 3);
  EXPECT_EQ(ready_now(ends[0]), POLLIN);
  EXPECT_EQ(CALL(read, ends[0], text, sizeof(text)), 3);
  EXPECT_EQ(memcmp(text, "abc", 3), 0);
  EXPECT_ERROR(CALL(write, ends[0], "x", 1), EBADF);
  EXPECT_ERROR(CALL(read, ends[1], text, 1), EBADF);
  EXPECT_ERROR(CALL(recv, ends[0], text, 1, 0), ENOTSOCK);
  EXPECT_ERROR(CALL(connect, ends[0], NULL, 0), ENOTSOCK);
  EXPECT_EQ(CALL(fcntl, ends[1], F_SETFL, O_NONBLOCK), 0);
  EXPECT_EQ(CALL(write, ends[1], much, sizeof(much)), 65536);
  EXPECT_ERROR(CALL(write, ends[1], much, 1), EAGAIN);
  EXPECT_EQ(CALL(close, ends[0]), 0);
  EXPECT_ERROR(CALL(write, ends[1], "x", 1), EPIPE);
  EXPECT_EQ(CALL(pipe, ends), 0);
  EXPECT_EQ(CALL(close, ends[1]), 0);
  EXPECT_EQ(CALL(read, ends[0], text, 1), 0);
  EXPECT_EQ(ready_now(ends[0]), POLLHUP);
}

static void splice_moves_text_through_a_pipe(void) {
  struct peer peer;
  struct packet packet;
  int ends[2];
  loff_t place = 0;
  const int fd = accepted_socket(&peer);
  EXPECT_EQ(CALL(pipe, ends), 0);
  EXPECT_ERROR(CALL(splice, fd, NULL, ends[1], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
  inject(&peer, ACK | PSH, 1, 1, "abcdef", 6);
  EXPECT_EQ(CALL(splice, fd, NULL, ends[1], NULL, 4, 0), 4);
  EXPECT_EQ(CALL(splice, fd, NULL, ends[1], NULL, 100, 0), 2);
  EXPECT_EQ(CALL(splice, ends[0], NULL, fd, NULL, 5, 0), 5);
  expect(&peer, &packet, ACK | PSH, 1, 7, 5);
  EXPECT_EQ(memcmp(packet.text, "abcde", 5), 0);
  EXPECT_ERROR(CALL(splice, ends[0], &place, fd, NULL, 5, 0), ESPIPE);
  EXPECT_ERROR(CALL(splice, fd, NULL, fd, NULL, 5, 0), EINVAL);
  EXPECT_ERROR(CALL(splice, fd, NULL, 77, NULL, 5, 0), EBADF);
}

const struct play_case socket_cases[] = {
    {"datagrams both ways", datagrams_both_ways, NULL, NULL},
    {"datagrams of a connected socket", connected_datagrams, NULL, NULL},
    {"a listener of all addresses learns its own", a_listener_of_all_addresses_learns_its_own, NULL, NULL},
    {"what cannot be bound", what_cannot_be_bound, NULL, NULL},
    {"options are kept", options_are_kept, NULL, NULL},
    {"options that are refused", options_that_are_refused, NULL, NULL},
    {"options go over to accepted sockets", options_go_over_to_accepted_sockets, NULL, NULL},
    {"calls without waiting, and of no file", calls_without_waiting, NULL, NULL},
    {"epoll tells what is ready", epoll_tells_what_is_ready, NULL, NULL},
    {"pipes carry bytes", pipes_carry_bytes, NULL, NULL},
    {"splice moves text through a pipe", splice_moves_text_through_a_pipe, NULL, NULL},
    {NULL, NULL, NULL, NULL},
};
