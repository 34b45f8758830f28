#include "inet/stack_config.h"

#include <gtest/gtest.h>

#include <functional>

namespace demi {
namespace {

StackConfig good() {
  StackConfig config;
  config.mac = {{2, 0, 0, 0, 0, 1}};
  config.addresses = {Cidr(IpAddress::ipv4(10, 0, 0, 2), 24)};
  config.neighbors = {{IpAddress::ipv4(10, 0, 0, 3), {{2, 0, 0, 0, 0, 3}}}};
  return config;
}

TEST(StackConfigTest, WhatIsRightIsNotSpokenOf) { EXPECT_EQ(problem_with(good()), ""); }

TEST(StackConfigTest, WhatIsWrongIsNamed) {
  const std::vector<std::pair<const char*, std::function<void(StackConfig&)>>> all = {
      {"MAC", [](StackConfig& c) { c.mac = MacAddress(); }},
      {"MAC", [](StackConfig& c) { c.mac = MacAddress::broadcast(); }},
      {"67 bytes is out of bounds", [](StackConfig& c) { c.mtu_bytes = 67; }},
      {"65536 bytes is out of bounds", [](StackConfig& c) { c.mtu_bytes = 65'536; }},
      {"time to live", [](StackConfig& c) { c.time_to_live = 0; }},
      {"ports", [](StackConfig& c) { c.ephemeral_ports = {5, 4}; }},
      {"connections_max", [](StackConfig& c) { c.connections_max = 0; }},
      {"neighbor.requests", [](StackConfig& c) { c.neighbor.requests = 0; }},
      {"prefix", [](StackConfig& c) { c.addresses = {Cidr(IpAddress::ipv4(10, 0, 0, 2), 0)}; }},
      {"no other host", [](StackConfig& c) { c.neighbors[0].address = IpAddress::ipv4(10, 0, 0, 2); }},
      {"no other host", [](StackConfig& c) { c.neighbors[0].address = IpAddress::ipv4(10, 0, 1, 2); }},
      {"no single station", [](StackConfig& c) { c.neighbors[0].mac = MacAddress::broadcast(); }},
      {"static neighbors", [](StackConfig& c) { c.neighbors.resize(kNeighborsMax, c.neighbors[0]); }},
  };
  for (const auto& [says, spoil] : all) {
    StackConfig config = good();
    spoil(config);
    EXPECT_NE(problem_with(config).find(says), std::string::npos) << says << " is not in: " << problem_with(config);
  }
}

TEST(StackConfigTest, TheLeastAndTheLargestMtuAreAllowed) {
  for (uint32_t mtu : {kMtuMin, kMtuMax}) {
    StackConfig config = good();
    config.mtu_bytes = mtu;
    EXPECT_EQ(problem_with(config), "");
  }
}

}  // namespace
}  // namespace demi
