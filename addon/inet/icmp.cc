#include "inet/icmp.h"

namespace demi {

bool may_cause_error(const Ipv4View& packet, bool to_group) {
  if (to_group || packet.fragment_offset() != 0) return false;
  const IpAddress source = packet.source();
  if (!source.is_unicast()) return false;
  if (packet.protocol() != IpProtocol::kIcmpV4) return true;
  // About questions only; what nobody knows may be an error (RFC 1122 3.2.2).
  const Parsed<IcmpV4View> message = IcmpV4View::parse(packet.payload());
  return message && message->header().type == IcmpV4Type::kEchoRequest;
}

std::optional<IcmpErrorMeaning> meaning_of(const IcmpV4Header& message) {
  if (message.type == IcmpV4Type::kTimeExceeded) return IcmpErrorMeaning{IcmpErrorKind::kSoft, Errno::kEHOSTUNREACH};
  if (message.type != IcmpV4Type::kDestinationUnreachable) return std::nullopt;
  switch (static_cast<IcmpV4Unreachable>(message.code)) {
    case IcmpV4Unreachable::kNetwork:
      return IcmpErrorMeaning{IcmpErrorKind::kSoft, Errno::kENETUNREACH};
    case IcmpV4Unreachable::kHost:
      return IcmpErrorMeaning{IcmpErrorKind::kSoft, Errno::kEHOSTUNREACH};
    case IcmpV4Unreachable::kProtocol:
    case IcmpV4Unreachable::kPort:
      return IcmpErrorMeaning{IcmpErrorKind::kHard, Errno::kECONNREFUSED};
    case IcmpV4Unreachable::kFragmentationNeeded:
      return std::nullopt;
    case IcmpV4Unreachable::kAdministratively:
      return IcmpErrorMeaning{IcmpErrorKind::kSoft, Errno::kEHOSTUNREACH};
  }
  // RFC 1122 3.2.2.1 has codes up to 12, RFC 1812 5.2.7.1 three more: routes that fail, or are forbidden.
  return IcmpErrorMeaning{IcmpErrorKind::kSoft, Errno::kEHOSTUNREACH};
}

}  // namespace demi
