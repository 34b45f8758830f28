#include "device/dpdk_device.h"

#include <gtest/gtest.h>

#include <poll.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "device/device_frames.h"
#include "device/dpdk_ground.h"
#include "device/fake_dpdk.h"
#include "device/network_namespace.h"
#include "device/uncut_frame.h"

namespace demi {
namespace {

bool is_readable_within(int fd, int milliseconds) {
  pollfd look{fd, POLLIN, 0};
  return ::poll(&look, 1, milliseconds) > 0;
}

// --- what is decided on this side of the boundary ---

class DpdkDeviceTest : public ::testing::Test {
 protected:
  void open(const DpdkDeviceConfig& config = {}) {
    Made<DpdkDevice> made = DpdkDevice::open(dpdk.plugin(), mappings, config, *memory);
    ASSERT_EQ(made.problem, "");
    device = std::move(made.device);
  }
  // The link is up, and the device knows.
  void open_and_settle() {
    open();
    send(*device, *memory, ethernet(station(2), station(1), 0));
    ASSERT_EQ(dpdk.sent.size(), 1u);
    dpdk.sent.clear();
  }
  size_t transmit(Frame& frame) { return device->transmit({&frame, 1}, Instant()); }

  FakeDpdk dpdk;
  std::shared_ptr<EalMappings> mappings = std::make_shared<EalMappings>(dpdk.plugin());
  std::unique_ptr<Memory> memory = std::make_unique<Memory>(MemoryConfig{.limit_bytes = 4 << 20, .headroom = 128});
  std::unique_ptr<DpdkDevice> device;
};

TEST_F(DpdkDeviceTest, IsWhatThePortIs) {
  DpdkDeviceConfig config;
  config.port = "net_x";
  config.queues = 3;
  config.queue = 2;
  config.mtu_bytes = 1400;
  config.rooms = 999;
  open(config);
  EXPECT_STREQ(dpdk.config.port, "net_x");
  EXPECT_EQ(dpdk.config.queues, 3);
  EXPECT_EQ(dpdk.config.queue, 2);
  EXPECT_EQ(dpdk.config.rooms, 999u);
  EXPECT_EQ(device->capabilities().mtu_bytes, 1400u);
  EXPECT_EQ(device->capabilities().link_address, station(7));
  EXPECT_TRUE(device->capabilities().finishes_checksums);
  EXPECT_GE(device->capabilities().wakeup_fd, 0);
  EXPECT_EQ(dpdk.threads, 1);
}

TEST_F(DpdkDeviceTest, SharesAPortWithOthers) {
  DpdkDeviceConfig config;
  config.queues = 4;
  config.queue = 3;
  open(config);
  EXPECT_EQ(device->capabilities().share, (FlowShare{.queues = 4, .queue = 3, .entries = 64}));
  device->want_datagrams(53, true);
  device->want_datagrams(53, false);
  EXPECT_EQ(dpdk.datagram_ports, (std::vector<std::pair<uint16_t, bool>>{{53, true}, {53, false}}));
}

TEST_F(DpdkDeviceTest, SaysWhyThereIsNone) {
  dpdk.refusal = "No such luck.";
  Made<DpdkDevice> made = DpdkDevice::open(dpdk.plugin(), mappings, {}, *memory);
  EXPECT_EQ(made.device, nullptr);
  EXPECT_EQ(made.error, Errno::kEBUSY);
  EXPECT_EQ(made.problem, "No such luck.");
  EXPECT_EQ(dpdk.threads, 0);
}

TEST_F(DpdkDeviceTest, WhatArrivesIsNotCopiedAndItsRoomGoesBack) {
  open_and_settle();
  const Octets octets = ethernet(station(1), station(2), 5, 900);
  dpdk.arrive(octets, DEMI_DPDK_GOOD);
  dpdk.arrive(octets, DEMI_DPDK_BAD);
  dpdk.arrive(octets);
  std::array<Frame, 4> frames;
  ASSERT_EQ(device->receive(frames, Instant()), 3u);
  EXPECT_EQ(octets_of(frames[0]), octets);
  EXPECT_EQ(frames[0].head->references, 1u);
  EXPECT_EQ(frames[0].head->window, 0u);
  EXPECT_EQ(frames[0].head->room, memory->windows().at(0)->data() + frames[0].head->window_offset);
  EXPECT_EQ(frames[0].verdict, ChecksumVerdict::kGood);
  EXPECT_EQ(frames[1].verdict, ChecksumVerdict::kBad);
  EXPECT_EQ(frames[2].verdict, ChecksumVerdict::kUnknown);
  EXPECT_EQ(memory->buffers_outstanding(), 3u);
  for (Frame& frame : frames) frame.clear();
  EXPECT_EQ(memory->buffers_outstanding(), 0u);
  device.reset();
  EXPECT_TRUE(dpdk.is_open);  // for its rooms may still be in somebody's hands
  memory.reset();
  EXPECT_EQ(dpdk.free_rooms.size(), FakeDpdk::kRooms);
  EXPECT_FALSE(dpdk.is_open);
  EXPECT_EQ(dpdk.threads, 0);
}

TEST_F(DpdkDeviceTest, SmallFramesAreCopiedWhenRoomsAreScarce) {
  open_and_settle();
  std::vector<Frame> frames(FakeDpdk::kRooms + 4);
  for (size_t i = 0; i < frames.size(); ++i) dpdk.arrive(ethernet(station(1), station(2), static_cast<uint32_t>(i)));
  size_t count = 0;
  while (const size_t more = device->receive(std::span(frames).subspan(count), Instant())) count += more;
  // Half of them stay where they are; of the others the first burst took the rooms, and gave them back at once.
  EXPECT_EQ(device->counters().copied_small, count - FakeDpdk::kRooms / 2);
  EXPECT_GT(count, size_t{FakeDpdk::kRooms} / 2);
  for (size_t i = 0; i < count; ++i) EXPECT_EQ(number_of(octets_of(frames[i])), i);
}

TEST_F(DpdkDeviceTest, LeavesThePortToCutWhatItCan) {
  open_and_settle();
  EXPECT_EQ(device->capabilities().cut_text_bytes_max, kCutTextBytesMax);
  EXPECT_GE(device->capabilities().cut_pieces_max, 4u);
  const UncutFrame uncut;
  Frame frame = uncut.make(*memory, 30'000, 1'448);
  const Octets octets = octets_of(frame);
  const uint32_t pieces = frame.payload.count();
  ASSERT_EQ(transmit(frame), 1u);
  ASSERT_EQ(dpdk.sent.size(), 1u);
  EXPECT_EQ(dpdk.sent[0].bytes, octets);
  EXPECT_EQ(dpdk.sent[0].segment_bytes, 1'448);
  EXPECT_EQ(dpdk.sent[0].checksum_start, 34);
  EXPECT_EQ(dpdk.sent[0].shared_pieces, pieces);
  Frame small = make_frame(*memory, ethernet(station(2), station(1), 5));
  ASSERT_EQ(transmit(small), 1u);
  EXPECT_EQ(dpdk.sent[1].segment_bytes, 0);
  // What is not to be cut is no longer than it was.
  Frame longer = make_frame(*memory, ethernet(station(2), station(1), 5, 1519));
  ASSERT_EQ(transmit(longer), 1u);
  EXPECT_EQ(device->counters().malformed, 1u);
}

TEST_F(DpdkDeviceTest, APortThatDoesNotCutIsAskedForNothing) {
  dpdk.cuts_segments = false;
  open_and_settle();
  EXPECT_EQ(device->capabilities().cut_text_bytes_max, 0u);
  Frame frame = UncutFrame().make(*memory, 3'000, 1'448);
  ASSERT_EQ(transmit(frame), 1u);
  EXPECT_TRUE(dpdk.sent.empty());
  EXPECT_EQ(device->counters().malformed, 1u);
}

TEST_F(DpdkDeviceTest, LongPayloadIsSharedUntilItWasSentAndShortIsCopied) {
  open_and_settle();
  dpdk.keeps_pieces = true;
  const Octets octets = ethernet(station(2), station(1), 5, 1400);
  Frame frame = make_frame(*memory, octets, 54);
  frame.checksum_start = 34;
  frame.checksum_offset = 16;
  ASSERT_EQ(transmit(frame), 1u);
  EXPECT_TRUE(frame.empty());
  EXPECT_EQ(dpdk.sent[0].bytes, octets);
  EXPECT_EQ(dpdk.sent[0].shared_pieces, 1u);
  EXPECT_EQ(dpdk.sent[0].checksum_start, 34);
  EXPECT_EQ(dpdk.sent[0].checksum_offset, 16);
  EXPECT_EQ(memory->buffers_outstanding(), 1u);
  dpdk.free_pieces();
  EXPECT_EQ(memory->buffers_outstanding(), 0u);

  frame = make_frame(*memory, ethernet(station(2), station(1), 5, 54 + DEMI_DPDK_COPIED_BYTES), 54);
  ASSERT_EQ(transmit(frame), 1u);
  EXPECT_EQ(dpdk.sent[1].shared_pieces, 0u);
  EXPECT_EQ(memory->buffers_outstanding(), 0u);
}

TEST_F(DpdkDeviceTest, WhatThePortDoesNotTakeIsStillTheCallers) {
  open_and_settle();
  dpdk.takes = 2;
  std::vector<Frame> frames;
  for (uint32_t i = 0; i < 4; ++i) frames.push_back(make_frame(*memory, ethernet(station(2), station(1), i, 1400), 54));
  // It is malformed, and its turn does not come.
  frames.push_back(make_frame(*memory, Octets(13, 2)));
  EXPECT_EQ(device->transmit(frames, Instant()), 2u);
  EXPECT_TRUE(frames[1].empty());
  for (size_t i = 2; i < frames.size(); ++i) EXPECT_FALSE(frames[i].empty());
  EXPECT_EQ(octets_of(frames[2]), ethernet(station(2), station(1), 2, 1400));
  EXPECT_EQ(frames[2].payload.front()->buffer->references, 1u);
  EXPECT_EQ(device->counters().malformed, 0u);
  EXPECT_EQ(device->transmit(std::span(frames).subspan(2), Instant()), 3u);
  EXPECT_EQ(device->counters().malformed, 1u);
  EXPECT_EQ(device->counters().transmitted, 5u);
  EXPECT_EQ(memory->buffers_outstanding(), 0u);
}

TEST_F(DpdkDeviceTest, WhatAPortDoesNotTakeForLongIsLost) {
  open_and_settle();
  dpdk.takes = 0;
  Frame frame = make_frame(*memory, ethernet(station(2), station(1), 1, 1400), 54);
  EXPECT_EQ(device->transmit({&frame, 1}, at_ms(10)), 0u);
  EXPECT_EQ(device->transmit({&frame, 1}, at_ms(109)), 0u);
  EXPECT_FALSE(frame.empty());
  EXPECT_EQ(device->transmit({&frame, 1}, at_ms(110)), 1u);
  EXPECT_TRUE(frame.empty());
  EXPECT_EQ(device->counters().stuck, 1u);
  dpdk.takes = 1;
  send(*device, *memory, ethernet(station(2), station(1), 2), at_ms(120));
  dpdk.takes = 0;
  frame = make_frame(*memory, ethernet(station(2), station(1), 3));
  EXPECT_EQ(device->transmit({&frame, 1}, at_ms(300)), 0u);
}

TEST_F(DpdkDeviceTest, AFrameInManyPiecesIsPutTogether) {
  open_and_settle();
  const Octets octets = ethernet(station(2), station(1), 5, 1400);
  Frame frame = make_frame(*memory, octets, 54);
  SgArray pieces = memory->make_array();
  for (int i = 0; i < 20; ++i) pieces.append(frame.payload.split_front(50));
  pieces.append(std::move(frame.payload));
  frame.payload = std::move(pieces);
  ASSERT_EQ(transmit(frame), 1u);
  EXPECT_EQ(dpdk.sent[0].bytes, octets);
  EXPECT_EQ(memory->buffers_outstanding(), 0u);
}

TEST_F(DpdkDeviceTest, ALinkThatIsJustStartedIsWaitedFor) {
  dpdk.link = DEMI_DPDK_LINK_DOWN;
  open();
  send(*device, *memory, ethernet(station(2), station(1), 1), at_ms(10));
  send(*device, *memory, ethernet(station(2), station(1), 2), at_ms(11));
  EXPECT_EQ(device->link_state(), LinkState::kUp);
  EXPECT_TRUE(dpdk.sent.empty());
  dpdk.link = DEMI_DPDK_LINK_UP;
  EXPECT_TRUE(receive_all(*device, at_ms(20)).empty());
  ASSERT_EQ(dpdk.sent.size(), 2u);
  EXPECT_EQ(number_of(dpdk.sent[1].bytes), 2u);
  EXPECT_EQ(memory->buffers_outstanding(), 0u);
}

TEST_F(DpdkDeviceTest, ALinkThatDoesNotComeUpIsDownInTheEnd) {
  dpdk.link = DEMI_DPDK_LINK_DOWN;
  open();
  for (uint32_t i = 0; i < 100; ++i) send(*device, *memory, ethernet(station(2), station(1), i), at_ms(10));
  EXPECT_EQ(device->counters().link_down, 36u);
  receive_all(*device, at_ms(5'009));
  EXPECT_EQ(device->link_state(), LinkState::kUp);
  receive_all(*device, at_ms(5'011));
  EXPECT_EQ(device->link_state(), LinkState::kDown);
  EXPECT_EQ(memory->buffers_outstanding(), 0u);
  send(*device, *memory, ethernet(station(2), station(1), 1), at_ms(5'012));
  EXPECT_TRUE(dpdk.sent.empty());
  EXPECT_EQ(device->counters().link_down, 37u);
}

TEST_F(DpdkDeviceTest, LooksAtTheLinkWhenNothingComes) {
  open_and_settle();
  receive_all(*device, at_ms(100));
  const int looks = dpdk.looks;
  for (int i = 0; i < 9; ++i) receive_all(*device, at_ms(100 + i));
  EXPECT_EQ(dpdk.looks, looks);
  dpdk.link = DEMI_DPDK_LINK_DOWN;
  receive_all(*device, at_ms(110));
  EXPECT_EQ(device->link_state(), LinkState::kDown);
  dpdk.link = DEMI_DPDK_LINK_UP;
  receive_all(*device, at_ms(111));
  EXPECT_EQ(device->link_state(), LinkState::kUp);
  dpdk.link = DEMI_DPDK_LINK_GONE;
  receive_all(*device, at_ms(200));
  EXPECT_EQ(device->link_state(), LinkState::kGone);
}

// Drivers of devices in software do not say what becomes of the interface that they lie on.
TEST_F(DpdkDeviceTest, LooksAtTheInterfaceThatThePortLiesOn) {
  NetworkNamespace network;
  DEMI_NEEDS_NAMESPACE(network);
  network.make_veth("veth0", "veth1");
  dpdk.interface_index = NetworkInterface::find("veth0")->index();
  open_and_settle();
  network.ip("link set veth1 down");
  receive_all(*device, at_ms(100));
  EXPECT_EQ(device->link_state(), LinkState::kDown);
  network.ip("link set veth1 up");
  receive_all(*device, at_ms(200));
  EXPECT_EQ(device->link_state(), LinkState::kUp);
  // The port has its say, too.
  dpdk.link = DEMI_DPDK_LINK_DOWN;
  receive_all(*device, at_ms(300));
  EXPECT_EQ(device->link_state(), LinkState::kDown);
  network.ip("link del veth0");
  receive_all(*device, at_ms(400));
  EXPECT_EQ(device->link_state(), LinkState::kGone);
  send(*device, *memory, ethernet(station(2), station(1), 1), at_ms(401));
  EXPECT_TRUE(dpdk.sent.empty());
  EXPECT_EQ(device->counters().link_down, 1u);

  device.reset();
  const Made<DpdkDevice> again = DpdkDevice::open(dpdk.plugin(), mappings, {}, *memory);
  EXPECT_EQ(again.error, Errno::kENODEV);
  EXPECT_NE(again.problem.find("is not there any more"), std::string::npos);
  EXPECT_FALSE(dpdk.is_open);
}

TEST_F(DpdkDeviceTest, MemoryThatADeviceStillReadsIsNeverUsedAgain) {
  memory = std::make_unique<Memory>(MemoryConfig{.limit_bytes = 4 << 20, .headroom = 128, .source = mappings});
  open_and_settle();
  dpdk.keeps_pieces = dpdk.loses_pieces = true;
  Frame frame = make_frame(*memory, ethernet(station(2), station(1), 5, 1400), 54);
  ASSERT_EQ(transmit(frame), 1u);
  device.reset();
  memory.reset();
  EXPECT_TRUE(dpdk.memory_given.empty());
}

TEST_F(DpdkDeviceTest, OtherwiseItGoesBack) {
  memory = std::make_unique<Memory>(MemoryConfig{.limit_bytes = 4 << 20, .headroom = 128, .source = mappings});
  open_and_settle();
  device.reset();
  memory.reset();
  EXPECT_FALSE(dpdk.memory_given.empty());
}

TEST_F(DpdkDeviceTest, ASleeperIsWoken) {
  open_and_settle();
  EXPECT_TRUE(device->capabilities().must_be_asked);
  MonotonicClock clock;
  receive_all(*device, clock.now());
  EXPECT_FALSE(is_readable_within(device->capabilities().wakeup_fd, 0));
  // The longer nothing comes, the later it looks: a millisecond is the longest.
  for (int i = 0; i < 20; ++i) {
    const Instant now = clock.now();
    device->prepare_to_sleep();
    ASSERT_TRUE(is_readable_within(device->capabilities().wakeup_fd, 1000));
    std::array<Frame, 1> frames;
    EXPECT_EQ(device->receive(frames, now + Duration::milliseconds(1 + i)), 0u);
  }
}

TEST_F(DpdkDeviceTest, ListsWhatItHasCounted) {
  open_and_settle();
  dpdk.counters.no_room = 3;
  std::map<std::string, uint64_t> listed;
  device->list_counters([&](const char* name, uint64_t value) { listed[name] = value; });
  EXPECT_EQ(listed["transmitted"], 1u);
  EXPECT_EQ(listed["no_room"], 3u);
  EXPECT_EQ(listed.size(), 17u);
}

// --- over DPDK itself ---

class DpdkCableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    DEMI_NEEDS_DPDK(ground);
    mappings = std::make_shared<EalMappings>(*ground.plugin);
    for (auto* memory : {&memory_a, &memory_b}) *memory = std::make_unique<Memory>(MemoryConfig{.limit_bytes = 8 << 20, .headroom = 128, .source = mappings});
    a = plug_in("/0", *memory_a, 1);
    b = plug_in("/1", *memory_b, 2);
  }
  std::unique_ptr<DpdkDevice> plug_in(const std::string& end, Memory& memory, uint8_t number) {
    DpdkDeviceConfig config;
    config.port = cable + end;
    config.fallback_address = station(number);
    Made<DpdkDevice> made = DpdkDevice::open(*ground.plugin, mappings, config, memory);
    EXPECT_EQ(made.problem, "");
    return std::move(made.device);
  }
  void TearDown() override {
    a.reset();
    b.reset();
    for (const auto* memory : {&memory_a, &memory_b}) {
      if (*memory == nullptr) continue;
      EXPECT_EQ((*memory)->buffers_outstanding(), 0u);
    }
  }

  DpdkGround ground = DpdkGround::make();
  std::string cable = DpdkGround::new_cable();
  std::shared_ptr<EalMappings> mappings;
  std::unique_ptr<Memory> memory_a;
  std::unique_ptr<Memory> memory_b;
  std::unique_ptr<DpdkDevice> a;
  std::unique_ptr<DpdkDevice> b;
};

TEST_F(DpdkCableTest, FramesOfAllLengthsArriveAsTheyWereSent) {
  EXPECT_EQ(a->capabilities().link_address, station(1));
  EXPECT_EQ(a->capabilities().mtu_bytes, 1500u);
  std::vector<Octets> sent;
  for (size_t bytes = 14; bytes <= 1518; bytes += bytes < 128 ? 1 : 7) sent.push_back(ethernet(station(2), station(1), 7, bytes));
  std::vector<Octets> received;
  for (const Octets& octets : sent) {
    send(*a, *memory_a, octets);
    for (Octets& one : receive_all(*b)) received.push_back(std::move(one));
  }
  EXPECT_EQ(received, sent);
}

TEST_F(DpdkCableTest, SharedPayloadComesBackToItsOwner) {
  const Octets octets = ethernet(station(2), station(1), 7, 1400);
  for (int round = 0; round < 1000; ++round) {
    Frame frame = make_frame(*memory_a, octets, 54);
    SgArray kept = frame.payload.clone();
    ASSERT_EQ(a->transmit({&frame, 1}, Instant()), 1u);
    // With the peer, and with who may have to send it again.
    EXPECT_EQ(kept.front()->buffer->references, 2u);
    std::array<Frame, 1> received;
    ASSERT_EQ(b->receive(received, Instant()), 1u);
    EXPECT_EQ(octets_of(received[0]), octets);
    EXPECT_EQ(kept.front()->buffer->references, 1u);
  }
  EXPECT_EQ(a->counters().port.no_buffer, 0u);
}

TEST_F(DpdkCableTest, AFullCablePushesBack) {
  const Octets octets = ethernet(station(2), station(1), 7, 1400);
  size_t sent = 0;
  for (bool is_full = false; !is_full;) {
    Frame frame = make_frame(*memory_a, octets, 54);
    is_full = a->transmit({&frame, 1}, Instant()) == 0;
    EXPECT_EQ(frame.empty(), !is_full);
    if (!is_full) ++sent;
    ASSERT_LT(sent, 5000u);
  }
  EXPECT_EQ(receive_all(*b).size(), sent);
  Frame frame = make_frame(*memory_a, octets, 54);
  EXPECT_EQ(a->transmit({&frame, 1}, Instant()), 1u);
  EXPECT_EQ(receive_all(*b).size(), 1u);
}

TEST_F(DpdkCableTest, WithoutRoomsFramesAreLostAndNothingElse) {
  std::vector<Frame> held(6000);
  size_t count = 0;
  for (int round = 0; round < 6000; ++round) {
    send(*a, *memory_a, ethernet(station(2), station(1), 7, 600));
    count += b->receive(std::span(held).subspan(count, 1), Instant());
  }
  EXPECT_GE(count, 4096u);
  EXPECT_LT(count, 6000u);
  EXPECT_EQ(b->counters().port.no_room, 6000 - count);
  held.clear();
  send(*a, *memory_a, ethernet(station(2), station(1), 7, 600));
  EXPECT_EQ(receive_all(*b).size(), 1u);
}

TEST_F(DpdkCableTest, AQueueHasOneLibOS) {
  DpdkDeviceConfig config;
  config.port = cable + "/0";
  const auto problem = [&] { return DpdkDevice::open(*ground.plugin, mappings, config, *memory_a).problem; };
  EXPECT_NE(problem().find("Queue 0 of the port"), std::string::npos) << problem();
  config.queues = 2;
  EXPECT_NE(problem().find("has 1 queues, and dpdk.queues is 2"), std::string::npos) << problem();
  config.queues = 1;
  config.mtu_bytes = 9000;
  EXPECT_NE(problem().find("runs with an MTU of 1500 already"), std::string::npos) << problem();
  config = {};
  config.port = "net_nothing";
  EXPECT_NE(problem().find("DPDK has no port 'net_nothing'. The ports are: "), std::string::npos) << problem();
  config.port = "ring:x";
  EXPECT_NE(problem().find("'ring:NAME/0' and 'ring:NAME/1'"), std::string::npos) << problem();
}

TEST_F(DpdkCableTest, IsOpenedAgainAndAgain) {
  for (int round = 0; round < 20; ++round) {
    send(*a, *memory_a, ethernet(station(2), station(1), 7, 1400));
    // What waits in the cable is lost with its end.
    a.reset();
    memory_a = std::make_unique<Memory>(MemoryConfig{.limit_bytes = 8 << 20, .headroom = 128, .source = mappings});
    a = plug_in("/0", *memory_a, 1);
    ASSERT_NE(a, nullptr);
    receive_all(*b);
  }
  send(*a, *memory_a, ethernet(station(2), station(1), 9));
  EXPECT_EQ(receive_all(*b).size(), 1u);
}

// --- several queues ---

// A cable with three queues, one device for each at one end; what comes from the other end is put into any of its queues.
class DpdkSharedPortTest : public ::testing::Test {
 protected:
  static constexpr uint16_t kQueues = 3;

  void SetUp() override {
    DEMI_NEEDS_DPDK(ground);
    mappings = std::make_shared<EalMappings>(*ground.plugin);
    for (uint16_t queue = 0; queue < kQueues; ++queue) {
      open(queue);
      peer_memory[queue] = make_memory();
      peers[queue] = make("/1", queue, *peer_memory[queue]);
    }
  }
  void TearDown() override {
    for (uint16_t queue = 0; queue < kQueues; ++queue) {
      close(queue);
      peers[queue].reset();
      if (peer_memory[queue] == nullptr) continue;
      EXPECT_EQ(peer_memory[queue]->buffers_outstanding(), 0u);
    }
  }
  std::unique_ptr<Memory> make_memory() const {
    return std::make_unique<Memory>(MemoryConfig{.limit_bytes = 16 << 20, .headroom = 128, .source = mappings});
  }
  std::unique_ptr<DpdkDevice> make(const std::string& end, uint16_t queue, Memory& memory) {
    DpdkDeviceConfig config;
    config.port = cable + end;
    config.fallback_address = station(1);
    config.queues = kQueues;
    config.queue = queue;
    config.rooms = 2048;
    Made<DpdkDevice> made = DpdkDevice::open(*ground.plugin, mappings, config, memory);
    EXPECT_EQ(made.problem, "");
    return std::move(made.device);
  }
  void open(uint16_t queue) {
    our_memory[queue] = make_memory();
    ours[queue] = make("/0", queue, *our_memory[queue]);
  }
  // The queue is given back with the last room of it.
  void close(uint16_t queue) {
    if (our_memory[queue] == nullptr) return;
    ours[queue].reset();
    EXPECT_EQ(our_memory[queue]->buffers_outstanding(), 0u);
    our_memory[queue].reset();
  }

  // TCP of 10.0.0.2:port to 10.0.0.1:80, as far as anybody looks here.
  static Octets flow(uint16_t port, uint8_t protocol = 6, uint16_t to = 80) {
    Octets octets = ethernet(station(1), station(2), 0, 60);
    const Octets headers = {8, 0, 0x45, 0, 0, 46, 0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1,
                            static_cast<uint8_t>(port >> 8), static_cast<uint8_t>(port), static_cast<uint8_t>(to >> 8), static_cast<uint8_t>(to)};
    std::copy(headers.begin(), headers.end(), octets.begin() + 12);
    return octets;
  }
  static Octets arp_reply() {
    Octets octets = ethernet(station(1), station(2), 0, 60);
    const Octets headers = {8, 6, 0, 1, 8, 0, 6, 4, 0, 2};
    std::copy(headers.begin(), headers.end(), octets.begin() + 12);
    return octets;
  }
  uint16_t queue_of(uint16_t port) const {
    return ours[0]->capabilities().share.queue_of(FlowFold().add32(0x0a000002).add32(0x0a000001).add16(port).add16(80).hash());
  }
  void send_all(const Octets& octets, uint16_t by) { send(*peers[by], *peer_memory[by], octets); }
  // Who has received something by now, in the order of the queues; each looks twice, because others may hand something over meanwhile.
  std::map<uint16_t, std::vector<Octets>> received() {
    std::map<uint16_t, std::vector<Octets>> all;
    for (int round = 0; round < 2; ++round) {
      for (uint16_t queue = 0; queue < kQueues; ++queue) {
        if (ours[queue] == nullptr) continue;
        for (Octets& one : receive_all(*ours[queue])) all[queue].push_back(std::move(one));
      }
    }
    return all;
  }

  DpdkGround ground = DpdkGround::make();
  // The same for all: memory of a port is never given back.
  std::string cable = "ring:shared";
  std::shared_ptr<EalMappings> mappings;
  std::array<std::unique_ptr<Memory>, kQueues> our_memory;
  std::array<std::unique_ptr<Memory>, kQueues> peer_memory;
  std::array<std::unique_ptr<DpdkDevice>, kQueues> ours;
  std::array<std::unique_ptr<DpdkDevice>, kQueues> peers;
};

TEST_F(DpdkSharedPortTest, AFlowComesToItsQueueWhereverItCame) {
  std::map<uint16_t, std::vector<Octets>> expected;
  uint64_t handed_over = 0;
  for (uint16_t port = 40'000; port < 40'060; ++port) {
    const uint16_t by = port % kQueues;
    send_all(flow(port), by);
    expected[queue_of(port)].push_back(flow(port));
    if (by != queue_of(port)) ++handed_over;
  }
  ASSERT_EQ(expected.size(), kQueues);
  ASSERT_GT(handed_over, 10u);
  auto all = received();
  for (auto& [queue, frames] : all) std::sort(frames.begin(), frames.end());
  EXPECT_EQ(all, expected);
  uint64_t handed = 0, taken = 0;
  for (const auto& device : ours) {
    handed += device->counters().port.handed_over;
    taken += device->counters().port.taken_over;
  }
  EXPECT_EQ(handed, handed_over);
  EXPECT_EQ(taken, handed_over);
}

TEST_F(DpdkSharedPortTest, WhatTellsOfNeighborsComesToEverybody) {
  send_all(arp_reply(), 1);
  const auto all = received();
  EXPECT_EQ(all.size(), kQueues);
  for (const auto& [queue, frames] : all) EXPECT_EQ(frames, std::vector<Octets>{arp_reply()}) << queue;
}

TEST_F(DpdkSharedPortTest, DatagramsComeToWhoeverHasTheirPort) {
  for (uint16_t owner = 0; owner < kQueues; ++owner) {
    ours[owner]->want_datagrams(5353, true);
    for (uint16_t port = 1000; port < 1010; ++port) send_all(flow(port, 17, 5353), port % kQueues);
    const auto all = received();
    EXPECT_EQ(all.size(), 1u);
    EXPECT_EQ(all.begin()->first, owner);
    EXPECT_EQ(all.begin()->second.size(), 10u);
    ours[owner]->want_datagrams(5353, false);
  }
}

TEST_F(DpdkSharedPortTest, FlowsOfAQueueThatLeavesAreTheOthersUntilItIsBack) {
  uint16_t port = 40'000;
  while (queue_of(port) != 1) ++port;
  // Frames wait for it, in the cable and in its inbox, and one of them is its own memory.
  send_all(flow(port), 1);
  send_all(flow(port), 0);
  receive_all(*ours[0]);
  close(1);
  EXPECT_EQ(received().size(), 1u);
  for (int round = 0; round < 5; ++round) {
    for (uint16_t by = 0; by < kQueues; ++by) send_all(flow(port), by);
    const auto all = received();
    ASSERT_EQ(all.size(), 1u) << "round " << round;
    EXPECT_NE(all.begin()->first, 1);
    EXPECT_EQ(all.begin()->second.size(), kQueues);
  }
  // The first queue takes care of the second; when it leaves too, the third does.
  close(0);
  for (uint16_t by = 0; by < kQueues; ++by) send_all(flow(port), by);
  EXPECT_EQ(received()[2].size(), kQueues);
  open(1);
  for (uint16_t by = 0; by < kQueues; ++by) send_all(flow(port), by);
  const auto all = received();
  EXPECT_EQ(all.size(), 1u);
  EXPECT_EQ(all.at(1).size(), kQueues);
}

TEST_F(DpdkSharedPortTest, NothingIsLeftForWhoOpensThePortNext) {
  for (uint16_t port = 40'000; port < 40'030; ++port) send_all(flow(port), port % kQueues);
  receive_all(*ours[0]);
  for (uint16_t queue = 0; queue < kQueues; ++queue) close(queue);
  for (uint16_t queue = 0; queue < kQueues; ++queue) open(queue);
  EXPECT_TRUE(received().empty());
}

TEST_F(DpdkSharedPortTest, WhoHasTooMuchToDoLosesFramesAndNothingElse) {
  uint16_t port = 40'000;
  while (queue_of(port) != 1) ++port;
  constexpr uint64_t kSent = 1500;
  for (uint64_t i = 0; i < kSent; ++i) {
    send_all(flow(port), 0);
    receive_all(*ours[0]);
  }
  const demi_dpdk_counters& counters = ours[0]->counters().port;
  EXPECT_GT(counters.not_handed_over, 0u);
  EXPECT_EQ(counters.handed_over + counters.not_handed_over, kSent);
  EXPECT_EQ(receive_all(*ours[1]).size(), counters.handed_over);
}

// Of this device nothing ever comes, but it has a key and a table.
TEST_F(DpdkSharedPortTest, ADeviceThatCanSteersByItself) {
  std::vector<std::shared_ptr<DpdkQueue>> queues;
  demi_dpdk_queue_config wanted{};
  wanted.port = "net_null0";
  wanted.queues = 2;
  wanted.rooms = 2048;
  wanted.window_bytes_max = 4 << 20;
  for (wanted.queue = 0; wanted.queue < 2; ++wanted.queue) {
    DpdkQueue::Opened opened = DpdkQueue::open(*ground.plugin, mappings, wanted);
    ASSERT_EQ(opened.problem, "");
    EXPECT_EQ(opened.queue->info().steers, 1);
    EXPECT_EQ(opened.queue->info().steering_entries, 128);
    queues.push_back(std::move(opened.queue));
  }
  queues.erase(queues.begin());
}

}  // namespace
}  // namespace demi
