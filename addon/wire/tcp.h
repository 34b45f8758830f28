// The TCP header (RFC 9293 3.1). Its options are in tcp_options.h.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "wire/address.h"
#include "wire/checksum.h"
#include "wire/parsed.h"
#include "wire/seq_number.h"
#include "wire/tcp_options.h"

namespace demi {

// The control bits; as many of them as a test asks for at once.
struct TcpFlags {
  static constexpr uint16_t kFin = 0x001;
  static constexpr uint16_t kSyn = 0x002;
  static constexpr uint16_t kRst = 0x004;
  static constexpr uint16_t kPsh = 0x008;
  static constexpr uint16_t kAck = 0x010;
  static constexpr uint16_t kUrg = 0x020;
  static constexpr uint16_t kEce = 0x040;  // RFC 3168 6.1
  static constexpr uint16_t kCwr = 0x080;
  static constexpr uint16_t kNs = 0x100;  // RFC 3540, historic; Accurate ECN uses it again, as AE
  static constexpr uint16_t kAll = 0x1ff;

  uint16_t bits = 0;

  bool operator==(const TcpFlags&) const = default;
  constexpr bool has_all(uint16_t wanted) const { return (bits & wanted) == wanted; }
  constexpr bool has_any(uint16_t wanted) const { return (bits & wanted) != 0; }
  constexpr bool fin() const { return has_any(kFin); }
  constexpr bool syn() const { return has_any(kSyn); }
  constexpr bool rst() const { return has_any(kRst); }
  constexpr bool ack() const { return has_any(kAck); }
};

struct TcpHeader {
  static constexpr size_t kBytesMin = 20;
  static constexpr size_t kBytesMax = kBytesMin + TcpOptions::kBytesMax;
  static constexpr size_t kChecksumOffset = 16;  // for a device that finishes the checksum

  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  SeqNumber sequence_number;
  SeqNumber acknowledgment_number;  // means something with ACK only
  TcpFlags flags;
  uint16_t window = 0;  // as it stands in the header: not yet scaled
  uint16_t urgent_pointer = 0;
  TcpOptions options;

  bool operator==(const TcpHeader&) const = default;
  size_t bytes() const { return kBytesMin + options.bytes(); }
  // With 0 for the checksum.
  void emit(MutableBytes into) const;
  // `rest` is the sum of the pseudo header and the text.
  void emit(MutableBytes into, const Checksum& rest) const;

 private:
  Checksum emit_words(MutableBytes into) const;
};

class TcpView {
 public:
  // A segment is as long as its packet says: there is nothing to cut off.
  static Parsed<TcpView> parse(Bytes segment) {
    if (segment.size() < TcpHeader::kBytesMin) return ParseError::kTruncated;
    // RFC 9293 3.1: the data offset is in words of 32 bits.
    const size_t header_bytes = size_t{segment[kDataOffsetAndFlags]} / 16 * 4;
    if (header_bytes < TcpHeader::kBytesMin || header_bytes > segment.size()) return ParseError::kBadHeaderLength;
    return TcpView(segment, header_bytes);
  }

  uint16_t source_port() const { return load_be16(at(kSourcePort)); }
  uint16_t destination_port() const { return load_be16(at(kDestinationPort)); }
  SeqNumber sequence_number() const { return SeqNumber(load_be32(at(kSequenceNumber))); }
  SeqNumber acknowledgment_number() const { return SeqNumber(load_be32(at(kAcknowledgmentNumber))); }
  // The bits between the data offset and the flags are reserved and ignored (RFC 9293 3.1).
  TcpFlags flags() const { return {static_cast<uint16_t>(load_be16(at(kDataOffsetAndFlags)) & TcpFlags::kAll)}; }
  uint16_t window() const { return load_be16(at(kWindow)); }
  uint16_t urgent_pointer() const { return load_be16(at(kUrgentPointer)); }
  bool checksum_is_valid(const IpAddress& source, const IpAddress& destination) const {
    Checksum checksum = Checksum::pseudo_header(source, destination, IpProtocol::kTcp, static_cast<uint32_t>(segment_.size()));
    checksum.add(segment_);
    return checksum.is_valid();
  }

  TcpOptions options() const {
    return TcpOptions::parse(segment_.subspan(TcpHeader::kBytesMin, header_bytes_ - TcpHeader::kBytesMin), flags().syn());
  }
  TcpHeader header() const {
    TcpHeader header;
    header.source_port = source_port();
    header.destination_port = destination_port();
    header.sequence_number = sequence_number();
    header.acknowledgment_number = acknowledgment_number();
    header.flags = flags();
    header.window = window();
    header.urgent_pointer = urgent_pointer();
    const uint8_t* first_option = at(TcpHeader::kBytesMin);
    const bool is_timestamps = header_bytes_ == TcpHeader::kBytesMin + TcpOptions::kTimestampsBytes &&
                               load_be32(first_option) == TcpOptions::kTimestampsHead;
    if (is_timestamps) [[likely]] {
      header.options.timestamps = TcpTimestamps{load_be32(first_option + 4), load_be32(first_option + 8)};
    } else {
      header.options = options();
    }
    return header;
  }
  Bytes text() const { return segment_.subspan(header_bytes_); }
  // SEG.LEN: the text, and one each for SYN and FIN (RFC 9293 3.3.1).
  uint32_t segment_length() const { return static_cast<uint32_t>(text().size()) + flags().syn() + flags().fin(); }

 private:
  friend struct TcpHeader;
  static constexpr size_t kSourcePort = 0;
  static constexpr size_t kDestinationPort = 2;
  static constexpr size_t kSequenceNumber = 4;
  static constexpr size_t kAcknowledgmentNumber = 8;
  static constexpr size_t kDataOffsetAndFlags = 12;
  static constexpr size_t kWindow = 14;
  static constexpr size_t kUrgentPointer = 18;

  TcpView(Bytes segment, size_t header_bytes) : segment_(segment), header_bytes_(header_bytes) {}
  const uint8_t* at(size_t offset) const { return segment_.data() + offset; }

  Bytes segment_;
  size_t header_bytes_;
};

}  // namespace demi
