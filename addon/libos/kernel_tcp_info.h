// TCP_INFO as the kernel has it. Read tcp_info.h first.
#pragma once

#ifdef __linux__

#include "base/result.h"
#include "libos/tcp_info.h"

namespace demi {

// Of a TCP socket of the kernel, in whatever state it is.
Result<TcpInfo> kernel_tcp_info(int fd);

}  // namespace demi

#endif  // __linux__
