// DpdkGround: the real plug-in, with EAL running in this process, for tests that move frames through DPDK. Its devices are cables of rings, and
// one that takes everything and gives nothing; they need neither rights nor hugepages.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "device/dpdk_library.h"

namespace demi {

struct DpdkGround {
  const demi_dpdk_plugin* plugin = nullptr;
  std::string problem;

  static const std::vector<std::string>& eal() {
    static const std::vector<std::string> arguments = {"--no-huge", "--no-pci", "-m", "1024", "--vdev=net_null0,no-rx=1"};
    return arguments;
  }
  static DpdkGround make() {
    LoadedDpdk loaded = load_dpdk(DEMI_TEST_DPDK_PLUGIN);
    if (loaded.plugin == nullptr) return {nullptr, loaded.problem};
    Errno error = Errno::kOk;
    std::string problem = start_eal(*loaded.plugin, eal(), error);
    return {problem.empty() ? loaded.plugin : nullptr, problem};
  }
  // Of a cable that no test had before.
  static std::string new_cable() {
    static int cables = 0;
    return "ring:test" + std::to_string(cables++);
  }
};

// At the beginning of a test: without the plug-in it is skipped, unless everything has to run.
#define DEMI_NEEDS_DPDK(ground)                                                                                         \
  do {                                                                                                                  \
    const char* all = std::getenv("DEMI_REQUIRE_ALL");                                                                  \
    if ((ground).plugin == nullptr && all != nullptr && std::string(all) == "1") FAIL() << (ground).problem;            \
    if ((ground).plugin == nullptr) GTEST_SKIP() << (ground).problem;                                                   \
  } while (false)

}  // namespace demi
