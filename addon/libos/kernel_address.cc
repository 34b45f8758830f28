#include "libos/kernel_address.h"

#ifdef __linux__

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>

namespace demi {

KernelAddress KernelAddress::of(const Endpoint& endpoint) {
  KernelAddress address;
  if (endpoint.family == Family::kIPv4) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
    v4 = sockaddr_in{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    v4.sin_addr.s_addr = htonl(endpoint.words[0]);
    address.length = sizeof(v4);
    return address;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  v6 = sockaddr_in6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  v6.sin6_scope_id = endpoint.scope_id;
  uint32_t words[4];
  for (size_t i = 0; i < 4; ++i) words[i] = htonl(endpoint.words[i]);
  std::memcpy(&v6.sin6_addr, words, sizeof(words));
  address.length = sizeof(v6);
  return address;
}

Endpoint KernelAddress::endpoint() const {
  Endpoint endpoint;
  if (length >= sizeof(sockaddr_in) && storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    endpoint.family = Family::kIPv4;
    endpoint.port = ntohs(v4.sin_port);
    endpoint.words[0] = ntohl(v4.sin_addr.s_addr);
  } else if (length >= sizeof(sockaddr_in6) && storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    endpoint.family = Family::kIPv6;
    endpoint.port = ntohs(v6.sin6_port);
    endpoint.scope_id = v6.sin6_scope_id;
    uint32_t words[4];
    std::memcpy(words, &v6.sin6_addr, sizeof(words));
    for (size_t i = 0; i < 4; ++i) endpoint.words[i] = ntohl(words[i]);
  }
  return endpoint;
}

Errno kernel_error(int number) {
  switch (number) {
    case ENFILE:
      return Errno::kEMFILE;
    case ESOCKTNOSUPPORT:
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
      return Errno::kENOTSUP;
    case ENETRESET:
    case EPROTO:
      return Errno::kECONNRESET;
    case EHOSTDOWN:
      return Errno::kEHOSTUNREACH;
    case ENONET:
      return Errno::kENETUNREACH;
    default:
      // Linux's numbers are the API's; one that has no name there is reported by its number.
      return static_cast<Errno>(number);
  }
}

bool is_thrown(Errno error) {
  switch (error) {
    case Errno::kEINVAL:
    case Errno::kEADDRNOTAVAIL:
    case Errno::kEISCONN:
    case Errno::kEALREADY:
    case Errno::kEACCES:
    case Errno::kEPERM:
    case Errno::kEMSGSIZE:
    case Errno::kENOTSUP:
      return true;
    default:
      return false;
  }
}

}  // namespace demi

#endif  // __linux__
