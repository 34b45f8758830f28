#include "libos/catnip.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "device/dpdk_ground.h"
#include "libos/loopback_tokens.h"

namespace demi {
namespace {

class CatnipTest : public testing::Test {
 protected:
  void SetUp() override {
    DEMI_NEEDS_DPDK(dpdk);
    catnip.plugin_file = DEMI_TEST_DPDK_PLUGIN;
    catnip.eal = DpdkGround::eal();
    catnip.device.port = DpdkGround::new_cable() + "/0";
    ground = prepare_catnip(catnip);
    ASSERT_EQ(ground.problem, "");
    settings.tokens_limit = 16;
    settings.descriptors = descriptors;
    settings.memory = std::make_shared<Memory>(MemoryConfig{.limit_bytes = uint64_t{8} << 20, .source = ground.mappings});
    settings.clock = &clock;
    config.stack.addresses = {Cidr(IpAddress::ipv4(10, 1, 2, 3), 24)};
    config.stack.mtu_bytes = 0;
  }
  MadeNetos make() { return make_catnip(settings, config, catnip, ground, error); }

  DpdkGround dpdk = DpdkGround::make();
  CatnipConfig catnip;
  CatnipGround ground;
  ManualClock clock;
  std::vector<double> descriptors = std::vector<double>(16);
  LibOSSettings settings;
  NetosConfig config;
  Errno error = Errno::kOk;
};

TEST_F(CatnipTest, HasTheAddressAndTheMtuOfItsPort) {
  const MadeNetos made = make();
  ASSERT_NE(made.libos, nullptr) << made.problem;
  EXPECT_STREQ(made.libos->name(), "catnip");
  EXPECT_EQ(made.libos->stack().config().mtu_bytes, 1500u);
  // A port of rings has no address: then it follows from ours.
  EXPECT_EQ(made.libos->stack().config().mac, (MacAddress{{2, 0, 10, 1, 2, 3}}));
  EXPECT_GE(made.libos->wakeup_fd(), 0);
  bool has_device_counters = false;
  made.libos->list_counters([&](const char* group, const char*, uint64_t) { has_device_counters |= std::string(group) == "device"; });
  EXPECT_TRUE(has_device_counters);
}

TEST_F(CatnipTest, SaysWhatIsWrong) {
  const MadeNetos made = make();
  EXPECT_NE(make().problem.find("has a libOS already"), std::string::npos);
  EXPECT_EQ(error, Errno::kEBUSY);
  catnip.device.port = "net_nothing";
  EXPECT_NE(make().problem.find("DPDK has no port 'net_nothing'"), std::string::npos);
  EXPECT_EQ(error, Errno::kENODEV);
  catnip.device.port = DpdkGround::new_cable() + "/0";
  config.stack.addresses.clear();
  config.stack.mac = {{2, 0, 0, 0, 0, 1}};
  EXPECT_NE(make().problem.find("needs an address"), std::string::npos);
  EXPECT_EQ(error, Errno::kEINVAL);
}

TEST_F(CatnipTest, NeedsThePluginAndOneSetOfArguments) {
  CatnipConfig other = catnip;
  other.plugin_file = "/nowhere/demi_dpdk.so";
  EXPECT_EQ(prepare_catnip(other).error, Errno::kENOTSUP);
  other = catnip;
  other.eal = {"--no-pci"};
  EXPECT_EQ(prepare_catnip(other).error, Errno::kEEXIST);
}

}  // namespace
}  // namespace demi
