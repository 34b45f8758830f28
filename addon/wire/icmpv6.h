// ICMPv6 (RFC 4443): echo and the four errors. Neighbor discovery begins with the same header and is in ndp.h; other messages are
// parsed as unknown.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/parsed.h"

namespace demi {

// The IANA registry "ICMPv6 type Numbers". Any other number is a value, too.
enum class IcmpV6Type : uint8_t {
  kDestinationUnreachable = 1,
  kPacketTooBig = 2,
  kTimeExceeded = 3,
  kParameterProblem = 4,
  kEchoRequest = 128,
  kEchoReply = 129,
  kRouterSolicitation = 133,
  kRouterAdvertisement = 134,
  kNeighborSolicitation = 135,
  kNeighborAdvertisement = 136,
};

// Codes of kDestinationUnreachable (RFC 4443 3.1).
enum class IcmpV6Unreachable : uint8_t { kNoRoute = 0, kAdministratively = 1, kAddress = 3, kPort = 4 };

struct IcmpV6Header {
  static constexpr size_t kBytes = 8;

  IcmpV6Type type = IcmpV6Type::kEchoRequest;
  uint8_t code = 0;
  // Of echoes.
  uint16_t identifier = 0;
  uint16_t sequence_number = 0;
  uint32_t mtu = 0;      // of kPacketTooBig
  uint32_t pointer = 0;  // of kParameterProblem: the offset of what is wrong

  bool operator==(const IcmpV6Header&) const = default;
  bool is_echo() const { return type == IcmpV6Type::kEchoRequest || type == IcmpV6Type::kEchoReply; }
  // RFC 4443 2.1: the high bit tells them apart, also unknown ones. Each quotes the packet that caused it and is never answered by another.
  bool is_error() const { return static_cast<uint8_t>(type) < 128; }
  // `rest` is the sum of the pseudo header and of what follows: the data of an echo, or the quoted packet.
  void emit(MutableBytes into, const Checksum& rest) const;
};

class IcmpV6View {
 public:
  // All messages that we know have at least 8 bytes.
  static Parsed<IcmpV6View> parse(Bytes message);

  bool checksum_is_valid(const IpAddress& source, const IpAddress& destination) const;
  IcmpV6Header header() const;
  // With the header: what the messages of ndp.h are parsed from.
  Bytes message() const { return message_; }
  // The data of an echo, or the quoted packet of an error (see QuotedDatagram).
  Bytes data() const { return message_.subspan(IcmpV6Header::kBytes); }

  static constexpr size_t kType = 0;
  static constexpr size_t kCode = 1;
  static constexpr size_t kChecksum = 2;

 private:
  friend struct IcmpV6Header;
  static constexpr size_t kIdentifier = 4;
  static constexpr size_t kSequenceNumber = 6;
  static constexpr size_t kMtu = 4;
  static constexpr size_t kPointer = 4;

  explicit IcmpV6View(Bytes message) : message_(message) {}

  Bytes message_;
};

}  // namespace demi
