// UdpSocket: one socket of UDP (RFC 768) without a network: what it takes, what waits in it, and what went wrong. The stack moves the bytes.
#pragma once

#include <cstdint>

#include "base/errno.h"
#include "base/result.h"
#include "base/ring_queue.h"
#include "inet/inet_endpoint.h"
#include "inet/inet_limits.h"
#include "inet/socket_table.h"
#include "memory/sg_array.h"

namespace demi {

struct UdpDatagram {
  SgArray payload;      // may be empty: that is a datagram, too
  InetEndpoint from;
  IpAddress to;         // one of our addresses, or a broadcast one
};

class UdpSocket {
 public:
  // What waits to be read takes `receive_bytes` of memory at most: whole rooms are counted, since a byte can hold a room.
  UdpSocket(const InetEndpoint& local, uint32_t receive_bytes) : local_(local), receive_bytes_max_(receive_bytes) {}
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  // From now on it sends there, and takes nothing from others; what waits already stays. `source` is the address of ours to be used.
  void connect(const InetEndpoint& remote, const IpAddress& source);
  bool is_connected() const { return remote_.port != 0; }

  // How well a datagram fits: 0 not at all, more the more exactly.
  int match(const IpAddress& to, const InetEndpoint& from) const;
  // Whether there was room.
  bool deliver(UdpDatagram datagram);
  // The oldest datagram, or what went wrong meanwhile (once), or EAGAIN.
  Result<UdpDatagram> receive();
  // ICMP has said that what was sent does not arrive. Only a connected socket can know what was meant (RFC 1122 4.1.3.3).
  bool fail(Errno error);
  // What went wrong, once: kOk if nothing did.
  Errno take_error();

  void set_receive_buffer(uint32_t bytes) { receive_bytes_max_ = bytes; }

  const InetEndpoint& local() const { return local_; }
  const InetEndpoint& remote() const { return remote_; }
  // Where datagrams of a connected socket come from; unspecified until then, if it is bound to all addresses.
  const IpAddress& source() const { return is_connected() ? source_ : local_.address; }
  size_t readable() const { return datagrams_.size(); }
  // The datagram that receive() would bring, for who wants to look without taking it; nullptr if there is none.
  const UdpDatagram* oldest() const { return datagrams_.empty() ? nullptr : &datagrams_.front(); }
  bool has_error() const { return error_ != Errno::kOk; }
  uint64_t dropped() const { return dropped_; }

  SocketHandle handle;
  UdpSocket* next_in_bucket = nullptr;  // of the port table
  bool waits_to_send = false;           // in the stack's list of those that found its queue full

 private:
  static uint64_t room_of(const SgArray& payload);

  InetEndpoint local_;
  InetEndpoint remote_;
  IpAddress source_;
  Errno error_ = Errno::kOk;
  uint32_t receive_bytes_max_;
  uint64_t receive_bytes_ = 0;
  uint64_t dropped_ = 0;
  RingQueue<UdpDatagram> datagrams_;
};

}  // namespace demi
