// The UDP header (RFC 768).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "wire/address.h"
#include "wire/checksum.h"
#include "wire/parsed.h"

namespace demi {

struct UdpHeader {
  static constexpr size_t kBytes = 8;
  static constexpr size_t kChecksumOffset = 6;  // for a device that finishes the checksum
  static constexpr size_t kPayloadBytesMax = 65535 - kBytes;

  uint16_t source_port = 0;  // 0: nobody is there to answer to
  uint16_t destination_port = 0;
  uint16_t payload_bytes = 0;

  bool operator==(const UdpHeader&) const = default;
  // With 0 for the checksum.
  void emit(MutableBytes into) const;
  // `rest` is the sum of the pseudo header and the payload.
  void emit(MutableBytes into, const Checksum& rest) const;
};

class UdpView {
 public:
  // What follows the length is cut off: IPv4 may have been padded, and neither family says that its payload is filled.
  static Parsed<UdpView> parse(Bytes datagram);

  uint16_t source_port() const { return load_be16(datagram_.data() + kSourcePort); }
  uint16_t destination_port() const { return load_be16(datagram_.data() + kDestinationPort); }
  bool checksum_is_valid(const IpAddress& source, const IpAddress& destination) const;

  UdpHeader header() const { return {source_port(), destination_port(), static_cast<uint16_t>(payload().size())}; }
  Bytes payload() const { return datagram_.subspan(UdpHeader::kBytes); }

 private:
  friend struct UdpHeader;
  static constexpr size_t kSourcePort = 0;
  static constexpr size_t kDestinationPort = 2;
  static constexpr size_t kLength = 4;

  explicit UdpView(Bytes datagram) : datagram_(datagram) {}

  Bytes datagram_;
};

}  // namespace demi
