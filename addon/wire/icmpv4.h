// ICMP for IPv4 (RFC 792): echo, destination unreachable, time exceeded. Other messages are parsed as unknown.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/parsed.h"

namespace demi {

// The IANA registry "ICMP Type Numbers". Any other number is a value, too.
enum class IcmpV4Type : uint8_t { kEchoReply = 0, kDestinationUnreachable = 3, kEchoRequest = 8, kTimeExceeded = 11 };

// Codes of kDestinationUnreachable that mean something to us (RFC 792, RFC 1122 3.2.2.1).
enum class IcmpV4Unreachable : uint8_t {
  kNetwork = 0,
  kHost = 1,
  kProtocol = 2,
  kPort = 3,
  kFragmentationNeeded = 4,
  kAdministratively = 13,
};

struct IcmpV4Header {
  static constexpr size_t kBytes = 8;

  IcmpV4Type type = IcmpV4Type::kEchoRequest;
  uint8_t code = 0;
  // Of echoes.
  uint16_t identifier = 0;
  uint16_t sequence_number = 0;
  // Of kDestinationUnreachable with kFragmentationNeeded (RFC 1191 4). 0: sent by a router that does not know of it.
  uint16_t next_hop_mtu = 0;

  bool operator==(const IcmpV4Header&) const = default;
  bool is_echo() const { return type == IcmpV4Type::kEchoRequest || type == IcmpV4Type::kEchoReply; }
  // Whether it is one of the errors that we know; each quotes the datagram that caused it.
  bool is_error() const { return type == IcmpV4Type::kDestinationUnreachable || type == IcmpV4Type::kTimeExceeded; }
  bool is_fragmentation_needed() const {
    return type == IcmpV4Type::kDestinationUnreachable && code == static_cast<uint8_t>(IcmpV4Unreachable::kFragmentationNeeded);
  }
  // `data` is the sum of what follows the header: the data of an echo, or the quoted datagram.
  void emit(MutableBytes into, const Checksum& data) const;
};

class IcmpV4View {
 public:
  static Parsed<IcmpV4View> parse(Bytes message);

  bool checksum_is_valid() const;
  IcmpV4Header header() const;
  // The data of an echo, or the quoted datagram of an error (see QuotedDatagram).
  Bytes data() const { return message_.subspan(IcmpV4Header::kBytes); }

 private:
  friend struct IcmpV4Header;
  static constexpr size_t kType = 0;
  static constexpr size_t kCode = 1;
  static constexpr size_t kChecksum = 2;
  static constexpr size_t kIdentifier = 4;
  static constexpr size_t kSequenceNumber = 6;
  static constexpr size_t kNextHopMtu = 6;

  explicit IcmpV4View(Bytes message) : message_(message) {}

  Bytes message_;
};

}  // namespace demi
