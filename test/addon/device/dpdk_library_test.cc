#include "device/dpdk_library.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <thread>

#include "device/dpdk_ground.h"

namespace demi {
namespace {

TEST(DpdkLibrary, SaysWhatToDoWhenThereIsNoPlugin) {
  const LoadedDpdk loaded = load_dpdk("/nowhere/demi_dpdk.so");
  EXPECT_EQ(loaded.plugin, nullptr);
  EXPECT_EQ(loaded.problem,
            "catnip needs the DPDK plug-in, and there is none at /nowhere/demi_dpdk.so: install DPDK (`apt-get install libdpdk-dev pkg-config` on Debian) and "
            "run `npx demi build-dpdk`.");
}

TEST(DpdkLibrary, SaysWhenAPluginCannotBeLoaded) {
  const std::string path = ::testing::TempDir() + "dpdk_library_test.so";
  std::ofstream(path) << "this is no library";
  const LoadedDpdk loaded = load_dpdk(path);
  std::remove(path.c_str());
  EXPECT_EQ(loaded.plugin, nullptr);
  EXPECT_NE(loaded.problem.find("The DPDK plug-in cannot be loaded: " + path), std::string::npos) << loaded.problem;
  EXPECT_NE(loaded.problem.find("npx demi build-dpdk"), std::string::npos);
}

TEST(DpdkLibrary, SaysWhenALibraryIsNoPlugin) {
  // A library that there is wherever this runs.
  const LoadedDpdk loaded = load_dpdk("/lib/x86_64-linux-gnu/libm.so.6");
  if (loaded.problem.find("there is none at") != std::string::npos) GTEST_SKIP() << "there is no libm.so.6 at that place";
  EXPECT_EQ(loaded.plugin, nullptr);
  EXPECT_NE(loaded.problem.find("it has no demi_dpdk_table()"), std::string::npos) << loaded.problem;
}

class DpdkLibraryTest : public ::testing::Test {
 protected:
  void SetUp() override { DEMI_NEEDS_DPDK(ground); }
  std::string start(const std::vector<std::string>& arguments) { return start_eal(*ground.plugin, arguments, error); }

  DpdkGround ground = DpdkGround::make();
  Errno error = Errno::kOk;
};

TEST_F(DpdkLibraryTest, EalIsStartedOnceWithOneSetOfArguments) {
  EXPECT_EQ(std::string(ground.plugin->version()).rfind("DPDK ", 0), 0u);
  EXPECT_EQ(start(DpdkGround::eal()), "");
  EXPECT_EQ(start({"--no-huge"}), "EAL is started once in a process, and it runs with other arguments already: --no-huge --no-pci -m 1024 --vdev=net_null0,no-rx=1.");
  EXPECT_EQ(error, Errno::kEEXIST);
}

TEST_F(DpdkLibraryTest, ThreadsEnterAndLeaveAsOftenAsTheyLike) {
  demi_dpdk_problem problem{};
  // More, one after the other, than DPDK knows at once.
  for (int i = 0; i < 200; ++i) {
    int result = -1;
    std::thread([&] {
      result = ground.plugin->enter_thread(&problem);
      result += ground.plugin->enter_thread(&problem);
      ground.plugin->leave_thread();
      ground.plugin->leave_thread();
      ground.plugin->leave_thread();  // nothing is left to do
    }).join();
    ASSERT_EQ(result, 0) << problem.text;
  }
}

TEST_F(DpdkLibraryTest, MappingsAreMemoryThatComesBackToTheNext) {
  auto mappings = std::make_shared<EalMappings>(*ground.plugin);
  constexpr size_t kBytes = 3 * 4096;
  uint8_t* const first = mappings->map(kBytes);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 4096, 0u);
  std::memset(first, 1, kBytes);
  uint8_t* const other = mappings->map(kBytes);
  EXPECT_NE(other, first);
  mappings->unmap(first, kBytes);
  EXPECT_EQ(mappings->map(kBytes), first);
  // More than EAL has.
  EXPECT_EQ(mappings->map(size_t{1} << 40), nullptr);
  mappings->unmap(other, kBytes);
  mappings->abandon();
  mappings->unmap(first, kBytes);
  EXPECT_EQ(EalMappings(*ground.plugin).map(kBytes), other);
  EXPECT_NE(EalMappings(*ground.plugin).map(kBytes), first);
}

}  // namespace
}  // namespace demi
