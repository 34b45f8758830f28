// NetworkNamespace: an empty network for the tests of devices on interfaces of the kernel. The thread that makes it is in it until it ends, and
// everything that the test makes there ends with it. Nothing of the machine's own network is seen or touched.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <string>
#include <thread>

#include "device/file_descriptor.h"

namespace demi {

class NetworkNamespace {
 public:
  NetworkNamespace() : outside_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    if (std::system("ip -V >/dev/null 2>&1") != 0) {
      problem_ = "there is no ip command (iproute2)";
    } else if (::unshare(CLONE_NEWNET) != 0) {
      problem_ = "a network namespace needs root";
    } else {
      is_inside_ = true;
      // The kernel would send by itself to find neighbours and routers.
      for (const char* which : {"all", "default"}) std::ofstream(std::string("/proc/sys/net/ipv6/conf/") + which + "/disable_ipv6") << 1;
    }
  }
  ~NetworkNamespace() {
    if (is_inside_ && ::setns(outside_.get(), CLONE_NEWNET) != 0) std::abort();
  }
  NetworkNamespace(const NetworkNamespace&) = delete;
  NetworkNamespace& operator=(const NetworkNamespace&) = delete;

  // Why there is none; empty when there is.
  const std::string& problem() const { return problem_; }

  // ip link ..., ip addr ...
  static void ip(const std::string& arguments) { ASSERT_EQ(std::system(("ip " + arguments).c_str()), 0) << "ip " << arguments; }
  // Two interfaces that are the ends of one cable, both up.
  static void make_veth(const std::string& one, const std::string& other) {
    ip("link add name " + one + " type veth peer name " + other);
    ip("link set " + one + " up");
    ip("link set " + other + " up");
  }

 private:
  FileDescriptor outside_;
  bool is_inside_ = false;
  std::string problem_;
};

// Makes a router of the kernel, as to what comes in by an interface.
inline void set_forwarding(const std::string& interface, bool on) {
  std::ofstream("/proc/sys/net/ipv4/conf/" + interface + "/forwarding") << on;
}

// At the beginning of a test: without the right to have a namespace it is skipped, unless everything has to run.
#define DEMI_NEEDS_NAMESPACE(network)                                                                                   \
  do {                                                                                                                  \
    const char* all = std::getenv("DEMI_REQUIRE_ALL");                                                                  \
    if (!(network).problem().empty() && all != nullptr && std::string(all) == "1") FAIL() << (network).problem();       \
    if (!(network).problem().empty()) GTEST_SKIP() << (network).problem();                                              \
  } while (false)

// Does something in a thread that lacks some capabilities of this one.
template <class Function>
void without_capabilities(std::initializer_list<int> lacking, Function function) {
  std::thread([&] {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    ASSERT_EQ(::syscall(SYS_capget, &header, data), 0);
    for (const int capability : lacking) data[0].effective &= ~(uint32_t{1} << capability);
    ASSERT_EQ(::syscall(SYS_capset, &header, data), 0);
    function();
  }).join();
}

// Whether an event loop would be woken now.
inline bool is_readable(int fd, int within_ms = 0) {
  pollfd look{fd, POLLIN, 0};
  return ::poll(&look, 1, within_ms) > 0;
}

}  // namespace demi
