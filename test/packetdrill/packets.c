/* Packets as the peer of the stack makes and reads them. Written apart from the addon, so that a mistake there is not a mistake here. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "play.h"

enum { IP_HEADER = 20, TCP_HEADER = 20, UDP_HEADER = 8 };

static void put16(uint8_t *to, uint16_t number) { to[0] = (uint8_t)(number >> 8), to[1] = (uint8_t)number; }
static void put32(uint8_t *to, uint32_t number) { put16(to, (uint16_t)(number >> 16)), put16(to + 2, (uint16_t)number); }
static uint16_t get16(const uint8_t *from) { return (uint16_t)(from[0] << 8 | from[1]); }
static uint32_t get32(const uint8_t *from) { return (uint32_t)get16(from) << 16 | get16(from + 2); }

uint16_t internet_checksum(const uint8_t *bytes, size_t length, uint32_t start) {
  uint64_t sum = start;
  for (size_t i = 0; i < length; ++i) sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

static uint32_t pseudo_header(uint32_t source, uint32_t destination, uint8_t protocol, size_t length) {
  return (source >> 16) + (source & 0xffff) + (destination >> 16) + (destination & 0xffff) + protocol + (uint32_t)length;
}

void inject_ip(uint8_t protocol, uint32_t source, uint32_t destination, const uint8_t *payload, size_t length) {
  uint8_t packet[2048] = {0x45};
  put16(packet + 2, (uint16_t)(IP_HEADER + length));
  packet[8] = 64;
  packet[9] = protocol;
  put32(packet + 12, source);
  put32(packet + 16, destination);
  put16(packet + 10, internet_checksum(packet, IP_HEADER, 0));
  memcpy(packet + IP_HEADER, payload, length);
  EXPECT_EQ(CALL(netdev_send, packet, IP_HEADER + length), 0);
}

void inject_udp(uint32_t destination, uint16_t source_port, uint16_t destination_port, const char *text) {
  uint8_t datagram[2048] = {0};
  const size_t length = UDP_HEADER + strlen(text);
  put16(datagram, source_port);
  put16(datagram + 2, destination_port);
  put16(datagram + 4, (uint16_t)length);
  memcpy(datagram + UDP_HEADER, text, strlen(text));
  put16(datagram + 6, internet_checksum(datagram, length, pseudo_header(REMOTE_ADDRESS, destination, IPPROTO_UDP, length)));
  inject_ip(IPPROTO_UDP, REMOTE_ADDRESS, destination, datagram, length);
}

void inject(const struct peer *peer, uint8_t flags, uint32_t seq, uint32_t ack, const void *text, size_t length) {
  uint8_t segment[2048] = {0};
  const size_t header = TCP_HEADER + peer->option_bytes;
  put16(segment, peer->remote_port);
  put16(segment + 2, peer->local_port);
  put32(segment + 4, peer->iss + seq);
  put32(segment + 8, (flags & ACK) != 0 ? peer->irs + ack : 0);
  segment[12] = (uint8_t)(header / 4 << 4);
  segment[13] = flags;
  put16(segment + 14, peer->window);
  memcpy(segment + TCP_HEADER, peer->options == NULL ? (const uint8_t *)"" : peer->options, peer->option_bytes);
  if (length > 0) memcpy(segment + header, text, length);
  const uint32_t pseudo = pseudo_header(REMOTE_ADDRESS, peer->local_address, IPPROTO_TCP, header + length);
  put16(segment + 16, internet_checksum(segment, header + length, pseudo));
  inject_ip(IPPROTO_TCP, REMOTE_ADDRESS, peer->local_address, segment, header + length);
}

static void parse_tcp(struct packet *out, const uint8_t *segment, size_t length) {
  const size_t header = (size_t)(segment[12] >> 4) * 4;
  EXPECT(header >= TCP_HEADER && header <= length);
  out->seq = get32(segment + 4);
  out->ack = get32(segment + 8);
  out->flags = segment[13];
  out->window = get16(segment + 14);
  out->options = segment + TCP_HEADER;
  out->option_bytes = header - TCP_HEADER;
  out->text = segment + header;
  out->text_bytes = length - header;
}

void receive_packet(struct packet *out) {
  memset(out, 0, sizeof(*out));
  out->length = sizeof(out->bytes);
  EXPECT_EQ(CALL(netdev_receive, out->bytes, &out->length, &out->at), 0);
  EXPECT(out->length >= IP_HEADER);
  EXPECT_EQ(out->bytes[0], 0x45);
  EXPECT_EQ(get16(out->bytes + 2), out->length);
  EXPECT_EQ(internet_checksum(out->bytes, IP_HEADER, 0), 0);
  out->ttl = out->bytes[8];
  out->protocol = out->bytes[9];
  out->source = get32(out->bytes + 12);
  out->destination = get32(out->bytes + 16);
  const uint8_t *payload = out->bytes + IP_HEADER;
  const size_t length = out->length - IP_HEADER;
  if (out->protocol == IPPROTO_ICMP) {
    EXPECT_EQ(internet_checksum(payload, length, 0), 0);
    return;
  }
  EXPECT(out->protocol == IPPROTO_TCP || out->protocol == IPPROTO_UDP);
  EXPECT_EQ(internet_checksum(payload, length, pseudo_header(out->source, out->destination, out->protocol, length)), 0);
  out->source_port = get16(payload);
  out->destination_port = get16(payload + 2);
  if (out->protocol == IPPROTO_TCP) {
    parse_tcp(out, payload, length);
  } else {
    EXPECT_EQ(get16(payload + 4), length);
    out->text = payload + UDP_HEADER;
    out->text_bytes = length - UDP_HEADER;
  }
}

void expect(const struct peer *peer, struct packet *out, uint8_t flags, uint32_t seq, uint32_t ack, size_t length) {
  struct packet ignored;
  if (out == NULL) out = &ignored;
  receive_packet(out);
  EXPECT_EQ(out->protocol, IPPROTO_TCP);
  EXPECT_EQ(out->source, peer->local_address);
  EXPECT_EQ(out->destination, REMOTE_ADDRESS);
  EXPECT_EQ(out->source_port, peer->local_port);
  EXPECT_EQ(out->destination_port, peer->remote_port);
  EXPECT_EQ(out->flags, flags);
  EXPECT_EQ(out->seq - peer->irs, seq);
  if ((flags & ACK) != 0) EXPECT_EQ(out->ack - peer->iss, ack);
  EXPECT_EQ(out->text_bytes, length);
}

struct sockaddr_in address_of(uint32_t address, uint16_t port) {
  struct sockaddr_in made = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(address)}};
  return made;
}
