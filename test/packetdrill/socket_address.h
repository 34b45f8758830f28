// Endpoints as system calls have them.
#pragma once

#include <sys/socket.h>

#include "base/result.h"
#include "inet/inet_endpoint.h"

namespace demi {

// EINVAL when it is too short, EAFNOSUPPORT when it is not of IPv4.
Result<InetEndpoint> endpoint_of(const sockaddr* address, socklen_t length);
// As accept(2) gives it: cut off at *length, which is then what it should have been. Nothing happens if `address` is nullptr.
void store_endpoint(const InetEndpoint& endpoint, sockaddr* address, socklen_t* length);

}  // namespace demi
