/* What the flags of the shared object choose, what is wrong with flags, and the end of a process that waits in vain. */
#include <netinet/in.h>

#include "play.h"

static void nothing(void) {}

static void send_syn(const uint8_t *options, size_t option_bytes, struct peer *peer, struct packet *syn_ack) {
  listening_socket();
  const struct peer fresh = {LOCAL_ADDRESS, LOCAL_PORT, REMOTE_PORT, 1, 0, 60000, options, option_bytes};
  *peer = fresh;
  inject(peer, SYN, 0, 0, NULL, 0);
  receive_packet(syn_ack);
  EXPECT_EQ(syn_ack->flags, SYN | ACK);
  peer->irs = syn_ack->seq;
  peer->option_bytes = 0;
}

/* What Linux offers: MSS, SACK permitted, timestamps, no-operation, window scale. */
static const uint8_t kLinuxSyn[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7};

static void as_linux_does_it(void) {
  struct peer peer;
  struct packet syn_ack;
  static const uint8_t expected[] = {2, 4, 5, 0xb4, 4, 2, 8, 10};
  send_syn(kLinuxSyn, sizeof(kLinuxSyn), &peer, &syn_ack);
  EXPECT_EQ(syn_ack.ttl, 64);
  EXPECT_EQ(syn_ack.option_bytes, 20);
  EXPECT_EQ(memcmp(syn_ack.options, expected, sizeof(expected)), 0);
  EXPECT_EQ(syn_ack.options[15], 9);
  EXPECT_EQ(memcmp(syn_ack.options + 16, (const uint8_t[]){1, 3, 3, 7}, 4), 0);
  EXPECT_EQ(syn_ack.window, 65535);
}

static void as_it_was_chosen(void) {
  struct peer peer;
  struct packet syn_ack;
  static const uint8_t expected[] = {3, 3, 0, 1, 2, 4, 500 >> 8, 500 & 0xff};
  send_syn(kLinuxSyn, sizeof(kLinuxSyn), &peer, &syn_ack);
  EXPECT_EQ(syn_ack.ttl, 9);
  EXPECT_EQ(syn_ack.option_bytes, sizeof(expected));
  EXPECT_EQ(memcmp(syn_ack.options, expected, sizeof(expected)), 0);
  EXPECT_EQ(syn_ack.window, 8000);
}

static void a_small_link(void) {
  struct peer peer;
  struct packet syn_ack;
  send_syn(NULL, 0, &peer, &syn_ack);
  EXPECT_EQ(syn_ack.option_bytes, 4);
  EXPECT_EQ(syn_ack.options[2] << 8 | syn_ack.options[3], 560);
}

/* Two segments leave, and the third waits: nothing does until the first goes out again. */
static void a_small_initial_window(void) {
  static const char text[5000];
  struct peer peer;
  struct packet packet;
  const int fd = accepted_socket(&peer);
  char name[16];
  socklen_t length = sizeof(name);
  EXPECT_EQ(CALL(getsockopt, fd, IPPROTO_TCP, 13 /* TCP_CONGESTION */, name, &length), 0);
  EXPECT_EQ(strcmp(name, "reno"), 0);
  EXPECT_EQ(CALL(write, fd, text, sizeof(text)), 5000);
  expect(&peer, NULL, ACK, 1, 1, 1000);
  expect(&peer, &packet, ACK, 1001, 1, 1000);
  const long long sent = packet.at;
  expect(&peer, &packet, ACK, 1, 1, 1000);
  EXPECT_TIME(packet.at, sent + 300000);
}

static void a_small_send_buffer(void) {
  static const char text[30000];
  struct peer peer;
  const int fd = accepted_socket(&peer);
  EXPECT_EQ(CALL(send, fd, text, sizeof(text), MSG_DONTWAIT), 4000);
  EXPECT_ERROR(CALL(send, fd, text, sizeof(text), MSG_DONTWAIT), EAGAIN);
  EXPECT_EQ(ready_now(fd), 0);
  for (int i = 0; i < 4; ++i) receive_packet(&(struct packet){0});
  inject(&peer, ACK, 1, 4001, NULL, 0);
  EXPECT_EQ(ready_now(fd), POLLOUT);
}

static void wait_for_nothing(void) {
  listening_socket();
  receive_packet(&(struct packet){0});
}

/* In the first thread nobody can inject what the call waits for. */
static void accept_nothing(void) {
  const int listener = listening_socket();
  CALL(accept, listener, NULL, NULL);
}

const struct play_case flag_cases[] = {
    {"no flags: as Linux does it", as_linux_does_it, NULL, NULL},
    {"empty flags", as_linux_does_it, "", NULL},
    {"flags are obeyed", as_it_was_chosen, "mss=500,ttl=9,rcvbuf=8000,syn_options=wscale+nop+mss", NULL},
    {"mtu=", a_small_link, "mtu=600", NULL},
    {"iw= and cc=", a_small_initial_window, "iw=2,cc=reno", NULL},
    {"sndbuf=", a_small_send_buffer, "sndbuf=4000", NULL},
    {"no packet within the deadline", wait_for_nothing, NULL, "demi_packetdrill: no packet within 10 virtual seconds\n"},
    {"no packet within another deadline", wait_for_nothing, "deadline=3", "demi_packetdrill: no packet within 3 virtual seconds\n"},
    {"no end of a call within the deadline", accept_nothing, NULL,
     "demi_packetdrill: no end of a system call that waits within 10 virtual seconds\n"},
    {"a flag that does not exist", nothing, "mtu=1500,colour=red",
     "demi_packetdrill: The flag 'colour' is unknown: there are mtu, mss, rcvbuf, sndbuf, ttl, deadline, syn_options, cc and iw.\n"},
    {"a flag without a value", nothing, "mtu", "demi_packetdrill: The flag 'mtu' has no value: flags are key=value, with commas between them.\n"},
    {"a number out of bounds", nothing, "mtu=67", "demi_packetdrill: The flag mtu=67 is out of bounds: it is a number of 68 to 65535.\n"},
    {"something that is no number", nothing, "ttl=12x", "demi_packetdrill: The flag ttl=12x is out of bounds: it is a number of 1 to 255.\n"},
    {"a segment larger than the link", nothing, "mss=1461",
     "demi_packetdrill: The flag mss=1461 is more than an MTU of 1500 leaves: it is at most 1460 with it.\n"},
    {"a congestion control that does not exist", nothing, "cc=bbr",
     "demi_packetdrill: The flag cc=bbr names no congestion control that there is: cubic or reno.\n"},
    {"an option that does not exist", nothing, "syn_options=mss+tfo",
     "demi_packetdrill: The flag syn_options=mss+tfo has 'tfo': its parts are mss, sack, ts, wscale and nop.\n"},
    {"an option twice", nothing, "syn_options=mss+mss", "demi_packetdrill: The flag syn_options=mss+mss has mss twice: remove one.\n"},
    {"a SYN without MSS", nothing, "syn_options=ts",
     "demi_packetdrill: The flag syn_options=ts has no mss, which each SYN says: add it.\n"},
    {NULL, NULL, NULL, NULL},
};
