#include "device/dpdk/eal_arguments.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

namespace demi::dpdk {
namespace {

using Words = std::vector<std::string>;

EalArguments prepare(const Words& given) { return prepare_eal_arguments(given, 42, "0,1"); }

bool has(const EalArguments& prepared, const std::string& word) {
  return std::find(prepared.arguments.begin(), prepared.arguments.end(), word) != prepared.arguments.end();
}

TEST(EalArguments, AreThoseThatWereGivenAndWhatTheProcessNeeds) {
  const EalArguments prepared = prepare({"-a", "0000:01:00.0"});
  EXPECT_EQ(prepared.problem, "");
  EXPECT_EQ(prepared.arguments, (Words{"demi-io", "-a", "0000:01:00.0", "--lcores", "0@(0,1)", "--file-prefix", "demi-42", "--in-memory", "--no-telemetry",
                                       "--log-level", "lib.*:error", "--log-level", "pmd.*:error"}));
  EXPECT_EQ(prepared.prefix, "demi-42");
}

TEST(EalArguments, WithoutHugepagesHaveNoSharedFilesAndSomeMemory) {
  const EalArguments prepared = prepare({"--no-huge", "--no-pci"});
  EXPECT_TRUE(has(prepared, "--no-shconf"));
  EXPECT_TRUE(has(prepared, "-m"));
  // EAL refuses the two together.
  EXPECT_FALSE(has(prepared, "--in-memory"));
  EXPECT_FALSE(has(prepare({"--no-huge", "-m", "64"}), "2048"));
  EXPECT_FALSE(has(prepare({"--no-huge", "-m64"}), "2048"));
}

TEST(EalArguments, WhatWasChosenStays) {
  EXPECT_FALSE(has(prepare({"-l", "0"}), "--lcores"));
  EXPECT_FALSE(has(prepare({"-c0x1"}), "--lcores"));
  const EalArguments named = prepare({"--file-prefix=mine", "--log-level=8", "--telemetry"});
  EXPECT_EQ(named.prefix, "");
  EXPECT_FALSE(has(named, "--in-memory"));
  EXPECT_FALSE(has(named, "lib.*:error"));
  EXPECT_FALSE(has(named, "--no-telemetry"));
  EXPECT_FALSE(has(prepare({"--legacy-mem"}), "--in-memory"));
}

TEST(EalArguments, ListsThatWereWrittenForEalBeginWithAName) {
  EXPECT_EQ(prepare({"", "-n", "4", "--proc-type=auto"}).problem, "");
  EXPECT_EQ(prepare({"catnip", "--no-pci"}).arguments[1], "--no-pci");
  EXPECT_EQ(prepare({}).problem, "");
}

TEST(EalArguments, VdevsOfMemifMeetTheirPeersByWayOfTheRelay) {
  const EalArguments prepared = prepare({"--vdev=net_memif0,role=server,id=3,socket=/run/a.sock,socket-abstract=no,secret=x", "--vdev", "net_memif1,mac=02:00:00:00:00:01",
                                         "--vdev=net_memif2,socket=/run/a.sock,role=master,socket-abstract=no", "--vdev=net_ring0"});
  EXPECT_EQ(prepared.memif_ports, (std::vector<MemifPort>{{"net_memif0", true, "/run/a.sock", false, 3},
                                                          {"net_memif1", false, "/run/memif.sock", true, 0},
                                                          {"net_memif2", true, "/run/a.sock", false, 0}}));
  EXPECT_TRUE(has(prepared, "--vdev=net_memif0,role=server,id=3,secret=x,socket=demi-memif-42-0,socket-abstract=yes"));
  EXPECT_TRUE(has(prepared, "--vdev=net_memif1,mac=02:00:00:00:00:01,socket=demi-memif-42-1,socket-abstract=yes"));
  EXPECT_TRUE(has(prepared, "--vdev=net_memif2,role=master,socket=demi-memif-42-0,socket-abstract=yes"));
  EXPECT_TRUE(has(prepared, "--vdev=net_ring0"));
  // The driver has something to say of that.
  EXPECT_TRUE(has(prepare({"--vdev=net_memif0,socket-abstract=maybe"}), "--vdev=net_memif0,socket-abstract=maybe,socket=demi-memif-42-0,socket-abstract=yes"));
  EXPECT_TRUE(prepare({"--vdev=net_null0"}).memif_ports.empty());
}

TEST(EalArguments, WhatWouldEndTheProcessIsRefused) {
  EXPECT_EQ(prepare({"-h"}).problem, "EAL would print its help at '-h' and end the process: leave it out.");
  EXPECT_NE(prepare({"--no-pci", "--help"}).problem.find("'--help'"), std::string::npos);
  EXPECT_NE(prepare({"--log-level", "help"}).problem.find("end the process"), std::string::npos);
  EXPECT_NE(prepare({"--log-level=help"}).problem.find("end the process"), std::string::npos);
}

TEST(EalArguments, WhatEalDoesNotKnowIsNamed) {
  EXPECT_EQ(prepare({"--no-hugepages"}).problem, "EAL has no option '--no-hugepages': see the EAL parameters of DPDK 22.11.");
  EXPECT_EQ(prepare({"--no-hugepages=1"}).problem, "EAL has no option '--no-hugepages' (in '--no-hugepages=1'): see the EAL parameters of DPDK 22.11.");
  EXPECT_NE(prepare({"--no-pci", "net_memif0"}).problem.find("'net_memif0' is none"), std::string::npos);
  EXPECT_NE(prepare({"--vdev"}).problem.find("'--vdev' needs a value"), std::string::npos);
  EXPECT_NE(prepare({"--no-pci=yes"}).problem.find("takes no value"), std::string::npos);
  EXPECT_NE(prepare({std::string("-a\0b", 4)}).problem.find("zero byte"), std::string::npos);
  EXPECT_EQ(prepare({"--no-hugepages"}).error, EINVAL);
}

TEST(EalArguments, ASecondaryProcessIsRefused) {
  const EalArguments refused = prepare({"--proc-type", "secondary"});
  EXPECT_EQ(refused.error, ENOTSUP);
  EXPECT_NE(refused.problem.find("--proc-type secondary"), std::string::npos);
  EXPECT_EQ(prepare({"--proc-type=primary"}).problem, "");
}

}  // namespace
}  // namespace demi::dpdk
