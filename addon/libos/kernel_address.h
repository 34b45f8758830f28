// Endpoints and errors as the kernel has them.
#pragma once

#ifdef __linux__

#include <sys/socket.h>

#include "base/errno.h"
#include "libos/endpoint.h"

namespace demi {

// A sockaddr of either family, for bind(2), connect(2) and sendmsg(2), or filled in by accept(2) and recvmsg(2).
struct KernelAddress {
  sockaddr_storage storage;
  socklen_t length = sizeof(sockaddr_storage);

  static KernelAddress of(const Endpoint& endpoint);
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  // Family kNone when the kernel has put none there.
  Endpoint endpoint() const;
};

// The code for a number of errno(3). Those that the API does not know become the one that says the same to a caller.
Errno kernel_error(int number);

// Whether an error of connect(2) or sendmsg(2) is thrown at the call: it is the caller's mistake, or this machine's. All others are what
// the peer or the network decided and go through the token.
bool is_thrown(Errno error);

}  // namespace demi

#endif  // __linux__
