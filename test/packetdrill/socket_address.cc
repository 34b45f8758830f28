#include "socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace demi {

Result<InetEndpoint> endpoint_of(const sockaddr* address, socklen_t length) {
  sockaddr_in ipv4{};
  if (address == nullptr || length < sizeof(address->sa_family)) return Errno::kEINVAL;
  sa_family_t family = 0;
  std::memcpy(&family, &address->sa_family, sizeof(family));
  if (family != AF_INET) return Errno::kEAFNOSUPPORT;
  if (length < sizeof(ipv4)) return Errno::kEINVAL;
  std::memcpy(&ipv4, address, sizeof(ipv4));
  return InetEndpoint{IpAddress::ipv4(ntohl(ipv4.sin_addr.s_addr)), ntohs(ipv4.sin_port)};
}

void store_endpoint(const InetEndpoint& endpoint, sockaddr* address, socklen_t* length) {
  if (address == nullptr || length == nullptr) return;
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  ipv4.sin_port = htons(endpoint.port);
  ipv4.sin_addr.s_addr = htonl(endpoint.address.words[0]);
  std::memcpy(address, &ipv4, std::min<size_t>(*length, sizeof(ipv4)));
  *length = sizeof(ipv4);
}

}  // namespace demi
