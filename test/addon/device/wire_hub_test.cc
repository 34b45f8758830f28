#include "device/wire_hub.h"

#include <gtest/gtest.h>

#include <string>

#include "base/limits.h"
#include "device/device_frames.h"

namespace demi {
namespace {

// A hub with three stations, each with its own memory.
class WireHubTest : public ::testing::Test {
 protected:
  std::unique_ptr<WireHubPort> attach(const MacAddress& address, Memory& memory) {
    auto port = WireHubPort::attach(hub, address, memory);
    EXPECT_TRUE(port.ok());
    return std::move(*port);
  }
  void plug_in_three(const WireHubConfig& config = {}) {
    hub = std::make_shared<WireHub>(config);
    for (uint8_t i = 0; i < 3; ++i) ports[i] = attach(station(i), memories[i]);
  }
  void send_from(size_t from, const MacAddress& destination, uint32_t number, size_t bytes = 64) {
    send(*ports[from], memories[from], ethernet(destination, station(static_cast<uint8_t>(from)), number, bytes));
  }
  std::vector<uint32_t> received_by(size_t port) { return numbers(receive_all(*ports[port])); }

  using Numbers = std::vector<uint32_t>;

  Memory memories[3];
  std::shared_ptr<WireHub> hub;
  std::unique_ptr<WireHubPort> ports[3];
};

TEST_F(WireHubTest, AnUnknownAddressIsLookedForEverywhere) {
  plug_in_three();
  send_from(0, station(1), 7);
  EXPECT_EQ(received_by(0), Numbers{});
  EXPECT_EQ(received_by(1), Numbers{7});
  EXPECT_EQ(received_by(2), Numbers{7});
}

TEST_F(WireHubTest, AnAddressThatWasHeardIsKnown) {
  plug_in_three();
  send_from(1, station(0), 6);
  received_by(0);
  received_by(2);
  EXPECT_EQ(hub->addresses(), 1u);
  send_from(0, station(1), 7);
  EXPECT_EQ(received_by(1), Numbers{7});
  EXPECT_EQ(received_by(2), Numbers{});
  EXPECT_EQ(hub->addresses(), 2u);
}

TEST_F(WireHubTest, GroupsAreForAllOthers) {
  plug_in_three();
  send_from(0, MacAddress::broadcast(), 7);
  send_from(0, MacAddress{{0x33, 0x33, 0, 0, 0, 1}}, 8);
  EXPECT_EQ(received_by(0), Numbers{});
  EXPECT_EQ(received_by(1), (Numbers{7, 8}));
  EXPECT_EQ(received_by(2), (Numbers{7, 8}));
}

TEST_F(WireHubTest, AStationIsWhereItWasHeardLast) {
  plug_in_three();
  send_from(1, station(9), 1);
  for (size_t port : {0, 2}) received_by(port);
  // Port 2 speaks as station 1.
  send(*ports[2], memories[2], ethernet(station(9), station(1), 2));
  for (size_t port : {0, 1}) received_by(port);
  send_from(0, station(1), 7);
  EXPECT_EQ(received_by(1), Numbers{});
  EXPECT_EQ(received_by(2), Numbers{7});
}

TEST_F(WireHubTest, AFrameToOnesOwnSideGoesNowhere) {
  plug_in_three();
  send_from(0, station(0), 7);
  for (size_t port : {0, 1, 2}) EXPECT_EQ(received_by(port), Numbers{});
  EXPECT_EQ(ports[0]->counters().to_itself, 1u);
}

TEST_F(WireHubTest, NoGroupIsASource) {
  plug_in_three();
  send(*ports[1], memories[1], ethernet(station(0), MacAddress::broadcast(), 1));
  send(*ports[1], memories[1], ethernet(station(0), MacAddress{}, 2));
  EXPECT_EQ(hub->addresses(), 0u);
  // They are passed on all the same: what becomes of them is the stack's business.
  EXPECT_EQ(received_by(0), (Numbers{1, 2}));
}

TEST_F(WireHubTest, APortThatLeavesIsForgotten) {
  plug_in_three();
  send_from(1, station(0), 6);
  received_by(0);
  received_by(2);
  ports[1].reset();
  EXPECT_EQ(hub->ports(), 2u);
  EXPECT_EQ(hub->addresses(), 0u);
  send_from(0, station(1), 7);
  EXPECT_EQ(received_by(2), Numbers{7});
  // Its address is free again.
  ports[1] = attach(station(1), memories[1]);
  send_from(0, station(1), 8);
  EXPECT_EQ(received_by(1), Numbers{8});
}

TEST_F(WireHubTest, AFullQueueLosesTheNewest) {
  plug_in_three({.mtu_bytes = 1500, .queue_frames = 4});
  for (uint32_t i = 0; i < 6; ++i) send_from(0, station(1), i);
  EXPECT_EQ(received_by(1), (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(ports[1]->counters().queue_full, 2u);
  EXPECT_EQ(ports[2]->counters().queue_full, 2u);
  EXPECT_EQ(ports[0]->counters().transmitted, 6u);
  EXPECT_EQ(ports[1]->counters().received, 4u);
  send_from(0, station(1), 6);
  EXPECT_EQ(received_by(1), Numbers{6});
}

TEST_F(WireHubTest, WhatFindsNoMemoryIsCounted) {
  plug_in_three();
  Memory none(MemoryConfig{.limit_bytes = 0, .headroom = 0, .max_segments = 1});
  auto poor = attach(station(8), none);
  send_from(0, MacAddress::broadcast(), 7);
  EXPECT_EQ(received_by(1), Numbers{7});
  EXPECT_TRUE(receive_all(*poor).empty());
  EXPECT_EQ(poor->counters().no_memory, 1u);
}

TEST_F(WireHubTest, TheMtuIsWithoutTheHeader) {
  plug_in_three({.mtu_bytes = 9000, .queue_frames = 16});
  EXPECT_EQ(ports[0]->capabilities().mtu_bytes, 9000u);
  send_from(0, station(1), 1, 9018);
  send_from(0, station(1), 2, 9019);
  send(*ports[0], memories[0], Octets(13, 2));
  EXPECT_EQ(received_by(1), Numbers{1});
  EXPECT_EQ(ports[0]->counters().malformed, 2u);
}

TEST_F(WireHubTest, TheLargestMtuFitsARoom) {
  plug_in_three({.mtu_bytes = kHubMtuMax, .queue_frames = 16});
  send_from(0, station(1), 1, kHubMtuMax + 18);
  EXPECT_EQ(received_by(1), Numbers{1});
}

TEST_F(WireHubTest, AnUnfinishedChecksumIsGoodForWhoReceivesIt) {
  plug_in_three({.mtu_bytes = 1500, .queue_frames = 16, .finishes_checksums = true});
  EXPECT_TRUE(ports[0]->capabilities().finishes_checksums);
  Frame frames[] = {make_frame(memories[0], ethernet(station(1), station(0), 1)),
                    make_frame(memories[0], ethernet(station(1), station(0), 2))};
  frames[0].checksum_start = 34;
  frames[0].checksum_offset = 16;
  send_all(*ports[0], frames);
  Frame received[2];
  ASSERT_EQ(ports[1]->receive(received, Instant()), 2u);
  EXPECT_EQ(received[0].verdict, ChecksumVerdict::kGood);
  EXPECT_EQ(received[0].checksum_start, 0);
  EXPECT_EQ(received[1].verdict, ChecksumVerdict::kUnknown);
}

TEST_F(WireHubTest, AForgedAddressCannotMakeItRememberMoreThanItsBound) {
  plug_in_three();
  const auto forged = [](uint32_t i) {
    return MacAddress{{0x06, 0, 0, static_cast<uint8_t>(i >> 16), static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)}};
  };
  const auto flood = [&](uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; ++i) {
      send(*ports[2], memories[2], ethernet(station(0), forged(i), i));
      receive_all(*ports[0]);
      receive_all(*ports[1]);
    }
  };
  flood(0, kHubAddressesMax);
  EXPECT_EQ(hub->addresses(), kHubAddressesMax);
  flood(kHubAddressesMax, kHubAddressesMax + 10);
  EXPECT_EQ(hub->addresses(), kHubAddressesMax);
  // Who came too late is still reached, only not alone.
  send_from(1, station(0), 7);
  send_from(0, station(1), 8);
  EXPECT_EQ(received_by(1), Numbers{8});
  EXPECT_EQ(received_by(2), (Numbers{7, 8}));
}

TEST_F(WireHubTest, RefusesPortsThatCannotBe) {
  plug_in_three();
  EXPECT_EQ(WireHubPort::attach(hub, station(1), memories[0]).error(), Errno::kEADDRINUSE);
  EXPECT_EQ(WireHubPort::attach(hub, MacAddress{}, memories[0]).error(), Errno::kEINVAL);
  EXPECT_EQ(WireHubPort::attach(hub, MacAddress::broadcast(), memories[0]).error(), Errno::kEINVAL);
  std::vector<std::unique_ptr<WireHubPort>> more;
  for (size_t i = 3; i < kHubPortsMax; ++i) {
    more.push_back(attach(MacAddress{{0x02, 0, 0, 0, static_cast<uint8_t>(1 + i / 256), static_cast<uint8_t>(i)}}, memories[0]));
  }
  EXPECT_EQ(WireHubPort::attach(hub, station(200), memories[0]).error(), Errno::kEMFILE);
  EXPECT_EQ(hub->ports(), kHubPortsMax);
}

TEST(WireHubNames, ANameLastsAsLongAsItsHub) {
  Memory memory;
  WireHubNames names;
  std::shared_ptr<WireHub> lab = names.open("lab", {.mtu_bytes = 9000, .queue_frames = 16});
  EXPECT_EQ(names.open("lab"), lab);
  EXPECT_NE(names.open("other"), lab);
  auto port = WireHubPort::attach(lab, station(1), memory);
  ASSERT_TRUE(port.ok());
  lab.reset();
  // A port keeps it.
  EXPECT_EQ(names.open("lab")->config().mtu_bytes, 9000u);
  EXPECT_EQ(names.open("lab")->ports(), 1u);
  port->reset();
  EXPECT_EQ(names.open("lab")->config().mtu_bytes, 1500u);
}

TEST(WireHubNames, ForgetsNamesThatNobodyUses) {
  WireHubNames names;
  for (int i = 0; i < 100; ++i) names.open("hub" + std::to_string(i));
  EXPECT_EQ(names.size(), 1u);
}

TEST(WireHubDeathTest, WantsAConfigurationThatWorks) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(WireHub({.mtu_bytes = kHubMtuMax + 1, .queue_frames = 1}), "out of bounds");
  EXPECT_DEATH(WireHub({.mtu_bytes = 1500, .queue_frames = 0}), "without a queue");
}

TEST(WireHubDeathTest, FinishesNoChecksumThatItDoesNotOffer) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Memory memory;
  auto port = WireHubPort::attach(std::make_shared<WireHub>(), station(1), memory);
  ASSERT_TRUE(port.ok());
  Frame frame = make_frame(memory, ethernet(station(2), station(1), 1));
  frame.checksum_start = 34;
  EXPECT_DEATH((*port)->transmit({&frame, 1}, Instant()), "does not finish");
}

}  // namespace
}  // namespace demi
