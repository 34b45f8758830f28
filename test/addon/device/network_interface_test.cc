#include "device/network_interface.h"

#ifdef __linux__

#include <gtest/gtest.h>

#include "device/network_namespace.h"

namespace demi {
namespace {

class NetworkInterfaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    DEMI_NEEDS_NAMESPACE(network);
    network.ip("link add name veth0 address 02:00:00:00:00:07 mtu 3000 type veth peer name veth1");
  }
  NetworkInterface find(const std::string& name) {
    auto found = NetworkInterface::find(name);
    EXPECT_TRUE(found.ok());
    return std::move(*found);
  }
  NetworkNamespace network;
};

TEST_F(NetworkInterfaceTest, KnowsWhatItFinds) {
  const NetworkInterface veth = find("veth0");
  EXPECT_EQ(veth.name(), "veth0");
  EXPECT_GT(veth.index(), 0);
  EXPECT_EQ(veth.link_address(), (MacAddress{{0x02, 0, 0, 0, 0, 7}}));
  EXPECT_EQ(veth.mtu_bytes(), 3000u);
  EXPECT_TRUE(veth.is_ethernet());
  EXPECT_FALSE(find("lo").is_ethernet());
  EXPECT_EQ(NetworkInterface::find("veth7").error(), Errno::kENODEV);
  EXPECT_EQ(NetworkInterface::find(veth.index())->name(), "veth0");
  EXPECT_EQ(NetworkInterface::find(veth.index() + 1'000).error(), Errno::kENODEV);
}

TEST_F(NetworkInterfaceTest, KnowsWhetherTheKernelForwards) {
  const NetworkInterface veth = find("veth0");
  EXPECT_FALSE(veth.forwards());
  set_forwarding("veth1", true);
  EXPECT_FALSE(veth.forwards());
  set_forwarding("veth0", true);
  EXPECT_TRUE(veth.forwards());
  network.ip("link del veth0");
  EXPECT_FALSE(veth.forwards());
}

TEST_F(NetworkInterfaceTest, IsUpWithACarrier) {
  NetworkInterface veth = find("veth0");
  EXPECT_EQ(veth.state(), LinkState::kDown);
  EXPECT_TRUE(veth.bring_up().ok());
  EXPECT_EQ(veth.state(), LinkState::kDown);
  network.ip("link set veth1 up");
  EXPECT_EQ(veth.state(), LinkState::kUp);
  network.ip("link set veth0 down");
  EXPECT_EQ(veth.state(), LinkState::kDown);
}

TEST_F(NetworkInterfaceTest, IsTheSameUnderAnotherNameAndGoneWithoutOne) {
  const NetworkInterface veth = find("veth0");
  network.ip("link set veth0 name other");
  network.ip("link set other up");
  network.ip("link set veth1 up");
  EXPECT_EQ(veth.state(), LinkState::kUp);
  network.ip("link del other");
  EXPECT_EQ(veth.state(), LinkState::kGone);
  network.ip("link add name veth0 type veth peer name veth1");
  EXPECT_EQ(veth.state(), LinkState::kGone);
}

TEST_F(NetworkInterfaceTest, BringingItUpNeedsARight) {
  without_capabilities({CAP_NET_ADMIN}, [this] { EXPECT_EQ(find("veth0").bring_up().error(), Errno::kEPERM); });
}

TEST_F(NetworkInterfaceTest, FindsTheInterfaceOfAnAddressOfTheKernel) {
  network.ip("addr add 10.9.0.1/24 dev veth1");
  network.ip("addr add 10.9.1.1/24 dev veth1");
  EXPECT_EQ(NetworkInterface::of_kernel_address(IpAddress::ipv4(10, 9, 0, 1)), "veth1");
  EXPECT_EQ(NetworkInterface::of_kernel_address(IpAddress::ipv4(10, 9, 1, 1)), "veth1");
  EXPECT_EQ(NetworkInterface::of_kernel_address(IpAddress::ipv4(10, 9, 0, 2)), "");
}

TEST(NetworkInterface, KnowsWhatANameCanBe) {
  for (const char* name : {"eth0", "wlp0s20f3", "br-lan", "a.100", "fifteen-letters"}) EXPECT_TRUE(NetworkInterface::is_name(name)) << name;
  for (const char* name : {"", ".", "..", "sixteen-letters-", "a b", "a/b", "a:b", "tap%d", "a\n"}) {
    EXPECT_FALSE(NetworkInterface::is_name(name)) << name;
  }
  EXPECT_FALSE(NetworkInterface::is_name(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace demi

#endif  // __linux__
