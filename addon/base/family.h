// Family: which version of IP an address is of.
#pragma once

#include <cstdint>

namespace demi {

enum class Family : uint8_t { kNone = 0, kIPv4 = 4, kIPv6 = 6 };

}  // namespace demi
