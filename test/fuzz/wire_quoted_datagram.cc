#include "wire_target.h"

namespace {

void exercise(demi::Bytes octets) {
  (void)demi::QuotedDatagram::parse_ipv4(octets).ok();
  (void)demi::QuotedDatagram::parse_ipv6(octets).ok();
}

}  // namespace

DEMI_FUZZ_TARGET(exercise)
