// Linux as the peer of a device: its UDP sockets, frames of UDP as it expects them, and a packet socket that sends what nobody has cut yet.
#pragma once

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "device/device_frames.h"
#include "device/file_descriptor.h"
#include "device/network_namespace.h"
#include "device/virtio_net_header.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/udp.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace demi {

constexpr IpAddress kKernelAddress = IpAddress::ipv4(10, 9, 0, 1);
constexpr IpAddress kOurAddress = IpAddress::ipv4(10, 9, 0, 2);
constexpr size_t kUdpHeaders = EthernetView::kBytes + Ipv4Header::kBytes + UdpHeader::kBytes;

// The kernel has kKernelAddress on the interface, and finds kOurAddress at `ours` without asking.
inline void make_kernel_neighbor(const std::string& interface, const MacAddress& ours) {
  char text[18];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", ours.octets[0], ours.octets[1], ours.octets[2], ours.octets[3],
                ours.octets[4], ours.octets[5]);
  NetworkNamespace::ip("addr add 10.9.0.1/24 dev " + interface);
  NetworkNamespace::ip("neigh add 10.9.0.2 lladdr " + std::string(text) + " dev " + interface + " nud permanent");
}

// Of our address to the kernel's; without its checksum, if the device is to finish it.
inline Octets udp_to_kernel(const MacAddress& kernels, const MacAddress& ours, uint16_t port, const Octets& payload, bool is_finished) {
  Octets octets(kUdpHeaders + payload.size());
  EthernetHeader{kernels, ours, EtherType::kIPv4, false, 0}.emit(octets);
  Ipv4Header ip;
  ip.protocol = IpProtocol::kUdp;
  ip.source = kOurAddress;
  ip.destination = kKernelAddress;
  ip.payload_bytes = static_cast<uint16_t>(UdpHeader::kBytes + payload.size());
  ip.emit(MutableBytes(octets).subspan(EthernetView::kBytes));
  std::copy(payload.begin(), payload.end(), octets.begin() + kUdpHeaders);
  Checksum sum = Checksum::pseudo_header(kOurAddress, kKernelAddress, IpProtocol::kUdp, ip.payload_bytes);
  const MutableBytes datagram = MutableBytes(octets).subspan(EthernetView::kBytes + Ipv4Header::kBytes);
  const UdpHeader header{4000, port, static_cast<uint16_t>(payload.size())};
  if (is_finished) {
    sum.add(payload);
    header.emit(datagram, sum);
  } else {
    header.emit(datagram);
    store_be16(datagram.data() + UdpHeader::kChecksumOffset, sum.folded());
  }
  return octets;
}

// A socket of the kernel at port 4001 of kKernelAddress.
class KernelUdp {
 public:
  KernelUdp() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in at = address_of(kKernelAddress, 4001);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  }
  // In datagrams of `segment_bytes`, cut only on the wire: 0: in one.
  void send(const Octets& payload, int segment_bytes = 0) {
    EXPECT_EQ(::setsockopt(fd_.get(), IPPROTO_UDP, UDP_SEGMENT, &segment_bytes, sizeof segment_bytes), 0);
    const sockaddr_in to = address_of(kOurAddress, 4000);
    EXPECT_EQ(::sendto(fd_.get(), payload.data(), payload.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
              static_cast<ssize_t>(payload.size()));
  }
  // Waits for it; empty after two seconds.
  Octets receive() {
    if (!is_readable(fd_.get(), 2'000)) return {};
    Octets payload(65'536);
    const ssize_t got = ::recv(fd_.get(), payload.data(), payload.size(), 0);
    payload.resize(got < 0 ? 0 : static_cast<size_t>(got));
    return payload;
  }

 private:
  static sockaddr_in address_of(const IpAddress& address, uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(address.words[0]);
    return to;
  }
  FileDescriptor fd_;
};

// Sends a frame by an interface of the kernel, as the kernel itself would; `header` says what is left undone.
inline void send_by_kernel(const std::string& interface, const Octets& octets, VirtioNetHeader header = {}) {
  FileDescriptor fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  const int on = 1;
  ASSERT_EQ(::setsockopt(fd.get(), SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on), 0);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(static_cast<uint16_t>(EthernetView::parse(octets)->ether_type()));
  to.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  iovec pieces[] = {{&header, sizeof header}, {const_cast<uint8_t*>(octets.data()), octets.size()}};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = sizeof to;
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  ASSERT_EQ(::sendmsg(fd.get(), &message, 0), static_cast<ssize_t>(sizeof header + octets.size())) << std::strerror(errno);
}

// A segment of TCP over IPv4 that is `bytes` long in all, and what has to be said of it: to be cut into such of 1460 bytes.
inline Octets long_segment(const MacAddress& ours, const MacAddress& kernels, size_t bytes) {
  constexpr size_t kHeaders = EthernetView::kBytes + Ipv4Header::kBytes + 20;
  Octets octets(bytes);
  for (size_t i = kHeaders; i < bytes; ++i) octets[i] = static_cast<uint8_t>(i * 13);
  EthernetHeader{ours, kernels, EtherType::kIPv4, false, 0}.emit(octets);
  Ipv4Header ip;
  ip.protocol = IpProtocol::kTcp;
  ip.source = kKernelAddress;
  ip.destination = kOurAddress;
  ip.payload_bytes = static_cast<uint16_t>(bytes - EthernetView::kBytes - Ipv4Header::kBytes);
  ip.emit(MutableBytes(octets).subspan(EthernetView::kBytes));
  octets[kHeaders - 8] = 5 << 4;  // the length of its header
  octets[kHeaders - 7] = 0x10;    // ACK
  const Checksum sum = Checksum::pseudo_header(ip.source, ip.destination, IpProtocol::kTcp, ip.payload_bytes);
  store_be16(octets.data() + kHeaders - 4, sum.folded());
  return octets;
}
constexpr VirtioNetHeader kUncutTcp = {.flags = VirtioNetHeader::kNeedsChecksum,
                                       .segmentation = VirtioNetHeader::kTcpIpv4,
                                       .header_bytes = 54,
                                       .segment_bytes = 1460,
                                       .checksum_start = 34,
                                       .checksum_offset = 16};

}  // namespace demi
