#include "device/faults.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "device/uncut_frame.h"
#include "device/wire_hub.h"

namespace demi {
namespace {

// Two stations on a hub, the first behind faults.
class FaultsTest : public ::testing::Test {
 protected:
  FaultsTest() {
    auto port = WireHubPort::attach(hub, station(1), memory);
    here = std::make_unique<Faults>(std::move(*port), memory, 1);
    there = std::move(*WireHubPort::attach(hub, station(2), memory));
  }
  void send_out(uint32_t number, Instant now) { send(*here, memory, ethernet(station(2), station(1), number), now); }
  void send_in(uint32_t number, Instant now) { send(*there, memory, ethernet(station(1), station(2), number), now); }
  using Numbers = std::vector<uint32_t>;

  Memory memory;
  std::shared_ptr<WireHub> hub = std::make_shared<WireHub>();
  std::unique_ptr<WireHubPort> there;
  std::unique_ptr<Faults> here;
};

TEST_F(FaultsTest, EachWayHasItsOwn) {
  here->outgoing().configure({.loss = 1});
  send_out(1, at_ms(0));
  send_in(2, at_ms(0));
  EXPECT_EQ(numbers(receive_all(*there)), Numbers{});
  EXPECT_EQ(numbers(receive_all(*here)), Numbers{2});
  here->outgoing().configure({});
  here->incoming().configure({.loss = 1});
  send_out(3, at_ms(0));
  send_in(4, at_ms(0));
  EXPECT_EQ(numbers(receive_all(*there)), Numbers{3});
  EXPECT_EQ(numbers(receive_all(*here)), Numbers{});
  EXPECT_EQ(here->outgoing().counters().lost, 1u);
  EXPECT_EQ(here->incoming().counters().lost, 1u);
}

TEST_F(FaultsTest, WhatWasSentGoesOnWhenItIsDue) {
  here->outgoing().configure({.delay = Duration::milliseconds(10)});
  send_out(1, at_ms(0));
  send_out(2, at_ms(5));
  EXPECT_EQ(here->next_deadline(), at_ms(10));
  EXPECT_TRUE(receive_all(*there).empty());
  // Receiving moves it on: nobody has to send for that.
  EXPECT_TRUE(receive_all(*here, at_ms(10)).empty());
  EXPECT_EQ(numbers(receive_all(*there)), Numbers{1});
  EXPECT_EQ(here->next_deadline(), at_ms(15));
  // And so does sending.
  send_out(3, at_ms(15));
  EXPECT_EQ(numbers(receive_all(*there)), Numbers{2});
}

TEST_F(FaultsTest, TheDelayOfWhatArrivesBeginsWhenItIsFetched) {
  here->incoming().configure({.delay = Duration::milliseconds(10)});
  for (uint32_t i = 0; i < 40; ++i) send_in(i, at_ms(0));
  EXPECT_EQ(here->next_deadline(), Instant());
  // All of it, though no more than one frame is asked for.
  Frame frame;
  EXPECT_EQ(here->receive({&frame, 1}, at_ms(1)), 0u);
  EXPECT_EQ(here->next_deadline(), at_ms(11));
  EXPECT_EQ(here->receive({&frame, 1}, at_ms(11)), 1u);
  EXPECT_EQ(receive_all(*here, at_ms(11)).size(), 39u);
  EXPECT_TRUE(here->next_deadline().is_never());
}

TEST_F(FaultsTest, LeavesNoChecksumToTheDeviceBehind) {
  auto offloading = std::make_shared<WireHub>(WireHubConfig{.mtu_bytes = 4'000, .queue_frames = 8, .finishes_checksums = true});
  Faults faults(std::move(*WireHubPort::attach(offloading, station(1), memory)), memory, 1);
  EXPECT_FALSE(faults.capabilities().finishes_checksums);
  EXPECT_EQ(faults.capabilities().mtu_bytes, 4'000u);
  EXPECT_EQ(faults.capabilities().link_address, station(1));
}

TEST_F(FaultsTest, CutsSegmentsSoThatEachHasItsOwnFate) {
  const DeviceCapabilities& can = here->capabilities();
  EXPECT_EQ(can.cut_text_bytes_max, kCutTextBytesMax);
  EXPECT_EQ(there->capabilities().cut_text_bytes_max, 0u);
  const UncutFrame uncut;
  for (const double loss : {0.0, 0.5}) {
    here->outgoing().configure({.loss = loss});
    Frame frame = uncut.make(memory, 50'000, 1'000);
    send_all(*here, {&frame, 1});
    const std::vector<Octets> received = receive_all(*there);
    if (loss == 0) {
      ASSERT_EQ(received.size(), 50u);
      for (size_t i = 0; i < 50; ++i) uncut.expect_segment(received[i], i * 1'000, 1'000, 50'000);
    } else {
      EXPECT_GT(received.size(), 10u);
      EXPECT_LT(received.size(), 40u);
    }
    for (const Octets& octets : received) EXPECT_TRUE(uncut.has_good_checksum(octets));
  }
  EXPECT_EQ(here->outgoing().counters().entered, 100u);
  EXPECT_EQ(here->uncut(), 0u);
}

// A device whose wire takes only some frames.
class SlowDevice final : public Device {
 public:
  SlowDevice() : Device({.link_address = station(1), .mtu_bytes = 1500, .burst_max = 2}) {}
  size_t transmit(std::span<Frame> frames, Instant) override {
    const size_t count = std::min({frames.size(), size_t{2}, takes});
    for (Frame& frame : frames.first(count)) frame.clear();
    takes -= count;
    return count;
  }
  size_t receive(std::span<Frame> frames, Instant) override {
    const size_t count = endless == nullptr ? 0 : std::min<size_t>(frames.size(), capabilities_.burst_max);
    for (Frame& frame : frames.first(count)) frame = make_frame(*endless, ethernet(station(1), station(2), 1));
    return count;
  }
  Instant next_deadline() const override { return Instant::never(); }

  size_t takes = 0;
  Memory* endless = nullptr;
};

TEST_F(FaultsTest, WhatTheWireDoesNotTakeIsLostAndCounted) {
  auto slow = std::make_unique<SlowDevice>();
  slow->takes = 5;
  Faults faults(std::move(slow), memory, 1);
  faults.outgoing().configure({.delay = Duration::milliseconds(1)});
  std::vector<Frame> frames;
  for (uint32_t i = 0; i < 9; ++i) frames.push_back(make_frame(memory, ethernet(station(2), station(1), i)));
  send_all(faults, frames, at_ms(0));
  EXPECT_EQ(memory.buffers_outstanding(), 9u);
  receive_all(faults, at_ms(1));
  EXPECT_EQ(faults.refused(), 4u);
  EXPECT_EQ(memory.buffers_outstanding(), 0u);
}

TEST_F(FaultsTest, AWireThatNeverRunsDryIsLeftInTheEnd) {
  auto flooding = std::make_unique<SlowDevice>();
  flooding->endless = &memory;
  Faults faults(std::move(flooding), memory, 1);
  Frame frame;
  EXPECT_EQ(faults.receive({&frame, 1}, Instant()), 1u);
  EXPECT_EQ(faults.incoming().under_way(), kFaultsIntakeMax - 1);
}

ImpairmentConfig any_link(Random& random) {
  const auto chance = [&random](double most) { return random.below(2) == 0 ? 0 : most * static_cast<double>(random.below(1'000)) / 1'000; };
  ImpairmentConfig config;
  config.is_partitioned = random.below(10) == 0;
  config.mtu_bytes = random.below(4) == 0 ? 576 : 0;
  config.loss = chance(0.5);
  config.burst_loss.enter = chance(0.2);
  config.burst_loss.leave = 0.3;
  config.corrupt = chance(0.3);
  config.duplicate = chance(0.5);
  config.rate_bits_per_second = random.below(2) * 10'000'000;
  config.queue_bytes = random.below(2) * 10'000;
  config.delay = Duration::microseconds(static_cast<int64_t>(random.below(2) * 20'000));
  config.jitter = Duration::microseconds(static_cast<int64_t>(random.below(2) * 5'000));
  config.reorder = chance(0.3);
  return config;
}

void expect_all_accounted_for(const Impairment& link) {
  const ImpairmentCounters& counted = link.counters();
  EXPECT_EQ(link.under_way(), 0u);
  EXPECT_EQ(counted.entered + counted.duplicated, counted.left + counted.partitioned + counted.too_long + counted.lost +
                                                      counted.lost_in_burst + counted.queue_full + counted.too_many + counted.no_memory);
}

// Random traffic over random links that change: all is accounted for, nothing is made up, and the same seed tells the same story.
TEST_F(FaultsTest, WhateverTheLinkDoesIsAccountedFor) {
  const auto story = [&](uint64_t seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    auto lab = std::make_shared<WireHub>(WireHubConfig{.mtu_bytes = 1500, .queue_frames = 4'096});
    Faults faulty(std::move(*WireHubPort::attach(lab, station(1), memory)), memory, seed);
    auto other = std::move(*WireHubPort::attach(lab, station(2), memory));
    std::vector<Octets> arrived;
    const auto receive_both = [&](Instant now) {
      for (Octets& octets : receive_all(faulty, now)) arrived.push_back(std::move(octets));
      for (Octets& octets : receive_all(*other, now)) arrived.push_back(std::move(octets));
    };
    Instant now;
    for (uint32_t i = 0; i < 400; ++i) {
      if (i % 40 == 0) {
        faulty.outgoing().configure(any_link(random));
        faulty.incoming().configure(any_link(random));
      }
      send(faulty, memory, ethernet(station(2), station(1), i, 60 + random.below(1'455)), now);
      send(*other, memory, ethernet(station(1), station(2), i, 60 + random.below(1'455)), now);
      now = now + Duration::microseconds(static_cast<int64_t>(random.below(2'000)));
      receive_both(now);
    }
    while (!faulty.next_deadline().is_never()) {
      EXPECT_GT(faulty.next_deadline(), now);
      now = faulty.next_deadline();
      receive_both(now);
    }
    expect_all_accounted_for(faulty.outgoing());
    expect_all_accounted_for(faulty.incoming());
    EXPECT_EQ(arrived.size(), faulty.outgoing().counters().left + faulty.incoming().counters().left);
    EXPECT_EQ(memory.buffers_outstanding(), 0u);
    uint64_t damaged = 0;
    for (const Octets& octets : arrived) {
      const auto ethernet_header = EthernetView::parse(octets)->header();
      damaged += octets != ethernet(ethernet_header.destination, ethernet_header.source, number_of(octets), octets.size());
    }
    const uint64_t corrupted = faulty.outgoing().counters().corrupted + faulty.incoming().counters().corrupted;
    EXPECT_LE(damaged, 2 * corrupted);  // some have a twin
    return arrived;
  };
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const std::vector<Octets> told = story(seed);
    if (seed % 10 == 0) {
      EXPECT_EQ(story(seed), told);
    }
  }
}

TEST_F(FaultsTest, OneSeedIsOneLink) {
  const auto run = [&](uint64_t seed) {
    auto lab = std::make_shared<WireHub>();
    Faults faulty(std::move(*WireHubPort::attach(lab, station(1), memory)), memory, seed);
    auto other = std::move(*WireHubPort::attach(lab, station(2), memory));
    faulty.outgoing().configure({.loss = 0.5});
    faulty.incoming().configure({.loss = 0.5});
    Numbers arrived;
    for (uint32_t i = 0; i < 100; ++i) {
      send(faulty, memory, ethernet(station(2), station(1), i));
      send(*other, memory, ethernet(station(1), station(2), i));
    }
    const Numbers out = numbers(receive_all(*other)), in = numbers(receive_all(faulty));
    EXPECT_NE(out, in);  // the two ways are independent
    arrived.insert(arrived.end(), out.begin(), out.end());
    arrived.insert(arrived.end(), in.begin(), in.end());
    return arrived;
  };
  EXPECT_EQ(run(3), run(3));
  EXPECT_NE(run(3), run(4));
}

}  // namespace
}  // namespace demi
