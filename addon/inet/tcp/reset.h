// The RST that answers a segment of no connection (RFC 9293 3.10.7.1), and the one that refuses an acknowledgment (3.5.2, group 2). Pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "wire/tcp.h"

namespace demi {

// Nothing for a RST: a reset never answers a reset. `length` is SEG.LEN. The ports are exchanged already.
std::optional<TcpHeader> reset_for(const TcpHeader& segment, uint32_t length);

}  // namespace demi
