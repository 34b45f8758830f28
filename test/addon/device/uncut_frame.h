// A frame of several segments of TCP that a device is to cut, as a stack hands it over, and the segments on the wire taken apart.
#pragma once

#include <gtest/gtest.h>

#include "device/device_frames.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"

namespace demi {

struct UncutFrame {
  static constexpr size_t kHeaders = EthernetView::kBytes + Ipv4Header::kBytes + 32;

  MacAddress to = station(2);
  MacAddress from = station(1);
  IpAddress source = IpAddress::ipv4(10, 9, 0, 2);
  IpAddress destination = IpAddress::ipv4(10, 9, 0, 1);
  bool dont_fragment = true;
  uint16_t flags = TcpFlags::kAck | TcpFlags::kPsh;
  uint32_t sequence_number = 0xffff'fc00;  // passes zero

  TcpHeader header() const {
    TcpHeader header;
    header.source_port = 4000;
    header.destination_port = 4001;
    header.sequence_number = SeqNumber(sequence_number);
    header.acknowledgment_number = SeqNumber(77);
    header.flags.bits = flags;
    header.window = 1000;
    header.options.timestamps = TcpTimestamps{5, 6};
    return header;
  }
  static Octets text(size_t bytes) {
    Octets octets(bytes);
    for (size_t i = 0; i < bytes; ++i) octets[i] = static_cast<uint8_t>(i * 13 + i / 251);
    return octets;
  }
  // The first `head_bytes` in the head.
  Frame make(Memory& memory, size_t text_bytes, uint16_t segment_bytes, size_t head_bytes = kHeaders) const {
    Octets octets(kHeaders);
    EthernetHeader{to, from, EtherType::kIPv4, false, 0}.emit(octets);
    Ipv4Header ip;
    ip.identification = 0xfffe;
    ip.dont_fragment = dont_fragment;
    ip.source = source;
    ip.destination = destination;
    ip.payload_bytes = static_cast<uint16_t>(32 + text_bytes);
    ip.emit(MutableBytes(octets).subspan(EthernetView::kBytes));
    header().emit(MutableBytes(octets).subspan(34));
    store_be16(octets.data() + 34 + TcpHeader::kChecksumOffset, Checksum::pseudo_header(source, destination, IpProtocol::kTcp, ip.payload_bytes).folded());
    const Octets all = text(text_bytes);
    octets.insert(octets.end(), all.begin(), all.end());
    Frame frame = make_frame(memory, octets, head_bytes);
    frame.checksum_start = 34;
    frame.checksum_offset = TcpHeader::kChecksumOffset;
    frame.segment_bytes = segment_bytes;
    return frame;
  }

  // Whether `octets` is the segment that holds the `length` bytes of the text of `text_bytes` from `begin` on.
  void expect_segment(const Octets& octets, size_t begin, size_t length, size_t text_bytes) const {
    ASSERT_EQ(octets.size(), kHeaders + length);
    EXPECT_EQ(EthernetView::parse(octets)->destination(), to);
    const Parsed<Ipv4View> ip = Ipv4View::parse(Bytes(octets).subspan(EthernetView::kBytes));
    ASSERT_TRUE(ip.ok());
    EXPECT_TRUE(ip->checksum_is_valid());
    EXPECT_EQ(ip->packet().size(), octets.size() - EthernetView::kBytes);
    const Parsed<TcpView> segment = TcpView::parse(ip->payload());
    ASSERT_TRUE(segment.ok());
    TcpHeader expected = header();
    expected.sequence_number = SeqNumber(sequence_number) + static_cast<uint32_t>(begin);
    if (begin + length < text_bytes) expected.flags.bits &= static_cast<uint16_t>(~(TcpFlags::kPsh | TcpFlags::kFin));
    if (begin > 0) expected.flags.bits &= static_cast<uint16_t>(~TcpFlags::kCwr);
    const TcpHeader found = segment->header();
    EXPECT_EQ(found.sequence_number, expected.sequence_number);
    EXPECT_EQ(found.acknowledgment_number, expected.acknowledgment_number);
    EXPECT_EQ(found.flags.bits, expected.flags.bits);
    EXPECT_EQ(found.window, expected.window);
    EXPECT_TRUE(found.options.timestamps.has_value());
    const Octets all = text(text_bytes);
    EXPECT_TRUE(std::equal(segment->text().begin(), segment->text().end(), all.begin() + static_cast<ptrdiff_t>(begin)));
  }
  bool has_good_checksum(const Octets& octets) const {
    return TcpView::parse(Ipv4View::parse(Bytes(octets).subspan(EthernetView::kBytes))->payload())->checksum_is_valid(source, destination);
  }
};

}  // namespace demi
