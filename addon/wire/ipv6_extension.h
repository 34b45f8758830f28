// The extension headers of IPv6 (RFC 8200 4): walk_extensions() goes through them to the upper layer, or to a fragment, whose rest is
// looked at when the datagram is whole again.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "wire/ip_protocol.h"
#include "wire/ipv6.h"
#include "wire/parsed.h"

namespace demi {

// The fragment header (RFC 8200 4.5).
struct Ipv6FragmentHeader {
  static constexpr size_t kBytes = 8;

  IpProtocol next_header = IpProtocol::kUdp;  // of the whole datagram, behind this header
  uint16_t offset = 0;                        // in bytes, a multiple of 8
  bool more_fragments = false;
  uint32_t identification = 0;

  bool operator==(const Ipv6FragmentHeader&) const = default;
  // A datagram in one piece nevertheless: it is processed at once, apart from all fragments (RFC 6946 4).
  bool is_atomic() const { return offset == 0 && !more_fragments; }
  static Parsed<Ipv6FragmentHeader> parse(Bytes header);
  void emit(MutableBytes into) const;
};

// What to send back about a packet that is dropped (RFC 8200 4, RFC 4443 3.4): Parameter Problem with this code.
enum class Ipv6Problem : uint8_t { kErroneousHeader = 0, kUnknownNextHeader = 1, kUnknownOption = 2, kNone = 255 };

struct Ipv6Extensions {
  // kNone: `protocol` and `payload` say where the walk ended. Otherwise the packet is to be dropped for this reason,
  ParseError error = ParseError::kNone;
  // and, if there is a problem, its sender told so, with the offset of what is wrong in the packet.
  Ipv6Problem problem = Ipv6Problem::kNone;
  uint32_t pointer = 0;
  // A packet to a multicast address is answered only by the problems that ask for it (RFC 8200 4.2, RFC 4443 2.4 e).
  bool tell_multicast = false;

  IpProtocol protocol = IpProtocol::kNoNextHeader;
  // Of the upper layer, or of a fragment what follows its header.
  Bytes payload;
  // Where the field is that says `protocol`: it is the pointer if the stack has nobody for it.
  uint32_t protocol_offset = 0;
  // Not atomic: `protocol` and `payload` are for reassembly, and mean nothing by themselves.
  bool is_fragment = false;
  Ipv6FragmentHeader fragment;

  bool ok() const { return error == ParseError::kNone; }
};

// Looks at no more than kIpv6ExtensionHeadersMax headers. A datagram that was put together from fragments is walked through anew, as
// a packet without the fragment header (RFC 8200 4.5).
Ipv6Extensions walk_extensions(const Ipv6View& packet);

}  // namespace demi
