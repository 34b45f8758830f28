// What our own TCP tells of a connection, as the numbers and names that Linux has for it.
#pragma once

#include <optional>
#include <string_view>

#include "inet/tcp/tcp_connection_info.h"
#include "libos/tcp_info.h"

namespace demi {

// What our TCP does not know stays 0: ato, rcv_rtt, pacing, delivery rate, pmtu.
TcpInfo linux_tcp_info(const TcpConnectionInfo& info);

// "cubic" and "reno", as TCP_CONGESTION has them (tcp(7)); "newreno" is "reno".
std::string_view name_of(CongestionAlgorithm algorithm);
std::optional<CongestionAlgorithm> congestion_algorithm_named(std::string_view name);

}  // namespace demi
