// QuotedDatagram: what an ICMP error of either version quotes of the datagram that caused it: enough to find the socket that sent it.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "wire/address.h"
#include "wire/ip_protocol.h"
#include "wire/parsed.h"
#include "wire/seq_number.h"

namespace demi {

// Whoever sends an ICMP error can make all of this up: RFC 5927 4 says what to compare it with.
struct QuotedDatagram {
  IpAddress source;  // ourselves, if it is true
  IpAddress destination;
  IpProtocol protocol = IpProtocol::kTcp;
  // Of TCP and UDP; 0 with others.
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  SeqNumber sequence_number;  // of TCP

  bool operator==(const QuotedDatagram&) const = default;

  // At least 8 bytes behind the header (RFC 792), which no later fragment has.
  static Parsed<QuotedDatagram> parse_ipv4(Bytes quoted);
  // The same behind the extension headers (RFC 4443 2.4 c quotes as much as fits).
  static Parsed<QuotedDatagram> parse_ipv6(Bytes quoted);
};

}  // namespace demi
