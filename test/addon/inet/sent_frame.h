// SentFrame: a frame that a stack sends, read as its receiver would. What is wrong with any frame ends the process.
#pragma once

#include <vector>

#include "base/assert.h"
#include "inet/stack_config.h"
#include "memory/frame.h"
#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/icmpv4.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace demi {

struct SentFrame {
  enum class Kind : uint8_t { kArpRequest, kArpReply, kTcp, kUdp, kIcmp };

  Kind kind = Kind::kArpRequest;
  IpAddress source;
  IpAddress destination;
  TcpHeader segment;  // of kTcp
  Bytes text;         // of kTcp, within the bytes that it was read from
  IcmpV4Header message;  // of kIcmp

  // `octets` takes the bytes and is to outlive it.
  static SentFrame read(const StackConfig& config, const Frame& frame, std::vector<uint8_t>& octets) {
    octets.resize(frame.bytes());
    DEMI_ASSERT(frame.copy_out(octets) == octets.size(), "a frame is as long as it says");
    if (frame.checksum_start != 0) finish_checksum(frame, octets);
    const Parsed<EthernetView> ethernet = EthernetView::parse(octets);
    DEMI_ASSERT(ethernet.ok(), "a frame without an Ethernet header was sent");
    DEMI_ASSERT(ethernet->source() == config.mac && !ethernet->is_tagged(), "a frame does not come from our own MAC address");
    const MacAddress to = ethernet->destination();
    DEMI_ASSERT(to.is_broadcast() || to.is_group() || (!to.is_zero() && !(to == config.mac)), "a frame goes to nobody, or to ourselves");
    if (ethernet->ether_type() == EtherType::kArp) return read_arp(config, ethernet->payload());
    DEMI_ASSERT(ethernet->ether_type() == EtherType::kIPv4, "a frame of another type was sent");
    return read_packet(config, ethernet->payload());
  }

 private:
  // What a device does for a stack that leaves it to it.
  static void finish_checksum(const Frame& frame, std::vector<uint8_t>& octets) {
    DEMI_ASSERT(size_t{frame.checksum_start} + frame.checksum_offset + 2 <= octets.size(), "a checksum outside of the frame");
    Checksum sum;
    sum.add(Bytes(octets).subspan(frame.checksum_start));
    store_be16(octets.data() + frame.checksum_start + frame.checksum_offset, sum.value());
  }

  static bool is_ours(const StackConfig& config, const IpAddress& address) {
    for (const Cidr& own : config.addresses) {
      if (own.address() == address) return true;
    }
    return false;
  }

  static SentFrame read_arp(const StackConfig& config, Bytes packet) {
    const Parsed<ArpHeader> arp = ArpHeader::parse(packet);
    DEMI_ASSERT(arp.ok() && packet.size() == ArpHeader::kBytes, "a malformed ARP packet was sent");
    DEMI_ASSERT(arp->sender_mac == config.mac && is_ours(config, arp->sender_ip), "an ARP packet lies about us");
    SentFrame sent;
    sent.kind = arp->operation == ArpOperation::kReply ? Kind::kArpReply : Kind::kArpRequest;
    DEMI_ASSERT(sent.kind == Kind::kArpReply || arp->operation == ArpOperation::kRequest, "an ARP operation that nobody knows was sent");
    sent.source = arp->sender_ip;
    sent.destination = arp->target_ip;
    return sent;
  }

  static SentFrame read_packet(const StackConfig& config, Bytes packet) {
    const Parsed<Ipv4View> ip = Ipv4View::parse(packet);
    DEMI_ASSERT(ip.ok() && ip->checksum_is_valid(), "a malformed IPv4 packet was sent");
    DEMI_ASSERT(ip->packet().size() == packet.size() && packet.size() <= config.mtu_bytes, "a packet longer than the MTU, or than itself");
    DEMI_ASSERT(is_ours(config, ip->source()), "a packet does not come from our own address");
    DEMI_ASSERT(!is_ours(config, ip->destination()) && !ip->destination().is_loopback(), "a packet to ourselves was sent to the wire");
    DEMI_ASSERT(!ip->is_fragment(), "a fragment was sent");
    SentFrame sent;
    sent.source = ip->source();
    sent.destination = ip->destination();
    switch (ip->protocol()) {
      case IpProtocol::kTcp:
        read_segment(*ip, sent);
        return sent;
      case IpProtocol::kUdp: {
        sent.kind = Kind::kUdp;
        const Parsed<UdpView> udp = UdpView::parse(ip->payload());
        DEMI_ASSERT(udp.ok() && udp->checksum_is_valid(ip->source(), ip->destination()), "a malformed UDP datagram was sent");
        return sent;
      }
      case IpProtocol::kIcmpV4: {
        sent.kind = Kind::kIcmp;
        const Parsed<IcmpV4View> message = IcmpV4View::parse(ip->payload());
        DEMI_ASSERT(message.ok() && message->checksum_is_valid(), "a malformed ICMP message was sent");
        sent.message = message->header();
        return sent;
      }
      default:
        DEMI_ASSERT(false, "a packet of an unknown protocol was sent");
    }
    return sent;
  }

  static void read_segment(const Ipv4View& ip, SentFrame& sent) {
    sent.kind = Kind::kTcp;
    const Parsed<TcpView> view = TcpView::parse(ip.payload());
    DEMI_ASSERT(view.ok() && view->checksum_is_valid(ip.source(), ip.destination()), "a malformed TCP segment was sent");
    sent.segment = view->header();
    sent.text = view->text();
    const TcpFlags flags = sent.segment.flags;
    DEMI_ASSERT(!sent.segment.options.is_malformed, "malformed TCP options were sent");
    DEMI_ASSERT(sent.segment.source_port != 0 && sent.segment.destination_port != 0, "a segment without a port was sent");
    DEMI_ASSERT(flags.has_any(TcpFlags::kSyn | TcpFlags::kRst | TcpFlags::kAck), "a segment without SYN, RST and ACK was sent");
    DEMI_ASSERT(!flags.has_all(TcpFlags::kSyn | TcpFlags::kFin), "SYN and FIN were sent together");
    DEMI_ASSERT(!flags.rst() || (sent.text.empty() && !flags.has_any(TcpFlags::kSyn | TcpFlags::kFin)), "a RST with something else was sent");
    DEMI_ASSERT(!flags.syn() || sent.text.empty(), "text beside a SYN was sent");
  }
};

}  // namespace demi
