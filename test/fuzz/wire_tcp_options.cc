#include "wire_target.h"

namespace {

// A header has no more than 40 bytes of options.
void exercise(demi::Bytes octets) {
  const demi::Bytes options = octets.first(std::min(octets.size(), demi::TcpOptions::kBytesMax));
  demi::exercise_tcp_options(demi::TcpOptions::parse(options, true), true);
  demi::exercise_tcp_options(demi::TcpOptions::parse(options, false), false);
}

}  // namespace

DEMI_FUZZ_TARGET(exercise)
