// What may be done with bytes from a wire, done: each function parses, reads all that there is, writes the meaning anew, and parses that
// again, which must give the same meaning. Shared by the tests of wire/ and the fuzz targets; what does not hold ends the process.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/icmpv4.h"
#include "wire/icmpv6.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/ipv6_extension.h"
#include "wire/ndp.h"
#include "wire/quoted_datagram.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace demi {

inline Checksum sum_of(Bytes bytes) {
  Checksum sum;
  sum.add(bytes);
  return sum;
}

// Whether a view into the input stays within it.
inline bool is_within(Bytes part, Bytes whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

inline void exercise_ethernet(Bytes frame) {
  const auto view = EthernetView::parse(frame);
  if (!view) return;
  DEMI_ASSERT(is_within(view->payload(), frame), "a payload outside of the frame");
  std::array<uint8_t, EthernetView::kBytes + EthernetView::kTagBytes> emitted;
  view->header().emit(emitted);
  const auto again = EthernetView::parse(emitted);
  DEMI_ASSERT(again && again->header() == view->header(), "the Ethernet header changed");
}

inline void exercise_arp(Bytes packet) {
  const auto header = ArpHeader::parse(packet);
  if (!header) return;
  std::array<uint8_t, ArpHeader::kBytes> emitted;
  header->emit(emitted);
  const auto again = ArpHeader::parse(emitted);
  DEMI_ASSERT(again && *again == *header, "the ARP header changed");
  DEMI_ASSERT(std::equal(emitted.begin(), emitted.end(), packet.begin()), "ARP has nothing that could be written in another way");
}

inline void exercise_ipv4(Bytes packet) {
  const auto view = Ipv4View::parse(packet);
  if (!view) return;
  DEMI_ASSERT(is_within(view->payload(), packet) && is_within(view->options(), packet), "a part outside of the packet");
  (void)view->checksum_is_valid();
  std::vector<uint8_t> emitted(Ipv4Header::kBytes + view->payload().size());
  view->header().emit(emitted);
  const auto again = Ipv4View::parse(emitted);
  DEMI_ASSERT(again && again->header() == view->header(), "the IPv4 header changed");
  DEMI_ASSERT(again->checksum_is_valid(), "a wrong IPv4 checksum");
}

inline void exercise_udp(Bytes datagram) {
  const auto view = UdpView::parse(datagram);
  if (!view) return;
  DEMI_ASSERT(is_within(view->payload(), datagram), "a payload outside of the datagram");
  const IpAddress source = IpAddress::ipv4(10, 0, 0, 1), destination = IpAddress::ipv4(10, 0, 0, 2);
  (void)view->checksum_is_valid(source, destination);
  const Bytes without_padding = datagram.first(UdpHeader::kBytes + view->payload().size());
  std::vector<uint8_t> emitted(without_padding.begin(), without_padding.end());
  Checksum rest = Checksum::pseudo_header(source, destination, IpProtocol::kUdp, static_cast<uint32_t>(emitted.size()));
  rest.add(view->payload());
  view->header().emit(emitted, rest);
  const auto again = UdpView::parse(emitted);
  DEMI_ASSERT(again && again->header() == view->header(), "the UDP header changed");
  DEMI_ASSERT(again->checksum_is_valid(source, destination), "a wrong UDP checksum");
}

// Emits and parses again. What an emitter adds as padding may cost SACK blocks.
inline void exercise_tcp_options(TcpOptions options, bool is_syn) {
  std::array<uint8_t, TcpOptions::kBytesMax> emitted;
  const size_t bytes = options.bytes();
  DEMI_ASSERT(bytes <= emitted.size() && bytes % 4 == 0, "options longer than a header can say");
  options.emit(emitted);
  const TcpOptions again = TcpOptions::parse(Bytes(emitted).first(bytes), is_syn);
  DEMI_ASSERT(again.sack_block_count <= options.sack_block_count, "more SACK blocks than there were");
  options.is_malformed = false;
  options.sack_block_count = again.sack_block_count;
  for (size_t i = again.sack_block_count; i < TcpOptions::kSackBlocksMax; ++i) options.sack_blocks[i] = {};
  DEMI_ASSERT(again == options, "the TCP options changed");
}

inline void exercise_tcp(Bytes segment) {
  const auto view = TcpView::parse(segment);
  if (!view) return;
  DEMI_ASSERT(is_within(view->text(), segment), "text outside of the segment");
  const IpAddress source = IpAddress::ipv4(10, 0, 0, 1), destination = IpAddress::ipv4(10, 0, 0, 2);
  (void)view->checksum_is_valid(source, destination);
  DEMI_ASSERT(view->segment_length() >= view->text().size(), "a segment shorter than its text");
  const TcpHeader header = view->header();
  exercise_tcp_options(header.options, header.flags.syn());
  std::vector<uint8_t> emitted(header.bytes());
  header.emit(emitted, Checksum::pseudo_header(source, destination, IpProtocol::kTcp, static_cast<uint32_t>(emitted.size())));
  const auto parsed = TcpView::parse(emitted);
  DEMI_ASSERT(parsed && parsed->text().empty() && parsed->checksum_is_valid(source, destination), "a wrong TCP header");
  TcpHeader again = parsed->header();
  again.options = header.options;
  DEMI_ASSERT(again == header, "the TCP header changed");
}

inline void exercise_icmpv4(Bytes message) {
  const auto view = IcmpV4View::parse(message);
  if (!view) return;
  DEMI_ASSERT(is_within(view->data(), message), "data outside of the message");
  (void)view->checksum_is_valid();
  (void)QuotedDatagram::parse_ipv4(view->data()).ok();
  std::vector<uint8_t> emitted(message.begin(), message.end());
  view->header().emit(emitted, sum_of(view->data()));
  const auto again = IcmpV4View::parse(emitted);
  DEMI_ASSERT(again && again->header() == view->header(), "the ICMP header changed");
  DEMI_ASSERT(again->checksum_is_valid(), "a wrong ICMP checksum");
}

inline void exercise_ipv6(Bytes packet) {
  const auto view = Ipv6View::parse(packet);
  if (!view) return;
  DEMI_ASSERT(is_within(view->payload(), packet), "a payload outside of the packet");
  std::vector<uint8_t> emitted(Ipv6Header::kBytes + view->payload().size());
  view->header().emit(emitted);
  const auto again = Ipv6View::parse(emitted);
  DEMI_ASSERT(again && again->header() == view->header(), "the IPv6 header changed");

  const Ipv6Extensions extensions = walk_extensions(*view);
  DEMI_ASSERT(is_within(extensions.payload, view->payload()), "an upper layer outside of the packet");
  DEMI_ASSERT(extensions.pointer < packet.size() && extensions.protocol_offset < packet.size(), "a pointer behind the packet");
  DEMI_ASSERT(!extensions.ok() || extensions.problem == Ipv6Problem::kNone, "a problem without an error");
  if (!extensions.is_fragment) return;
  std::array<uint8_t, Ipv6FragmentHeader::kBytes> fragment;
  extensions.fragment.emit(fragment);
  const auto parsed = Ipv6FragmentHeader::parse(fragment);
  DEMI_ASSERT(parsed && *parsed == extensions.fragment, "the fragment header changed");
}

inline void exercise_icmpv6(Bytes message) {
  const auto view = IcmpV6View::parse(message);
  if (!view) return;
  const IpAddress source = IpAddress::ipv6(0xfe800000, 0, 0, 1), destination = IpAddress::ipv6(0xfe800000, 0, 0, 2);
  DEMI_ASSERT(is_within(view->data(), message), "data outside of the message");
  (void)view->checksum_is_valid(source, destination);
  (void)QuotedDatagram::parse_ipv6(view->data()).ok();
  std::vector<uint8_t> emitted(message.begin(), message.end());
  Checksum rest = Checksum::pseudo_header(source, destination, IpProtocol::kIcmpV6, static_cast<uint32_t>(message.size()));
  rest.add(view->data());
  view->header().emit(emitted, rest);
  const auto again = IcmpV6View::parse(emitted);
  DEMI_ASSERT(again && again->header() == view->header(), "the ICMPv6 header changed");
  DEMI_ASSERT(again->checksum_is_valid(source, destination), "a wrong ICMPv6 checksum");
}

template <class Message>
void exercise_ndp_message(const Ipv6Header& ip, Bytes octets) {
  const Parsed<Message> message = Message::parse(ip, octets);
  if (!message) return;
  std::vector<uint8_t> emitted(message->bytes());
  message->emit(emitted, ip.source, ip.destination);
  const Parsed<Message> again = Message::parse(ip, emitted);
  DEMI_ASSERT(again && *again == *message, "the message of neighbor discovery changed");
  DEMI_ASSERT(IcmpV6View::parse(emitted)->checksum_is_valid(ip.source, ip.destination), "a wrong checksum of neighbor discovery");
}

inline void exercise_ndp(Bytes octets) {
  Ipv6Header ip;
  ip.hop_limit = 255;
  ip.source = IpAddress::ipv6(0xfe800000, 0, 0, 1);
  ip.destination = IpAddress::ipv6(0xfe800000, 0, 0, 2);
  exercise_ndp_message<RouterSolicitation>(ip, octets);
  exercise_ndp_message<RouterAdvertisement>(ip, octets);
  exercise_ndp_message<NeighborSolicitation>(ip, octets);
  exercise_ndp_message<NeighborAdvertisement>(ip, octets);
}

}  // namespace demi
