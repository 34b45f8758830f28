#include "libos/catpowder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libos/loopback_tokens.h"

namespace demi {
namespace {

class CatpowderTest : public testing::Test {
 protected:
  CatpowderTest() {
    settings.tokens_limit = 16;
    settings.descriptors = descriptors;
    settings.memory = std::make_shared<Memory>(MemoryConfig{.limit_bytes = uint64_t{8} << 20});
    settings.clock = &clock;
  }
  static NetosConfig config(uint8_t number) {
    NetosConfig made;
    made.stack.mac = {{2, 0, 10, 0, 0, number}};
    made.stack.addresses = {Cidr(IpAddress::ipv4(10, 0, 0, number), 24)};
    return made;
  }
  std::string problem_of(const NetosConfig& wrong) {
    MadeNetos made = make_catpowder(settings, wrong, hub, hubs);
    EXPECT_EQ(made.libos, nullptr);
    return made.problem;
  }

  ManualClock clock;
  std::vector<double> descriptors = std::vector<double>(16);
  LibOSSettings settings;
  const CatpowderDevice hub{CatpowderDevice::Kind::kHub, "hub"};
  WireHubNames hubs;
};

TEST_F(CatpowderTest, LibOSesOfOneHubAreOnOneLink) {
  MadeNetos one = make_catpowder(settings, config(1), hub, hubs);
  MadeNetos two = make_catpowder(settings, config(2), hub, hubs);
  ASSERT_NE(one.libos, nullptr) << one.problem;
  ASSERT_NE(two.libos, nullptr) << two.problem;
  EXPECT_STREQ(one.libos->name(), "catpowder");
  EXPECT_EQ(hubs.size(), 1u);
  // They tell the link of their addresses.
  one.libos->turn(clock.now());
  EXPECT_EQ(two.libos->next_deadline(), Instant());
  // No two stacks have one secret.
  EXPECT_NE(one.libos->stack().config().secret.k0, two.libos->stack().config().secret.k0);
}

TEST_F(CatpowderTest, SaysWhatIsWrong) {
  NetosConfig wrong = config(1);
  wrong.stack.addresses.clear();
  EXPECT_NE(problem_of(wrong).find("needs an address"), std::string::npos);
  wrong = config(1);
  wrong.stack.mtu_bytes = 65'535;
  EXPECT_EQ(problem_of(wrong), "A hub carries packets of at most 65518 bytes: an MTU of 65535 is too long.");

  const MadeNetos there = make_catpowder(settings, config(1), hub, hubs);
  EXPECT_EQ(problem_of(config(1)),
            "The hub 'hub' has a libOS with the MAC address 02:00:0a:00:00:01 already: give this one another, or another IP address.");
  wrong = config(2);
  wrong.stack.mtu_bytes = 9000;
  EXPECT_EQ(problem_of(wrong), "The hub 'hub' has an MTU of 1500 bytes: give 9000 to all of its libOSes, or to none.");
  wrong = config(2);
  wrong.capture_file = "/nowhere/at/all.pcap";
  EXPECT_NE(problem_of(wrong).find("The capture file /nowhere/at/all"), std::string::npos);
}

}  // namespace
}  // namespace demi
