#include "device/network_interface.h"

#ifdef __linux__

#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace demi {

static ifreq request_for(const std::string& name) {
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), name.size());
  return request;
}

bool NetworkInterface::is_name(std::string_view name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == "..") return false;
  // The kernel makes a name of a pattern, and that would be another one. Blanks are what isspace(3) says.
  return name.find_first_of(std::string_view("/:% \t\n\v\f\r\0", 10)) == std::string_view::npos;
}

Result<NetworkInterface> NetworkInterface::find(const std::string& name) {
  if (!is_name(name)) return Errno::kENODEV;
  // Any kind of socket will do to ask by, and this one needs no protocol.
  FileDescriptor control(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!control) return static_cast<Errno>(errno);
  NetworkInterface found(std::move(control), name);
  ifreq request = request_for(name);
  if (::ioctl(found.control_.get(), SIOCGIFINDEX, &request) != 0) return static_cast<Errno>(errno);
  found.index_ = request.ifr_ifindex;
  request = request_for(name);
  if (::ioctl(found.control_.get(), SIOCGIFHWADDR, &request) != 0) return static_cast<Errno>(errno);
  found.is_ethernet_ = request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
  found.link_address_ = MacAddress::load(reinterpret_cast<const uint8_t*>(request.ifr_hwaddr.sa_data));
  return found;
}

Result<NetworkInterface> NetworkInterface::find(int index) {
  char name[IF_NAMESIZE] = "";
  if (::if_indextoname(static_cast<unsigned>(index), name) == nullptr) return errno == ENXIO ? Errno::kENODEV : static_cast<Errno>(errno);
  return find(std::string(name));
}

std::string NetworkInterface::of_kernel_address(const IpAddress& address) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return "";
  std::string owner;
  for (const ifaddrs* entry = list; entry != nullptr && owner.empty(); entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    IpAddress owned;
    if (entry->ifa_addr->sa_family == AF_INET) {
      owned = IpAddress::load_ipv4(reinterpret_cast<const uint8_t*>(&reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr));
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      owned = IpAddress::load_ipv6(reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr.s6_addr);
    }
    if (owned.family != Family::kNone && owned == address) owner = entry->ifa_name;
  }
  ::freeifaddrs(list);
  return owner;
}

bool NetworkInterface::forwards() const {
  const FileDescriptor file(::open(("/proc/sys/net/ipv4/conf/" + name_ + "/forwarding").c_str(), O_RDONLY | O_CLOEXEC));
  char digit = '0';
  return file && ::read(file.get(), &digit, 1) == 1 && digit == '1';
}

uint32_t NetworkInterface::mtu_bytes() const {
  ifreq request = request_for(name_);
  return ::ioctl(control_.get(), SIOCGIFMTU, &request) == 0 ? static_cast<uint32_t>(request.ifr_mtu) : 0;
}

bool NetworkInterface::cuts_segments() const {
  ifreq request{};
  request.ifr_ifindex = index_;
  if (::ioctl(control_.get(), SIOCGIFNAME, &request) != 0) return false;
  ethtool_value offload{.cmd = ETHTOOL_GTSO, .data = 0};
  request.ifr_data = reinterpret_cast<char*>(&offload);
  return ::ioctl(control_.get(), SIOCETHTOOL, &request) == 0 && offload.data != 0;
}

LinkState NetworkInterface::state() const {
  ifreq request{};
  request.ifr_ifindex = index_;
  if (::ioctl(control_.get(), SIOCGIFNAME, &request) != 0) return LinkState::kGone;
  // Up, and with a carrier: a veth has one while its peer is up. IFF_RUNNING says the same up to a second later.
  ethtool_value link{.cmd = ETHTOOL_GLINK, .data = 0};
  request.ifr_data = reinterpret_cast<char*>(&link);
  if (::ioctl(control_.get(), SIOCETHTOOL, &request) == 0) return link.data != 0 ? LinkState::kUp : LinkState::kDown;
  if (::ioctl(control_.get(), SIOCGIFFLAGS, &request) != 0) return LinkState::kGone;
  return (request.ifr_flags & IFF_UP) != 0 ? LinkState::kUp : LinkState::kDown;
}

Result<void> NetworkInterface::bring_up() {
  ifreq request = request_for(name_);
  if (::ioctl(control_.get(), SIOCGIFFLAGS, &request) != 0) return static_cast<Errno>(errno);
  request.ifr_flags |= IFF_UP;
  if (::ioctl(control_.get(), SIOCSIFFLAGS, &request) != 0) return static_cast<Errno>(errno);
  return {};
}

}  // namespace demi

#endif  // __linux__
