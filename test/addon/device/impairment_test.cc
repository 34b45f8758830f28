#include "device/impairment.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/limits.h"
#include "device/device_frames.h"

namespace demi {
namespace {

struct Arrival {
  int64_t nanoseconds;
  uint32_t number;
  bool operator==(const Arrival&) const = default;
};

class ImpairmentTest : public ::testing::Test {
 protected:
  ~ImpairmentTest() override {
    const ImpairmentCounters& counted = link.counters();
    const uint64_t lost = counted.partitioned + counted.too_long + counted.lost + counted.lost_in_burst + counted.queue_full +
                          counted.too_many + counted.no_memory;
    EXPECT_EQ(counted.entered + counted.duplicated, counted.left + link.under_way() + lost);
  }

  void enter(uint32_t number, Instant now = Instant(), size_t bytes = 64) {
    link.enter(make_frame(memory, ethernet(station(2), station(1), number, bytes)), now);
  }
  // Everything that comes out from now on, at the times that the link asks for.
  std::vector<Arrival> arrivals(Impairment& of) {
    std::vector<Arrival> found;
    std::array<Frame, 8> frames;
    Instant now;
    while (!of.next_deadline().is_never()) {
      now = std::max(now, of.next_deadline());
      const size_t count = of.leave(frames, now);
      EXPECT_GT(count, 0u);
      for (Frame& frame : std::span(frames).first(count)) {
        found.push_back({now.nanoseconds(), number_of(octets_of(frame))});
        frame.clear();
      }
    }
    return found;
  }
  std::vector<Arrival> arrivals() { return arrivals(link); }
  // How many of `count` frames come through.
  uint64_t survivors(uint64_t count) {
    const Frame pattern = make_frame(memory, ethernet(station(2), station(1), 1));
    std::array<Frame, 8> frames;
    uint64_t found = 0;
    for (uint64_t i = 0; i < count; ++i) {
      link.enter(Frame(pattern.head, pattern.offset, pattern.length), Instant());
      found += link.leave(frames, Instant());
    }
    return found;
  }
  // Four standard deviations: fewer than one of ten thousand seeds is outside, and the seed here is one that is not.
  static void expect_share(uint64_t found, uint64_t of, double chance) {
    const auto expected = static_cast<double>(of) * chance;
    EXPECT_NEAR(static_cast<double>(found), expected, 4 * std::sqrt(expected * (1 - chance)));
  }

  Memory memory;
  Impairment link{memory, 1};
};

using Arrivals = std::vector<Arrival>;

TEST_F(ImpairmentTest, DoesNoHarmUntilItIsConfigured) {
  EXPECT_TRUE(link.next_deadline().is_never());
  for (uint32_t i = 0; i < 20; ++i) enter(i, at_us(i));
  EXPECT_EQ(link.next_deadline(), at_us(0));
  EXPECT_EQ(link.under_way(), 20u);
  const Arrivals found = arrivals();
  ASSERT_EQ(found.size(), 20u);
  for (uint32_t i = 0; i < 20; ++i) EXPECT_EQ(found[i].number, i);
  EXPECT_EQ(link.counters().left, 20u);
}

TEST_F(ImpairmentTest, GivesNoMoreThanFits) {
  for (uint32_t i = 0; i < 5; ++i) enter(i);
  std::array<Frame, 3> frames;
  EXPECT_EQ(link.leave(frames, Instant()), 3u);
  EXPECT_EQ(link.under_way(), 2u);
  EXPECT_EQ(link.leave({}, Instant()), 0u);
}

TEST_F(ImpairmentTest, ADelayIsForEachFrame) {
  link.configure({.delay = Duration::milliseconds(50)});
  enter(1, at_ms(0));
  enter(2, at_ms(10));
  std::array<Frame, 4> frames;
  EXPECT_EQ(link.next_deadline(), at_ms(50));
  EXPECT_EQ(link.leave(frames, at_us(49'999)), 0u);
  EXPECT_EQ(arrivals(), (Arrivals{{50'000'000, 1}, {60'000'000, 2}}));
}

TEST_F(ImpairmentTest, AShorterDelayOvertakesNothing) {
  link.configure({.delay = Duration::milliseconds(50)});
  enter(1, at_ms(0));
  link.configure({.delay = Duration::milliseconds(1)});
  enter(2, at_ms(10));
  enter(3, at_ms(60));
  EXPECT_EQ(arrivals(), (Arrivals{{50'000'000, 1}, {50'000'000, 2}, {61'000'000, 3}}));
}

TEST_F(ImpairmentTest, JitterIsWithinItsBoundsAndKeepsTheOrder) {
  link.configure({.delay = Duration::microseconds(100), .jitter = Duration::microseconds(40)});
  std::array<Frame, 4> frames;
  int64_t least = INT64_MAX, most = 0, sum = 0;
  for (int64_t i = 0; i < 10'000; ++i) {
    enter(static_cast<uint32_t>(i), at_us(i * 1'000));
    const int64_t took = link.next_deadline().nanoseconds() - i * 1'000'000;
    ASSERT_EQ(link.leave(frames, link.next_deadline()), 1u);
    least = std::min(least, took);
    most = std::max(most, took);
    sum += took;
  }
  EXPECT_GE(least, 100'000);
  EXPECT_LT(least, 100'100);
  EXPECT_LE(most, 140'000);
  EXPECT_GT(most, 139'900);
  EXPECT_NEAR(static_cast<double>(sum) / 10'000, 120'000, 500);

  for (uint32_t i = 0; i < 200; ++i) enter(i, at_ms(20'000) + Duration::microseconds(i));
  const Arrivals found = arrivals();
  for (uint32_t i = 0; i < 200; ++i) EXPECT_EQ(found[i].number, i);
}

TEST_F(ImpairmentTest, WhatIsHeldBackIsOvertaken) {
  link.configure({.delay = Duration::milliseconds(10), .reorder = 1, .reorder_delay = Duration::milliseconds(2)});
  enter(1, at_ms(0));
  link.configure({.delay = Duration::milliseconds(10)});
  enter(2, at_ms(1));
  enter(3, at_ms(2));
  enter(4, at_ms(3));
  // Number 3 is due at the same time: it has overtaken, too.
  EXPECT_EQ(arrivals(), (Arrivals{{11'000'000, 2}, {12'000'000, 3}, {12'000'000, 1}, {13'000'000, 4}}));
  EXPECT_EQ(link.counters().reordered, 1u);
}

TEST_F(ImpairmentTest, ARateLetsOneFrameLeaveBehindTheOther) {
  link.configure({.rate_bits_per_second = 12'000'000});
  for (uint32_t i = 0; i < 3; ++i) enter(i, at_ms(0), 1'500);
  EXPECT_EQ(arrivals(), (Arrivals{{1'000'000, 0}, {2'000'000, 1}, {3'000'000, 2}}));
  // A pause is not made up for.
  enter(3, at_ms(10), 1'500);
  enter(4, at_ms(10), 750);
  EXPECT_EQ(arrivals(), (Arrivals{{11'000'000, 3}, {11'500'000, 4}}));
}

TEST_F(ImpairmentTest, ARateIsExactHoweverShortTheFramesAre) {
  // 64 bytes at 100 Gbit/s are 5.12 ns.
  link.configure({.rate_bits_per_second = 100'000'000'000});
  for (uint32_t i = 0; i < 100; ++i) enter(i);
  EXPECT_EQ(arrivals().back(), (Arrival{512, 99}));
}

TEST_F(ImpairmentTest, AFullQueueLosesTheNewest) {
  link.configure({.rate_bits_per_second = 8'000'000, .queue_bytes = 2'500});
  for (uint32_t i = 0; i < 4; ++i) enter(i, at_ms(0), 1'000);
  EXPECT_EQ(link.counters().queue_full, 2u);
  // Half of the first has left.
  enter(4, at_us(500), 1'000);
  enter(5, at_us(500), 1'000);
  EXPECT_EQ(link.counters().queue_full, 3u);
  EXPECT_EQ(arrivals(), (Arrivals{{1'000'000, 0}, {2'000'000, 1}, {3'000'000, 4}}));
}

TEST_F(ImpairmentTest, TheMtuIsWithoutTheHeader) {
  link.configure({.mtu_bytes = 576});
  enter(1, at_ms(0), 590);
  enter(2, at_ms(0), 591);
  EXPECT_EQ(arrivals(), (Arrivals{{0, 1}}));
  EXPECT_EQ(link.counters().too_long, 1u);
}

TEST_F(ImpairmentTest, APartitionLosesWhatEntersAndNotWhatIsUnderWay) {
  link.configure({.delay = Duration::milliseconds(10)});
  enter(1, at_ms(0));
  link.configure({.is_partitioned = true, .delay = Duration::milliseconds(10)});
  enter(2, at_ms(1));
  link.configure({.delay = Duration::milliseconds(10)});
  enter(3, at_ms(2));
  EXPECT_EQ(arrivals(), (Arrivals{{10'000'000, 1}, {12'000'000, 3}}));
  EXPECT_EQ(link.counters().partitioned, 1u);
}

TEST_F(ImpairmentTest, ATwinFollowsAtOnceAndSharesNothing) {
  link.configure({.duplicate = 1, .delay = Duration::milliseconds(1)});
  enter(1);
  std::array<Frame, 4> frames;
  ASSERT_EQ(link.leave(frames, at_ms(1)), 2u);
  EXPECT_EQ(octets_of(frames[0]), octets_of(frames[1]));
  EXPECT_NE(frames[0].head.get(), frames[1].head.get());
  EXPECT_EQ(link.counters().duplicated, 1u);
}

TEST_F(ImpairmentTest, DamageIsOneBitOfACopy) {
  for (const uint32_t from : {14u, 42u, 63u}) {
    link.configure({.corrupt = 1, .corrupt_from = from});
    const Octets octets = ethernet(station(2), station(1), 1);
    bool first_hit = false, last_hit = false;
    int bits_hit = 0;
    for (int i = 0; i < 2'000; ++i) {
      Frame frame = make_frame(memory, octets, 20);
      SgArray kept = frame.payload.clone();
      link.enter(std::move(frame), Instant());
      Frame damaged;
      ASSERT_EQ(link.leave({&damaged, 1}, Instant()), 1u);
      const Octets found = octets_of(damaged);
      ASSERT_EQ(found.size(), octets.size());
      int bits = 0;
      for (size_t at = 0; at < octets.size(); ++at) {
        const int turned = std::popcount(static_cast<unsigned>(found[at] ^ octets[at]));
        ASSERT_TRUE(turned == 0 || at >= from);
        first_hit |= turned > 0 && at == from;
        last_hit |= turned > 0 && at + 1 == octets.size();
        bits += turned;
        bits_hit |= found[at] ^ octets[at];
      }
      ASSERT_EQ(bits, 1);
      Octets untouched(kept.bytes());
      kept.copy_out(untouched);
      ASSERT_TRUE(std::equal(untouched.begin(), untouched.end(), octets.begin() + 20));
    }
    EXPECT_TRUE(first_hit && last_hit);
    EXPECT_EQ(bits_hit, 0xff);
  }
  EXPECT_EQ(link.counters().corrupted, 6'000u);
}

TEST_F(ImpairmentTest, WhatEndsBeforeTheDamageBeginsIsSpared) {
  link.configure({.corrupt = 1, .corrupt_from = 42});
  enter(1, Instant(), 42);
  EXPECT_EQ(arrivals(), (Arrivals{{0, 1}}));
  EXPECT_EQ(link.counters().corrupted, 0u);
}

TEST_F(ImpairmentTest, NobodyVouchesForADamagedFrame) {
  link.configure({.corrupt = 1});
  for (const auto& [before, after] : {std::pair{ChecksumVerdict::kGood, ChecksumVerdict::kBad},
                                      std::pair{ChecksumVerdict::kUnknown, ChecksumVerdict::kUnknown}}) {
    Frame frame = make_frame(memory, ethernet(station(2), station(1), 1));
    frame.verdict = before;
    link.enter(std::move(frame), Instant());
    Frame damaged;
    ASSERT_EQ(link.leave({&damaged, 1}, Instant()), 1u);
    EXPECT_EQ(damaged.verdict, after);
  }
}

TEST_F(ImpairmentTest, LossIsAsOftenAsAskedFor) {
  for (const double chance : {0.001, 0.01, 0.3}) {
    link.configure({.loss = chance});
    constexpr uint64_t kFrames = 200'000;
    expect_share(kFrames - survivors(kFrames), kFrames, chance);
  }
  link.configure({.loss = 1});
  EXPECT_EQ(survivors(1'000), 0u);
  link.configure({.loss = 0});
  EXPECT_EQ(survivors(1'000), 1'000u);
}

TEST_F(ImpairmentTest, TwinsDamageAndHoldingBackAreAsOftenAsAskedFor) {
  constexpr uint64_t kFrames = 100'000;
  link.configure({.corrupt = 0.02, .duplicate = 0.05, .reorder = 0.1, .reorder_delay = Duration()});
  survivors(kFrames);
  expect_share(link.counters().corrupted, kFrames, 0.02);
  expect_share(link.counters().duplicated, kFrames, 0.05);
  expect_share(link.counters().reordered, kFrames + link.counters().duplicated, 0.1);
}

TEST_F(ImpairmentTest, BurstsAreAsOftenAndAsLongAsAskedFor) {
  link.configure({.burst_loss = {.enter = 0.002, .leave = 0.1}});
  constexpr uint64_t kFrames = 500'000;
  uint64_t lost = 0, bursts = 0;
  bool was_lost = false;
  for (uint64_t i = 0; i < kFrames; ++i) {
    const bool is_lost = survivors(1) == 0;
    lost += is_lost;
    bursts += is_lost && !was_lost;
    was_lost = is_lost;
  }
  EXPECT_EQ(link.counters().lost_in_burst, lost);
  // Some 980 bursts: they vary by 3 % each standard deviation.
  EXPECT_NEAR(static_cast<double>(lost) / kFrames, 0.002 / 0.102, 0.0025);
  EXPECT_NEAR(static_cast<double>(lost) / static_cast<double>(bursts), 10, 1.3);
}

TEST_F(ImpairmentTest, AGoodLinkMayLoseAndABadOneMayNot) {
  constexpr uint64_t kFrames = 200'000;
  link.configure({.burst_loss = {.enter = 0.1, .leave = 0.1, .loss_while_good = 0.01, .loss_while_bad = 0.5}});
  EXPECT_NEAR(static_cast<double>(kFrames - survivors(kFrames)) / kFrames, 0.255, 0.01);
}

TEST_F(ImpairmentTest, OneSeedIsOneLink) {
  const ImpairmentConfig config{.loss = 0.1, .corrupt = 0.1, .duplicate = 0.1, .delay = Duration::milliseconds(5),
                                .jitter = Duration::milliseconds(3), .reorder = 0.1};
  const auto run = [&](uint64_t seed) {
    Impairment other(memory, seed);
    other.configure(config);
    for (uint32_t i = 0; i < 500; ++i) {
      other.enter(make_frame(memory, ethernet(station(2), station(1), i, 1'000)), at_us(i * 10));
    }
    return arrivals(other);
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST_F(ImpairmentTest, WithoutMemoryThereIsNoTwinAndNoDamage) {
  Memory none(MemoryConfig{.limit_bytes = 0, .headroom = 0, .max_segments = 1});
  Impairment poor(none, 1);
  poor.configure({.duplicate = 1});
  poor.enter(make_frame(memory, ethernet(station(2), station(1), 1)), Instant());
  EXPECT_EQ(arrivals(poor), (Arrivals{{0, 1}}));
  EXPECT_EQ(poor.counters().not_duplicated, 1u);
  poor.configure({.corrupt = 1});
  poor.enter(make_frame(memory, ethernet(station(2), station(1), 2)), Instant());
  EXPECT_EQ(arrivals(poor), Arrivals{});
  EXPECT_EQ(poor.counters().no_memory, 1u);
}

TEST_F(ImpairmentTest, NoMoreThanItsBoundAreUnderWay) {
  link.configure({.delay = Duration::seconds(1)});
  const Frame pattern = make_frame(memory, ethernet(station(2), station(1), 1));
  for (size_t i = 0; i < kImpairmentFramesMax + 3; ++i) link.enter(Frame(pattern.head, pattern.offset, pattern.length), Instant());
  EXPECT_EQ(link.under_way(), kImpairmentFramesMax);
  EXPECT_EQ(link.counters().too_many, 3u);
}

TEST(ImpairmentConfig, KnowsWhatNoLinkCanBe) {
  const auto is_valid = [](const ImpairmentConfig& config) { return config.is_valid(); };
  EXPECT_TRUE(is_valid({}));
  EXPECT_TRUE(is_valid({.loss = 1, .burst_loss = {.enter = 1, .leave = 1}, .corrupt = 1, .duplicate = 1, .reorder = 1}));
  EXPECT_FALSE(is_valid({.loss = 1.01}));
  EXPECT_FALSE(is_valid({.loss = -0.01}));
  EXPECT_FALSE(is_valid({.loss = std::numeric_limits<double>::quiet_NaN()}));
  EXPECT_FALSE(is_valid({.burst_loss = {.enter = 2}}));
  EXPECT_FALSE(is_valid({.burst_loss = {.enter = 0.1, .leave = 0}}));
  EXPECT_FALSE(is_valid({.burst_loss = {.loss_while_good = 2}}));
  EXPECT_FALSE(is_valid({.burst_loss = {.loss_while_bad = 2}}));
  EXPECT_FALSE(is_valid({.corrupt = 2}));
  EXPECT_FALSE(is_valid({.duplicate = 2}));
  EXPECT_FALSE(is_valid({.reorder = 2}));
  EXPECT_FALSE(is_valid({.delay = Duration::nanoseconds(-1)}));
  EXPECT_FALSE(is_valid({.jitter = Duration::nanoseconds(-1)}));
  EXPECT_FALSE(is_valid({.reorder_delay = Duration::nanoseconds(-1)}));
}

TEST(ImpairmentDeathTest, IsNotConfiguredLikeThat) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Memory memory;
  Impairment link(memory, 1);
  EXPECT_DEATH(link.configure({.loss = 2}), "cannot be like this");
}

}  // namespace
}  // namespace demi
