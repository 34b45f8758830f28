#include "device/datagram_cutter.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "memory/memory.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/udp.h"

namespace demi {

namespace {

// Where the fields are that differ from datagram to datagram: RFC 791 3.1, RFC 8200 3, RFC 768.
constexpr size_t kIpv4Length = 2, kIpv4Identification = 4, kIpv4Checksum = 10;
constexpr size_t kIpv6Length = 4, kIpv6Bytes = 40;
constexpr size_t kUdpLength = 4;

}  // namespace

bool DatagramCutter::begin(Frame series, const VirtioNetHeader& header, bool has_tag) {
  DEMI_ASSERT(empty(), "a series is cut to its end before the next");
  const size_t tag_bytes = has_tag ? EthernetView::kTagBytes : 0;
  ip_start_ = EthernetView::kBytes + tag_bytes;
  udp_start_ = size_t{header.checksum_start} + tag_bytes;
  payload_bytes_ = header.segment_bytes;
  done_bytes_ = done_ = 0;
  const Bytes bytes = series.head_bytes();
  if (payload_bytes_ == 0 || udp_start_ < ip_start_ + Ipv4Header::kBytes || bytes.size() <= udp_start_ + UdpHeader::kBytes) return false;
  const int version = bytes[ip_start_] >> 4;
  if (version != 4 && (version != 6 || udp_start_ < ip_start_ + kIpv6Bytes)) return false;
  series_ = std::move(series);
  return true;
}

Frame DatagramCutter::next(Memory& memory) {
  const Bytes series = series_.head_bytes();
  const size_t headers = udp_start_ + UdpHeader::kBytes;
  const Bytes payload = series.subspan(headers + done_bytes_).first(std::min(payload_bytes_, series.size() - headers - done_bytes_));
  Frame frame;
  if (BufferRef room = memory.allocate_room(headers + payload.size())) {
    const uint32_t first = room->headroom;
    frame = Frame(std::move(room), first, static_cast<uint32_t>(headers + payload.size()));
    std::memcpy(frame.writable_head().data(), series.data(), headers);
    std::memcpy(frame.writable_head().data() + headers, payload.data(), payload.size());
    adapt_headers(frame.writable_head());
    // The checksum was to be made when it is cut for a wire, and there was none.
    frame.verdict = ChecksumVerdict::kGood;
  }
  ++done_;
  done_bytes_ += payload.size();
  if (headers + done_bytes_ == series.size()) series_.clear();
  return frame;
}

void DatagramCutter::adapt_headers(MutableBytes frame) const {
  uint8_t* const ip = frame.data() + ip_start_;
  if (ip[0] >> 4 == 4) {
    store_be16(ip + kIpv4Length, static_cast<uint16_t>(frame.size() - ip_start_));
    // Each is a packet of its own (RFC 6864 4).
    store_be16(ip + kIpv4Identification, static_cast<uint16_t>(load_be16(ip + kIpv4Identification) + done_));
    store_be16(ip + kIpv4Checksum, 0);
    Checksum sum;
    sum.add(Bytes(ip, udp_start_ - ip_start_));
    store_be16(ip + kIpv4Checksum, sum.value());
  } else {
    store_be16(ip + kIpv6Length, static_cast<uint16_t>(frame.size() - ip_start_ - kIpv6Bytes));
  }
  store_be16(frame.data() + udp_start_ + kUdpLength, static_cast<uint16_t>(frame.size() - udp_start_));
}

}  // namespace demi
