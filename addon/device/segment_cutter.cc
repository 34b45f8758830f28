#include "device/segment_cutter.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "memory/memory.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"

namespace demi {

namespace {

// Where the fields are that differ from segment to segment: RFC 791 3.1, RFC 9293 3.1.
constexpr size_t kIp = EthernetView::kBytes;
constexpr size_t kIpLength = 2, kIpIdentification = 4, kIpFragment = 6, kIpChecksum = 10;
constexpr uint16_t kDontFragment = 0x4000;
constexpr size_t kSequence = 4, kDataOffset = 12, kFlags = 13;

// The headers of the segment of `text_bytes` that begins `before` bytes into the text, and has `number` others before it.
void adapt_headers(MutableBytes headers, size_t tcp, uint32_t before, uint16_t number, size_t text_bytes, bool is_last) {
  uint8_t* const ip = headers.data() + kIp;
  store_be16(ip + kIpLength, static_cast<uint16_t>(headers.size() - kIp + text_bytes));
  // RFC 6864 4.1: what is never fragmented needs no number of its own.
  if ((load_be16(ip + kIpFragment) & kDontFragment) == 0) store_be16(ip + kIpIdentification, static_cast<uint16_t>(load_be16(ip + kIpIdentification) + number));
  store_be16(ip + kIpChecksum, 0);
  Checksum sum;
  sum.add(Bytes(headers).subspan(kIp, tcp - kIp));
  store_be16(ip + kIpChecksum, sum.value());
  uint8_t* const segment = headers.data() + tcp;
  store_be32(segment + kSequence, load_be32(segment + kSequence) + before);
  // The end, and what the peer is to have read, come with the last; RFC 3168 6.1.2: the window is reduced once.
  if (!is_last) segment[kFlags] &= static_cast<uint8_t>(~(TcpFlags::kFin | TcpFlags::kPsh));
  if (number > 0) segment[kFlags] &= static_cast<uint8_t>(~TcpFlags::kCwr);
}

void finish(Frame& frame, size_t tcp, bool leaves_checksum) {
  const MutableBytes head = frame.writable_head();
  const Ipv4View ip = *Ipv4View::parse_beginning(Bytes(head).subspan(kIp));
  uint8_t* const field = head.data() + tcp + TcpHeader::kChecksumOffset;
  Checksum sum = Checksum::pseudo_header(ip.source(), ip.destination(), IpProtocol::kTcp, static_cast<uint32_t>(frame.bytes() - tcp));
  if (leaves_checksum) {
    store_be16(field, sum.folded());
    frame.checksum_start = static_cast<uint16_t>(tcp);
    frame.checksum_offset = TcpHeader::kChecksumOffset;
    return;
  }
  store_be16(field, 0);
  sum.add(Bytes(head).subspan(tcp));
  for (const Segment& piece : frame.payload) sum.add({piece.data(), piece.length});
  store_be16(field, sum.value());
}

}  // namespace

size_t cut_segments(Frame frame, Memory& memory, bool leaves_checksums, RingQueue<Frame>& into) {
  DEMI_ASSERT(frame.segment_bytes > 0 && frame.checksum_start >= kIp + Ipv4Header::kBytes, "nothing says how this is to be cut");
  const size_t tcp = frame.checksum_start;
  DEMI_ASSERT(frame.length >= tcp + TcpHeader::kBytesMin, "a segment whose headers are not in its head");
  const size_t header_bytes = tcp + size_t{frame.head_bytes()[tcp + kDataOffset]} / 16 * 4;
  DEMI_ASSERT(frame.length >= header_bytes, "a segment whose headers are not in its head");
  SgArray text(memory.segments());
  const auto in_head = static_cast<uint32_t>(frame.length - header_bytes);
  text.append_segment(BufferRef::share(*frame.head), static_cast<uint32_t>(frame.offset + header_bytes), in_head);
  text.append(std::move(frame.payload));
  size_t lost = 0;
  uint32_t before = 0;
  for (uint16_t number = 0; number == 0 || !text.empty(); ++number) {
    SgArray part = text.split_front(frame.segment_bytes);
    const auto part_bytes = static_cast<uint32_t>(part.bytes());
    if (BufferRef room = memory.allocate_room(header_bytes)) {
      const uint32_t first = room->headroom;
      Frame segment(std::move(room), first, static_cast<uint32_t>(header_bytes));
      const MutableBytes headers = segment.writable_head();
      std::memcpy(headers.data(), frame.head_bytes().data(), header_bytes);
      adapt_headers(headers, tcp, before, number, part_bytes, text.empty());
      segment.payload = std::move(part);
      finish(segment, tcp, leaves_checksums);
      into.push_back(std::move(segment));
    } else {
      ++lost;
    }
    before += part_bytes;
  }
  return lost;
}

}  // namespace demi
