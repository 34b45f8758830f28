#include "libos/made_netos.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <vector>

#include "device/wire_hub.h"
#include "libos/loopback_tokens.h"

namespace demi {
namespace {

class MadeNetosTest : public testing::Test {
 protected:
  MadeNetosTest() {
    settings.tokens_limit = 16;
    settings.descriptors = descriptors;
    settings.memory = std::make_shared<Memory>(MemoryConfig{.limit_bytes = uint64_t{8} << 20});
    settings.clock = &clock;
  }
  static NetosConfig config() {
    NetosConfig made;
    made.stack.mac = {{2, 0, 10, 0, 0, 1}};
    made.stack.addresses = {Cidr(IpAddress::ipv4(10, 0, 0, 1), 24)};
    return made;
  }
  std::unique_ptr<Device> make_device() {
    auto port = WireHubPort::attach(std::make_shared<WireHub>(), config().stack.mac, *settings.memory);
    return std::move(*port);
  }

  ManualClock clock;
  std::vector<double> descriptors = std::vector<double>(16);
  LibOSSettings settings;
};

TEST_F(MadeNetosTest, HasASecretOfItsOwn) {
  const MadeNetos one = make_netos("one", settings, config(), make_device());
  const MadeNetos two = make_netos("two", settings, config(), make_device());
  EXPECT_STREQ(one.libos->name(), "one");
  EXPECT_NE(one.libos->stack().config().secret.k0, two.libos->stack().config().secret.k0);
}

TEST_F(MadeNetosTest, SaysWhenACaptureCannotBeWritten) {
  NetosConfig wrong = config();
  wrong.capture_file = "/nowhere/at/all.pcap";
  const MadeNetos made = make_netos("one", settings, wrong, make_device());
  EXPECT_EQ(made.libos, nullptr);
  EXPECT_NE(made.problem.find("The capture file /nowhere/at/all"), std::string::npos);
}

TEST_F(MadeNetosTest, CapturesWhatPassesItsDevice) {
  NetosConfig captured = config();
  captured.capture_file = ::testing::TempDir() + "made_netos_test.pcap";
  {
    const MadeNetos made = make_netos("catpowder", settings, captured, make_device());
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

TEST(MadeNetos, EachCaptureHasAFileOfItsOwn) {
  EXPECT_EQ(capture_file_name("a.pcap", 1), "a.pcap");
  EXPECT_EQ(capture_file_name("a.pcap", 2), "a.2.pcap");
  EXPECT_EQ(capture_file_name("/tmp/x.y/capture", 3), "/tmp/x.y/capture.3");
  EXPECT_EQ(capture_file_name("/tmp/.hidden", 4), "/tmp/.hidden.4");
}

}  // namespace
}  // namespace demi
