#include "libos/catpowder.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
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
  static CatpowderConfig config(uint8_t number) {
    CatpowderConfig made;
    made.device_name = "hub";
    made.stack.mac = {{2, 0, 10, 0, 0, number}};
    made.stack.addresses = {Cidr(IpAddress::ipv4(10, 0, 0, number), 24)};
    return made;
  }
  std::string problem_of(const CatpowderConfig& wrong) {
    MadeCatpowder made = make_catpowder(settings, wrong, hubs);
    EXPECT_EQ(made.libos, nullptr);
    return made.problem;
  }

  ManualClock clock;
  std::vector<double> descriptors = std::vector<double>(16);
  LibOSSettings settings;
  WireHubNames hubs;
};

TEST_F(CatpowderTest, LibOSesOfOneHubAreOnOneLink) {
  MadeCatpowder one = make_catpowder(settings, config(1), hubs);
  MadeCatpowder two = make_catpowder(settings, config(2), hubs);
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
  CatpowderConfig wrong = config(1);
  wrong.stack.addresses.clear();
  EXPECT_NE(problem_of(wrong).find("needs an address"), std::string::npos);
  wrong = config(1);
  wrong.stack.mtu_bytes = 65'535;
  EXPECT_EQ(problem_of(wrong), "A hub carries packets of at most 65518 bytes: an MTU of 65535 is too long.");

  const MadeCatpowder there = make_catpowder(settings, config(1), hubs);
  EXPECT_EQ(problem_of(config(1)),
            "The hub 'hub' has a libOS with the MAC address 02:00:0a:00:00:01 already: give this one another, or another IP address.");
  wrong = config(2);
  wrong.stack.mtu_bytes = 9000;
  EXPECT_EQ(problem_of(wrong), "The hub 'hub' has an MTU of 1500 bytes: give 9000 to all of its libOSes, or to none.");
  wrong = config(2);
  wrong.capture_file = "/nowhere/at/all.pcap";
  EXPECT_NE(problem_of(wrong).find("The capture file /nowhere/at/all"), std::string::npos);
}

TEST_F(CatpowderTest, CapturesWhatPassesItsDevice) {
  CatpowderConfig captured = config(1);
  captured.capture_file = ::testing::TempDir() + "catpowder_test.pcap";
  {
    const MadeCatpowder made = make_catpowder(settings, captured, hubs);
    ASSERT_NE(made.libos, nullptr) << made.problem;
    made.libos->turn(clock.now());
  }
  // Captures before this one in the same process have taken the first numbers.
  bool found = false;
  for (uint32_t number = 1; number < 100 && !found; ++number) {
    const std::string path = capture_file_name(captured.capture_file, number);
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) continue;
    found = true;
    // The header, and the announcement of the address: 16 bytes in front of a frame of 42.
    EXPECT_EQ(file.tellg(), 24 + 16 + 42);
    std::remove(path.c_str());
  }
  EXPECT_TRUE(found);
}

TEST(Catpowder, EachCaptureHasAFileOfItsOwn) {
  EXPECT_EQ(capture_file_name("a.pcap", 1), "a.pcap");
  EXPECT_EQ(capture_file_name("a.pcap", 2), "a.2.pcap");
  EXPECT_EQ(capture_file_name("/tmp/x.y/capture", 3), "/tmp/x.y/capture.3");
  EXPECT_EQ(capture_file_name("/tmp/.hidden", 4), "/tmp/.hidden.4");
}

}  // namespace
}  // namespace demi
