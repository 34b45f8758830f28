// TCP_INFO as Linux lays it out, of a connection of ours.
#pragma once

#include <linux/tcp.h>

#include "inet/stack_config.h"
#include "inet/tcp/tcp_connection.h"

namespace demi {

// What our TCP does not know stays 0.
tcp_info linux_tcp_info(const TcpConnection& connection, const StackConfig& config);

}  // namespace demi
