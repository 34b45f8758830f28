#include "inet/udp_socket.h"

#include <utility>

namespace demi {

void UdpSocket::connect(const InetEndpoint& remote, const IpAddress& source) {
  remote_ = remote;
  source_ = source;
  error_ = Errno::kOk;
}

int UdpSocket::match(const IpAddress& to, const InetEndpoint& from) const {
  if (is_connected()) return to == source_ && from == remote_ ? 3 : 0;
  if (local_.address == to) return 2;
  return local_.address.family == to.family && local_.address.is_unspecified() ? 1 : 0;
}

uint64_t UdpSocket::room_of(const SgArray& payload) {
  uint64_t bytes = 0;
  for (const Segment& segment : payload) bytes += segment.buffer->capacity;
  return bytes;
}

bool UdpSocket::deliver(UdpDatagram datagram) {
  const uint64_t room = room_of(datagram.payload);
  // One is always taken, so that a small bound makes a slow socket and not a dead one.
  const bool is_full = !datagrams_.empty() && receive_bytes_ + room > receive_bytes_max_;
  if (is_full || datagrams_.size() >= kUdpQueueDatagrams) {
    ++dropped_;
    return false;
  }
  receive_bytes_ += room;
  datagrams_.push_back(std::move(datagram));
  return true;
}

Result<UdpDatagram> UdpSocket::receive() {
  if (const Errno error = take_error(); error != Errno::kOk) return error;
  if (datagrams_.empty()) return Errno::kEAGAIN;
  UdpDatagram datagram = datagrams_.pop_front();
  receive_bytes_ -= room_of(datagram.payload);
  return datagram;
}

bool UdpSocket::fail(Errno error) {
  if (!is_connected()) return false;
  error_ = error;
  return true;
}

Errno UdpSocket::take_error() { return std::exchange(error_, Errno::kOk); }

}  // namespace demi
