#include "bare_loop.h"

#include <bit>
#include <cstdlib>
#include <cstring>

#include "stack_peer.h"

namespace demi {

namespace {
constexpr size_t kIp = 14, kTcp = 34, kIpBytes = 20;
constexpr SipHashKey kSecret{1, 2};

// RFC 1071, eight bytes at a time with the carries put aside.
uint64_t sum_of(const uint8_t* from, size_t bytes, uint64_t sum = 0) {
  for (; bytes >= 4; from += 4, bytes -= 4) {
    uint32_t word;
    std::memcpy(&word, from, 4);
    sum += word;
  }
  return sum;
}
uint16_t fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>((sum & 0xffff) + (sum >> 16));
}
// The addresses, the protocol and the length, as they lie in memory.
uint64_t pseudo_header(const uint8_t* packet, size_t segment_bytes) {
  const uint8_t rest[4] = {0, 6, static_cast<uint8_t>(segment_bytes >> 8), static_cast<uint8_t>(segment_bytes)};
  return sum_of(packet + kIp + 12, 8) + sum_of(rest, 4);
}
}  // namespace

BareLoop::BareLoop(uint32_t connections)
    : connections_(new Connection[connections]), buckets_(std::bit_ceil(size_t{connections}), nullptr) {
  for (uint32_t i = 0; i < connections; ++i) {
    Connection& connection = connections_[i];
    connection.tuple = StackPeer::tuple_of(i);
    connection.hash = table_hash_of(connection.tuple, kSecret);
    Connection*& bucket = buckets_[connection.hash & (buckets_.size() - 1)];
    connection.next = bucket;
    bucket = &connection;
  }
  template_[12] = 0x08;
  template_[kIp] = 0x45;
  store_be16(&template_[kIp + 2], sizeof(Packet) - kIp);
  template_[kIp + 8] = 64;
  template_[kIp + 9] = 6;
  template_[kTcp + 12] = 8 << 4;
  template_[kTcp + 13] = 0x18;
}

void BareLoop::make_request(uint32_t number, Packet& out) const {
  const TcpTuple& tuple = connections_[number].tuple;
  out = template_;
  tuple.remote_address.store(&out[kIp + 12]);
  tuple.local_address.store(&out[kIp + 16]);
  store_be16(&out[kTcp], tuple.remote_port);
  store_be16(&out[kTcp + 2], tuple.local_port);
  std::memset(&out[kHeaderBytes], static_cast<int>(number), kTextBytes);
  uint16_t sum = static_cast<uint16_t>(~fold(sum_of(&out[kIp], kIpBytes)));
  std::memcpy(&out[kIp + 10], &sum, 2);
  const size_t segment_bytes = sizeof(Packet) - kTcp;
  sum = static_cast<uint16_t>(~fold(sum_of(&out[kTcp], segment_bytes, pseudo_header(out.data(), segment_bytes))));
  std::memcpy(&out[kTcp + 16], &sum, 2);
}

uint64_t BareLoop::hash_of_packet(const Packet& packet, TcpTuple& tuple) {
  tuple = {IpAddress::load_ipv4(&packet[kIp + 16]), IpAddress::load_ipv4(&packet[kIp + 12]), load_be16(&packet[kTcp + 2]), load_be16(&packet[kTcp])};
  return table_hash_of(tuple, kSecret);
}

void BareLoop::answer(Connection& connection, const Packet& request, Packet& out) {
  connection.ack = load_be32(&request[kTcp + 4]) + kTextBytes;
  ++connection.segments_in;
  std::memcpy(out.data(), template_.data(), kHeaderBytes);
  std::memcpy(&out[kIp + 12], &request[kIp + 16], 4);
  std::memcpy(&out[kIp + 16], &request[kIp + 12], 4);
  std::memcpy(&out[kTcp], &request[kTcp + 2], 2);
  std::memcpy(&out[kTcp + 2], &request[kTcp], 2);
  store_be32(&out[kTcp + 4], connection.seq);
  store_be32(&out[kTcp + 8], connection.ack);
  connection.seq += kTextBytes;
  uint16_t sum = static_cast<uint16_t>(~fold(sum_of(&out[kIp], kIpBytes)));
  std::memcpy(&out[kIp + 10], &sum, 2);
  uint64_t rest = pseudo_header(out.data(), sizeof(Packet) - kTcp);
  rest = sum_of(&request[kHeaderBytes], kTextBytes, rest);
  sum = static_cast<uint16_t>(~fold(sum_of(&out[kTcp], kHeaderBytes - kTcp, rest)));
  std::memcpy(&out[kTcp + 16], &sum, 2);
  ++connection.segments_out;
}

void BareLoop::run(std::span<const Packet> requests, std::span<Packet> answers) {
  std::array<TcpTuple, StackPeer::kBurst> tuples;
  std::array<uint64_t, StackPeer::kBurst> hashes;
  const size_t mask = buckets_.size() - 1;
  for (size_t i = 0; i < requests.size(); ++i) {
    hashes[i] = hash_of_packet(requests[i], tuples[i]);
    __builtin_prefetch(&buckets_[hashes[i] & mask]);
  }
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto* bytes = reinterpret_cast<const char*>(buckets_[hashes[i] & mask]);
    if (bytes == nullptr) continue;
    for (size_t line = 0; line < sizeof(Connection) / 64; ++line) __builtin_prefetch(bytes + 64 * line);
  }
  for (size_t i = 0; i < requests.size(); ++i) {
    const Packet& request = requests[i];
    const size_t segment_bytes = sizeof(Packet) - kTcp;
    const bool is_good = fold(sum_of(&request[kIp], kIpBytes)) == 0xffff &&
                         fold(sum_of(&request[kTcp], segment_bytes, pseudo_header(request.data(), segment_bytes))) == 0xffff;
    Connection* found = buckets_[hashes[i] & mask];
    while (found != nullptr && !(found->hash == hashes[i] && found->tuple == tuples[i])) found = found->next;
    if (!is_good || found == nullptr) std::abort();
    answer(*found, request, answers[i]);
  }
}

}  // namespace demi
